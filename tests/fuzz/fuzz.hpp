#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "support/error.hpp"

namespace plyroot::fuzz {

/// What must hold for every input; else the fuzzer has found something.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// Runs a parser. That it refuses what it is given is well, if it says so as plyroot does; another exception is not.
template <class Parser>
void parse(Parser&& parser) {
  try {
    parser();
  } catch (const Error& error) {
    require(error.what()[0] != '\0', "an error says something");
  }
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace plyroot::fuzz
