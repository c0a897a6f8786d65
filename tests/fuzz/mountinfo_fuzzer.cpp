// What the kernel writes into /proc/PID/mountinfo: names in it are those of others.

#include "fuzz.hpp"
#include "linux/mount.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace plyroot;
  fuzz::parse([&] {
    for (const linux_api::MountInfo& mount : linux_api::parse_mountinfo(fuzz::text_of(data, size)))
      fuzz::require(mount.type.find(' ') == std::string::npos, "a type of file system is one word");
  });
  return 0;
}
