// Entries of the cache of configurations, past their checksum: whatever is there is read to its end or refused.

#include "config/cache_fields.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace plyroot;
  try {
    binary::Reader reader(fuzz::text_of(data, size));
    config::Dependencies dependencies;
    config::Config config;
    reader.get(dependencies);
    reader.get(config);
    if (!reader.at_end()) return 0;
    std::string written;
    binary::Writer writer(written);
    writer.put(dependencies);
    writer.put(config);
    binary::Reader again(written);
    config::Config same;
    again.get(dependencies);
    again.get(same);
    fuzz::require(again.at_end(), "what is written is what was read");
  } catch (const binary::Malformed&) {
    return 0;
  }
  return 0;
}
