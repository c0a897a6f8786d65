#pragma once

#include <string_view>

namespace plyroot::cli {

/// Writes a text to standard output, and has it there when it returns. @throws SystemError where not all of it could be
/// written
void print(std::string_view text);

}  // namespace plyroot::cli
