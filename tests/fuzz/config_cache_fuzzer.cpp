// Entries of the cache of configurations, past their checksum: whatever is there is read to its end or refused.

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/cache.hpp"
#include "config/cache_fields.hpp"
#include "config/text_replacement.hpp"
#include "fuzz.hpp"
#include "support/sealed.hpp"

namespace {

using namespace plyroot;

constexpr std::string_view key = "key";

/// A cache that root alone can write to, with one entry.
class CacheDirectory {
 public:
  CacheDirectory() : path_("/dev/shm/plyroot-cache-" + std::to_string(getpid())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
    std::filesystem::permissions(path_, std::filesystem::perms(0700));
  }
  ~CacheDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::unique_ptr<config::Answer> find(std::string_view payload) const {
    std::string entry;
    binary::Writer(entry).put(key);
    const auto file = path_ / fmt::format("{:016x}", checksum(key));
    std::ofstream(file) << sealed(config::cache_magic, entry.append(payload));
    std::filesystem::permissions(file, std::filesystem::perms(0600));
    std::string why;
    auto found = config::Cache(path_).find(
        key, [](std::string_view /*name*/) { return std::nullopt; }, why);
    fuzz::require((found != nullptr) == why.empty(), "what cannot be used is said to be so");
    return found;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const CacheDirectory cache;
  cache.find(fuzz::text_of(data, size));
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
    config::TextReplacement("x", "xx").in(config);
  } catch (const binary::Malformed&) {
    return 0;
  }
  return 0;
}
