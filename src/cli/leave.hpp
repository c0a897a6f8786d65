#pragma once

#include <cstdlib>

namespace plyroot::cli {

/// Ends the process where a command has done its work, without destroying what the command still holds: the kernel
/// takes back all at once. What must be closed in order (a Session) has been before.
[[noreturn]] inline void leave(int exit_code) {
  std::exit(exit_code);
}

}  // namespace plyroot::cli
