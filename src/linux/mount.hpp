#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "linux/descriptor.hpp"

namespace plyroot::linux_api {

/// One setting of a file system that is to be mounted (fsconfig(2)): a flag where the value is empty of choice.
struct FileSystemParameter {
  std::string key;
  std::variant<std::monostate, std::string> value;

  bool operator==(const FileSystemParameter&) const = default;
};

/// A file system to be mounted, as a value: nothing happens until mount_detached.
struct FileSystemMount {
  std::string type;
  std::vector<FileSystemParameter> parameters;
  std::uint64_t attributes = 0;  ///< MOUNT_ATTR_... (mount_setattr(2))
  std::string called{};          ///< by errors; its type where this is empty

  bool operator==(const FileSystemMount&) const = default;
};

/// Asks the kernel for a file system that it is expected to refuse, and lets go of it at once.
/// @returns its errno, 0 where it did make it
int try_to_mount(const FileSystemMount& plan);

/// Carries out a FileSystemMount: makes its superblock and a mount of it that is attached nowhere yet and goes with
/// the descriptor. This is the only function that makes file systems appear. Relative paths in parameters are resolved
/// from the working directory.
/// @throws SystemError with the kernel's own explanation where it gave one
Descriptor mount_detached(const FileSystemMount& plan);

/// Attaches a detached mount at a directory. Both are descriptors, so no path is resolved.
void attach_mount(int detached, int target_directory);

/// A copy of a mount (of the whole tree of mounts below it too, if recursive), attached nowhere (open_tree(2)).
Descriptor clone_mount(int directory, const std::string& path, bool recursive);

/// Changes the attributes of a mount, or of the tree of mounts below it (mount_setattr(2)).
void set_mount_attributes(int directory, const std::string& path, std::uint64_t set, std::uint64_t clear,
                          bool recursive);

/// No mount or unmount in this namespace is seen outside of it from now on; with `slave` those of the outside still
/// come in.
void stop_mount_propagation(bool slave);

/// Detaches a mount; the kernel ends it with its last user. @throws SystemError
void unmount_detached(const std::string& path);
/// Unmounts only what nobody uses. @returns false where it is busy (EBUSY) @throws SystemError
bool unmount_if_unused(const std::string& path);

/// The file system's options of the mount that a directory lies on, as the kernel writes them (statmount(2), or
/// /proc/thread-self/mountinfo on kernels before 6.11).
std::string mounted_options(int directory);

/// One line of a mountinfo file (proc_pid_mountinfo(5)).
struct MountInfo {
  std::string mount_point;
  std::string type;
  std::string source;
  std::string options;      ///< the superblock's
  dev_t device = 0;         ///< what stat(2) shows as st_dev of its directories
  bool propagates = false;  ///< it is in a peer group, or the slave of one: other namespaces may have it too
};

/// What /proc/PID/mountinfo says of a process ("thread-self" for the caller). @throws Error where a line is malformed
std::vector<MountInfo> read_mountinfo(const std::string& process = "thread-self");
/// The parser behind it, for a file's whole text.
std::vector<MountInfo> parse_mountinfo(std::string_view text);

}  // namespace plyroot::linux_api
