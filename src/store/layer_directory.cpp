#include "store/layer_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "linux/descriptor.hpp"
#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::store {
namespace {

using linux_api::Descriptor;

Descriptor open_directory(int parent, const std::string& name) {
  return linux_api::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/// All extended attributes but overlayfs's own, which say something of one layer only.
void copy_attributes(int from, int to) {
  std::vector<char> names(65536);
  const ssize_t length = flistxattr(from, names.data(), names.size());
  if (length < 0 && errno == ENOTSUP) return;
  if (length < 0) throw_errno(errno, "list the extended attributes of a layer");
  for (const char* name = names.data(); name < names.data() + length; name += std::strlen(name) + 1) {
    const std::string_view text = name;
    if (text.starts_with("trusted.overlay.") || text.starts_with("user.overlay.")) continue;
    std::vector<char> value(65536);
    const ssize_t size = fgetxattr(from, name, value.data(), value.size());
    if (size < 0 || fsetxattr(to, name, value.data(), static_cast<std::size_t>(size), 0) < 0) {
      throw_errno(errno, "copy the extended attribute", name);
    }
  }
}

void look_like(int directory, int model) {
  struct stat status {};
  if (fstat(model, &status) < 0) throw_errno(errno, "examine a layer");
  if (fchown(directory, status.st_uid, status.st_gid) < 0) throw_errno(errno, "set the owner of a layer");
  if (fchmod(directory, status.st_mode & 07777) < 0) throw_errno(errno, "set the mode of a layer");
  copy_attributes(model, directory);
  const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
  if (futimens(directory, times.data()) < 0) throw_errno(errno, "set the times of a layer");
}

}  // namespace

void make_layer_directory(int layers, const std::string& name, const std::optional<std::string>& below) {
  if (mkdirat(layers, name.c_str(), 0700) < 0) {
    if (errno != EEXIST) throw_errno(errno, "make the layer's directory", name);
    linux_api::remove_tree(layers, name);
    if (mkdirat(layers, name.c_str(), 0700) < 0) throw_errno(errno, "make the layer's directory", name);
  }
  const Descriptor directory = open_directory(layers, name);
  if (mkdirat(directory.get(), "fs", 0755) < 0) throw_errno(errno, "make the directory fs of layer", name);
  if (mkdirat(directory.get(), "work", 0700) < 0) throw_errno(errno, "make the directory work of layer", name);
  const Descriptor files = open_directory(directory.get(), "fs");
  if (fchmod(files.get(), 0755) < 0) throw_errno(errno, "set the mode of layer", name);  // whatever the umask
  if (below) look_like(files.get(), open_directory(layers, *below + "/fs").get());
  // What was made in a directory goes to the disk with it.
  for (const int fd : {directory.get(), layers})
    linux_api::sync_file(fd);
}

void require_layer_directory(int layers, const std::string& name) {
  const Descriptor files = linux_api::open_if_exists(layers, name + "/fs", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!files) {
    throw Error(
        fmt::format("the directory of layer {} is missing from the store: something else than plyroot removed it",
                    printable(name)),
        "Roll back to a snapshot that does not need it, or make the root anew: `--scrub overlayfs`, `--init`.",
        ExitCode::root);
  }
}

}  // namespace plyroot::store
