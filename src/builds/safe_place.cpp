#include "builds/safe_place.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "buildroot/root_files.hpp"
#include "linux/directory.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::builds {

using linux_api::Descriptor;
using linux_api::Links;

SafePlace::SafePlace(int root) : root_(root) {
  buildroot::remove_in_root(root, name);  // left by a command that was killed
  if (mkdirat(root, name, 0700) < 0) throw_errno(errno, "make a directory in the build root");
  directory_ = linux_api::open_in_root(root, name, O_RDONLY | O_DIRECTORY, Links::refuse);
}

SafePlace::~SafePlace() {
  try {
    linux_api::remove_tree(root_, name);
  } catch (const Error&) {
    // The next build removes it.
  }
}

std::string SafePlace::add(int directory, const std::string& file) {
  if (linkat(directory, file.c_str(), directory_.get(), file.c_str(), 0) < 0)
    throw_errno(errno, "link", printable(file));
  struct stat status {};
  if (fstatat(directory_.get(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode)) {
    throw Error(fmt::format("{} in the build root is no regular file", printable(file)), {}, ExitCode::source_package);
  }
  return fmt::format("/{}/{}", name, file);
}

Descriptor SafePlace::open(const std::string& file) const {
  return linux_api::open_at(directory_.get(), file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

}  // namespace plyroot::builds
