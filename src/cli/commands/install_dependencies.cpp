#include "builds/rebuild.hpp"
#include "cli/command.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

int run_install_dependencies(const Context& context) {
  change_packages(context, [&](packages::PackageManager& manager, buildroot::Session& session) {
    builds::install_dependencies(session, manager, context.config, context.options.arguments);
  });
  return 0;
}

}  // namespace plyroot::cli
