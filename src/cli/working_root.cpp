#include "cli/working_root.hpp"

#include <signal.h>

#include "buildroot/result_directory.hpp"
#include "cli/configuration.hpp"
#include "cli/progress_bar.hpp"
#include "support/error.hpp"

namespace plyroot::cli {
namespace {

const config::Config& prepared(const Context& context, WorkingRoot::Logs logs) {
  warn_of_differences(context.config, context.log);
  if (logs == WorkingRoot::Logs::in_result_directory) buildroot::log_into_result_directory(context.config, context.log);
  return context.config;
}

}  // namespace

WorkingRoot::WorkingRoot(const Context& context, Logs logs)
    : root(buildroot::Root::to_enter(prepared(context, logs), context.log)),
      package_manager(context.config, context.log) {}

void finish_housekeeping(buildroot::Root& root) {
  ProgressBar bar("removing");
  root.finish_housekeeping([&bar](std::size_t removed, std::size_t all) { bar.show(removed, all); });
}

int exit_code_of(const linux_api::ExitStatus& status) {
  return status.signal == SIGINT ? static_cast<int>(ExitCode::interrupted) : status.as_exit_code();
}

}  // namespace plyroot::cli
