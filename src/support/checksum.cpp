#include "support/checksum.hpp"

#include <algorithm>
#include <cstring>

namespace plyroot {

std::uint64_t checksum(std::string_view data) {
  std::uint64_t sum = 0x9E3779B97F4A7C15U ^ data.size();
  while (!data.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(data.size(), sizeof word);
    std::memcpy(&word, data.data(), size);
    data.remove_prefix(size);
    sum = (sum ^ word) * 0xFF51AFD7ED558CCDU;
    sum ^= sum >> 32U;
  }
  return sum;
}

}  // namespace plyroot
