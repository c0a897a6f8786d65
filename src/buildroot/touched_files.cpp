#include "buildroot/touched_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "buildroot/root_files.hpp"
#include "linux/descriptor.hpp"

namespace plyroot::buildroot {

void touch_files(int root, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    for (const std::string& path : glob_in_root(root, pattern)) {
      int error_number = 0;
      const linux_api::Descriptor found =
          linux_api::try_open_in_root(root, path, O_PATH, linux_api::Links::follow, 0, error_number);
      struct stat status {};
      if (!found || fstat(found.get(), &status) < 0 || !S_ISREG(status.st_mode)) continue;
      // Opening is what copies it up. It may have been swapped since: opening a FIFO or a device does no harm here, it
      // neither blocks nor leaves the root.
      linux_api::try_open_in_root(root, path, O_WRONLY, linux_api::Links::follow, 0, error_number);
    }
  }
}

void touch_rpm_database(int root) {
  touch_files(root, {"var/lib/rpm/*", "usr/lib/sysimage/rpm/*"});
}

}  // namespace plyroot::buildroot
