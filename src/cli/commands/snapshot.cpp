#include "buildroot/root.hpp"
#include "cli/command.hpp"

namespace plyroot::cli {

int run_snapshot(const Context& context) {
  if (!context.config.plugins.overlayfs.enable) buildroot::refuse_feature("make_snapshot");
  const SnapshotName name(context.options.arguments.at(0));
  buildroot::Root(context.config, context.log).take_snapshot(name);
  return 0;
}

}  // namespace plyroot::cli
