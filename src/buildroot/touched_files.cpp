#include "buildroot/touched_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "buildroot/root_files.hpp"
#include "linux/descriptor.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {

namespace {

/// A program that runs, or a file that nobody may change: nobody writes to it behind a reader's back either.
bool is_left_alone(int error_number) {
  return error_number == ETXTBSY || error_number == EPERM || error_number == EACCES;
}

}  // namespace

void touch_files(int root, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    for (const std::string& path : glob_in_root(root, pattern)) {
      const linux_api::Descriptor found =
          linux_api::open_in_root_if_there(root, path, O_PATH, linux_api::Links::follow_on_this_mount);
      if (!found) continue;
      try {
        linux_api::open_if_regular(found, O_WRONLY);  // which is what copies it up
      } catch (const SystemError& error) {
        if (is_left_alone(error.error_number())) continue;
        throw SystemError(error.error_number(), fmt::format("open {} in the build root for writing", printable(path)));
      }
    }
  }
}

void touch_rpm_database(int root) {
  touch_files(root, {"var/lib/rpm/*", "usr/lib/sysimage/rpm/*"});
}

}  // namespace plyroot::buildroot
