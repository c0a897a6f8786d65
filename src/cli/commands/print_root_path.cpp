#include <cstdio>

#include "cli/command.hpp"
#include "support/error.hpp"

namespace plyroot::cli {

int run_print_root_path(const Context& context) {
  std::printf("%s/\n", context.config.rootdir.c_str());  // mock ends it with a slash
  if (std::fflush(stdout) != 0) throw_errno("write to standard output");
  return 0;
}

}  // namespace plyroot::cli
