#include <cstdlib>

#include "buildroot/build_user.hpp"
#include "buildroot/copy.hpp"
#include "cli/command.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

int run_copy_out(const Context& context) {
  std::vector<std::string> patterns = context.options.arguments;
  const std::string destination = patterns.back();
  patterns.pop_back();
  for (std::string& pattern : patterns) {
    if (pattern == "~" || pattern.starts_with("~/")) pattern.replace(0, 1, context.config.chroothome);
  }
  WorkingRoot working(context, WorkingRoot::Logs::in_result_directory);
  {
    const buildroot::Session session = working.enter();
    // Who called sudo gets files of their own, and only what they may read and write themselves.
    const bool for_somebody_else = std::getenv("SUDO_UID") != nullptr;
    buildroot::copy_out_of_root(
        session.root(), patterns, destination,
        for_somebody_else ? std::optional(buildroot::build_user(context.config)) : std::nullopt);
  }
  working.root.start_housekeeping();
  return 0;
}

}  // namespace plyroot::cli
