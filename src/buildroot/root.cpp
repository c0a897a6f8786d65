#include "buildroot/root.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "buildroot/full_disk.hpp"
#include "buildroot/housekeeping.hpp"
#include "buildroot/mock_neighbour.hpp"
#include "buildroot/root_files.hpp"
#include "buildroot/touched_files.hpp"
#include "linux/directory.hpp"
#include "linux/mount.hpp"
#include "linux/namespaces.hpp"
#include "linux/thread.hpp"
#include "support/error.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

using linux_api::Descriptor;

/// mock's mark, kept in the root so that it goes with each snapshot.
constexpr const char* initialized_mark = ".initialized";
/// Becomes the other one when all is done.
constexpr const char* unfinished_mark = ".initializing";

constexpr timespec moment{0, 1'000'000};
constexpr int most_waits = 1000;

[[noreturn]] void refuse_root_in_use(const std::vector<linux_api::ProcessName>& users) {
  constexpr std::size_t most_named = 20;
  std::string names;
  for (std::size_t i = 0; i < std::min(users.size(), most_named); ++i) {
    names += fmt::format("\n  {} {}", users[i].id, users[i].command);
  }
  if (users.size() > most_named) names += fmt::format("\n  and {} more", users.size() - most_named);
  throw Error(
      "Build root is locked by another process.",
      users.empty()
          ? "It was just being used; try again."
          : fmt::format("It is in use by:{}\nEnd them (or `--orphanskill`), then run the command again.", names),
      ExitCode::in_use);
}

std::string parent_of(const std::string& path) {
  return path.substr(0, std::max<std::size_t>(path.find_last_of('/'), 1));
}
std::string name_of(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

/// As mountinfo has it: without links, "..", or a slash at the end. The path itself where it does not exist.
std::string real_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

/// Removes a directory of the host that is this root's own. Costs what is in it: results, not roots.
void remove_directory(const std::string& path) {
  const Descriptor parent = linux_api::open_if_exists(AT_FDCWD, parent_of(path), O_RDONLY | O_DIRECTORY);
  if (parent) linux_api::remove_tree(parent.get(), name_of(path));
}

SessionPlan plan_session(const config::Config& config) {
  SessionPlan plan{standard_mounts(config.dev_loop_count), {}, config.hostname.value_or("mock")};
  if (config.plugins.bind_mount.enable) {
    for (const config::PathPair& bind : config.plugins.bind_mount.dirs) {
      plan.binds.push_back({bind.host_path, bind.chroot_path, config.plugins.bind_mount.create_dirs});
    }
  }
  return plan;
}

/// Where nobody seems to be in the root: a session will have to be made.
std::optional<WaitingInit> begin_session_early(const config::Config& config) {
  if (!config.plugins.overlayfs.enable || !HeadLock::seems_idle(store_location(config), head_of(config)))
    return std::nullopt;
  return WaitingInit(plan_session(config));
}

}  // namespace

void refuse_feature(std::string_view feature) {
  throw Error(fmt::format("Feature {} is not provided by any of enabled plugins", feature),
              "Snapshots need overlayfs: config_opts['plugin_conf']['overlayfs_enable'] = True (the default), or "
              "--enable-plugin overlayfs.");
}

void require_store(const config::Config& config, const SnapshotName& name) {
  if (!open_existing_store(config))
    throw Error(fmt::format("Ref does not exist: {} !", name.text()), "This root has no snapshots yet.");
}

Root::Root(const config::Config& config, Log& log, const Caller* caller)
    : config_(&config), log_(&log), caller_(caller), backing_(make_backing(config)) {}

Root::Root(const config::Config& config, Log& log, std::optional<WaitingInit> waiting_init)
    : config_(&config), log_(&log), waiting_init_(std::move(waiting_init)), backing_(make_backing(config)) {}

Root Root::to_enter(const config::Config& config, Log& log) {
  return {config, log, begin_session_early(config)};
}

Store& Root::required_store(std::string_view feature) {
  if (backing_->store() == nullptr) refuse_feature(feature);
  return *backing_->store();
}

/// What is done to the layers, where the configuration wants it said (trace_hooks).
void Root::trace(std::string_view operation) const {
  if (config_->plugins.overlayfs.trace_hooks) log_->info(fmt::format("overlayfs: {}", operation));
}

Session Root::enter(const std::function<void()>& before_return, Store::UseNoteSync use_note) {
  bool is_done = false;
  const auto meanwhile = [&] {  // once, where the session that answers is about to end, and another one is tried
    if (!is_done) before_return();
    is_done = true;
  };
  const HeadLock lock = backing_->lock();
  while (lock.use() == HeadLock::Use::session) {
    if (auto running = Session::join(lock, meanwhile)) {
      waiting_init_.reset();
      if (backing_->store() != nullptr) Store::sync_use_note(lock);
      return std::move(*running);
    }
    lock.wait_for_session_end();
  }
  if (lock.use() == HeadLock::Use::mounted && !is_mounted_on_host()) {
    wait_until_settled(lock);
  }
  // One that was begun early does not see what is mounted on the host since.
  if (lock.use() != HeadLock::Use::idle) waiting_init_.reset();
  trace("mount");
  const auto start = [&] {
    if (!waiting_init_) waiting_init_.emplace(plan_session(*config_));
    const RootTree tree = backing_->prepare_tree(lock, *log_);
    WaitingInit init = std::move(*waiting_init_);
    waiting_init_.reset();
    return Session::start(lock, std::move(init), tree, [&] {
      backing_->commit_preparation(use_note);
      meanwhile();
    });
  };
  Session session = backing_->store() == nullptr ? start() : retry_when_full(*backing_->store(), start);
  if (backing_->store() != nullptr) touch(session.root());
  return session;
}

void Root::sync_use_note() {
  backing_->sync_use_note();
}

/// Copies to the upper what the configuration wants to lie there: a disk may become full by it.
void Root::touch(int root) {
  retry_when_full(*backing_->store(), [&] {
    if (config_->plugins.overlayfs.touch_rpmdb) touch_rpm_database(root);
    touch_files(root, config_->plugins.overlayfs.touch_files);
  });
}

bool Root::is_mounted_here(const std::string& source) const {
  const std::string place = real_path(config_->rootdir);
  const auto mounts = linux_api::read_mountinfo();
  return std::any_of(mounts.begin(), mounts.end(), [&](const linux_api::MountInfo& mount) {
    return mount.mount_point == place && mount.type == "overlay" && mount.source == source;
  });
}

/// A root that hid its own layers could not be unmounted by us any more.
void Root::refuse_to_cover_store() const {
  const std::string place = real_path(config_->rootdir);
  const std::string store = real_path(backing_->store()->location().path());
  if (place != "/" && place != store && !store.starts_with(place + "/")) return;
  throw Error(fmt::format("the root cannot be mounted at {}: that would hide its own layers in {}",
                          printable(config_->rootdir), printable(store)),
              "Name another directory with --rootdir, or with config_opts['rootdir'].", ExitCode::root);
}

bool Root::is_mounted_on_host() const {
  return is_mounted_here(backing_->mount_source());
}
bool Root::is_mounted_for_mock() const {
  return is_mounted_here(mock_mount_source(backing_->mount_source()));
}

/// The upper is mounted, and not by a session: for good, by a mock, or by what is left of a session or a mock that was
/// killed.
void Root::wait_until_settled(const HeadLock& lock) {
  if (lock.use() == HeadLock::Use::idle) return;
  if (const auto mocks = mocks_at_work(*config_); !mocks.empty()) refuse_root_in_use(mocks);
  end_leftovers();
  for (int tries = 0; tries < most_waits; ++tries) {
    if (lock.use() == HeadLock::Use::idle) return;
    nanosleep(&moment, nullptr);
  }
  auto users = linux_api::processes_that_mount(backing_->mount_source());
  if (users.empty()) users = linux_api::processes_that_mount(mock_mount_source(backing_->mount_source()));
  refuse_root_in_use(users);
}

HeadLock Root::lock_idle_head() {
  HeadLock lock = backing_->lock();
  for (int empty_sessions = 0;;) {
    switch (lock.use()) {
      case HeadLock::Use::idle:
        return lock;
      case HeadLock::Use::session:
        if (const auto running = Session::join(lock)) {
          const auto users = linux_api::processes_in_pid_namespace_of(running->init_pidfd());
          // A session without processes is about to end, or to begin: the one needs no patience, the other shows soon.
          if (!users.empty() || ++empty_sessions > most_waits) refuse_root_in_use(users);
        } else {
          lock.wait_for_session_end();
          break;
        }
        nanosleep(&moment, nullptr);
        break;
      case HeadLock::Use::mounted:
        if (is_mounted_on_host()) {
          throw Error("Build root is locked by another process.",
                      fmt::format("It is mounted at {} (--mount). Unmount it with --umount first.", config_->rootdir),
                      ExitCode::in_use);
        }
        wait_until_settled(lock);
        break;
    }
  }
}

bool Root::is_initialized() {
  if (Store* store = backing_->store()) return store->shows_file(head_of(*config_), initialized_mark);
  struct stat status {};
  return stat((config_->rootdir + "/" + initialized_mark).c_str(), &status) == 0;
}

bool Root::is_unfinished() {
  return backing_->store() != nullptr && backing_->store()->shows_file(head_of(*config_), unfinished_mark);
}

void Root::mark_unfinished(int root) {
  write_file_in_root(root, unfinished_mark, "");
}

void Root::mark_initialized(int root) {
  if (renameat(root, unfinished_mark, root, initialized_mark) < 0)
    throw_errno(errno, fmt::format("rename {} in the build root to", unfinished_mark), initialized_mark);
}

void Root::take_snapshot(const SnapshotName& name, const std::string& origin) {
  trace("take snapshot " + name.text());
  Store& store = required_store("make_snapshot");
  const HeadLock lock = lock_idle_head();
  retry_when_full(store, [&] { store.take_snapshot(lock, name, origin); });
}

void Root::roll_back(const SnapshotName& name) {
  trace("roll back to " + name.text());
  Store& store = required_store("rollback_to");
  const HeadLock lock = lock_idle_head();
  retry_when_full(store, [&] { store.roll_back(lock, name); });
  remove_what_was_dropped();
}

void Root::remove_snapshot(const SnapshotName& name) {
  trace("remove snapshot " + name.text());
  Store& store = required_store("remove_snapshot");
  retry_when_full(store, [&] { store.remove_snapshot(name); });
  start_housekeeping();
}

void Root::clean_tree() {
  backing_->clean(lock_idle_head());
  remove_what_was_dropped();
}

void Root::clean() {
  const HeadLock lock = lock_idle_head();
  trace("clean");
  backing_->clean(lock);
  const std::string directory = config_->basedir + "/" + config_->root;
  remove_directory(directory + "/result");
  // The place that --mount used; nothing is mounted there, or the head would not be idle.
  if (backing_->store() != nullptr && config_->rootdir.starts_with(directory + "/")) rmdir(config_->rootdir.c_str());
  remove_what_was_dropped();
}

void Root::scrub_layers() {
  Store* store = backing_->store();
  if (store == nullptr) return;
  std::vector<HeadLock> locks;
  for (const HeadName& head : store->heads()) {
    config::Config of_head = *config_;
    of_head.root = head.is_main() ? config_->shared_root : config_->shared_root + "-" + head.text();
    if (of_head.root == config_->root) {
      locks.push_back(lock_idle_head());
    } else {
      of_head.rootdir = fmt::format("{}/{}/root", config_->basedir, of_head.root);
      locks.push_back(Root(of_head, *log_, caller_).lock_idle_head());
    }
  }
  trace("scrub");
  retry_when_full(*store, [&] { store->reset(locks); });
  remove_what_was_dropped();
}

/// A root's tree, attached nowhere yet.
struct Root::MountedTree {
  Descriptor root;
  std::optional<overlay::OverlayPlan> plan;  ///< where it was mounted by one
};

void Root::mount() {
  const HeadLock lock = backing_->lock();
  if (backing_->store() == nullptr) return;  // a plain directory is there already
  if (is_mounted_on_host()) {
    log_->info(fmt::format("{} is mounted already", config_->rootdir));
    return;
  }
  refuse_to_cover_store();
  MountedTree tree;
  while (lock.use() == HeadLock::Use::session && !tree.root) {
    if (auto running = Session::join(lock)) {
      tree.root = running->copy_of_root();
    } else {
      lock.wait_for_session_end();
    }
  }
  if (!tree.root) {
    if (lock.use() == HeadLock::Use::mounted) wait_until_settled(lock);
    tree = mount_detached(lock, backing_->mount_source());
  }
  attach_on_host(tree);
}

Root::MountedTree Root::mount_detached(const HeadLock& lock, const std::string& source) {
  MountedTree mounted = retry_when_full(*backing_->store(), [&]() -> MountedTree {
    auto planned = std::get<OverlayTree>(backing_->prepare_tree(lock, *log_));
    backing_->commit_preparation(Store::UseNoteSync::at_once);
    planned.overlay.source = source;
    Descriptor tree = overlay::mount_overlay(planned.overlay, planned.layers_directory);
    return {std::move(tree), std::move(planned.overlay)};
  });
  touch(mounted.root.get());
  return mounted;
}

void Root::attach(const MountedTree& tree) const {
  linux_api::make_directories(config_->rootdir, 0755);
  linux_api::attach_mount(tree.root.get(), linux_api::open_path(config_->rootdir, O_PATH | O_DIRECTORY).get());
  try {
    if (tree.plan) overlay::verify_overlay(*tree.plan, tree.root.get());
  } catch (const Error&) {
    linux_api::unmount_detached(config_->rootdir);
    throw;
  }
}

void Root::attach_on_host(const MountedTree& tree) const {
  if (caller_ == nullptr) return attach(tree);
  linux_api::run_in_mount_namespace(caller_->host_namespace, [&] { attach(tree); });
}

void Root::unmount() {
  const HeadLock lock = backing_->lock();
  if (backing_->store() == nullptr || !is_mounted_on_host()) {
    log_->info(fmt::format("{} is not mounted", config_->rootdir));
    return;
  }
  unmount_on_host();
  start_housekeeping();
}

/// A namespace that has left the host's may have a copy of its mounts: both go, the host's first, which may be refused.
void Root::unmount_on_host() const {
  const auto unmount_here = [&] {
    if (!is_mounted_on_host() || linux_api::unmount_if_unused(real_path(config_->rootdir))) return;
    throw Error(fmt::format("cannot unmount {}: something uses it", config_->rootdir),
                fmt::format("`fuser -vm {}` tells what.", config_->rootdir), ExitCode::in_use);
  };
  if (caller_ != nullptr) linux_api::run_in_mount_namespace(caller_->host_namespace, unmount_here);
  unmount_here();
}

HeadLock Root::mount_for_mock() {
  HeadLock lock = lock_idle_head();
  trace("mount");
  attach(mount_detached(lock, mock_mount_source(backing_->mount_source())));
  return lock;
}

void Root::unmount_for_mock() {
  if (!is_mounted_for_mock()) return;
  if (const auto mocks = mocks_at_work(*config_); !mocks.empty()) refuse_root_in_use(mocks);
  linux_api::unmount_detached(config_->rootdir);
  start_housekeeping();
}

void Root::end_leftovers_of_mock() {
  const HeadLock lock = backing_->lock();
  if (lock.use() == HeadLock::Use::mounted && !is_mounted_on_host() && mocks_at_work(*config_).empty()) end_leftovers();
}

void Root::end_leftovers() const {
  for (const auto& process : buildroot::end_leftovers_of_mock(mock_mount_source(backing_->mount_source())))
    log_->warning(
        fmt::format("killed what a mock that was killed had left running: {} {}", process.id, process.command));
}

void Root::kill_processes() {
  const HeadLock lock = backing_->lock();
  if (lock.use() != HeadLock::Use::session) return;
  if (const auto running = Session::join(lock)) running->end();
  lock.wait_for_session_end();
}

void Root::make_durable() {
  if (backing_->store() == nullptr) return;
  sync_when_left(*backing_->store(), head_of(*config_));
  Store::sync_use_note(backing_->lock());  // where others use the root, so that it cannot be synced
  start_housekeeping();
}

std::optional<linux_api::EarlyWriteback> Root::write_early() {
  if (backing_->store() == nullptr) return std::nullopt;
  return linux_api::EarlyWriteback(backing_->store()->layers_directory());
}

void Root::remove_what_was_dropped() {
  if (backing_->store() != nullptr && backing_->store()->has_garbage()) start_housekeeping();
}

void Root::start_housekeeping() {
  const Store* store = backing_->store();
  if (store == nullptr) return;
  if (caller_ == nullptr) return start_housekeeping_of(*store);
  if (!is_housekeeping_pending(*store)) caller_->begin_housekeeping(store->location());
}

void Root::finish_housekeeping(const Store::RemovalWatch& watch) {
  if (backing_->store() != nullptr) keep_house(*backing_->store(), watch);
}

}  // namespace plyroot::buildroot
