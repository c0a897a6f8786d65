#include "linux/file_copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "linux/descriptor.hpp"
#include "linux/uninterrupted.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {
namespace {

bool cannot_copy_within_kernel(int error_number) {
  return error_number == EXDEV || error_number == EINVAL || error_number == ENOSYS || error_number == EOPNOTSUPP;
}

void seek(int fd, off_t place) {
  if (lseek(fd, place, SEEK_SET) < 0) throw_errno(errno, "seek in", shown_path(fd));
}

/// From the place where both descriptors stand. @returns false at the end of the file
bool copy_through_memory(int from, int to, off_t length) {
  std::array<char, 65536> buffer{};
  while (length > 0) {
    const ssize_t got = read(from, buffer.data(), std::min(buffer.size(), static_cast<std::size_t>(length)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "read", shown_path(from));
    if (got == 0) return false;
    write_all(to, std::string_view(buffer.data(), static_cast<std::size_t>(got)));
    length -= got;
  }
  return true;
}

void copy_range(int from, int to, off_t begin, off_t end) {
  seek(from, begin);
  seek(to, begin);
  while (begin < end) {
    const ssize_t copied = copy_file_range(from, nullptr, to, nullptr, static_cast<std::size_t>(end - begin), 0);
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0 && !cannot_copy_within_kernel(errno)) throw_errno(errno, "copy", shown_path(from));
    if (copied <= 0) {
      copy_through_memory(from, to, end - begin);
      return;
    }
    begin += copied;
  }
}

std::vector<std::string> extended_attributes(int fd) {
  const ssize_t room = flistxattr(fd, nullptr, 0);
  if (room < 0 && errno != ENOTSUP) throw_errno(errno, "list the extended attributes of", shown_path(fd));
  if (room <= 0) return {};
  std::string names(static_cast<std::size_t>(room), '\0');
  const ssize_t length = flistxattr(fd, names.data(), names.size());
  if (length < 0) throw_errno(errno, "list the extended attributes of", shown_path(fd));
  names.resize(static_cast<std::size_t>(length));
  std::vector<std::string> found = split(names, '\0');
  found.pop_back();  // after the last one's end
  return found;
}

void copy_attribute(int from, int to, const std::string& name) {
  const auto fail = [&](int error_number, std::string_view tried, int file) {
    throw_errno(error_number, fmt::format("{} the extended attribute {} of", tried, printable(name)), shown_path(file));
  };
  const ssize_t room = fgetxattr(from, name.c_str(), nullptr, 0);
  if (room < 0) fail(errno, "read", from);
  std::string value(static_cast<std::size_t>(room), '\0');
  const ssize_t size = fgetxattr(from, name.c_str(), value.data(), value.size());
  if (size < 0) fail(errno, "read", from);
  if (fsetxattr(to, name.c_str(), value.data(), static_cast<std::size_t>(size), 0) < 0) fail(errno, "set", to);
}

}  // namespace

bool reflink_content(int from, int to) {
  for (;;) {
    if (ioctl(to, FICLONE, from) == 0) return true;
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL || errno == EXDEV) return false;
    throw_errno(errno, "share the content of", shown_path(from));
  }
}

void copy_content(int from, int to) {
  struct stat status {};
  if (fstat(from, &status) < 0) throw_errno(errno, "examine", shown_path(from));
  off_t data = 0;
  while (data < status.st_size) {
    data = lseek(from, data, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole up to the end
    if (data < 0) throw_errno(errno, "look for holes in", shown_path(from));
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) hole = status.st_size;
    copy_range(from, to, data, hole);
    data = hole;
  }
  if (uninterrupted([&] { return ftruncate(to, status.st_size); }) < 0)
    throw_errno(errno, "set the size of", shown_path(to));
  // What has more than it says: files of /proc, and what has grown meanwhile.
  seek(from, status.st_size);
  seek(to, status.st_size);
  while (copy_through_memory(from, to, off_t{1} << 30)) {
  }
}

void copy_attributes(int from, int to, const std::function<bool(std::string_view)>& takes) {
  struct stat status {};
  if (fstat(from, &status) < 0) throw_errno(errno, "examine", shown_path(from));
  // The owner first: a new one takes set-user-ID bits and capabilities away.
  if (fchown(to, status.st_uid, status.st_gid) < 0) throw_errno(errno, "set the owner of", shown_path(to));
  if (fchmod(to, status.st_mode & 07777) < 0) throw_errno(errno, "set the mode of", shown_path(to));
  for (const std::string& name : extended_attributes(from)) {
    if (takes(name)) copy_attribute(from, to, name);
  }
  const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
  if (futimens(to, times.data()) < 0) throw_errno(errno, "set the times of", shown_path(to));
}

}  // namespace plyroot::linux_api
