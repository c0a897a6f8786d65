// What the unprivileged process that evaluates configurations answers: it runs code of the user's.

#include <algorithm>
#include <optional>
#include <string>

#include "config/json.hpp"
#include "fuzz.hpp"
#include "json_mutation.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace plyroot;
  fuzz::parse([&] { config::answer_from_json(fuzz::text_of(data, size)); });
  return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  using namespace plyroot;
  if (seed % 2 == 0) {
    const std::optional<std::string> text = fuzz::with_another_value(fuzz::text_of(data, size), seed / 2);
    if (text && text->size() <= max_size) {
      std::ranges::copy(*text, data);
      return text->size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
