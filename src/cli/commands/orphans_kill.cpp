#include "buildroot/root.hpp"
#include "cli/command.hpp"

namespace plyroot::cli {

int run_orphans_kill(const Context& context) {
  buildroot::Root(context.config, context.log).kill_processes();
  return 0;
}

}  // namespace plyroot::cli
