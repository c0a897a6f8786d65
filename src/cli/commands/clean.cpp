#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "cli/leave.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

int run_clean(const Context& context) {
  buildroot::Root root(context.config, context.log);
  {
    const auto step = context.log.step("clean chroot");
    root.clean();
  }
  if (context.options.wait) finish_housekeeping(root);
  leave(0);
}

}  // namespace plyroot::cli
