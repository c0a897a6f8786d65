#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace plyroot::test {

/// One step of a random sequence, as a value that can be printed, read again and left out: what it means depends on
/// nothing but the state it is applied to, and where it makes no sense there it fails, on both sides alike.
struct Operation {
  std::string name;     ///< one of those that World::apply knows
  std::string path;     ///< within the root; "-" where there is none
  std::string other;    ///< a second path, a snapshot, a head, an attribute's name; "-" where there is none
  unsigned number = 0;  ///< sizes, modes, owners and contents are derived from it

  bool operator==(const Operation&) const = default;
};

using Sequence = std::vector<Operation>;

/// Whether it fails where its path does not exist.
bool needs_existing_path(const Operation& operation);

/// A sequence of so many operations: the same for the same seed.
Sequence random_sequence(std::uint64_t seed, std::size_t length);

/// One operation a line, as PLYROOT_MODEL_REPLAY reads them.
std::string to_text(const Sequence& sequence);
Sequence sequence_from_text(const std::string& text);

}  // namespace plyroot::test
