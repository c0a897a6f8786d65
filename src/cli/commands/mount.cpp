#include "buildroot/root.hpp"
#include "cli/command.hpp"

namespace plyroot::cli {

int run_mount(const Context& context) {
  buildroot::Root(context.config, context.log).mount();
  return 0;
}

}  // namespace plyroot::cli
