#include "buildroot/session_plan.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "buildroot/root_files.hpp"
#include "linux/namespaces.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

using linux_api::Descriptor;

constexpr gid_t tty_group = 5;  // in every distribution; devpts gives it to each terminal

linux_api::FileSystemParameter option(const char* key, std::string value) {
  return {key, std::move(value)};
}

RootMount device_tree(int loop_devices) {
  RootMount dev{"dev",
                {"tmpfs", {option("mode", "0755"), option("size", "4m")}, MOUNT_ATTR_NOSUID},
                {"pts", "shm", "mapper"},
                {},
                {},
                {}};
  constexpr mode_t for_all = S_IFCHR | 0666;
  dev.devices = {{"null", for_all, 1, 3},    {"zero", for_all, 1, 5},
                 {"full", for_all, 1, 7},    {"random", for_all, 1, 8},
                 {"urandom", for_all, 1, 9}, {"tty", for_all, 5, 0},
                 {"fuse", for_all, 10, 229}, {"loop-control", S_IFCHR | 0660, 10, 237}};
  for (int i = 0; i < loop_devices; ++i) {
    dev.devices.push_back({fmt::format("loop{}", i), S_IFBLK | 0660, 7, static_cast<unsigned>(i)});
  }
  dev.links = {{"fd", "/proc/self/fd"},
               {"stdin", "/proc/self/fd/0"},
               {"stdout", "/proc/self/fd/1"},
               {"stderr", "/proc/self/fd/2"},
               {"ptmx", "pts/ptmx"}};
  return dev;
}

void fill(int directory, const RootMount& mount) {
  for (const std::string& name : mount.directories) {
    if (mkdirat(directory, name.c_str(), 0755) < 0) throw_errno(errno, "make in a new file system the directory", name);
  }
  for (const DeviceNode& node : mount.devices) {
    if (mknodat(directory, node.name.c_str(), node.mode, makedev(node.major, node.minor)) < 0) {
      throw_errno(errno, "make in a new file system the device", node.name);
    }
    if (fchmodat(directory, node.name.c_str(), node.mode & 07777, 0) < 0)
      throw_errno(errno, "set in a new file system the mode of", node.name);
  }
  for (const SymbolicLink& link : mount.links) {
    if (symlinkat(link.target.c_str(), directory, link.name.c_str()) < 0)
      throw_errno(errno, "make in a new file system the link", link.name);
  }
}

class NothingMasked {
 public:
  NothingMasked() : before_(umask(0)) {}
  ~NothingMasked() { umask(before_); }
  NothingMasked(const NothingMasked&) = delete;
  NothingMasked& operator=(const NothingMasked&) = delete;

 private:
  mode_t before_;
};

std::vector<Descriptor> mount_where(const SessionPlan& plan, bool shows_namespaces) {
  std::vector<Descriptor> mounted;
  const NothingMasked modes_are_as_planned;
  for (const RootMount& mount : plan.mounts) {
    if (mount.shows_namespaces != shows_namespaces) continue;
    linux_api::FileSystemMount file_system = mount.file_system;
    file_system.called = fmt::format("{} on /{} of the build root", file_system.type, mount.target);
    mounted.push_back(linux_api::mount_detached(file_system));
    fill(mounted.back().get(), mount);
  }
  return mounted;
}

/// Covers a path with a read-only view of itself.
void make_read_only(int root, const std::string& path) {
  int error_number = 0;
  const Descriptor place = linux_api::try_open_in_root(root, path, O_PATH, linux_api::Links::refuse, 0, error_number);
  if (!place && error_number == ENOENT) return;
  if (!place) throw_errno(error_number, "open in the build root", path);
  const Descriptor view = linux_api::clone_mount(place.get(), "", false);
  linux_api::set_mount_attributes(view.get(), "", MOUNT_ATTR_RDONLY, 0, false);
  linux_api::attach_mount(view.get(), place.get());
}

/// Some directory to attach the tree at before it becomes the root.
std::string anchor_of(const RootTree& tree) {
  if (const auto* overlay = std::get_if<OverlayTree>(&tree)) return overlay->layers_directory;
  return std::get<ExistingTree>(tree).directory;
}

void attach_bind(int root, const HostBind& bind, const Descriptor& source) {
  struct stat status {};
  if (fstat(source.get(), &status) < 0) throw_errno(errno, "examine", printable(bind.host_path));
  if (bind.make_target) {
    if (S_ISDIR(status.st_mode)) {
      make_directories_in_root(root, bind.target, 0755);
    } else {
      make_file_in_root(root, bind.target);
    }
  }
  const Descriptor target = linux_api::open_in_root(root, bind.target, O_PATH, linux_api::Links::refuse);
  linux_api::attach_mount(source.get(), target.get());
}

}  // namespace

std::vector<RootMount> standard_mounts(int loop_devices) {
  constexpr std::uint64_t data_only = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  return {
      {"proc", {"proc", {}, data_only}, {}, {}, {}, {"sys", "sysrq-trigger", "irq", "bus", "fs"}, true},
      {"sys", {"sysfs", {}, data_only | MOUNT_ATTR_RDONLY}, {}, {}, {}, {}, true},
      device_tree(loop_devices),
      {"dev/pts",
       {"devpts",
        {option("mode", "0620"), option("ptmxmode", "0666"), option("gid", std::to_string(tty_group))},
        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC},
       {},
       {},
       {},
       {}},
      {"dev/shm", {"tmpfs", {option("mode", "1777")}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV}, {}, {}, {}, {}},
  };
}

PreparedSession prepare_session(const SessionPlan& plan) {
  linux_api::stop_mount_propagation(false);
  PreparedSession prepared;
  for (const HostBind& bind : plan.binds)  // taken while the host's tree is still our root
    prepared.bind_sources.push_back(linux_api::clone_mount(AT_FDCWD, bind.host_path, true));
  prepared.file_systems = mount_where(plan, true);
  linux_api::set_host_name(plan.host_name);
  linux_api::bring_loopback_up();
  return prepared;
}

std::vector<Descriptor> mount_file_systems(const SessionPlan& plan) {
  return mount_where(plan, false);
}

linux_api::Descriptor mount_tree(const RootTree& tree) {
  if (const auto* overlay = std::get_if<OverlayTree>(&tree)) {
    return overlay::mount_overlay(overlay->overlay, overlay->layers_directory);
  }
  return linux_api::clone_mount(AT_FDCWD, std::get<ExistingTree>(tree).directory, false);
}

MountedSession mount_session(const SessionPlan& plan, PreparedSession prepared, const RootTree& tree,
                             linux_api::Descriptor mounted_tree, std::vector<Descriptor> file_systems) {
  MountedSession mounted;
  mounted.root = std::move(mounted_tree);
  linux_api::attach_mount(mounted.root.get(), linux_api::open_path(anchor_of(tree), O_PATH | O_DIRECTORY).get());
  linux_api::pivot_root_to(mounted.root.get());
  linux_api::stop_mount_propagation(false);  // what was copied from a tree of the host's still has it
  if (const auto* overlay = std::get_if<OverlayTree>(&tree)) {
    overlay::verify_overlay(overlay->overlay, mounted.root.get());
  }
  auto ours = prepared.file_systems.begin();
  auto others = file_systems.begin();
  for (const RootMount& mount : plan.mounts) {
    Descriptor& file_system = mount.shows_namespaces ? *ours++ : *others++;
    make_directories_in_root(mounted.root.get(), mount.target, 0755);
    const Descriptor target =
        linux_api::open_in_root(mounted.root.get(), mount.target, O_PATH | O_DIRECTORY, linux_api::Links::refuse);
    linux_api::attach_mount(file_system.get(), target.get());
    for (const std::string& name : mount.read_only)
      make_read_only(mounted.root.get(), mount.target + "/" + name);
    if (mount.file_system.type == "devpts") mounted.terminals = std::move(file_system);
  }
  for (std::size_t i = 0; i < plan.binds.size(); ++i)
    attach_bind(mounted.root.get(), plan.binds[i], prepared.bind_sources[i]);
  return mounted;
}

}  // namespace plyroot::buildroot
