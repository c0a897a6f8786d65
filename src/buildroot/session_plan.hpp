#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "linux/mount.hpp"
#include "overlay/overlay_mount.hpp"

namespace plyroot::buildroot {

/// A device of /dev, made by mknod(2).
struct DeviceNode {
  std::string name;
  mode_t mode;  ///< with S_IFCHR or S_IFBLK
  unsigned major;
  unsigned minor;

  bool operator==(const DeviceNode&) const = default;
};

struct SymbolicLink {
  std::string name;
  std::string target;

  bool operator==(const SymbolicLink&) const = default;
};

/// A file system that is mounted in the root, with what is made in it first.
struct RootMount {
  std::string target;  ///< path within the root; made if it is missing, refused if a link leads there
  linux_api::FileSystemMount file_system;
  std::vector<std::string> directories;  ///< made in it
  std::vector<DeviceNode> devices;
  std::vector<SymbolicLink> links;
  std::vector<std::string> read_only;  ///< what in it nobody may write to, where the kernel has it
  bool shows_namespaces = false;       ///< of whoever mounts it: the session's first process does

  bool operator==(const RootMount&) const = default;
};

/// A directory or file of the host that is seen in the root (mock's bind_mount plugin).
struct HostBind {
  std::string host_path;
  std::string target;
  bool make_target = false;

  bool operator==(const HostBind&) const = default;
};

/// An overlay of the store's layers.
struct OverlayTree {
  overlay::OverlayPlan overlay;
  std::string layers_directory;

  bool operator==(const OverlayTree&) const = default;
};

/// A tree that is there already: a plain directory, or a root that --mount attached in the host's namespace.
struct ExistingTree {
  std::string directory;

  bool operator==(const ExistingTree&) const = default;
};

using RootTree = std::variant<OverlayTree, ExistingTree>;

/// What a session has beside its root's tree, as a value that can be looked at without mounting anything.
struct SessionPlan {
  std::vector<RootMount> mounts;  ///< in the root, in their order
  std::vector<HostBind> binds;    ///< after the mounts
  std::string host_name;

  bool operator==(const SessionPlan&) const = default;
};

/// What every session mounts in its root: /proc, /sys read-only, a /dev of its own with the devices that builds use,
/// its own pseudo-terminals, /dev/shm.
/// @param loop_devices how many /dev/loopN there are
std::vector<RootMount> standard_mounts(int loop_devices);

/// What a session needs before it has a root: file systems and binds, attached nowhere yet, in the plan's order.
struct PreparedSession {
  std::vector<linux_api::Descriptor> file_systems;  ///< those that show namespaces
  std::vector<linux_api::Descriptor> bind_sources;
};

/// Mounts a session's other file systems, attached nowhere yet, in the plan's order: whoever starts the session does,
/// while its first process prepares it. @throws Error
std::vector<linux_api::Descriptor> mount_file_systems(const SessionPlan& plan);

/// Carries out what of a plan needs no tree, in the calling process, which must be the first of new mount, PID, IPC,
/// UTS and network namespaces. @throws Error
PreparedSession prepare_session(const SessionPlan& plan);

/// Descriptors of what has been mounted by mount_session.
struct MountedSession {
  linux_api::Descriptor root;
  linux_api::Descriptor terminals;  ///< the devpts that /dev/pts shows
};

/// Mounts a session's tree, attached nowhere yet: whoever starts the session does, while its first process prepares
/// it. @throws SystemError
linux_api::Descriptor mount_tree(const RootTree& tree);

/// Carries out the rest: afterwards the tree is the calling process's root, with all that was prepared in it.
/// @param mounted_tree what mount_tree() has made of `tree`, in whatever mount namespace
/// @param file_systems what mount_file_systems() has made @throws Error
MountedSession mount_session(const SessionPlan& plan, PreparedSession prepared, const RootTree& tree,
                             linux_api::Descriptor mounted_tree, std::vector<linux_api::Descriptor> file_systems);

}  // namespace plyroot::buildroot
