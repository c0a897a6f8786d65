#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace plyroot::linux_api {

/// The kind of file system that holds a descriptor's file, in the kernel's words ("ext4", "overlay", "tmpfs"); a
/// number in hexadecimal where this table does not know it (statfs(2), linux/magic.h).
std::string file_system_name(int fd);

/// Writes all that is dirty in the file system of this descriptor to the disk. @throws SystemError
void sync_file_system(int fd);

/// What the kernel drew for this boot (/proc/sys/kernel/random/boot_id): the same until the machine starts anew.
const std::string& boot_id();

/// Which mount this descriptor's file was opened through: a number that no other mount gets before the machine starts
/// anew (statx(2), STATX_MNT_ID_UNIQUE); nothing where the kernel does not tell, before Linux 6.8.
std::optional<std::uint64_t> mount_id(int fd);

}  // namespace plyroot::linux_api
