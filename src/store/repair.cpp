#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <functional>

#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "store/check.hpp"
#include "store/collector.hpp"
#include "store/database.hpp"
#include "store/head_file.hpp"
#include "store/head_use.hpp"
#include "store/layer_tree.hpp"
#include "store/redo_log.hpp"
#include "store/schema.hpp"
#include "store/state.hpp"
#include "store/view_check.hpp"
#include "support/error.hpp"

namespace plyroot::store {
namespace {

using linux_api::Descriptor;
using Kind = Finding::Kind;

/// What the log has is written to the database, and what the database has to the disk, by whoever reads it next.
std::string settle_anew(const StoreLocation& location) {
  const Database database(location.path() + "/" + database_name, Database::Mode::existing);
  {
    const Transaction nobody_writes(database);
    if (auto log = RedoLog::open(redo_log_path(database.path()))) log->distrust();
  }
  schema_state(database);
  return "brought store.db and its log together again";
}

/// All of them: they cost nothing to make again.
std::string forget_views(const StoreLocation& location) {
  const Descriptor directory = linux_api::open_path(location.path(), O_RDONLY | O_DIRECTORY);
  const Descriptor heads = linux_api::open_if_directory(directory.get(), heads_name);
  if (!heads) return {};
  store::remove_views(heads.get());
  return "removed what heads/ repeats of the database";
}

/// Layers that nothing reaches and nothing stands on: dropping one may leave the one below it so.
std::vector<LayerId> unused_tops(const Database& database) {
  Statement rows(database,
                 "SELECT id FROM layers AS layer WHERE parent NOT NULL"
                 " AND NOT EXISTS (SELECT 1 FROM layers AS above WHERE above.parent = layer.id)"
                 " AND NOT EXISTS (SELECT 1 FROM refs WHERE refs.layer = layer.id)"
                 " AND NOT EXISTS (SELECT 1 FROM heads WHERE current = layer.id OR upper = layer.id)");
  std::vector<LayerId> found;
  while (rows.step())
    found.push_back(rows.integer(0));
  return found;
}

class Repair {
 public:
  Repair(const StoreLocation& location, Store& store)
      : store_(&store),
        directory_(linux_api::open_path(location.path(), O_RDONLY | O_DIRECTORY)),
        layers_(linux_api::open_at(directory_.get(), layers_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)),
        database_(location.path() + "/" + database_name, Database::Mode::existing) {}

  [[nodiscard]] std::string keep_others_out() const {
    if (fchmod(directory_.get(), 0700) < 0)
      throw_errno(errno, "set the mode of", linux_api::shown_path(directory_.get()));
    return "kept others than the owner out of the store";
  }

  [[nodiscard]] std::string drop_unused_layers() const {
    std::vector<std::string> garbage;
    Transaction transaction(database_);
    for (const LayerId top : unused_tops(database_)) {
      for (std::string& directory : delete_unreachable(database_, top))
        garbage.push_back(std::move(directory));
    }
    transaction.commit();
    move_to_trash(directory_.get(), layers_.get(), garbage);
    return fmt::format("dropped {} layers that nothing needed", garbage.size());
  }

  /// An upper's work directory holds nothing that lasts, so an empty one is as good.
  [[nodiscard]] std::string make_work_directories() const {
    std::vector<std::string> made;
    for (const HeadName& name : store_->heads()) {
      const HeadLock lock(*store_, name);
      auto head = find_head(database_, name);
      if (!head || !head->upper || lock.use() != HeadLock::Use::idle) continue;
      apply_use_note(lock.descriptor(), *head);
      const std::string upper = read_layer(database_, *head->upper).directory;
      if (head->upper_is_unused) look_for_use(layers_.get(), upper, *head);
      if (head->upper_is_unused) continue;  // whoever enters makes all of it
      const Descriptor directory = linux_api::open_if_directory(layers_.get(), upper);
      if (!directory) continue;
      if (mkdirat(directory.get(), "work", 0700) < 0) {
        if (errno == EEXIST) continue;
        throw_errno(errno, "make the directory work of layer", upper);
      }
      linux_api::sync_directory(directory.get());
      made.push_back(fmt::format("layers/{}/work", upper));
    }
    return made.empty() ? std::string() : fmt::format("made {}", fmt::join(made, ", "));
  }

  /// The layers that a cover stands for are there themselves. What it leaves belongs to no layer then: garbage, once
  /// nobody has it mounted.
  [[nodiscard]] std::string drop_covers(const std::vector<LayerId>& damaged) const {
    Transaction transaction(database_);
    for (const LayerId layer : damaged)
      drop_cover(database_, layer);
    transaction.commit();
    return damaged.empty() ? std::string() : fmt::format("did without {} merged directories", damaged.size());
  }

  [[nodiscard]] std::string collect() const {
    store_->merge_layers();
    store_->collect_garbage();
    return "collected the garbage";
  }

 private:
  Store* store_;
  Descriptor directory_;
  Descriptor layers_;
  Database database_;
};

}  // namespace

std::vector<std::string> repair(const StoreLocation& location, const CheckReport& report) {
  const auto found = [&](const std::function<bool(const Finding&)>& what) {
    return std::any_of(report.findings.begin(), report.findings.end(), what);
  };
  const auto found_kind = [&](Kind kind) {
    return found([&](const Finding& finding) { return finding.kind == kind; });
  };

  std::vector<std::string> told;
  const auto attempt = [&](bool wanted, const auto& work) {
    if (!wanted) return;
    try {
      std::string done = work();
      if (!done.empty()) told.push_back(std::move(done));
    } catch (const Error& error) {
      told.emplace_back(error.what());
    }
  };
  attempt(found_kind(Kind::redo_log), [&] { return settle_anew(location); });
  attempt(found_kind(Kind::view) || report.has_damaged_rows(), [&] { return forget_views(location); });
  std::optional<Store> store;
  std::optional<Repair> work;
  attempt(!found_kind(Kind::not_taken_over), [&] {
    store = Store::open(location);
    if (store) work.emplace(location, *store);
    return std::string();
  });
  if (!work) return told;
  attempt(found_kind(Kind::open_to_others), [&] { return work->keep_others_out(); });
  attempt(found_kind(Kind::unused_layer), [&] { return work->drop_unused_layers(); });
  attempt(found_kind(Kind::missing_directory), [&] { return work->make_work_directories(); });
  attempt(!report.damaged_covers.empty(), [&] { return work->drop_covers(report.damaged_covers); });
  // What a damaged database does not list may still be wanted by whoever saves it by hand.
  const bool knows_what_is_garbage = !found_kind(Kind::database) && !found_kind(Kind::layer_tree);
  attempt(knows_what_is_garbage && found([](const Finding& finding) { return finding.severity == Severity::garbage; }),
          [&] { return work->collect(); });
  return told;
}

}  // namespace plyroot::store
