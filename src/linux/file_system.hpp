#pragma once

#include <cstdint>
#include <string>

namespace plyroot::linux_api {

/// The kind of file system that holds a descriptor's file, in the kernel's words ("ext4", "overlay", "tmpfs"); a
/// number in hexadecimal where this table does not know it (statfs(2), linux/magic.h).
std::string file_system_name(int fd);

/// Writes all that is dirty in the file system of this descriptor to the disk. @throws SystemError
void sync_file_system(int fd);

/// What the kernel drew for this boot (/proc/sys/kernel/random/boot_id): the same until the machine starts anew.
std::string boot_id();

}  // namespace plyroot::linux_api
