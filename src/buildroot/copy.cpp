#include "buildroot/copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "buildroot/root_files.hpp"
#include "linux/directory.hpp"
#include "linux/directory_cursor.hpp"
#include "linux/file_copy.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

using linux_api::Descriptor;
using linux_api::Links;

/// A name in a directory, and what it is to be called in another one.
struct Transfer {
  int from_directory;
  std::string from_name;
  int to_directory;
  std::string to_name;
};

[[noreturn]] void refuse(const std::string& message) {
  throw Error(message, {}, ExitCode::missing_argument);
}

struct stat status_of(int directory, const std::string& name, HostLinks links) {
  struct stat status {};
  if (fstatat(directory, name.c_str(), &status, links == HostLinks::followed ? 0 : AT_SYMLINK_NOFOLLOW) < 0) {
    throw_errno(errno, "examine", printable(name));
  }
  return status;
}

void copy_file(const Transfer& transfer, HostLinks links) {
  const int nofollow = links == HostLinks::copied ? O_NOFOLLOW : 0;
  const Descriptor from = linux_api::open_if_regular(
      linux_api::open_at(transfer.from_directory, transfer.from_name, O_PATH | nofollow), O_RDONLY);
  if (!from) throw Error(fmt::format("cannot copy {}: it is no regular file", printable(transfer.from_name)));
  struct stat status {};
  if (fstat(from.get(), &status) < 0) throw_errno(errno, "examine", printable(transfer.from_name));
  // Never through what lies there: it may be a link, or be open elsewhere.
  if (unlinkat(transfer.to_directory, transfer.to_name.c_str(), 0) < 0 && errno != ENOENT)
    throw_errno(errno, "replace", printable(transfer.to_name));
  const Descriptor to =
      linux_api::open_at(transfer.to_directory, transfer.to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  linux_api::copy_content(from.get(), to.get());
  if (fchmod(to.get(), status.st_mode & 0777) < 0) throw_errno(errno, "set the mode of", printable(transfer.to_name));
}

void copy_link(const Transfer& transfer) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length =
      readlinkat(transfer.from_directory, transfer.from_name.c_str(), target.data(), target.size() - 1);
  if (length < 0) throw_errno(errno, "read the link", printable(transfer.from_name));
  if (symlinkat(target.data(), transfer.to_directory, transfer.to_name.c_str()) < 0)
    throw_errno(errno, "make the link", printable(transfer.to_name));
}

/// A directory for what is copied into it.
void make_directory(int parent, const std::string& name) {
  if (mkdirat(parent, name.c_str(), 0700) < 0) throw_errno(errno, "make the directory", printable(name));
}

/// Everything in a directory, as deep as it goes.
class DirectoryCopy {
 public:
  DirectoryCopy(const Transfer& transfer, HostLinks links)
      : links_(links),
        from_(linux_api::open_at(transfer.from_directory, transfer.from_name,
                                 O_RDONLY | O_DIRECTORY | (links == HostLinks::copied ? O_NOFOLLOW : 0))),
        to_(made_directory(transfer.to_directory, transfer.to_name)),
        levels_{{transfer.to_name, linux_api::list_names(from_.get())}} {}

  void finish() {
    for (;;) {
      Level& level = levels_.back();
      if (level.names.empty()) {
        copy_mode(level.name);
        levels_.pop_back();
        if (levels_.empty()) return;
        from_.leave_what_stays();
        to_.leave_what_stays();
      } else {
        const std::string name = std::move(level.names.back());
        level.names.pop_back();
        copy(name);
      }
    }
  }

 private:
  struct Level {
    std::string name;
    std::vector<std::string> names;  ///< not yet copied
  };

  static Descriptor made_directory(int parent, const std::string& name) {
    make_directory(parent, name);
    return linux_api::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  void copy(const std::string& name) {
    const Transfer transfer{from_.get(), name, to_.get(), name};
    const struct stat status = status_of(from_.get(), name, links_);
    if (S_ISLNK(status.st_mode)) return copy_link(transfer);
    if (!S_ISDIR(status.st_mode)) return copy_file(transfer, links_);
    make_directory(to_.get(), name);
    if (!to_.enter(name)) throw_errno(ENOTDIR, "open the directory", printable(name));
    if (!from_.enter(name)) {
      if (links_ == HostLinks::copied) throw_errno(ENOTDIR, "open the directory", printable(name));
      from_.enter_through_links(name);
      if (from_.has_come_back())
        throw_errno(ELOOP, "copy", linux_api::shown_path(from_.get()) + ", by the link " + printable(name));
    }
    levels_.push_back({name, linux_api::list_names(from_.get())});
  }

  void copy_mode(const std::string& name) const {
    struct stat status {};
    if (fstat(from_.get(), &status) < 0 || fchmod(to_.get(), status.st_mode & 0777) < 0)
      throw_errno(errno, "set the mode of", printable(name));
  }

  HostLinks links_;
  linux_api::DirectoryCursor from_;
  linux_api::DirectoryCursor to_;
  std::vector<Level> levels_;
};

void copy_any(const Transfer& transfer, HostLinks links) {
  const struct stat status = status_of(transfer.from_directory, transfer.from_name, links);
  if (S_ISDIR(status.st_mode)) return DirectoryCopy(transfer, links).finish();
  if (S_ISLNK(status.st_mode)) return copy_link(transfer);
  copy_file(transfer, links);
}

std::string base_name(std::string path) {
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  return path.substr(path.find_last_of('/') + 1);
}

/// Where copies go: into a directory under their own names, or to one new name.
struct Destination {
  Descriptor directory;
  std::optional<std::string> name;
};

void copy_to(const Destination& destination, int from_directory, const std::string& from_name, HostLinks links) {
  const std::string name = destination.name.value_or(base_name(from_name));
  const bool is_directory = S_ISDIR(status_of(from_directory, from_name, links).st_mode);
  struct stat there {};
  if (is_directory && fstatat(destination.directory.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
    refuse(fmt::format("Destination {} already exists!", printable(name)));
  }
  copy_any({from_directory, from_name, destination.directory.get(), name}, links);
}

Destination destination_in_root(int root, const std::string& path, std::size_t how_many) {
  Descriptor directory = linux_api::open_in_root_if_there(root, path, O_RDONLY | O_DIRECTORY, Links::follow);
  if (directory) return {std::move(directory), std::nullopt};
  if (how_many > 1) refuse(fmt::format("multiple source files and {} is not a directory!", printable(path)));
  PathInRoot place = locate_in_root(root, path, false);
  return {std::move(place.directory), std::move(place.name)};
}

Destination destination_on_host(const std::string& path, std::size_t how_many) {
  Descriptor directory = linux_api::open_if_exists(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (directory) return {std::move(directory), std::nullopt};
  if (how_many > 1) refuse(fmt::format("multiple source files and {} is not a directory!", printable(path)));
  const auto slash = path.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return {linux_api::open_path(parent, O_RDONLY | O_DIRECTORY), base_name(path)};
}

void copy_from_host(const std::string& source, int to_directory, HostLinks links) {
  const Descriptor directory = linux_api::open_if_exists(AT_FDCWD, source, O_RDONLY | O_DIRECTORY);
  if (!directory) return copy_file({AT_FDCWD, source, to_directory, base_name(source)}, HostLinks::followed);
  for (const std::string& name : linux_api::list_names(directory.get()))
    copy_any({directory.get(), name, to_directory, name}, links);
}

/// @param work throws where it fails, which is said by the process that does it
void do_as(const linux_api::User& user, const std::function<void()>& work) {
  linux_api::Child child = linux_api::fork_child([&] {
    try {
      linux_api::become(user);
      work();
      return 0;
    } catch (const Error& error) {
      std::fprintf(stderr, "ERROR: %s\n", printable_lines(error.what()).c_str());
      return static_cast<int>(error.exit_code());
    }
  });
  const linux_api::ExitStatus status = child.wait();
  if (!status.success()) throw Error("not everything was copied", {}, static_cast<ExitCode>(status.as_exit_code()));
}

void copy_matches(int root, const std::vector<std::string>& paths, const std::string& destination) {
  const Destination place = destination_on_host(destination, paths.size());
  for (const std::string& path : paths) {
    const PathInRoot source = locate_in_root(root, path, false);
    copy_to(place, source.directory.get(), source.name, HostLinks::copied);
  }
}

}  // namespace

void copy_into_root(const std::vector<std::string>& sources, int root, const std::string& destination) {
  struct stat status {};
  for (const std::string& source : sources) {
    if (stat(source.c_str(), &status) < 0) refuse(fmt::format("No such file or directory: {}", printable(source)));
  }
  const Destination place = destination_in_root(root, destination, sources.size());
  for (const std::string& source : sources)
    copy_to(place, AT_FDCWD, source, HostLinks::followed);
}

void copy_out_of_root(int root, const std::vector<std::string>& patterns, const std::string& destination,
                      const std::optional<linux_api::User>& as_user) {
  std::vector<std::string> paths;
  for (const std::string& pattern : patterns) {
    const std::vector<std::string> matches = glob_in_root(root, pattern);
    if (matches.empty()) refuse(fmt::format("{} not found", printable(pattern)));
    paths.insert(paths.end(), matches.begin(), matches.end());
  }
  if (!as_user) return copy_matches(root, paths, destination);
  do_as(*as_user, [&] { copy_matches(root, paths, destination); });
}

void copy_into_directory(const std::string& source, int to_directory, HostLinks links,
                         const std::optional<linux_api::User>& as_user) {
  if (!as_user) return copy_from_host(source, to_directory, links);
  do_as(*as_user, [&] { copy_from_host(source, to_directory, links); });
}

void copy_regular_file(int from_directory, const std::string& from_name, int to_directory, const std::string& to_name) {
  copy_file({from_directory, from_name, to_directory, to_name}, HostLinks::copied);
}

}  // namespace plyroot::buildroot
