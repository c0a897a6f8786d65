#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plyroot {

/// Tells torn and damaged texts from whole ones. Not for protection: who could write one could compute it too.
std::uint64_t checksum(std::string_view data);

/// The content of a file that tells whether it is whole: `magic`, which says of what kind it is, the payload's size and
/// checksum, the payload.
std::string sealed(std::string_view magic, std::string_view payload);
/// The payload of what sealed() made with this magic, within `file`; nothing for what is torn, damaged or something
/// else.
std::optional<std::string_view> unsealed(std::string_view magic, std::string_view file);

}  // namespace plyroot
