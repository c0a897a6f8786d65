#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

namespace plyroot::linux_api {

/// A file descriptor that is closed when its owner goes. Always O_CLOEXEC.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  explicit operator bool() const noexcept { return valid(); }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

/// While this lives, this process may have as many files open as the hard limit allows (getrlimit(2), RLIMIT_NOFILE);
/// the soft one is for programs that use select(2), and is there again for whatever is run afterwards.
class RaisedDescriptorLimit {
 public:
  RaisedDescriptorLimit() noexcept;
  ~RaisedDescriptorLimit();
  RaisedDescriptorLimit(const RaisedDescriptorLimit&) = delete;
  RaisedDescriptorLimit& operator=(const RaisedDescriptorLimit&) = delete;

 private:
  rlimit before_{};
};

/// openat(2) with O_CLOEXEC. @throws SystemError that names the path.
Descriptor open_at(int directory, const std::string& path, int flags, mode_t mode = 0);
/// The same from the working directory.
Descriptor open_path(const std::string& path, int flags, mode_t mode = 0);
/// As open_at, but an invalid Descriptor where the path does not exist (ENOENT, ENOTDIR).
Descriptor open_if_exists(int directory, const std::string& path, int flags);
/// Opens a directory to be read; an invalid Descriptor where the name is something else, a link too, or does not exist.
Descriptor open_if_directory(int parent, const std::string& name);

/// How a path that somebody else controls is resolved (openat2(2)).
enum class Links {
  follow,                ///< links are followed, but never lead out: the root is their "/" (RESOLVE_IN_ROOT)
  follow_on_this_mount,  ///< the same, and never into what is mounted in the root, as /proc (RESOLVE_NO_XDEV)
  follow_if_beneath,     ///< followed as a program outside of the root would; one that leads out is an error, EXDEV
  refuse,                ///< a link anywhere in the path is an error, ELOOP (RESOLVE_NO_SYMLINKS)
};

/// Opens a path beneath a root that is not trusted: never leaves the root, crosses no magic link (RESOLVE_IN_ROOT,
/// RESOLVE_NO_MAGICLINKS), and a FIFO does not block (O_NONBLOCK while opening; O_NOCTTY).
/// @param root a descriptor of the root's directory
/// @throws SystemError that names the path as seen inside the root
Descriptor open_in_root(int root, const std::string& path, int flags, Links links, mode_t mode = 0);
/// As open_in_root, but an invalid Descriptor and errno kept in `error_number` instead of an exception.
Descriptor try_open_in_root(int root, const std::string& path, int flags, Links links, mode_t mode, int& error_number);

/// Whether an open failed for what lies at the path, or does not lie there, and not for want of what opening takes.
bool is_for_what_lies_there(int error_number);
/// As open_in_root, but an invalid Descriptor where nothing lies there that can be opened so.
Descriptor open_in_root_if_there(int root, const std::string& path, int flags, Links links);

/// Opens a file that is known already (O_PATH), if it is a regular one: what else it may be, as a device, is never
/// opened. An invalid Descriptor where it is none. @throws SystemError
Descriptor open_if_regular(const Descriptor& known, int flags);

Descriptor duplicate(int fd);

/// pipe(2).
struct Pipe {
  Descriptor reading;
  Descriptor writing;
};
/// @throws SystemError
Pipe make_pipe();

/// All that can be read from here on. @throws SystemError, or Error beyond `limit` bytes.
std::string read_all(int fd, std::size_t limit = std::size_t{64} << 20U);
/// Writes all of it, however many calls that takes.
void write_all(int fd, std::string_view data);

/// Writes all of it at a place in a file, however many calls that takes.
void write_all_at(int fd, std::string_view data, off_t place);

/// "/proc/self/fd/N": a path to what a descriptor refers to, for calls that take only paths.
std::string path_of(int fd);

/// For messages: the path of what a descriptor refers to, or of a name in a directory, as the kernel knows it. Leaves
/// errno as it is.
std::string shown_path(int fd);
std::string shown_path(int directory, const std::string& name);

}  // namespace plyroot::linux_api
