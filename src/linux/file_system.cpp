#include "linux/file_system.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>

#include "linux/file.hpp"
#include "linux/uninterrupted.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {
namespace {

constexpr std::uint32_t xfs_super_magic = 0x58465342;  // not in linux/magic.h
constexpr std::uint32_t erofs_super_magic = 0xe0f5e1e2;

std::uint32_t file_system_type(int fd) {
  struct statfs status {};
  while (fstatfs(fd, &status) < 0) {
    if (errno != EINTR) throw_errno(errno, "ask for the file system of", shown_path(fd));
  }
  return static_cast<std::uint32_t>(status.f_type);
}

}  // namespace

std::string file_system_name(int fd) {
  const std::uint32_t type = file_system_type(fd);
  switch (type) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case xfs_super_magic:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case TMPFS_MAGIC:
      return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    case NFS_SUPER_MAGIC:
      return "nfs";
    case F2FS_SUPER_MAGIC:
      return "f2fs";
    case MSDOS_SUPER_MAGIC:
      return "vfat";
    case erofs_super_magic:
      return "erofs";
    default:
      return fmt::format("type {:#x}", type);
  }
}

void sync_file_system(int fd) {
  if (uninterrupted([&] { return syncfs(fd); }) < 0)
    throw_errno(errno, "write the file system to the disk of", shown_path(fd));
}

std::optional<std::uint64_t> mount_id(int fd) {
  constexpr unsigned unique = 0x4000;  // STATX_MNT_ID_UNIQUE, which this libc's headers do not have
  struct statx status {};
  if (statx(fd, "", AT_EMPTY_PATH, unique, &status) < 0) throw_errno(errno, "examine", shown_path(fd));
  if ((status.stx_mask & unique) == 0) return std::nullopt;
  return status.stx_mnt_id;
}

const std::string& boot_id() {
  static const std::string id(trim(read_file("/proc/sys/kernel/random/boot_id")));
  return id;
}

}  // namespace plyroot::linux_api
