#include "overlay/upper_use.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "linux/descriptor.hpp"
#include "linux/mount.hpp"
#include "support/error.hpp"

namespace plyroot::overlay {

bool is_upper_in_use(int upper) {
  const std::string path = linux_api::path_of(upper);  // short, and nothing in it needs escaping
  // The lower only has to be some other directory: the kernel gets no further than the upper and work directories.
  const linux_api::FileSystemMount impossible{
      "overlay",
      {{"lowerdir", std::string("/proc")}, {"upperdir", path}, {"workdir", path}, {"index", std::string("on")}},
      0,
      fmt::format("an overlay that tells whether another one uses {}", linux_api::shown_path(upper))};
  switch (const int error_number = linux_api::try_to_mount(impossible)) {
    case EBUSY:
      return true;
    case EINVAL:
      return false;
    case 0:
      throw Error("the kernel mounted an overlay whose work directory is its upper");
    default:
      throw_errno(error_number, "ask whether an overlay uses", linux_api::shown_path(upper));
  }
}

}  // namespace plyroot::overlay
