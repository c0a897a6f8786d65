#pragma once

#include <cstdint>
#include <string_view>

namespace plyroot {

/// Tells torn and damaged files from whole ones. Not for protection: who could write there could compute it too.
std::uint64_t checksum(std::string_view data);

}  // namespace plyroot
