#include "cli/working_root.hpp"

#include <signal.h>

#include <exception>
#include <optional>
#include <utility>

#include "buildroot/result_directory.hpp"
#include "cli/configuration.hpp"
#include "cli/progress_bar.hpp"
#include "support/error.hpp"

namespace plyroot::cli {

DeferredLogs::DeferredLogs(const Context& context, Wanted wanted)
    : context_(&context), are_due_(wanted == Wanted::in_result_directory) {
  if (are_due_) context.log.keep_for_files();
}

DeferredLogs::~DeferredLogs() {
  try {
    open();
  } catch (const std::exception&) {
    // Something else has failed, and is being said.
  }
}

void DeferredLogs::open() {
  if (!are_due_) return;
  buildroot::log_into_result_directory(context_->config, context_->log);
  are_due_ = false;
}

namespace {

const config::Config& with_warnings(const Context& context) {
  warn_of_differences(context.config, context.log);
  return context.config;
}

std::optional<DeferredLogs> logs_before(const Context& context, WorkingRoot::Logs logs, WorkingRoot::Tree tree) {
  if (tree == WorkingRoot::Tree::cleaned) return std::nullopt;
  return std::optional<DeferredLogs>(std::in_place, context, logs);
}

}  // namespace

WorkingRoot::WorkingRoot(const Context& context, Logs logs, Tree tree)
    : logs_(logs_before(context, logs, tree)),
      root(buildroot::Root::to_enter(tree == Tree::as_it_is ? with_warnings(context) : context.config, context.log)),
      package_manager(context.config, context.log) {
  if (tree == Tree::as_it_is) return;
  if (context.config.clean) {
    const auto step = context.log.step("clean chroot");
    root.clean();
  }
  logs_.emplace(context, logs);
  warn_of_differences(context.config, context.log);
}

buildroot::Session WorkingRoot::enter(Store::UseNoteSync use_note) {
  return buildroot::enter_initialized(
      root, package_manager, [this] { logs_->open(); }, use_note);
}

void WorkingRoot::clean_again() {
  if (!root.config().clean) return;
  const auto step = root.log().step("clean chroot");
  root.clean_tree();
  package_manager.forget_root();
}

void finish_housekeeping(buildroot::Root& root) {
  ProgressBar bar("removing");
  root.finish_housekeeping([&bar](std::size_t removed, std::size_t all) { bar.show(removed, all); });
}

int exit_code_of(const linux_api::ExitStatus& status) {
  return status.signal == SIGINT ? static_cast<int>(ExitCode::interrupted) : status.as_exit_code();
}

}  // namespace plyroot::cli
