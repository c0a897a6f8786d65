// What the unprivileged process that evaluates configurations answers: it runs code of the user's.

#include "config/json.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace plyroot;
  fuzz::parse([&] { config::answer_from_json(fuzz::text_of(data, size)); });
  return 0;
}
