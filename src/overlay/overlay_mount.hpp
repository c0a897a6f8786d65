#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "linux/mount.hpp"
#include "overlay/marks.hpp"

namespace plyroot::overlay {

/// How many lowers a mount may have before layers must be merged (the kernel's own limit is 500).
inline constexpr std::size_t most_lowers = 400;

/// An overlay that is to be mounted, as a value: directories and how they are stacked. Nothing happens until
/// mount_overlay. All names are relative to one directory, so that they stay short and need no escaping.
/// Source: Documentation/filesystems/overlayfs.rst of the kernel.
struct OverlayPlan {
  std::string source;               ///< what mountinfo shows as the mount's source
  std::vector<std::string> lowers;  ///< the topmost first; at least one
  std::string upper;
  std::string work;
  Marks marks = Marks::trusted;
  /// Syncs nothing to the disk by itself, at no time: who mounts it makes it durable ("volatile").
  bool is_volatile = true;

  bool operator==(const OverlayPlan&) const = default;
};

/// The plan in the kernel's words, one lowerdir+ a layer (kernel 6.8 and later).
linux_api::FileSystemMount as_file_system_mount(const OverlayPlan& plan);

/// The plan as the option string of mount(2), for older kernels. @throws Error where it would not fit into the 4096
/// bytes that the kernel takes: longer ones may be cut without a word.
std::string as_mount_options(const OverlayPlan& plan);

/// Whether the options that the kernel reports are those of the plan: same upper, same lowers, none missing.
bool is_what_was_mounted(const OverlayPlan& plan, const std::string& reported_options);

/// Carries out the plan, from within `layers_directory` as the working directory, which is then as it was before. The
/// mount is attached nowhere yet.
/// @param layers_directory absolute path of the directory that the plan's names are relative to
/// @throws SystemError
linux_api::Descriptor mount_overlay(const OverlayPlan& plan, const std::string& layers_directory);
/// The way over mount(2), for kernels without lowerdir+: in a mount namespace of its own.
linux_api::Descriptor mount_overlay_by_options(const OverlayPlan& plan, const std::string& layers_directory);

/// Asks the kernel what it mounted at a directory. @throws Error where it is not what the plan says
void verify_overlay(const OverlayPlan& plan, int mounted_directory);

}  // namespace plyroot::overlay
