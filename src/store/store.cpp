#include "plyroot/store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "linux/file_system.hpp"
#include "linux/thread.hpp"
#include "overlay/marks.hpp"
#include "overlay/overlay_mount.hpp"
#include "overlay/upper_support.hpp"
#include "store/collector.hpp"
#include "store/head_file.hpp"
#include "store/head_use.hpp"
#include "store/layer_directory.hpp"
#include "store/layer_tree.hpp"
#include "store/mock_takeover.hpp"
#include "store/schema.hpp"
#include "store/state.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot {

using linux_api::Descriptor;
using store::Database;
using store::Head;
using store::LayerId;
using store::Transaction;

namespace store {

Descriptor open_or_make_directory(int parent, const std::string& name) {
  Descriptor directory = linux_api::open_if_directory(parent, name);
  if (directory) return directory;
  if (mkdirat(parent, name.c_str(), 0700) < 0 && errno != EEXIST)
    throw_errno(errno, "make the directory", linux_api::shown_path(parent, name));
  return linux_api::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace store

namespace {

constexpr const char* advice_on_base_directory =
    "Point plugin_conf's overlayfs_opts base_dir to another file system: in a container a volume or a tmpfs, elsewhere "
    "ext4, xfs, btrfs or tmpfs.";

Descriptor open_store_directory(const StoreLocation& location) {
  return linux_api::open_if_exists(AT_FDCWD, location.path(), O_RDONLY | O_DIRECTORY);
}

std::string existing_ancestor(std::string path) {
  struct stat status {};
  while (path.size() > 1 && stat(path.c_str(), &status) < 0 && errno == ENOENT)
    path.resize(std::max<std::size_t>(path.find_last_of('/'), 1));
  return path;
}

/// Said before anything is written: a store where no upper can lie would be of no use.
void require_upper_support(const std::string& base_directory) {
  const std::string where = existing_ancestor(base_directory);
  const Descriptor directory = linux_api::open_path(where, O_RDONLY | O_DIRECTORY);
  std::string reason;
  try {
    reason = overlay::why_no_upper(directory.get());
  } catch (const SystemError& error) {
    throw SystemError(error.error_number(),
                      fmt::format("write to {}, where build roots are to be kept", printable(where)),
                      "Make base_dir (plugin_conf's overlayfs_opts) a directory that root can write to.");
  }
  if (!reason.empty()) {
    throw Error(fmt::format("base_dir {} cannot hold build roots: {}", printable(base_directory), reason),
                advice_on_base_directory, ExitCode::root);
  }
}

Descriptor make_store_directory(const StoreLocation& location) {
  require_upper_support(location.base_directory);
  linux_api::make_directories(location.base_directory, 0755);
  const Descriptor base = linux_api::open_path(location.base_directory, O_RDONLY | O_DIRECTORY);
  Descriptor directory = store::open_or_make_directory(base.get(), location.root);
  linux_api::sync_directory(base.get());
  return directory;
}

}  // namespace

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

namespace {

/// Makes the tables of a database that has none: those of a new store, or of what mock's plugin left. Whoever comes
/// second finds it done.
void fill(const Database& database, const StoreLocation& location, int directory, int layers,
          const Store::MockIsAlive& mock_is_alive) {
  Transaction transaction(database);
  if (store::schema_state(database) != store::SchemaState::missing) return;
  store::create_schema(database);
  if (store::is_mock_store(directory)) {
    if (mock_is_alive && mock_is_alive()) {
      throw Error(fmt::format("cannot take over {}: a running mock works on this root", printable(location.path())),
                  "Wait until it has ended.", ExitCode::in_use);
    }
    store::take_over(store::read_mock_store(directory, location.path()), database, directory, layers);
  } else {
    store::make_base_directory(layers);
    const LayerId base = store::add_layer(database, store::base_directory_name, std::nullopt, true);
    write_head(database, HeadName::main(), store::head_on(base));
  }
  transaction.commit();
}

}  // namespace

std::optional<Store> Store::open(const StoreLocation& location, const MockIsAlive& mock_is_alive) {
  Descriptor directory = open_store_directory(location);
  if (!directory) return std::nullopt;
  const std::string path = location.path() + "/" + store::database_name;
  auto file = store::DatabaseFile::open(directory.get(), path);
  if (!file && !store::is_mock_store(directory.get())) return std::nullopt;
  if (file && store::is_newest_schema(file->user_version()) && file->settled_stamp())
    return Store(std::make_unique<State>(location, std::move(directory), std::move(*file), std::nullopt));
  Database database(path, file ? Database::Mode::existing : Database::Mode::create);
  const store::SchemaState schema = store::schema_state(database);
  if (schema == store::SchemaState::older) store::upgrade_schema(database);
  if (schema == store::SchemaState::missing) {
    // Killed while it was made: as if it had never been begun.
    if (!store::is_mock_store(directory.get())) return std::nullopt;
    const Descriptor layers =
        linux_api::open_at(directory.get(), store::layers_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    fill(database, location, directory.get(), layers.get(), mock_is_alive);
    linux_api::sync_directory(directory.get());
  }
  if (!file) file = store::DatabaseFile::open(directory.get(), path);
  return Store(std::make_unique<State>(location, std::move(directory), std::move(file.value()), std::move(database)));
}

Store Store::open_or_create(const StoreLocation& location, const MockIsAlive& mock_is_alive) {
  if (std::optional<Store> existing = open(location, mock_is_alive)) return std::move(*existing);
  Descriptor directory = make_store_directory(location);
  const Descriptor layers = store::open_or_make_directory(directory.get(), store::layers_name);
  store::open_or_make_directory(directory.get(), store::heads_name);
  const std::string path = location.path() + "/" + store::database_name;
  Database database(path, Database::Mode::create);
  fill(database, location, directory.get(), layers.get(), mock_is_alive);
  linux_api::sync_directory(directory.get());
  auto file = store::DatabaseFile::open(directory.get(), path);
  return Store(std::make_unique<State>(location, std::move(directory), std::move(file.value()), std::move(database)));
}

const StoreLocation& Store::location() const {
  return state_->location;
}
std::string Store::layers_directory() const {
  return state_->location.path() + "/" + store::layers_name;
}

namespace {

using store::read_head;

LayerId require_ref(const Database& database, const SnapshotName& name) {
  if (const auto layer = store::find_ref(database, name)) return *layer;
  throw Error(fmt::format("Ref does not exist: {} !", name.text()), "`--list-snapshots` shows those that do.");
}

void require_idle(const HeadLock& lock) {
  if (lock.use() != HeadLock::Use::idle) throw Error("Build root is locked by another process.", {}, ExitCode::in_use);
}

/// The same as its file and its upper tell of it too.
Head read_head(const Database& database, int layers, const HeadLock& lock) {
  Head head = read_head(database, lock.head());
  store::apply_use_note(lock.descriptor(), head);
  if (head.upper_is_unused)
    store::look_for_use(layers, store::read_layer(database, head.upper.value()).directory, head);
  return head;
}

bool was_written_to(const Head& head) {
  return head.upper && !head.upper_is_unused;
}

/// An upper that another boot left unsynced may be torn: the head goes back to its current layer.
bool drop_unsynced_upper(Head& head) {
  if (!head.unsynced_since_boot || *head.unsynced_since_boot == linux_api::boot_id()) return false;
  head.upper.reset();
  head.unsynced_since_boot.reset();
  return true;
}

}  // namespace

void Store::for_each_snapshot(const HeadName& head, const std::function<void(const Snapshot&)>& visit) const {
  state_->list_of(head).for_each(visit);
}

void Store::renew_views() {
  for (const HeadName& head : heads()) {
    state_->renew_view_of(head);
    state_->renew_list_of(head);
  }
}

bool Store::has_snapshot(const SnapshotName& name) const {
  return store::find_ref(state_->database(), name).has_value();
}

std::optional<std::string> Store::origin_of(const SnapshotName& name) const {
  return state_->origin_of(name);
}

std::vector<HeadName> Store::heads() const {
  store::Statement rows(state_->database(), "SELECT name FROM heads ORDER BY name");
  std::vector<HeadName> names;
  while (rows.step())
    names.push_back(rows.text(0).empty() ? HeadName::main() : HeadName(rows.text(0)));
  return names;
}

namespace {

HeadLayers mounted(const std::string& upper_directory, std::vector<std::string> below) {
  for (std::string& directory : below)
    directory += "/fs";
  return {std::move(below), upper_directory + "/fs", upper_directory + "/work"};
}

HeadLayers layers_of(const Database& database, const Head& head) {
  const store::Layer upper = store::read_layer(database, *head.upper);
  return mounted(upper.directory, store::chain_of(database, upper.parent.value()));
}

}  // namespace

bool Store::shows_file(const HeadName& head_name, const std::string& name) const {
  const store::HeadView& view = state_->view_of(head_name);
  std::vector<std::string> directories = view.below;
  if (!view.upper_directory.empty()) directories.insert(directories.begin(), view.upper_directory);
  for (const std::string& directory : directories) {
    struct stat status {};
    const std::string path = directory + "/fs/" + name;
    if (fstatat(state_->layers.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return S_ISREG(status.st_mode);
  }
  return false;
}

Store::Prepared Store::prepare_upper(const HeadLock& idle_head, const std::function<void()>& merging_first) {
  Prepared prepared = prepare_upper_as_it_stands(idle_head);
  if (prepared.layers.lowers.size() <= overlay::most_lowers) return prepared;
  commit_preparation();
  if (merging_first) merging_first();
  merge_layers();
  prepared.layers = prepare_upper_as_it_stands(idle_head).layers;
  return prepared;
}

namespace {

/// Gives a head an upper, and notes that it is not on the disk. @returns the upper dropped, which another boot left so
std::optional<LayerId> give_upper(const Database& database, int layers, const HeadLock& lock, Head& head,
                                  const std::string& boot) {
  head = read_head(database, layers, lock);
  const auto upper_before = head.upper;
  const bool dropped = drop_unsynced_upper(head);
  if (!head.upper) head = store::head_with_new_upper(database, head.current);
  if (head.upper_is_unused) {
    const std::string below = store::read_layer(database, head.current).directory;
    store::make_upper_directory(layers, store::read_layer(database, *head.upper).directory, below);
    head.upper_is_unused = false;
  }
  head.unsynced_since_boot = boot;
  head.retired_before_mount = store::last_retired(database);
  store::write_head(database, lock.head(), head);
  return dropped ? upper_before : std::nullopt;
}

}  // namespace

Store::Prepared Store::prepare_upper_as_it_stands(const HeadLock& idle_head) {
  require_idle(idle_head);
  Prepared prepared;
  store::HeadView view = state_->view_of(idle_head.head());
  const std::string& boot = linux_api::boot_id();
  const bool is_listed_as_unsynced = view.head.unsynced_since_boot == boot;
  const bool is_listed_as_used = !view.head.upper_is_unused;
  store::apply_use_note(idle_head.descriptor(), view.head);
  if (view.head.upper_is_unused) store::look_for_use(state_->layers.get(), view.upper_directory, view.head);
  const bool is_of_another_boot = view.head.unsynced_since_boot && *view.head.unsynced_since_boot != boot;
  auto preparation = std::make_unique<State::Preparation>();
  preparation->head = idle_head.head();
  if (!view.head.upper || is_of_another_boot || view.head.retired_before_mount != view.last_retired) {
    const Database& database = state_->database();
    preparation->transaction.emplace(database);
    Head head;
    const auto dropped = give_upper(database, state_->layers.get(), idle_head, head, boot);
    prepared.dropped_unsynced = dropped.has_value();
    if (dropped) preparation->garbage = store::delete_unreachable(database, *dropped);
    prepared.layers = layers_of(database, head);
  } else {
    if (view.head.upper_is_unused)
      store::make_upper_directory(state_->layers.get(), view.upper_directory, view.below.front());
    prepared.layers = mounted(view.upper_directory, std::move(view.below));
    const store::UseNote note{*view.head.upper, boot, !is_listed_as_used};
    const bool is_noted = is_listed_as_unsynced && is_listed_as_used;
    if (!is_noted && !store::is_use_note_on_disk(idle_head.descriptor(), note)) {
      preparation->head_file = linux_api::duplicate(idle_head.descriptor());
      store::write_use_note(preparation->head_file.get(), note);
      // A restart finds out by what is in the upper whether it was used, but for what it has not left there.
      preparation->note_may_wait = is_listed_as_unsynced;
    }
  }
  state_->preparation = std::move(preparation);
  store::note_mount(idle_head.descriptor());
  const std::string& upper = prepared.layers.upper;
  store::require_layer_directory(state_->layers.get(), upper.substr(0, upper.find('/')));
  overlay::clear_volatile_mark(
      linux_api::open_at(state_->layers.get(), prepared.layers.work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).get());
  // Where many wait, mounting within the transaction would make them wait for that too.
  if (state_->preparation->transaction && state_->preparation->transaction->had_to_wait()) commit_preparation();
  return prepared;
}

void Store::make_upper_ready(const HeadName& name) try {
  const auto is_unused = [](const std::optional<Head>& head) { return head && head->upper && head->upper_is_unused; };
  if (!is_unused(store::find_head(state_->database(), name))) return;
  const HeadLock lock(*this, name);
  const Head head = read_head(state_->database(), state_->layers.get(), lock);
  if (!is_unused(head)) return;
  const std::string below = store::read_layer(state_->database(), head.current).directory;
  store::make_upper_directory(state_->layers.get(), store::read_layer(state_->database(), *head.upper).directory,
                              below);
} catch (const Error&) {
  // Whoever enters makes it, or says why not; a full disk waits for what the background has to do after this.
}

void Store::commit_preparation(UseNoteSync use_note) {
  if (!state_->preparation) return;
  const auto preparation = std::move(state_->preparation);
  if (preparation->head_file) {
    state_->file_of_note = std::move(preparation->head_file);
    if (use_note == UseNoteSync::at_once || !preparation->note_may_wait) sync_use_note();
  }
  if (preparation->transaction) {
    state_->commit(*preparation->transaction, preparation->head);
    store::move_to_trash(state_->directory.get(), state_->layers.get(), preparation->garbage);
    if (preparation->transaction->had_to_wait()) return;  // a view would not outlive the next one's transaction
  }
  state_->keep_view_of(preparation->head);
}

void Store::sync_use_note() {
  if (!state_->file_of_note) return;
  store::sync_use_note(state_->file_of_note.get());
  state_->file_of_note.reset();
}

void Store::sync_use_note(const HeadLock& head) {
  const auto note = store::read_use_note(head.descriptor());
  if (note && !store::is_use_note_on_disk(head.descriptor(), *note)) store::sync_use_note(head.descriptor());
}

std::optional<HeadLayers> Store::mounted_layers(const HeadName& name) const {
  const store::ReadTransaction one_state(state_->database());
  const auto head = store::find_head(state_->database(), name);
  if (!head || !head->upper) return std::nullopt;
  return layers_of(state_->database(), *head);
}

void Store::take_snapshot(const HeadLock& idle_head, const SnapshotName& name, const std::string& origin) {
  require_idle(idle_head);
  const auto is_to_be_synced = [](const Head& head) {
    return was_written_to(head) && head.unsynced_since_boot == linux_api::boot_id();
  };
  // Data before name. Waited for outside of the transaction: other heads of this root go on meanwhile. Begun before the
  // database is opened, where the head's view and its note are enough to know.
  std::optional<linux_api::Meanwhile> sync;
  Head seen = state_->view_of(idle_head.head()).head;
  store::apply_use_note(idle_head.descriptor(), seen);
  if (is_to_be_synced(seen)) sync.emplace([layers = state_->layers.get()] { linux_api::sync_file_system(layers); });
  const Database& database = state_->database();
  const auto require_free_name = [&] {
    if (store::find_ref(database, name)) {
      throw Error(fmt::format("Ref already exists: {} !", name.text()), "`--remove-snapshot` frees the name.");
    }
  };
  require_free_name();
  if (sync) {
    sync->wait();
  } else if (is_to_be_synced(read_head(database, state_->layers.get(), idle_head))) {
    linux_api::sync_file_system(state_->layers.get());
  }

  Transaction transaction(database);
  require_free_name();
  Head head = read_head(database, state_->layers.get(), idle_head);
  const auto upper_before = head.upper;
  const bool dropped = drop_unsynced_upper(head);
  if (was_written_to(head)) {
    store::Statement(database, "UPDATE layers SET committed = 1 WHERE id = ?").bind(*head.upper).run();
    head = store::head_with_new_upper(database, *head.upper);
  } else if (!head.upper) {
    head = store::head_with_new_upper(database, head.current);
  }
  store::add_ref(database, name, head.current, origin);
  const store::ListChange change{head.current, {{name.text(), true, head.current}}, {}};
  store::write_head(database, idle_head.head(), head);
  std::vector<std::string> garbage;
  if (dropped) garbage = store::delete_unreachable(database, *upper_before);
  state_->commit(transaction, idle_head.head(), change);
  store::move_to_trash(state_->directory.get(), state_->layers.get(), garbage);
}

namespace {

/// Lets a head stand elsewhere, and drops what only it reached. @returns directories that are garbage after the commit
std::vector<std::string> move_head(const Database& database, const HeadName& name, const Head& before,
                                   const Head& after) {
  store::write_head(database, name, after);
  std::vector<std::string> garbage;
  if (before.upper) garbage = store::delete_unreachable(database, *before.upper);
  // Gone already with the upper, unless mock left that standing elsewhere.
  for (std::string& directory : store::delete_unreachable(database, before.current))
    garbage.push_back(std::move(directory));
  return garbage;
}

}  // namespace

void Store::roll_back(const HeadLock& idle_head, const SnapshotName& name) {
  require_idle(idle_head);
  Transaction transaction(state_->database());
  const LayerId target = require_ref(state_->database(), name);
  const Head before = read_head(state_->database(), idle_head.head());
  const Head after = store::head_with_new_upper(state_->database(), target);
  const auto garbage = move_head(state_->database(), idle_head.head(), before, after);
  state_->commit(transaction, idle_head.head(), {target, {}, {}});
  store::move_to_trash(state_->directory.get(), state_->layers.get(), garbage);
}

void Store::clean(const HeadLock& idle_head) {
  require_idle(idle_head);
  Transaction transaction(state_->database());
  const Head before = read_head(state_->database(), state_->layers.get(), idle_head);
  if (!was_written_to(before)) return;
  const Head after = store::head_with_new_upper(state_->database(), before.current);
  const auto garbage = move_head(state_->database(), idle_head.head(), before, after);
  state_->commit(transaction, idle_head.head());
  store::move_to_trash(state_->directory.get(), state_->layers.get(), garbage);
}

void Store::remove_snapshot(const SnapshotName& name) {
  Transaction transaction(state_->database());
  const LayerId layer = require_ref(state_->database(), name);
  store::Statement(state_->database(), "DELETE FROM refs WHERE name = ?").bind(name.text()).run();
  const auto garbage = store::delete_unreachable(state_->database(), layer);
  state_->commit(transaction, HeadName::main(), {{}, {}, name.text()});
  store::move_to_trash(state_->directory.get(), state_->layers.get(), garbage);
}

void Store::drop_head(const HeadLock& idle_head) {
  require_idle(idle_head);
  const auto found = store::find_head(state_->database(), idle_head.head());
  if (!found) return;
  Transaction transaction(state_->database());
  const LayerId base = store::base_of(state_->database());
  const auto garbage = move_head(state_->database(), idle_head.head(), *found, store::head_on(base));
  if (!idle_head.head().is_main()) {
    store::Statement(state_->database(), "DELETE FROM heads WHERE name = ?").bind(idle_head.head().text()).run();
  }
  transaction.commit();
  store::move_to_trash(state_->directory.get(), state_->layers.get(), garbage);
}

void Store::reset(const std::vector<HeadLock>& idle_heads) {
  std::for_each(idle_heads.begin(), idle_heads.end(), require_idle);
  Transaction transaction(state_->database());
  for (const HeadName& name : heads()) {
    const bool is_locked =
        std::any_of(idle_heads.begin(), idle_heads.end(), [&](const HeadLock& lock) { return lock.head() == name; });
    if (!is_locked) {
      throw Error("another command has just begun to use this root with --uniqueext " + name.text(),
                  "Try again when it has ended.", ExitCode::in_use);
    }
  }
  const LayerId base = store::base_of(state_->database());
  std::vector<std::string> garbage;
  store::Statement rows(state_->database(),
                        "SELECT directory FROM layers WHERE parent IS NOT NULL"
                        " UNION ALL SELECT directory FROM covers UNION ALL SELECT directory FROM retired");
  while (rows.step())
    garbage.push_back(rows.text(0));
  state_->database().execute("DELETE FROM refs; DELETE FROM heads; DELETE FROM covers; DELETE FROM retired");
  store::write_head(state_->database(), HeadName::main(), store::head_on(base));
  state_->database().execute("DELETE FROM layers WHERE parent IS NOT NULL");
  transaction.commit();
  store::move_to_trash(state_->directory.get(), state_->layers.get(), garbage);
}

namespace {

/// When a work directory was mounted volatile last; it changes with each mount, so a sync that saw the same before and
/// after covers all that was written.
std::optional<timespec> volatile_mount_time(int layers, const std::string& layer) {
  struct stat status {};
  const std::string mark = layer + "/work/work/incompat/volatile/dirty";
  if (fstatat(layers, mark.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return std::nullopt;
  return status.st_ctim;
}

}  // namespace

void Store::sync_head(const HeadName& name) {
  const auto has_upper = [&] {
    const auto head = store::find_head(state_->database(), name);
    return head && head->upper;
  };
  if (!has_upper()) return;
  std::optional<Head> head;
  std::string directory;
  {
    const HeadLock lock(*this, name);  // nobody drops the upper while it is read about
    if (!has_upper()) return;
    head = read_head(state_->database(), state_->layers.get(), lock);
    if (head->unsynced_since_boot != linux_api::boot_id()) return;
    directory = store::read_layer(state_->database(), *head->upper).directory;
  }
  const auto before = volatile_mount_time(state_->layers.get(), directory);
  linux_api::sync_file_system(state_->layers.get());

  const HeadLock lock(*this, name);
  if (lock.use() != HeadLock::Use::idle) return;
  const auto after = volatile_mount_time(state_->layers.get(), directory);
  const bool mounted_meanwhile = before.has_value() != after.has_value() ||
                                 (before && (before->tv_sec != after->tv_sec || before->tv_nsec != after->tv_nsec));
  if (mounted_meanwhile) return;
  const auto has_other_upper = [&](const std::optional<Head>& now) { return !now || now->upper != head->upper; };
  auto now = store::find_head(state_->database(), name);
  if (has_other_upper(now)) return;
  // It ends with the transaction, where that lists the upper as used; then it need not go from the disk as well.
  const bool note_ends = now->upper_is_unused;
  if (now->unsynced_since_boot || now->upper_is_unused) {
    Transaction transaction(state_->database());
    now = store::find_head(state_->database(), name);
    if (has_other_upper(now)) return;
    now->unsynced_since_boot.reset();
    now->upper_is_unused = false;
    store::write_head(state_->database(), name, *now);
    state_->commit(transaction, name);
  }
  state_->keep_view_of(name);
  store::erase_use_note(lock.descriptor());
  if (!note_ends) store::sync_use_note(lock.descriptor());
}

}  // namespace plyroot
