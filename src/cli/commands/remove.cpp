#include "cli/command.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

int run_remove(const Context& context) {
  change_packages(context, [&](packages::PackageManager& manager, buildroot::Session& session) {
    manager.remove(session, context.options.arguments);
  });
  return 0;
}

}  // namespace plyroot::cli
