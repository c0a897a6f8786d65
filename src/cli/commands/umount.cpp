#include "buildroot/root.hpp"
#include "cli/command.hpp"

namespace plyroot::cli {

int run_umount(const Context& context) {
  buildroot::Root(context.config, context.log).unmount();
  return 0;
}

}  // namespace plyroot::cli
