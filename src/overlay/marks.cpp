#include "overlay/marks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "linux/descriptor.hpp"
#include "support/error.hpp"

namespace plyroot::overlay {

std::string_view attribute_prefix(Marks marks) {
  return marks == Marks::trusted ? "trusted.overlay." : "user.overlay.";
}

bool is_mark(std::string_view attribute, Marks marks) {
  const std::string_view prefix = attribute_prefix(marks);
  return attribute.starts_with(prefix) && !attribute.substr(prefix.size()).starts_with("overlay.");
}

bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

namespace {

std::string opaque_attribute(Marks marks) {
  return std::string(attribute_prefix(marks)) + "opaque";
}

}  // namespace

bool is_opaque(int directory, Marks marks) {
  char value = 0;
  const std::string redirect = std::string(attribute_prefix(marks)) + "redirect";
  if (fgetxattr(directory, redirect.c_str(), nullptr, 0) >= 0) {
    throw Error(fmt::format("the layer's directory {} is redirected to another name, which plyroot does not follow",
                            linux_api::shown_path(directory)));
  }
  const ssize_t size = fgetxattr(directory, opaque_attribute(marks).c_str(), &value, sizeof value);
  if (size < 0 && (errno == ENODATA || errno == ENOTSUP)) return false;
  if (size < 0) throw_errno(errno, "read the marks of", linux_api::shown_path(directory));
  if (size == 1 && value == 'y') return true;
  throw Error(
      fmt::format("the layer's directory {} carries a mark of an unknown kind", linux_api::shown_path(directory)));
}

void make_opaque(int directory, Marks marks) {
  if (fsetxattr(directory, opaque_attribute(marks).c_str(), "y", 1, 0) < 0)
    throw_errno(errno, "make a directory opaque:", linux_api::shown_path(directory));
}

void clear_volatile_mark(int work) {
  static constexpr struct {
    const char* path;
    int flags;
  } steps[] = {
      {"work/incompat/volatile/dirty", 0}, {"work/incompat/volatile", AT_REMOVEDIR}, {"work/incompat", AT_REMOVEDIR}};
  for (const auto& step : steps) {
    if (unlinkat(work, step.path, step.flags) < 0 && errno != ENOENT && errno != ENOTDIR) {
      throw_errno(errno, "clear the mark of a volatile mount", linux_api::shown_path(work, step.path));
    }
  }
}

}  // namespace plyroot::overlay
