#include "overlay/upper_use.hpp"

#include <cerrno>

#include "linux/mount.hpp"
#include "support/error.hpp"

namespace plyroot::overlay {

bool is_upper_in_use(int upper) {
  const std::string path = linux_api::path_of(upper);  // short, and nothing in it needs escaping
  // The lower only has to be some other directory: the kernel gets no further than the upper and work directories.
  const linux_api::FileSystemMount impossible{
      "overlay",
      {{"lowerdir", std::string("/proc")}, {"upperdir", path}, {"workdir", path}, {"index", std::string("on")}},
      0};
  try {
    linux_api::mount_detached(impossible);
  } catch (const SystemError& error) {
    if (error.error_number() == EBUSY) return true;
    if (error.error_number() == EINVAL) return false;
    throw;
  }
  throw Error("the kernel mounted an overlay whose work directory is its upper");
}

}  // namespace plyroot::overlay
