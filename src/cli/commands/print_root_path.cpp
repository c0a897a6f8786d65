#include "cli/command.hpp"
#include "cli/leave.hpp"
#include "cli/standard_output.hpp"

namespace plyroot::cli {

int run_print_root_path(const Context& context) {
  print(context.config.rootdir + "/\n");  // mock ends it with a slash
  leave(0);
}

}  // namespace plyroot::cli
