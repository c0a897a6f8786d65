#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace plyroot::fuzz {

/// A JSON text that differs from another one in the value of one place: changed bytes seldom leave JSON. The value is
/// one that programs forget (nothing, zero, the largest number), one of another place, or the place is left out.
/// @param seed the same one gives the same text
/// @return nothing where `text` is no JSON
std::optional<std::string> with_another_value(std::string_view text, unsigned seed);

}  // namespace plyroot::fuzz
