#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/working_root.hpp"
#include "support/text.hpp"

namespace plyroot::cli {

int run_package_manager_command(const Context& context) {
  change_packages(context, [&](packages::PackageManager& manager, buildroot::Session& session) {
    context.log.info(fmt::format("Running {}", quote_for_display(context.options.arguments)));
    manager.execute(session, context.options.arguments);
  });
  return 0;
}

}  // namespace plyroot::cli
