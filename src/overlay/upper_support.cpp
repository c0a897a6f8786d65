#include "overlay/upper_support.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "linux/descriptor.hpp"
#include "linux/directory.hpp"
#include "linux/file_system.hpp"
#include "support/error.hpp"

namespace plyroot::overlay {
namespace {

using linux_api::Descriptor;

/// A directory that is gone when this value is.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(int parent) : parent_(parent), name_(fmt::format(".plyroot-try-{}", getpid())) {
    linux_api::remove_tree(parent_, name_);
    if (mkdirat(parent_, name_.c_str(), 0700) < 0)
      throw_errno(errno, "make a directory in", linux_api::shown_path(parent_));
    directory_ = linux_api::open_at(parent_, name_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  ~ScratchDirectory() {
    try {
      linux_api::remove_tree(parent_, name_);
    } catch (const Error&) {
      // The reason why it could not be removed is the reason that is being reported already.
    }
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  [[nodiscard]] int get() const { return directory_.get(); }

 private:
  int parent_;
  std::string name_;
  Descriptor directory_;
};

bool tells_file_types(int directory) {
  Descriptor own = linux_api::open_at(directory, ".", O_RDONLY | O_DIRECTORY);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own.get()), closedir);
  if (!stream) throw_errno(errno, "read the directory", linux_api::shown_path(directory));
  (void)own.release();
  while (const dirent* entry = readdir(stream.get())) {
    if (entry->d_type == DT_UNKNOWN) return false;
  }
  return true;
}

}  // namespace

std::string why_no_upper(int directory) {
  const std::string name = linux_api::file_system_name(directory);
  if (name == "overlay")
    return "it lies on an overlay (as the file system of a container does), and overlays cannot be stacked this way";
  if (name == "nfs" || name == "vfat") return fmt::format("it lies on {}, which cannot hold overlay layers", name);
  const ScratchDirectory scratch(directory);
  if (fsetxattr(scratch.get(), "trusted.overlay.opaque", "y", 1, 0) < 0) {
    return fmt::format("its file system ({}) keeps no trusted extended attributes: {}", name, describe_errno(errno));
  }
  if (mknodat(scratch.get(), "whiteout", S_IFCHR, makedev(0, 0)) < 0) {
    return fmt::format("its file system ({}) cannot hold whiteouts: {}", name, describe_errno(errno));
  }
  const Descriptor file = linux_api::open_at(scratch.get(), "file", O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (renameat2(scratch.get(), "file", scratch.get(), "moved", RENAME_WHITEOUT) < 0) {
    return fmt::format("its file system ({}) cannot leave a whiteout when it renames: {}", name, describe_errno(errno));
  }
  if (!tells_file_types(scratch.get())) {
    return fmt::format("its file system ({}) does not tell the types of directory entries (on xfs: made with ftype=0)",
                       name);
  }
  return {};
}

}  // namespace plyroot::overlay
