#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "buildroot/backing.hpp"
#include "buildroot/session.hpp"
#include "config/config.hpp"
#include "linux/early_writeback.hpp"
#include "plyroot/store.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::buildroot {

/// A program that works on roots and is not plyroot's own: mock, which has left the host's mount namespace.
struct Caller {
  int host_namespace;  ///< a descriptor of the host's mount namespace: where mount() attaches a root
  /// Lets keep_house_a_moment_later() be done by a process in that namespace.
  std::function<void(const StoreLocation&)> begin_housekeeping;
};

/// One build root, or one head of it, as a configuration describes it: what a command works on.
class Root {
 public:
  /// @param config,log,caller live longer than this. Makes what is missing on the disk. @throws Error
  /// @param caller a program that is not plyroot's own
  Root(const config::Config& config, Log& log, const Caller* caller = nullptr);
  /// The same for a command that is going to enter(): a new session's first process begins its work meanwhile.
  static Root to_enter(const config::Config& config, Log& log);

  [[nodiscard]] const config::Config& config() const { return *config_; }
  [[nodiscard]] Log& log() const { return *log_; }

  /// A place in the session of this head, which is made if there is none. The files that the configuration wants
  /// touched (touch_rpmdb, touch_files) are, in a session that is new.
  /// @param before_return called while the session's first process sets the root up, or answers; where it throws, and a
  ///   full disk is the reason, once more when there is room
  /// @param use_note may_wait for who calls sync_use_note() before it ends
  Session enter(
      const std::function<void()>& before_return = [] {}, Store::UseNoteSync use_note = Store::UseNoteSync::at_once);
  /// That this root is in use is on the disk when this returns.
  void sync_use_note();

  /// Whether packages were installed and the root marked so. Mounts nothing.
  [[nodiscard]] bool is_initialized();
  /// Marks a root in which packages are about to be installed for the first time, and then one where they have been.
  static void mark_unfinished(int root);
  static void mark_initialized(int root);
  /// Whether the first installation was begun and never ended: the command was killed, say.
  [[nodiscard]] bool is_unfinished();

  /// The right to change what the head stands on. @throws Error (in_use) that names the processes that use it
  HeadLock lock_idle_head();

  /// See Store. @throws Error (in_use) where the head is in use
  void take_snapshot(const SnapshotName& name, const std::string& origin = {});
  void roll_back(const SnapshotName& name);
  void remove_snapshot(const SnapshotName& name);

  /// Drops what was done since the current snapshot, and the result directory where it is in its default place.
  void clean();
  /// The same without the result directory.
  void clean_tree();
  /// Removes all that is held for the snapshots of this configuration, of all its heads.
  void scrub_layers();

  /// Attaches the root at config().rootdir in the host's mount namespace, until unmount().
  void mount();
  void unmount();
  /// Whether mount() has attached it, as this namespace sees it.
  [[nodiscard]] bool is_mounted_on_host() const;

  /// Attaches the root at config().rootdir for a mock that runs in this namespace, for the time of its command, until
  /// unmount_for_mock(). @throws Error (in_use) where a session, another mock or mount() has it
  /// @returns the right to work on the head: nobody else can until it is dropped
  HeadLock mount_for_mock();
  /// Nothing where it is not so mounted. What still uses it keeps it, but sees it at no path any more.
  /// @throws Error (in_use) where another mock works on the root
  void unmount_for_mock();
  [[nodiscard]] bool is_mounted_for_mock() const;
  /// Ends what a mock that was killed has left of the head; nothing while a mock works on it. To be called before
  /// config().rootdir is unmounted or removed: who uses it in other namespaces could not be found any more.
  void end_leftovers_of_mock();

  /// Kills all that runs in the root.
  void kill_processes();

  /// The store; nothing where overlayfs is turned off.
  [[nodiscard]] Store* store() { return backing_->store(); }

  /// What was written to the root is on the disk when this returns; waits for a session of ours that is just ending.
  /// Where others still are in the session, what they write later may take it along in a power cut
  /// (Store::prepare_upper).
  void make_durable();

  /// While what this returns lives, what is written is on its way to the disk: make_durable() and take_snapshot() wait
  /// for less. Nothing where overlayfs is turned off: nothing is promised there.
  [[nodiscard]] std::optional<linux_api::EarlyWriteback> write_early();

  /// Lets the background do what is left to do: puts on the disk what sessions wrote, removes what was dropped.
  void start_housekeeping();
  /// Does it now, and waits for it, whoever has begun it.
  void finish_housekeeping(const Store::RemovalWatch& watch);

 private:
  Root(const config::Config& config, Log& log, std::optional<WaitingInit> waiting_init);
  void remove_what_was_dropped();
  [[nodiscard]] bool is_mounted_here(const std::string& source) const;
  struct MountedTree;
  void touch(int root);
  [[nodiscard]] MountedTree mount_detached(const HeadLock& lock, const std::string& source);
  void attach(const MountedTree& tree) const;
  void attach_on_host(const MountedTree& tree) const;
  void unmount_on_host() const;
  void refuse_to_cover_store() const;
  void wait_until_settled(const HeadLock& lock);
  void end_leftovers() const;
  void trace(std::string_view operation) const;
  Store& required_store(std::string_view feature);

  const config::Config* config_;
  Log* log_;
  const Caller* caller_ = nullptr;
  std::optional<WaitingInit> waiting_init_;  ///< before the store is opened: its process starts with little memory
  std::unique_ptr<Backing> backing_;
};

/// @throws Error in mock's words: a snapshot command where overlayfs is turned off
[[noreturn]] void refuse_feature(std::string_view feature);

/// Opens the store of a configuration for a command that takes the name of a snapshot. @throws Error where there is no
/// store, hence no such snapshot; nothing is made then
void require_store(const config::Config& config, const SnapshotName& name);

}  // namespace plyroot::buildroot
