#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "cli/leave.hpp"

namespace plyroot::cli {

int run_rollback(const Context& context) {
  if (!context.config.plugins.overlayfs.enable) buildroot::refuse_feature("rollback_to");
  const SnapshotName name(context.options.arguments.at(0));
  buildroot::require_store(context.config, name);
  buildroot::Root root(context.config, context.log);
  root.roll_back(name);
  leave(0);
}

}  // namespace plyroot::cli
