// What the kernel writes into /proc/PID/mountinfo, where names are those of others, and into /proc/PID/fdinfo.

#include "fuzz.hpp"
#include "linux/mount.hpp"
#include "linux/namespaces.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace plyroot;
  fuzz::parse([&] {
    for (const linux_api::MountInfo& mount : linux_api::parse_mountinfo(fuzz::text_of(data, size)))
      fuzz::require(mount.type.find(' ') == std::string::npos, "a type of file system is one word");
  });
  linux_api::process_in_fdinfo(fuzz::text_of(data, size));
  return 0;
}
