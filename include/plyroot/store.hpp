#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plyroot/names.hpp"

namespace plyroot {

/// A name for a state of a root, as a user sees it.
struct Snapshot {
  std::string name;
  bool is_current = false;  ///< it names the layer that the head asked for would be cleaned to
  std::int64_t layer = 0;   ///< the layer's id; several may name one

  bool operator==(const Snapshot&) const = default;
};

/// The directories of a head that is to be mounted, relative to the layers' directory.
struct HeadLayers {
  std::vector<std::string> lowers;  ///< the topmost first, never empty
  std::string upper;
  std::string work;

  bool operator==(const HeadLayers&) const = default;
};

/// Where a store is: BASE_DIRECTORY/ROOT. ROOT is a configuration's name without its unique extension.
struct StoreLocation {
  std::string base_directory;
  std::string root;

  [[nodiscard]] std::string path() const { return base_directory + "/" + root; }
};

class HeadLock;

/// A root's layers, and the names that point at them. Mounts nothing.
///
/// What holds before and after each operation:
/// - Layers form a tree whose root is base, the empty one. A layer is alive while a ref, a head or a child reaches it;
///   nothing is counted, so nothing can be counted wrong.
/// - What a committed layer shows never changes; merging only gives it another directory.
/// - The database is the truth: a directory that it does not list is garbage, one that it lists and that is missing is
///   an error, never an empty layer put in its place. Only an upper that nobody has used may have none yet.
/// - Each operation is one transaction: after a kill, a full disk or an I/O error at any instant the store is as before
///   or as after. What it returns from is on the disk, data before name.
///
/// An operation that commits, drops or moves the upper of a head takes a HeadLock that is idle, so that nobody writes
/// to it meanwhile. All operations throw Error; nothing changes then.
///
/// One thread at a time; any number of processes.
class Store {
 public:
  /// Tells whether a live mock holds the root; asked only before a takeover.
  using MockIsAlive = std::function<bool()>;

  /// Opens the store, nothing where there is none yet. A base directory that mock's overlayfs plugin has filled is
  /// taken over in place, in one transaction; refused while a live mock holds the root. Creates nothing else.
  static std::optional<Store> open(const StoreLocation& location, const MockIsAlive& mock_is_alive = {});

  /// As open, and makes a store where there is none, with base as its only layer.
  /// @throws Error where the file system cannot hold an overlay's upper: said before anything is written
  static Store open_or_create(const StoreLocation& location, const MockIsAlive& mock_is_alive = {});

  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// All snapshots, in the order they were made. There may be a hundred thousand; they are not held as values: each
  /// is there until `visit` returns, which may throw. No transaction is open meanwhile.
  /// @throws Error where the database cannot be read
  void for_each_snapshot(const HeadName& head, const std::function<void(const Snapshot&)>& visit) const;
  [[nodiscard]] bool has_snapshot(const SnapshotName& name) const;
  /// What was noted when a snapshot was made (see take_snapshot); nothing where there is no such snapshot.
  [[nodiscard]] std::optional<std::string> origin_of(const SnapshotName& name) const;

  /// Whether the head's root shows a regular file of this name in its top directory. Looks at the layers, mounts
  /// nothing.
  [[nodiscard]] bool shows_file(const HeadName& head_name, const std::string& name) const;

  /// The head's layers, made ready to be mounted: an upper is listed if it has none, on top of its current layer, and
  /// its directory made if that is not there yet; the head is noted as not on the disk, so mount it volatile. The note
  /// is in force when commit_preparation() has returned, which may wait for the disk while the root is being mounted:
  /// until then nobody may write to the root, and other commands that change the store wait. A head that does not exist
  /// is made, standing where the main head stands. An upper that was left unsynced by another boot is dropped first,
  /// and `dropped_unsynced` tells so. Where a mount would need more lowers than the kernel takes, because the
  /// background has not caught up, merge_layers() comes first.
  struct Prepared {
    HeadLayers layers;
    bool dropped_unsynced = false;
  };
  /// @param merging_first called before layers are merged, which may take its time
  Prepared prepare_upper(const HeadLock& idle_head, const std::function<void()>& merging_first = {});
  /// When the note that an upper is in use is put on the disk.
  enum class UseNoteSync {
    at_once,
    /// By sync_use_note(), before the command returns whose session may write to the upper, if its loss would show
    /// without the note: it was listed in this boot, and nobody has used it before.
    may_wait,
  };
  /// What prepare_upper() noted is on the disk when this returns, but for a note that may wait. Where it throws, or the
  /// Store is gone before, nothing was changed, but a head that was on the disk may be noted as if it were not.
  void commit_preparation(UseNoteSync use_note = UseNoteSync::at_once);
  /// Puts on the disk what UseNoteSync::may_wait has left. @throws SystemError
  void sync_use_note();
  /// The same for who comes into a session that another command has just begun, which may have left it to do.
  /// @throws SystemError
  static void sync_use_note(const HeadLock& head);
  /// The layers of the head as they stand, nothing where it has no upper: for a root that is mounted already.
  [[nodiscard]] std::optional<HeadLayers> mounted_layers(const HeadName& name) const;

  /// The state of the head becomes a snapshot and its current layer. What was written is on the disk first.
  /// @param origin what this was made from, for origin_of
  void take_snapshot(const HeadLock& idle_head, const SnapshotName& name, const std::string& origin = {});
  /// The head stands where the snapshot stands; what was written since is dropped.
  void roll_back(const HeadLock& idle_head, const SnapshotName& name);
  /// The head stands where its current layer stands; what was written since is dropped.
  void clean(const HeadLock& idle_head);
  /// Removes a name. The head's own state is not touched, whatever it stood on.
  void remove_snapshot(const SnapshotName& name);
  /// Removes the head, and what only it reached. The main head goes back to base instead.
  void drop_head(const HeadLock& idle_head);

  /// All that was written to the head's upper is put on the disk, and the head noted as such. Waits for the disk, but
  /// nobody waits for it. Leaves the head as it is where it is noted already, is in use, or was used meanwhile.
  void sync_head(const HeadName& name);

  /// The heads there are, the main one first.
  [[nodiscard]] std::vector<HeadName> heads() const;

  /// Back to how a new store is: base, the main head, and nothing else.
  /// @param idle_heads the locks of all heads there are
  void reset(const std::vector<HeadLock>& idle_heads);

  /// Merges layers that no name needs any more into their only child, and lets chains of many layers be mounted from
  /// few directories (covers). Names, and what they show, stay as they are; directories that roots were mounted from
  /// stay until none is. Grows with the layers: for the background. Waits where another process does it already.
  void merge_layers();

  /// Keeps anew, for commands to come, the lists of snapshots that somebody has asked for and that have changed since,
  /// and what those who entered read. Grows with the names and heads: for the background.
  void renew_views();

  /// Makes what the next one to enter the head would have to make: the directory of an upper that nobody has used.
  /// Where it cannot be made, nothing is said.
  void make_upper_ready(const HeadName& name);

  /// How many names have been removed, of how many: called a few times a second.
  using RemovalWatch = std::function<void(std::size_t removed, std::size_t all)>;
  /// Renames directories that no layer lists into trash/, and removes what is in there, on all processors. Grows with
  /// what is removed: for the background. Returns at once where another process does it already; with a watch it waits
  /// for that one, and returns when all is off the disk.
  void collect_garbage(const RemovalWatch& watch = {});
  /// The same for a disk that is full: at once, whoever else does it, and with a head in hand. @returns false where
  /// there was nothing to remove, or it could not be
  bool free_space() noexcept;
  /// Whether there is something in trash/.
  [[nodiscard]] bool has_garbage() const;

  [[nodiscard]] const StoreLocation& location() const;
  /// Absolute path of the directory that HeadLayers are relative to.
  [[nodiscard]] std::string layers_directory() const;

 private:
  friend class HeadLock;
  friend class InitializationLock;
  struct State;
  explicit Store(std::unique_ptr<State> state);
  Prepared prepare_upper_as_it_stands(const HeadLock& idle_head);
  void trash_retired_directories();
  std::unique_ptr<State> state_;
};

/// The right to work on one head, one process at a time. It is the kernel's: whatever kills the process that holds it,
/// it is free again. Short operations wait for each other; a session is not waited for, but told.
class HeadLock {
 public:
  /// Waits until no other short operation works on this head.
  HeadLock(const Store& store, HeadName head);
  /// The same for a root without a store, a plain directory: its lock file lies in `directory`.
  HeadLock(const std::string& directory, HeadName head);
  ~HeadLock();
  HeadLock(HeadLock&&) noexcept;
  HeadLock& operator=(HeadLock&&) noexcept;
  HeadLock(const HeadLock&) = delete;
  HeadLock& operator=(const HeadLock&) = delete;

  enum class Use {
    idle,
    session,  ///< a session's init holds the head
    mounted,  ///< the kernel has its upper mounted somewhere, outside of any session of ours
  };
  /// What the kernel says of the head now.
  [[nodiscard]] Use use() const;
  /// Whether the head of a store seems to be idle, without its lock: for who can use a guess. Makes nothing.
  static bool seems_idle(const StoreLocation& location, const HeadName& head);

  [[nodiscard]] const HeadName& head() const;

  /// Lets other short operations go on.
  void release();
  /// Waits until no session's init holds the head: one that ends needs a moment to have gone.
  void wait_for_session_end() const;

  /// A path within the store for things of this head that belong to its session ("socket"), without a directory:
  /// relative to heads_directory().
  [[nodiscard]] std::string file_name(const std::string& suffix) const;
  /// Descriptor of the directory that file_name() is relative to; lives as long as this.
  [[nodiscard]] int heads_directory() const;
  /// Descriptor of the head's file (store/head_file.hpp); lives as long as this.
  [[nodiscard]] int descriptor() const;

 private:
  [[nodiscard]] Use ask_kernel() const;
  struct State;
  std::unique_ptr<State> state_;
};

/// What a session's init holds as long as it lives. Whoever starts the session takes it, and hands its descriptor to
/// the init: it is held until the last copy of the descriptor is closed.
class SessionLock {
 public:
  /// @param head_lock held by whoever starts the session. @throws Error where another session has it
  explicit SessionLock(const HeadLock& head_lock);
  /// The lock of a descriptor that another process has handed over; closed with this.
  static SessionLock adopt(int descriptor);
  /// @returns the descriptor, which is the caller's to close or to hand over from now on, with the lock
  int release() &&;
  ~SessionLock();
  SessionLock(SessionLock&&) noexcept;
  SessionLock& operator=(SessionLock&&) noexcept;
  SessionLock(const SessionLock&) = delete;
  SessionLock& operator=(const SessionLock&) = delete;
  [[nodiscard]] int descriptor() const;
  /// To be said only where the session has unmounted its root and nobody else can have it mounted or open: then the
  /// next command need not ask the kernel, which takes its time over it.
  void note_unmount() const;

 private:
  struct State;
  explicit SessionLock(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Held while a root is initialised for the first time: whoever comes second waits, and starts from what the first one
/// made.
class InitializationLock {
 public:
  /// @param waiting called once where somebody else holds it
  InitializationLock(const Store& store, const std::function<void()>& waiting);
  /// Nothing where somebody else holds it: for who has to do other things while they wait.
  static std::optional<InitializationLock> try_lock(const Store& store);
  ~InitializationLock();
  InitializationLock(InitializationLock&&) noexcept;
  InitializationLock& operator=(InitializationLock&&) noexcept;
  InitializationLock(const InitializationLock&) = delete;
  InitializationLock& operator=(const InitializationLock&) = delete;

 private:
  struct State;
  explicit InitializationLock(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace plyroot
