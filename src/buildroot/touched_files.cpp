#include "buildroot/touched_files.hpp"

#include <fcntl.h>

#include "buildroot/root_files.hpp"
#include "linux/descriptor.hpp"
#include "support/error.hpp"

namespace plyroot::buildroot {

void touch_files(int root, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    for (const std::string& path : glob_in_root(root, pattern)) {
      const linux_api::Descriptor found =
          linux_api::open_in_root_if_there(root, path, O_PATH, linux_api::Links::follow_on_this_mount);
      if (!found) continue;
      try {
        linux_api::open_if_regular(found, O_WRONLY);  // which is what copies it up
      } catch (const SystemError&) {
        continue;  // a program that runs, say, cannot be opened for writing
      }
    }
  }
}

void touch_rpm_database(int root) {
  touch_files(root, {"var/lib/rpm/*", "usr/lib/sysimage/rpm/*"});
}

}  // namespace plyroot::buildroot
