#include "cli/standard_output.hpp"

#include <cstdio>

#include "support/error.hpp"

namespace plyroot::cli {

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw_errno("write to standard output");
}

}  // namespace plyroot::cli
