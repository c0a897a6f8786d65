#include "buildroot/root_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "linux/tree_walk.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

using linux_api::Descriptor;
using linux_api::Links;

std::vector<std::string> components_of(const std::string& path) {
  std::vector<std::string> components = split(path, '/');
  std::erase_if(components, [](const std::string& name) { return name.empty() || name == "."; });
  if (std::find(components.begin(), components.end(), "..") != components.end()) {
    throw Error(fmt::format("the path {} leads upwards", printable(path)));
  }
  return components;
}

std::string in_the_root(const std::string& path) {
  return printable(path) + " in the build root";
}

/// Opens each directory on the way, making those that are missing.
Descriptor descend(int root, const std::vector<std::string>& components, Links links, bool make, mode_t mode,
                   const std::string& path) {
  Descriptor directory = linux_api::open_in_root(root, ".", O_RDONLY | O_DIRECTORY, links);
  std::string so_far;
  for (const std::string& name : components) {
    so_far += "/" + name;
    int error_number = 0;
    Descriptor next = linux_api::try_open_in_root(root, so_far, O_RDONLY | O_DIRECTORY, links, 0, error_number);
    if (!next && error_number == ENOENT && make) {
      if (mkdirat(directory.get(), name.c_str(), mode) < 0 && errno != EEXIST)
        throw_errno(errno, "make the directory", in_the_root(path));
      next = linux_api::try_open_in_root(root, so_far, O_RDONLY | O_DIRECTORY, links, 0, error_number);
    }
    if (!next) throw_errno(error_number, "open the directory", in_the_root(so_far));
    directory = std::move(next);
  }
  return directory;
}

void change_owner_below(int top, uid_t uid, gid_t gid) {
  linux_api::walk_tree(top, [&](int directory, const std::string& name, const std::string& path) {
    if (fchownat(directory, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno == ENOENT) return false;
    throw_errno(errno, "change the owner of", in_the_root(path));
  });
}

void collect_matches(int root, const std::string& prefix, const std::vector<std::string>& components, std::size_t at,
                     std::vector<std::string>& found) {
  if (at == components.size()) {
    found.push_back(prefix);
    return;
  }
  const Descriptor directory =
      linux_api::open_in_root_if_there(root, prefix.empty() ? "." : prefix, O_RDONLY | O_DIRECTORY, Links::follow);
  if (!directory) return;
  for (const std::string& name : linux_api::list_names(directory.get())) {
    if (fnmatch(components[at].c_str(), name.c_str(), FNM_PERIOD) == 0) {
      collect_matches(root, prefix.empty() ? name : prefix + "/" + name, components, at + 1, found);
    }
  }
}

}  // namespace

PathInRoot locate_in_root(int root, const std::string& path, bool make_directories) {
  std::vector<std::string> components = components_of(path);
  if (components.empty()) throw Error("a path within the build root was expected, and it is empty");
  std::string name = std::move(components.back());
  components.pop_back();
  return {descend(root, components, Links::follow, make_directories, 0755, path), std::move(name)};
}

void make_directories_in_root(int root, const std::string& path, mode_t mode) {
  const std::vector<std::string> components = components_of(path);
  int error_number = 0;
  const std::string joined = join(components, "/");
  if (linux_api::try_open_in_root(root, joined, O_PATH | O_DIRECTORY, Links::refuse, 0, error_number)) return;
  descend(root, components, Links::refuse, true, mode, path);
}

void make_file_in_root(int root, const std::string& path) {
  const PathInRoot place = locate_in_root(root, path, true);
  for (;;) {
    const Descriptor file(
        openat(place.directory.get(), place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (file || errno == EEXIST) return;
    if (errno != EINTR) throw_errno(errno, "make", in_the_root(path));
  }
}

void write_file_in_root(int root, const std::string& path, std::string_view content, mode_t mode) {
  const PathInRoot place = locate_in_root(root, path, true);
  linux_api::AtomicFile file(place.directory.get(), place.name, mode);
  file.write(content);
  file.commit(false);
}

std::optional<std::string> read_file_in_root(int root, const std::string& path) {
  const Descriptor known = linux_api::open_in_root_if_there(root, path, O_PATH, Links::follow_on_this_mount);
  if (!known) return std::nullopt;
  const Descriptor file = linux_api::open_if_regular(known, O_RDONLY);
  return file ? std::optional(linux_api::read_all(file.get())) : std::nullopt;
}

bool exists_in_root(int root, const std::string& path) {
  return linux_api::open_in_root_if_there(root, path, O_PATH, Links::follow).valid();
}

bool is_special_in_root(int root, const std::string& path) {
  const Descriptor found = linux_api::open_in_root_if_there(root, path, O_PATH, Links::follow);
  struct stat status {};
  return found && fstat(found.get(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

void remove_in_root(int root, const std::string& path) {
  if (!exists_in_root(root, path)) return;
  const PathInRoot place = locate_in_root(root, path, false);
  linux_api::remove_tree(place.directory.get(), place.name);
}

void change_owner_in_root(int root, const std::string& path, uid_t uid, gid_t gid, bool recursive) {
  const PathInRoot place = locate_in_root(root, path, false);
  if (fchownat(place.directory.get(), place.name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) < 0) {
    throw_errno(errno, "change the owner of", in_the_root(path));
  }
  if (!recursive) return;
  const Descriptor directory = linux_api::open_if_directory(place.directory.get(), place.name);
  if (directory) change_owner_below(directory.get(), uid, gid);
}

std::vector<std::string> glob_in_root(int root, const std::string& pattern) {
  std::vector<std::string> found;
  collect_matches(root, "", components_of(pattern), 0, found);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace plyroot::buildroot
