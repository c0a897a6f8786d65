#include "buildroot/copy.hpp"
#include "buildroot/root_files.hpp"
#include "cli/command.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

int run_copy_in(const Context& context) {
  std::vector<std::string> sources = context.options.arguments;
  const std::string destination = sources.back();
  sources.pop_back();
  WorkingRoot working(context, WorkingRoot::Logs::in_result_directory);
  {
    const buildroot::Session session = working.enter();
    buildroot::copy_into_root(sources, session.root(), destination);
    const config::Config& config = context.config;
    if (buildroot::exists_in_root(session.root(), config.chroothome)) {
      buildroot::change_owner_in_root(session.root(), config.chroothome, config.chrootuid, config.chrootgid, true);
    }
  }
  working.root.start_housekeeping();
  return 0;
}

}  // namespace plyroot::cli
