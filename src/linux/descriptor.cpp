#include "linux/descriptor.hpp"

#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "linux/uninterrupted.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {

void Descriptor::reset() noexcept {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

namespace {

Descriptor retrying_open(int directory, const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = openat(directory, path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EINTR) return Descriptor(fd);
  }
}

std::string_view verb(int flags) {
  return (flags & O_CREAT) != 0 ? "create" : "open";
}

}  // namespace

RaisedDescriptorLimit::RaisedDescriptorLimit() noexcept {
  getrlimit(RLIMIT_NOFILE, &before_);
  const rlimit raised{before_.rlim_max, before_.rlim_max};
  setrlimit(RLIMIT_NOFILE, &raised);
}
RaisedDescriptorLimit::~RaisedDescriptorLimit() {
  setrlimit(RLIMIT_NOFILE, &before_);
}

Descriptor open_at(int directory, const std::string& path, int flags, mode_t mode) {
  Descriptor opened = retrying_open(directory, path, flags, mode);
  if (!opened) throw_errno(errno, verb(flags), shown_path(directory, path));
  return opened;
}

Descriptor open_path(const std::string& path, int flags, mode_t mode) {
  return open_at(AT_FDCWD, path, flags, mode);
}

Descriptor open_if_exists(int directory, const std::string& path, int flags) {
  Descriptor opened = retrying_open(directory, path, flags, 0);
  if (!opened && errno != ENOENT && errno != ENOTDIR) throw_errno(errno, verb(flags), shown_path(directory, path));
  return opened;
}

Descriptor open_if_directory(int parent, const std::string& name) {
  return open_if_exists(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);  // ENOTDIR for a link too
}

Descriptor try_open_in_root(int root, const std::string& path, int flags, Links links, mode_t mode, int& error_number) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  if ((flags & O_PATH) == 0) how.flags |= O_NONBLOCK | O_NOCTTY;
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  how.resolve |= links == Links::follow_if_beneath ? RESOLVE_BENEATH : RESOLVE_IN_ROOT;
  if (links == Links::refuse) how.resolve |= RESOLVE_NO_SYMLINKS;
  if (links == Links::follow_on_this_mount) how.resolve |= RESOLVE_NO_XDEV;
  for (;;) {
    const long fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (fd >= 0) {
      error_number = 0;
      return Descriptor(static_cast<int>(fd));
    }
    // EAGAIN: something was renamed while ".." was resolved; the kernel asks to try again.
    if (errno != EINTR && errno != EAGAIN) {
      error_number = errno;
      return {};
    }
  }
}

bool is_for_what_lies_there(int error_number) {
  constexpr std::array reasons{ENOENT, ENOTDIR, EISDIR, ELOOP, EXDEV, EACCES, EPERM, ENXIO, ENODEV, ENAMETOOLONG};
  return std::find(reasons.begin(), reasons.end(), error_number) != reasons.end();
}

Descriptor open_in_root_if_there(int root, const std::string& path, int flags, Links links) {
  int error_number = 0;
  Descriptor opened = try_open_in_root(root, path, flags, links, 0, error_number);
  if (!opened && !is_for_what_lies_there(error_number))
    throw_errno(error_number, "open in the build root", printable(path));
  return opened;
}

Descriptor open_in_root(int root, const std::string& path, int flags, Links links, mode_t mode) {
  int error_number = 0;
  Descriptor opened = try_open_in_root(root, path, flags, links, mode, error_number);
  if (!opened) throw_errno(error_number, verb(flags), fmt::format("{} in the build root", printable(path)));
  return opened;
}

Descriptor open_if_regular(const Descriptor& known, int flags) {
  struct stat status {};
  if (fstat(known.get(), &status) < 0) throw_errno(errno, "examine", shown_path(known.get()));
  if (!S_ISREG(status.st_mode)) return {};
  return open_path(path_of(known.get()), flags | O_NONBLOCK | O_NOCTTY);
}

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) < 0) throw_errno(errno, "make a pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor duplicate(int fd) {
  Descriptor copy(uninterrupted([&] { return fcntl(fd, F_DUPFD_CLOEXEC, 3); }));
  if (!copy) throw_errno(errno, "duplicate a file descriptor");
  return copy;
}

std::string read_all(int fd, std::size_t limit) {
  constexpr std::size_t some = 4096;  // for what does not tell its size: pipes, files of /proc
  struct stat status {};
  const bool tells_size = fstat(fd, &status) == 0 && status.st_size > 0;
  std::string content(std::min(tells_size ? static_cast<std::size_t>(status.st_size) + 1 : some, limit + 1), '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = read(fd, content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "read", shown_path(fd));
    size += static_cast<std::size_t>(got);
    if (size > limit) throw Error(fmt::format("what was to be read is longer than {} bytes", limit));
    const bool ends_where_told =
        tells_size && size == static_cast<std::size_t>(status.st_size) && size < content.size();
    if (got == 0 || ends_where_told) break;
    if (size == content.size()) content.resize(2 * size);
  }
  content.resize(size);
  return content;
}

void write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno(errno, "write", shown_path(fd));
    data.remove_prefix(static_cast<std::size_t>(written));
  }
}

void write_all_at(int fd, std::string_view data, off_t place) {
  while (!data.empty()) {
    const ssize_t written = pwrite(fd, data.data(), data.size(), place);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno(errno, "write", shown_path(fd));
    data.remove_prefix(static_cast<std::size_t>(written));
    place += written;
  }
}

std::string path_of(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

std::string shown_path(int fd) {
  const int error_number = errno;
  std::string link = fd == AT_FDCWD ? "/proc/self/cwd" : path_of(fd);
  std::array<char, PATH_MAX> target{};
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  errno = error_number;
  return length <= 0 ? link : printable({target.data(), static_cast<std::size_t>(length)});
}

std::string shown_path(int directory, const std::string& name) {
  if (name == ".") return shown_path(directory);
  if (directory == AT_FDCWD || name.starts_with('/')) return printable(name);
  return fmt::format("{}/{}", shown_path(directory), printable(name));
}

}  // namespace plyroot::linux_api
