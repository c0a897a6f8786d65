#include "cli/build_run.hpp"

#include <fmt/format.h>

#include <exception>

#include "builds/rebuild.hpp"
#include "support/error.hpp"

namespace plyroot::cli {

void BuildRun::build(const std::string& what, const Work& work) {
  try {
    builds::report_build(context_->config, context_->log, what, [&] { work_in_root(work); });
  } catch (const std::exception&) {
    if (context_->config.cleanup_on_failure) clean_up("cleanup_on_failure");
    throw;
  }
  working_->root.start_housekeeping();
}

void BuildRun::finish() {
  if (context_->config.cleanup_on_success) clean_up("cleanup_on_success");
}

void BuildRun::work_in_root(const Work& work) {
  if (working_) {
    working_->clean_again();
  } else {
    working_.emplace(*context_, WorkingRoot::Logs::in_result_directory, WorkingRoot::Tree::cleaned);
  }
  buildroot::Session session = working_->enter();
  work(session, working_->package_manager);
}

/// How the build went is not changed by what becomes of its root: who works in it beside the build keeps it, say.
void BuildRun::clean_up(std::string_view setting) {
  if (!working_) return;
  context_->log.info(fmt::format("Cleaning up build root ('{}=True')", setting));
  try {
    working_->clean_tree();
  } catch (const Error& error) {
    context_->log.warning(fmt::format("the root stays as the build has left it, until --clean: {}", error.what()));
  }
}

}  // namespace plyroot::cli
