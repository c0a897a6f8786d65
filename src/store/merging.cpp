#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <map>
#include <optional>

#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "linux/file_system.hpp"
#include "linux/lock.hpp"
#include "overlay/merged_directory.hpp"
#include "plyroot/store.hpp"
#include "store/collector.hpp"
#include "store/layer_directory.hpp"
#include "store/merge_plan.hpp"
#include "store/state.hpp"
#include "support/error.hpp"

namespace plyroot {
namespace store {
namespace {

using linux_api::Descriptor;

constexpr const char* lock_name = "@merging.lock";

/// How many merges share one sync and one transaction.
constexpr std::size_t most_in_a_batch = 128;

constexpr int open_as_directory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/// Whether the store still has what a merge was made from. Only removals can have come between: merging is done by one
/// process at a time.
bool is_still_wanted(const Database& database, const Merge& merge) {
  for (const Merge::Source& source : merge.sources) {
    Statement listed(database,
                     "SELECT 1 FROM layers LEFT JOIN covers ON covers.layer = layers.id"
                     " WHERE layers.id = ?1 AND ?2 IN (layers.directory, covers.directory)");
    if (!listed.bind(source.layer).bind(source.directory).step()) return false;
  }
  return true;
}

void retire(const Database& database, const std::string& directory) {
  Statement(database, "INSERT INTO retired (directory) VALUES (?)").bind(directory).run();
}

/// Covers that an absorption makes wrong (they end at, or stand on, a layer that vanishes) or superfluous.
void drop_covers(const Database& database, const std::string& condition, std::initializer_list<LayerId> values) {
  const auto bound = [&](const std::string& sql) {
    Statement statement(database, sql + " FROM covers WHERE " + condition);
    for (const LayerId value : values)
      statement.bind(value);
    return statement;
  };
  bound("INSERT INTO retired (directory) SELECT directory").run();
  bound("DELETE").run();
}

void note_absorption(const Database& database, const Merge& merge, std::uint64_t entries) {
  for (const Merge::Source& source : merge.sources)
    retire(database, source.directory);
  Statement(database, "UPDATE layers SET directory = ?, parent = ?, entries = ? WHERE id = ?")
      .bind(merge.directory)
      .bind(merge.below)
      .bind(static_cast<std::int64_t>(entries))
      .bind(merge.layer)
      .run();
  drop_covers(database, "layer = ? AND below = ?", {merge.layer, merge.below});
  for (const Merge::Source& source : merge.sources) {
    if (source.layer == merge.layer) continue;
    drop_covers(database, "? IN (layer, below)", {source.layer});
    Statement(database, "DELETE FROM layers WHERE id = ?").bind(source.layer).run();
  }
}

void note_cover(const Database& database, const Merge& merge, std::uint64_t entries) {
  drop_covers(database, "layer = ?", {merge.layer});
  Statement(database, "INSERT INTO covers (layer, directory, below, entries) VALUES (?, ?, ?, ?)")
      .bind(merge.layer)
      .bind(merge.directory)
      .bind(merge.below)
      .bind(static_cast<std::int64_t>(entries))
      .run();
}

/// Merged directories that are made in staging/, and appear in the store together.
class Batch {
 public:
  Batch(const Database& database, int store_directory, int layers)
      : database_(&database), store_directory_(store_directory), layers_(layers) {
    linux_api::remove_tree(store_directory_, staging_name);
    staging_ = open_or_make_directory(store_directory_, staging_name);
    sharing_ = overlay::sharing_in(staging_.get());
  }

  [[nodiscard]] bool is_full() const { return made_.size() >= most_in_a_batch; }
  [[nodiscard]] bool is_empty() const { return made_.empty(); }

  /// @returns how many names it has; nothing where the store does not want it any more
  std::optional<std::uint64_t> make(const Merge& merge) {
    try {
      std::vector<Descriptor> sources;
      std::vector<int> descriptors;
      for (const Merge::Source& source : merge.sources) {
        const bool is_staged = std::any_of(made_.begin(), made_.end(),
                                           [&](const Made& one) { return one.merge.directory == source.directory; });
        sources.push_back(
            linux_api::open_at(is_staged ? staging_.get() : layers_, source.directory + "/fs", open_as_directory));
        descriptors.push_back(sources.back().get());
      }
      const Descriptor target = make_directory(merge.directory);
      const std::uint64_t entries = overlay::merge_directories(
          descriptors, [&] { return open_below(merge); }, target.get(), sharing_, overlay::Marks::trusted);
      made_.push_back({merge, entries});
      return entries;
    } catch (const SystemError& error) {
      if (error.error_number() == ENOENT && !is_still_wanted(*database_, merge)) return std::nullopt;
      throw;
    }
  }

  /// All that is still wanted is on the disk and in the store when this returns.
  void publish() {
    if (made_.empty()) return;
    linux_api::sync_file_system(layers_);
    Transaction transaction(*database_);
    for (const auto& [merge, entries] : made_) {
      if (!is_still_wanted(*database_, merge)) continue;
      appear_in_layers(merge.directory);
      if (merge.purpose == Merge::Purpose::absorb) {
        note_absorption(*database_, merge, entries);
      } else {
        note_cover(*database_, merge, entries);
      }
    }
    linux_api::sync_file(layers_);
    transaction.commit();
    made_.clear();
  }

 private:
  struct Made {
    Merge merge;
    std::uint64_t entries;
  };

  [[nodiscard]] std::vector<Descriptor> open_below(const Merge& merge) const {
    if (!merge.something_below) return {};
    const auto directories = [&] {
      const ReadTransaction one_state(*database_);
      if (!Statement(*database_, "SELECT 1 FROM layers WHERE id = ?").bind(merge.below).step())
        throw SystemError(ENOENT, fmt::format("look below layer {}, which has just been removed", merge.layer));
      return chain_of(*database_, merge.below);
    }();
    std::vector<Descriptor> below;
    for (const std::string& directory : directories)
      below.push_back(linux_api::open_at(layers_, directory + "/fs", open_as_directory));
    return below;
  }

  [[nodiscard]] Descriptor make_directory(const std::string& name) const {
    linux_api::remove_tree(staging_.get(), name);
    const std::string files = name + "/fs";
    for (const std::string& path : {name, files}) {
      if (mkdirat(staging_.get(), path.c_str(), 0700) < 0)
        throw_errno(errno, "make the merged directory", linux_api::shown_path(staging_.get(), path));
    }
    return linux_api::open_at(staging_.get(), files, open_as_directory);
  }

  void appear_in_layers(const std::string& name) const {
    // A directory of that name can only be what a killed process left: no layer ever had it.
    move_to_trash(store_directory_, layers_, {name});
    linux_api::rename_at(staging_.get(), name, layers_, name);
  }

  const Database* database_;
  int store_directory_;
  int layers_;
  Descriptor staging_;
  overlay::Sharing sharing_{};
  std::vector<Made> made_;
};

LayerTree read_tree_at_once(const Database& database) {
  const ReadTransaction one_state(database);
  return read_layer_tree(database);
}

/// @returns whether anything was merged
bool absorb(const Database& database, Batch& batch) {
  bool merged = false;
  for (const Merge& merge : plan_absorptions(read_tree_at_once(database))) {
    merged |= batch.make(merge).has_value();
    if (batch.is_full()) batch.publish();
  }
  batch.publish();
  return merged;
}

void count_layers(const Database& database, int layers) {
  const LayerTree tree = read_tree_at_once(database);
  std::map<LayerId, std::uint64_t> counts;
  for (const LayerId id : uncounted_layers(tree)) {
    const Descriptor files = linux_api::open_if_exists(layers, tree.layers.at(id).directory + "/fs", open_as_directory);
    if (files) counts[id] = overlay::count_names(files.get());
  }
  if (counts.empty()) return;
  Transaction transaction(database);
  for (const auto& [id, count] : counts) {
    Statement(database, "UPDATE layers SET entries = ? WHERE id = ?")
        .bind(static_cast<std::int64_t>(count))
        .bind(id)
        .run();
  }
  transaction.commit();
}

/// @returns false where a layer vanished meanwhile, so that the rest has to be planned anew
bool cover_long_chains(const Database& database, Batch& batch) {
  CoverPlanner planner(read_tree_at_once(database));
  while (const auto merge = planner.next()) {
    const auto entries = batch.make(*merge);
    if (!entries) return false;
    planner.made(*merge, *entries);
    if (batch.is_full()) batch.publish();
  }
  batch.publish();
  return true;
}

}  // namespace
}  // namespace store

void Store::merge_layers() {
  using namespace store;
  const Database& database = state_->database();
  const Descriptor heads = open_or_make_directory(state_->directory.get(), heads_name);
  linux_api::LockFile one_merges(linux_api::open_at(heads.get(), lock_name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  one_merges.lock(0);
  if (!needs_merging(read_tree_at_once(database))) {
    linux_api::remove_tree(state_->directory.get(), staging_name);  // of one that was killed
    return;
  }
  const linux_api::RaisedDescriptorLimit deep_trees_need_many;
  {
    Batch batch(database, state_->directory.get(), state_->layers.get());
    while (absorb(database, batch)) {
    }
  }
  do {
    count_layers(database, state_->layers.get());
    Batch batch(database, state_->directory.get(), state_->layers.get());
    if (cover_long_chains(database, batch)) break;
  } while (true);
  linux_api::remove_tree(state_->directory.get(), staging_name);
}

void Store::trash_retired_directories() {
  using namespace store;
  const Database& database = state_->database();
  if (!Statement(database, "SELECT 1 FROM retired LIMIT 1").step()) return;
  // A head that is in use was mounted from directories that were not retired then. One that is mounted while the others
  // are looked at may be using what is retired after this, and nothing that was before.
  std::int64_t unused_until = last_retired(database);
  for (const HeadName& name : heads()) {
    const HeadLock lock(*this, name);
    if (lock.use() == HeadLock::Use::idle) continue;
    if (const auto head = find_head(database, name)) unused_until = std::min(unused_until, head->retired_before_mount);
  }
  Transaction transaction(database);
  std::vector<std::string> garbage;
  Statement unused(database, "DELETE FROM retired WHERE sequence <= ? RETURNING directory");
  unused.bind(unused_until);
  while (unused.step())
    garbage.push_back(unused.text(0));
  transaction.commit();
  move_to_trash(state_->directory.get(), state_->layers.get(), garbage);
}

}  // namespace plyroot
