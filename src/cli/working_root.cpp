#include "cli/working_root.hpp"

#include <signal.h>

#include <exception>
#include <optional>
#include <utility>

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

void DeferredLogs::create() {
  if (are_due_ && !created_) created_ = buildroot::create_logs(context_->config);
}

void DeferredLogs::open() {
  if (!are_due_) return;
  create();
  context_->log.open_files(created_->root_log.release(), created_->state_log.release());
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
  const auto open_logs = [this] { logs_->open(); };
  return buildroot::enter_initialized(root, package_manager, {open_logs, open_logs}, use_note);
}

buildroot::Session WorkingRoot::enter_for_program() {
  const buildroot::BeforeWork before{.installing = [this] { logs_->open(); },
                                     .while_entering = [this] { logs_->create(); }};
  return buildroot::enter_initialized(root, package_manager, before, Store::UseNoteSync::may_wait);
}

void WorkingRoot::finish_entering() {
  logs_->open();
  root.sync_use_note();
}

void WorkingRoot::clean_again() {
  if (root.config().clean) clean_tree();
}

void WorkingRoot::clean_tree() {
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
