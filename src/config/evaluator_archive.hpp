#pragma once

#include <string_view>

namespace plyroot::config {

/// The evaluator, libexec/evaluate-config, as a zip archive that Python runs. It is part of the program so that the
/// evaluating user can read it wherever plyroot was built or installed.
std::string_view evaluator_archive();

}  // namespace plyroot::config
