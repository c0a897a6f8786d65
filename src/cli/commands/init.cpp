#include "cli/command.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

int run_init(const Context& context) {
  if (context.config.clean) {
    const auto step = context.log.step("clean chroot");
    buildroot::Root(context.config, context.log).clean();
  }
  WorkingRoot working(context, WorkingRoot::Logs::in_result_directory);
  working.enter();
  working.root.make_durable();
  return 0;
}

}  // namespace plyroot::cli
