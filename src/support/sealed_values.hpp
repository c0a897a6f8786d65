#pragma once

#include <string>
#include <string_view>

#include "support/binary.hpp"
#include "support/sealed.hpp"

namespace plyroot {

/// Values one after another (binary.hpp) as a sealed text.
template <class... Values>
std::string sealed_values(std::string_view magic, const Values&... values) {
  std::string payload;
  binary::Writer writer(payload);
  (writer.put(values), ...);
  return sealed(magic, payload);
}

}  // namespace plyroot
