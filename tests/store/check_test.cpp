#include "store/check.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "linux/file.hpp"
#include "store/database_file.hpp"
#include "store/head_view.hpp"
#include "store/redo_record.hpp"
#include "store_fixture.hpp"

namespace plyroot::test {
namespace fs = std::filesystem;
using store::Finding;
using Kind = Finding::Kind;

/// base <- "a" <- "b" <- the main head's upper; base <- "c".
class Check : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (IsSkipped()) return;
    snapshot("nothing");
    write("x", "1");
    snapshot("a");
    MountedHead(store(), HeadName::main()).remove("x");
    snapshot("b");
    const HeadName other("other");
    store().roll_back(HeadLock(store(), other), SnapshotName("nothing"));
    write("y", "1", other);
    snapshot("c", other);
    write("z", "1");
  }
  [[nodiscard]] store::CheckReport check() const { return store::check(location()); }
  /// "severity kind", each once, in the order of the alphabet.
  [[nodiscard]] Lines findings() const {
    Lines lines;
    for (const Finding& finding : check().findings)
      lines.push_back(std::string(severity_name(finding.severity)) + " " + std::string(kind_name(finding.kind)));
    std::sort(lines.begin(), lines.end());
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    return lines;
  }
  Lines repair() const { return store::repair(location(), check()); }
  [[nodiscard]] std::string path(const std::string& name) const { return location().path() + "/" + name; }
  [[nodiscard]] std::string layer_of(const std::string& snapshot) const {
    const store::Database rows = database();
    store::Statement row(rows, "SELECT directory FROM layers JOIN refs ON layers.id = refs.layer WHERE name = ?");
    EXPECT_TRUE(row.bind(snapshot).step());
    return path("layers/" + row.text(0));
  }
};
INSTANTIATE_TEST_SUITE_P(On, Check, testing::Values("ext4", "tmpfs"), file_system_name);

TEST_P(Check, FindsNothingInAStoreThatIsWell) {
  const auto report = check();
  EXPECT_EQ(findings(), Lines{});
  EXPECT_TRUE(report.is_well());
  EXPECT_EQ(report.snapshots.unaffected, (Lines{"nothing", "a", "b", "c"}));
  EXPECT_EQ(report.layers, 6U) << "base, three snapshots' and two heads'";
  EXPECT_GT(report.files, report.layers);
}

TEST_P(Check, APageThatTheDatabaseHasLostIsFoundAndWrittenAnew) {
  constexpr std::size_t page = 4096;
  const std::string before = linux_api::read_file(path("store.db"));
  snapshot("d");
  const std::string after = linux_api::read_file(path("store.db"));
  std::size_t place = page;
  while (before.compare(place, page, after, place, page) == 0)
    place += page;
  std::fstream(path("store.db"), std::ios::in | std::ios::out | std::ios::binary).seekp(static_cast<long>(place))
      << before.substr(place, page);
  const Lines found = findings();
  EXPECT_NE(std::find(found.begin(), found.end(), "damage redo-log"), found.end());
  EXPECT_FALSE(repair().empty());
  EXPECT_EQ(findings(), Lines{});
  EXPECT_EQ(linux_api::read_file(path("store.db")), after);
}

TEST_P(Check, ATransactionThatTheLogHasLostIsFound) {
  snapshot("d");
  const std::string name = path("store.db-redo");
  const std::string log = linux_api::read_file(name);
  const std::size_t record = log.rfind(store::redo_record_magic);
  std::fstream(name, std::ios::in | std::ios::out | std::ios::binary).seekp(static_cast<long>(record + 1000)) << "torn";
  EXPECT_EQ(findings(), Lines{"damage redo-log"});
  EXPECT_FALSE(repair().empty());
  EXPECT_EQ(findings(), Lines{});
  snapshot("e");
  EXPECT_EQ(check().snapshots.unaffected, (Lines{"nothing", "a", "b", "c", "d", "e"}));
}

TEST_P(Check, AViewThatIsNotTrueIsFoundAndRemoved) {
  store() = *Store::open(location());
  MountedHead(store(), HeadName::main()).write("z", "2");
  const Lines listed_before = listed(store());
  EXPECT_EQ(findings(), Lines{});
  const auto put = [&](const std::string& name, const std::string& content) {
    ASSERT_TRUE(fs::exists(path(name))) << name;
    std::ofstream(path(name)) << content;
  };
  const auto subjects = [&] {
    Lines found;
    for (const Finding& finding : check().findings)
      found.push_back(finding.subject);
    return found;
  };

  const std::string list =
      store::written_list(stamp(), store::read_head(database(), HeadName::main()).current, database());
  std::string forged(unsealed(store::list_view_magic, list).value());
  const std::string second = listed_before.at(1).substr(2);
  forged.replace(forged.rfind(second), second.size(), second.size(), '?');  // the last: its letter may be in the stamp
  put("heads/@main.list", sealed(store::list_view_magic, forged));
  EXPECT_EQ(findings(), Lines{"damage view"});
  EXPECT_EQ(subjects(), Lines{"heads/@main.list"});
  EXPECT_EQ(check().heads.affected, Lines{});
  EXPECT_EQ(repair(), Lines{"removed what heads/ repeats of the database"});
  EXPECT_EQ(findings(), Lines{});
  EXPECT_EQ(listed(*Store::open(location())), listed_before);

  store() = *Store::open(location());
  MountedHead(store(), HeadName::main()).write("z", "3");
  const auto true_view = store::head_view_from(database(), HeadName::main());
  auto view = true_view;
  view.below.pop_back();
  put("heads/@main.view", store::written(stamp(), view));
  EXPECT_EQ(findings(), Lines{"damage view"});
  EXPECT_EQ(check().heads.affected, Lines{""});
  EXPECT_EQ(repair(), Lines{"removed what heads/ repeats of the database"});
  store() = *Store::open(location());
  MountedHead(store(), HeadName::main()).write("z", "3");
  EXPECT_EQ(findings(), Lines{});

  view = true_view;
  view.origins["a"] = "another";
  put("heads/@main.view", store::written(stamp(), view));
  EXPECT_EQ(findings(), Lines{"damage view"});
  // Of another state of the database it may say what it likes.
  auto earlier = stamp();
  --earlier.change_counter;
  put("heads/@main.view", store::written(earlier, view));
  EXPECT_EQ(findings(), Lines{});
}

TEST_P(Check, ViewsOfADatabaseThatMakesNoSenseAreRemoved) {
  store() = *Store::open(location());
  MountedHead(store(), HeadName::main()).write("z", "2");
  const auto view = store::head_view_from(database(), HeadName::main());
  database().execute("INSERT INTO covers SELECT layer, 'c', layer, 0 FROM refs WHERE name = 'b'");  // in a circle
  std::ofstream(path("heads/@main.view")) << store::written(stamp(), view);
  EXPECT_NE(findings(), Lines{});
  repair();
  EXPECT_FALSE(fs::exists(path("heads/@main.view")));
}

TEST_P(Check, WorksWhileARootIsMounted) {
  const MountedHead in_use(store(), HeadName::main());
  in_use.write("more", "1");
  EXPECT_EQ(findings(), Lines{});
}

TEST_P(Check, ALostLayerIsDamageAndWhatItAffectsIsNamed) {
  fs::remove_all(layer_of("a"));
  const auto report = check();
  EXPECT_EQ(findings(), (Lines{"damage missing-directory"}));
  EXPECT_FALSE(report.is_well());
  EXPECT_EQ(report.snapshots.affected, (Lines{"a", "b"}));
  EXPECT_EQ(report.snapshots.unaffected, (Lines{"nothing", "c"}));
  EXPECT_EQ(report.heads.affected, (Lines{""}));
  EXPECT_EQ(report.heads.unaffected, (Lines{"other"}));
}

TEST_P(Check, ALostLayerIsNotMadeUpByRepair) {
  const std::string lost = layer_of("a");
  fs::remove_all(lost);
  repair();
  EXPECT_FALSE(fs::exists(lost));
  EXPECT_EQ(findings(), (Lines{"damage missing-directory"}));
}

TEST_P(Check, ALinkInPlaceOfALayersFilesIsDamage) {
  const std::string files = layer_of("a") + "/fs";
  fs::rename(files, path("elsewhere"));
  fs::create_directory_symlink(path("elsewhere"), files);
  EXPECT_EQ(findings(), (Lines{"damage missing-directory"}));
}

TEST_P(Check, AMissingWorkDirectoryIsMadeAgain) {
  fs::remove_all(upper() + "/work");
  EXPECT_EQ(findings(), (Lines{"damage missing-directory"}));
  EXPECT_EQ(repair().size(), 1U);
  EXPECT_EQ(findings(), Lines{});
  EXPECT_EQ(read("z"), "1");
}

TEST_P(Check, WhatNothingNeedsIsGarbageAndCollected) {
  fs::create_directories(path("layers/999/fs"));
  fs::create_directories(path("trash/7/fs"));
  database().execute("INSERT INTO layers (directory, parent, committed) VALUES ('888', 1, 1)");
  fs::create_directories(path("layers/888/fs"));
  EXPECT_TRUE(check().is_well());
  EXPECT_EQ(findings(), (Lines{"garbage trash", "garbage unlisted", "garbage unused-layer"}));
  repair();
  EXPECT_EQ(findings(), Lines{});
  EXPECT_FALSE(fs::exists(path("layers/888")) || fs::exists(path("layers/999")) || fs::exists(path("trash/7")));
  EXPECT_EQ(list(), (Lines{"  nothing", "  a", "* b", "  c"}));
}

TEST_P(Check, RowsThatMakeNoSenseAreDamage) {
  const auto broken = [&](const char* by) {
    const store::Database rows = database();
    rows.execute("CREATE TABLE IF NOT EXISTS kept_layers AS SELECT * FROM layers");
    rows.execute("CREATE TABLE IF NOT EXISTS kept_refs AS SELECT * FROM refs");
    rows.execute("CREATE TABLE IF NOT EXISTS kept_heads AS SELECT * FROM heads");
    rows.execute(by);
    Lines found = findings();
    rows.execute("DELETE FROM layers; INSERT INTO layers SELECT * FROM kept_layers");
    rows.execute("DELETE FROM refs; INSERT INTO refs SELECT * FROM kept_refs");
    rows.execute("DELETE FROM heads; INSERT INTO heads SELECT * FROM kept_heads");
    EXPECT_EQ(findings(), Lines{}) << by;
    return found;
  };
  EXPECT_EQ(broken("UPDATE layers SET parent = id WHERE id = 3"), (Lines{"damage layer-tree"}));
  EXPECT_EQ(broken("UPDATE layers SET parent = 99 WHERE id = 3"), (Lines{"damage layer-tree"}));
  EXPECT_EQ(broken("UPDATE layers SET parent = NULL WHERE id = 3"),
            (Lines{"damage base-not-empty", "damage layer-tree"}));
  EXPECT_EQ(broken("UPDATE layers SET committed = 0 WHERE id = 2"), (Lines{"damage layer-tree", "damage snapshot"}));
  EXPECT_EQ(broken("UPDATE refs SET layer = 99 WHERE name = 'a'"), (Lines{"damage snapshot"}));
  EXPECT_EQ(broken("UPDATE refs SET name = '../a' WHERE name = 'a'"), (Lines{"damage snapshot"}));
  EXPECT_EQ(broken("UPDATE heads SET upper = current WHERE name = ''"), (Lines{"damage head", "damage layer-tree"}));
  EXPECT_EQ(broken("UPDATE heads SET upper = (SELECT upper FROM heads WHERE name = '') WHERE name = 'other'"),
            (Lines{"damage head", "damage layer-tree", "damage missing-directory"}))
      << "the other head's own upper, which nobody has used, is nobody's then";
  EXPECT_EQ(broken("DELETE FROM heads WHERE name = ''"), (Lines{"damage head", "damage layer-tree"}));
}

TEST_P(Check, AMergedDirectoryThatIsLostIsDoneWithout) {
  for (int i = 0; i < 20; ++i) {
    write("n" + std::to_string(i), "1");
    snapshot("n" + std::to_string(i));
  }
  store().merge_layers();
  store().collect_garbage();
  EXPECT_EQ(findings(), Lines{});
  const auto [cover, covered] = [this] {
    const store::Database rows = database();
    store::Statement row(rows,
                         "SELECT covers.directory, refs.name FROM covers JOIN refs ON refs.layer = covers.layer"
                         " ORDER BY covers.layer DESC");
    EXPECT_TRUE(row.step());
    return std::pair(row.text(0), row.text(1));
  }();
  fs::remove_all(path("layers/" + cover));
  EXPECT_EQ(findings(), (Lines{"damage missing-directory"}));
  EXPECT_EQ(check().snapshots.affected.front(), covered);  // and those that stand on it
  repair();
  EXPECT_EQ(findings(), Lines{});
  EXPECT_EQ(read("n0"), "1");

  store().merge_layers();
  EXPECT_EQ(findings(), Lines{});
  const std::string another = [this] {
    const store::Database rows = database();
    store::Statement row(rows, "SELECT directory FROM covers ORDER BY layer DESC");
    EXPECT_TRUE(row.step());
    return row.text(0);
  }();
  ASSERT_TRUE(fs::remove(path("layers/" + another + "/fs/n1")));
  EXPECT_EQ(findings(), (Lines{"damage content"}));
  EXPECT_FALSE(check().snapshots.affected.empty());
  EXPECT_FALSE(repair().empty());
  EXPECT_EQ(findings(), Lines{});
  EXPECT_EQ(read("n1"), "1");

  fs::remove(fs::path(layer_of("n2")) / "fs/n2");
  EXPECT_EQ(findings(), (Lines{"damage content"}));
  repair();
  EXPECT_EQ(findings(), (Lines{"damage content"}));  // nobody else has it
}

TEST_P(Check, WhatAKilledMergeLeftIsGarbage) {
  fs::create_directories(path("staging/77/fs"));
  EXPECT_EQ(findings(), (Lines{"garbage staged"}));
  repair();
  EXPECT_EQ(findings(), Lines{});
}

TEST_P(Check, ADatabaseThatIsDamagedIsSaid) {
  std::ofstream(path("store.db"), std::ios::in | std::ios::out) << "this is no database";
  EXPECT_EQ(findings(), (Lines{"damage database"}));
}

TEST_P(Check, ADatabaseThatIsGoneIsDamageAndNotANewStore) {
  fs::remove(path("store.db"));
  EXPECT_EQ(findings(), (Lines{"damage database", "garbage unlisted"}));
}

TEST_P(Check, MarksThatDoNotMeanWhatTheyShouldAreDamage) {
  const auto marked = [&](const std::string& file, const char* name, const std::string& value) {
    const std::string full = layer_of("a") + "/fs/" + file;
    EXPECT_EQ(setxattr(full.c_str(), name, value.data(), value.size(), 0), 0) << name;
    Lines found = findings();
    EXPECT_EQ(removexattr(full.c_str(), name), 0);
    return found;
  };
  fs::create_directory(layer_of("a") + "/fs/d");
  EXPECT_EQ(findings(), Lines{});
  EXPECT_EQ(marked("d", "trusted.overlay.opaque", "y"), Lines{});
  EXPECT_EQ(marked("d", "trusted.overlay.opaque", "x"), Lines{});
  EXPECT_EQ(marked("d", "trusted.overlay.opaque", "?"), (Lines{"damage content"}));
  EXPECT_EQ(marked("", "trusted.overlay.opaque", "y"), (Lines{"damage content"}));
  EXPECT_EQ(marked("x", "trusted.overlay.opaque", "y"), (Lines{"damage content"}));
  EXPECT_EQ(marked("x", "trusted.overlay.whiteout", ""), (Lines{"damage content"}));
  EXPECT_EQ(marked("x", "trusted.overlay.metacopy", ""), (Lines{"damage content"}));
  EXPECT_EQ(marked("d", "trusted.overlay.redirect", "/e"), (Lines{"damage content"}));
  EXPECT_EQ(marked("d", "user.overlay.opaque", "y"), (Lines{"note foreign-mark"}));
}

TEST_P(Check, FilesInBaseAreDamage) {
  std::ofstream(layer_of("nothing") + "/fs/file") << "1";
  EXPECT_EQ(findings(), (Lines{"damage base-not-empty"}));
  EXPECT_EQ(check().snapshots.affected, (Lines{"nothing", "a", "b", "c"}));
}

TEST_P(Check, AStoreThatOthersMayEnterIsSaidAndClosed) {
  fs::permissions(location().path(), fs::perms(0755));
  EXPECT_EQ(findings(), (Lines{"note open-to-others"}));
  repair();
  EXPECT_EQ(findings(), Lines{});
}

TEST_P(Check, AnUpperThatIsToBeDroppedIsSaid) {
  for (const char* content : {"1", "2"}) {
    write("a", content);
    boot_again();
    EXPECT_EQ(findings(), (Lines{"note unsynced-upper"}));
    EXPECT_TRUE(check().is_well());
    write("a", content);
    store().sync_head(HeadName::main());
    store().collect_garbage();
    EXPECT_EQ(findings(), Lines{});
  }
}

TEST_P(Check, WhereNothingIsKeptAllIsWell) {
  const StoreLocation nowhere{location().base_directory, "none"};
  EXPECT_TRUE(store::check(nowhere).findings.empty());
  EXPECT_TRUE(store::repair(nowhere, store::check(nowhere)).empty());
  EXPECT_FALSE(fs::exists(nowhere.path()));
}

}  // namespace plyroot::test
