#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fixtures/file_systems.hpp"
#include "linux/descriptor.hpp"
#include "overlay/overlay_mount.hpp"
#include "plyroot/store.hpp"
#include "store/database.hpp"
#include "store/database_file.hpp"
#include "store/head_file.hpp"
#include "store/list_view.hpp"
#include "store/view_file.hpp"
#include "support/sealed_values.hpp"

namespace plyroot::test {

/// What a session mounts of what was prepared for it.
inline linux_api::Descriptor mount_prepared(const Store& store, const Store::Prepared& prepared) {
  const HeadLayers& layers = prepared.layers;
  return overlay::mount_overlay({"plyroot:test", layers.lowers, layers.upper, layers.work}, store.layers_directory());
}

/// A head's root, mounted as a session mounts it; nobody but this value sees it, and it is unmounted with it.
class MountedHead {
 public:
  MountedHead(Store& store, const HeadName& head) {
    const HeadLock lock(store, head);
    prepared_ = store.prepare_upper(lock);
    store.commit_preparation();
    root_ = mount_prepared(store, prepared_);
  }
  void write(const std::string& name, const std::string& content) const {
    linux_api::write_all(linux_api::open_at(root_.get(), name, O_WRONLY | O_CREAT | O_TRUNC, 0644).get(), content);
  }
  void remove(const std::string& name) const { ASSERT_EQ(unlinkat(root_.get(), name.c_str(), 0), 0) << name; }
  [[nodiscard]] std::optional<std::string> read(const std::string& name) const {
    const linux_api::Descriptor file = linux_api::open_if_exists(root_.get(), name, O_RDONLY);
    return file ? std::optional(linux_api::read_all(file.get())) : std::nullopt;
  }
  [[nodiscard]] int root() const { return root_.get(); }
  [[nodiscard]] const Store::Prepared& prepared() const { return prepared_; }

 private:
  Store::Prepared prepared_;
  linux_api::Descriptor root_;
};

/// As --list-snapshots shows them.
inline std::vector<std::string> listed(const Store& store, const HeadName& head = HeadName::main()) {
  std::vector<std::string> lines;
  store.for_each_snapshot(
      head, [&](const Snapshot& snapshot) { lines.push_back((snapshot.is_current ? "* " : "  ") + snapshot.name); });
  return lines;
}

/// The file of a list that is not true, but for this state of the database: of one snapshot, "forged".
inline std::string forged_list(const store::DatabaseStamp& stamp) {
  return sealed_values(store::list_view_magic, stamp, store::LayerId{1}, std::string("forged"), store::LayerId{1});
}

/// A store on a file system of the test's own.
class StoreTest : public OnEachFileSystem {
 protected:
  void SetUp() override {
    OnEachFileSystem::SetUp();
    if (IsSkipped()) return;
    file_system_ = std::make_unique<ScratchFileSystem>(GetParam());
    store_ = std::make_unique<Store>(Store::open_or_create(location()));
  }
  void TearDown() override { store_.reset(); }

  [[nodiscard]] StoreLocation location() const { return {file_system_->path(), "root"}; }
  Store& store() { return *store_; }

  void write(const std::string& name, const std::string& content, const HeadName& head = HeadName::main()) {
    MountedHead(store(), head).write(name, content);
  }
  std::optional<std::string> read(const std::string& name, const HeadName& head = HeadName::main()) {
    return MountedHead(store(), head).read(name);
  }
  void snapshot(const std::string& name, const HeadName& head = HeadName::main()) {
    store().take_snapshot(HeadLock(store(), head), SnapshotName(name));
  }
  void roll_back(const std::string& name, const HeadName& head = HeadName::main()) {
    store().roll_back(HeadLock(store(), head), SnapshotName(name));
  }
  void clean(const HeadName& head = HeadName::main()) { store().clean(HeadLock(store(), head)); }
  void remove(const std::string& name) { store().remove_snapshot(SnapshotName(name)); }

  /// As --list-snapshots prints them: "* a", "  b".
  std::vector<std::string> list(const HeadName& head = HeadName::main()) { return listed(store(), head); }
  /// The directories that are there, whatever the database says.
  [[nodiscard]] std::size_t layer_directories() const;

  /// What the machine looks like after it was started anew: heads that were not on the disk are of an older boot.
  void boot_again() {
    database().execute("UPDATE heads SET unsynced_since_boot = 'an older boot' WHERE unsynced_since_boot NOT NULL");
    for (const HeadName& head : store().heads()) {
      const HeadLock lock(store(), head);
      if (const auto note = store::read_use_note(lock.descriptor()))
        store::write_use_note(lock.descriptor(), {note->upper, "an older boot", note->of_unused});
    }
  }

  /// Of the database, as it is.
  [[nodiscard]] store::DatabaseStamp stamp() const {
    const auto directory = linux_api::open_path(location().path(), O_RDONLY | O_DIRECTORY);
    return store::DatabaseFile::open(directory.get(), location().path() + "/store.db")->stamp();
  }
  /// The directory of the main head's upper.
  [[nodiscard]] std::string upper() const {
    const store::Database rows = database();
    store::Statement row(rows, "SELECT directory FROM layers JOIN heads ON layers.id = heads.upper AND name = ''");
    EXPECT_TRUE(row.step());
    return location().path() + "/layers/" + row.text(0);
  }

  store::Database database() const { return {location().path() + "/store.db", store::Database::Mode::existing}; }

 private:
  std::unique_ptr<ScratchFileSystem> file_system_;
  std::unique_ptr<Store> store_;
};

using Lines = std::vector<std::string>;

}  // namespace plyroot::test
