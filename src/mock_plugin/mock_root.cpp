#include "mock_plugin/mock_root.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "buildroot/backing.hpp"
#include "buildroot/initialization.hpp"
#include "buildroot/touched_files.hpp"
#include "mock_plugin/housekeeper.hpp"
#include "support/error.hpp"

namespace plyroot::mock_plugin {
namespace {

using buildroot::Root;

constexpr timespec pause_between_looks{0, 50'000'000};

}  // namespace

MockRoot::MockRoot(config::Config config, Log::Listener listener, Mock mock)
    : config_(std::move(config)),
      log_(std::move(listener)),
      mock_(std::move(mock)),
      host_namespace_(linux_api::open_path("/proc/self/ns/mnt", O_RDONLY)),
      caller_{host_namespace_.get(),
              [this](const StoreLocation& store) { start_housekeeper(mock_.python, host_namespace_.get(), store); }} {
  buildroot::head_of(config_);  // refuses a name that none can have, before anything is done
  buildroot::store_location(config_);
}

Root MockRoot::open() {
  return {config_, log_, &caller_};
}

void MockRoot::trace(std::string_view hook) {
  if (config_.plugins.overlayfs.trace_hooks) log_.info(fmt::format("overlayfs: hook {}", hook));
}

void MockRoot::let_others_work() {
  pending_.reset();
  initialization_.reset();
}

void MockRoot::wait_for_initialization(Root& root) {
  const SnapshotName postinit(buildroot::postinit_name);
  bool has_waited = false;
  while (!root.store()->has_snapshot(postinit)) {
    initialization_ = InitializationLock::try_lock(*root.store());
    if (initialization_) {
      if (root.store()->has_snapshot(postinit)) initialization_.reset();
      break;
    }
    if (!std::exchange(has_waited, true)) log_.info("another command initialises this root; waiting for it");
    nanosleep(&pause_between_looks, nullptr);
    mock_.check_signals();
  }
  if (!initialization_ && !root.is_initialized()) root.roll_back(postinit);
}

void MockRoot::mount() {
  trace("mount_root");
  let_others_work();
  if (mounted_for_ != MountedFor::nothing) return;  // a second source package, and nothing cleaned in between
  mount_failed_ = true;
  Root root = open();
  if (root.is_mounted_on_host()) {
    mounted_for_ = MountedFor::user;
  } else {
    // What a mock that was killed has left here: our mock has taken its mounts for those that it is to make.
    if (root.is_mounted_for_mock()) mock_.unmount_managed();
    wait_for_initialization(root);
    HeadLock lock = root.mount_for_mock();
    mounted_for_ = MountedFor::command_or_user;
    pending_.emplace(Pending{std::move(root), std::move(lock)});
  }
  mount_failed_ = false;
}

void MockRoot::begin_command() {
  trace("preinit");
  pending_.reset();
  if (mounted_for_ == MountedFor::command_or_user) mounted_for_ = MountedFor::command;
}

void MockRoot::finish_initialization() {
  trace("postinit");
  pending_.reset();
  Root root = open();
  const bool is_mounted = root.is_mounted_for_mock() || root.is_mounted_on_host();
  if (is_mounted && !root.store()->has_snapshot(SnapshotName(buildroot::postinit_name))) {
    mock_.unmount_managed();
    root.unmount_for_mock();
    if (root.is_mounted_on_host()) root.unmount();
    root.take_snapshot(SnapshotName(buildroot::postinit_name));
    log_.info("made the snapshot postinit");
    root.mount_for_mock();
    mock_.mount_managed();
  }
  initialization_.reset();
}

void MockRoot::finish_command(bool is_failing) {
  trace("postumount");
  let_others_work();
  const MountedFor mounted_for = std::exchange(mounted_for_, MountedFor::nothing);
  // Then it is not ours: another mock's, perhaps.
  if (std::exchange(mount_failed_, false)) return;
  if (!buildroot::open_existing_store(config_)) return;
  Root root = open();
  if (mounted_for == MountedFor::nothing) root.end_leftovers_of_mock();
  root.unmount_for_mock();
  const bool stays = mounted_for == MountedFor::user || (mounted_for == MountedFor::command_or_user && !is_failing);
  if (stays && !root.is_mounted_on_host()) root.mount();
}

void MockRoot::unmount() {
  trace("umount_root");
  let_others_work();
  const MountedFor mounted_for = std::exchange(mounted_for_, MountedFor::nothing);
  if (!buildroot::open_existing_store(config_)) return;
  Root root = open();
  mock_.unmount_managed();
  if (mounted_for == MountedFor::nothing) root.end_leftovers_of_mock();
  root.unmount_for_mock();
  if (root.is_mounted_on_host()) root.unmount();
}

void MockRoot::touch_rpm_database() {
  trace("preyum");
  if (!buildroot::open_existing_store(config_)) return;
  const Root root = open();
  if (!root.is_mounted_for_mock() && !root.is_mounted_on_host()) return;
  buildroot::touch_rpm_database(linux_api::open_path(config_.rootdir, O_PATH | O_DIRECTORY).get());
}

void MockRoot::clean() {
  trace("postclean");
  if (buildroot::open_existing_store(config_)) open().clean_tree();
}

void MockRoot::scrub(const std::string& what) {
  trace("scrub");
  if (what != "all" && what != "overlayfs") return;
  if (buildroot::open_existing_store(config_)) open().scrub_layers();
}

void MockRoot::take_snapshot(const std::string& name) {
  trace("make_snapshot");
  open().take_snapshot(SnapshotName(name));
}

void MockRoot::roll_back(const std::string& name) {
  trace("rollback_to");
  const SnapshotName snapshot(name);
  buildroot::require_store(config_, snapshot);
  open().roll_back(snapshot);
}

void MockRoot::remove_snapshot(const std::string& name) {
  trace("remove_snapshot");
  const SnapshotName snapshot(name);
  buildroot::require_store(config_, snapshot);
  open().remove_snapshot(snapshot);
}

std::vector<std::string> MockRoot::list_snapshots() {
  trace("list_snapshots");
  std::vector<std::string> lines;
  if (const auto store = buildroot::open_existing_store(config_)) {
    store->for_each_snapshot(buildroot::head_of(config_), [&](const Snapshot& snapshot) {
      lines.push_back((snapshot.is_current ? "* " : "  ") + snapshot.name);
    });
  }
  return lines;
}

}  // namespace plyroot::mock_plugin
