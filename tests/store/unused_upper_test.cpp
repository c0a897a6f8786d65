#include <gtest/gtest.h>

#include <filesystem>

#include "linux/file_system.hpp"
#include "store/check.hpp"
#include "store/head_file.hpp"
#include "store_fixture.hpp"

namespace plyroot::test {
namespace {

namespace fs = std::filesystem;

/// A head that stands on "s" with an upper that nobody has used.
class UnusedUpper : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (IsSkipped()) return;
    write("a", "1");
    snapshot("s");
    write("a", "2");
    clean();
    store().collect_garbage();
  }
  [[nodiscard]] fs::path upper() const { return StoreTest::upper(); }
  [[nodiscard]] bool is_listed_as_unused() const {
    const store::Database rows = database();
    store::Statement row(rows, "SELECT upper_is_unused FROM heads WHERE name = ''");
    EXPECT_TRUE(row.step());
    return row.integer(0) != 0;
  }
  [[nodiscard]] bool is_well_and_clean() const { return store::check(location()).findings.empty(); }
  [[nodiscard]] store::UseNote note_of_this_boot() const {
    return {store::find_head(database(), HeadName::main())->upper.value(), linux_api::boot_id(), true};
  }
  void remove_head_file() const { fs::remove(location().path() + "/heads/@main.lock"); }
};
INSTANTIATE_TEST_SUITE_P(On, UnusedUpper, testing::Values("ext4", "tmpfs"), file_system_name);

TEST_P(UnusedUpper, IsUsedWithoutChangingTheDatabase) {
  const store::DatabaseStamp before = stamp();
  write("b", "1");
  EXPECT_EQ(stamp(), before);
  EXPECT_EQ(read("a"), "1");
  EXPECT_EQ(read("b"), "1");
}

TEST_P(UnusedUpper, NeedsNoDirectoryBeforeItIsUsed) {
  EXPECT_FALSE(fs::exists(upper()));
  EXPECT_TRUE(is_well_and_clean());
  EXPECT_EQ(read("a"), "1");
  EXPECT_TRUE(is_well_and_clean());
}

TEST_P(UnusedUpper, WhoseDirectoryWasBegunIsAsGood) {
  fs::create_directory(upper());
  EXPECT_TRUE(is_well_and_clean());
  EXPECT_EQ(read("a"), "1");
}

TEST_P(UnusedUpper, StaysWhereASnapshotIsTaken) {
  const fs::path before = upper();
  snapshot("t");
  EXPECT_EQ(list(), (Lines{"* s", "* t"}));
  EXPECT_EQ(upper(), before);
}

TEST_P(UnusedUpper, IsNothingThatARestartCouldLose) {
  boot_again();
  const MountedHead head(store(), HeadName::main());
  EXPECT_FALSE(head.prepared().dropped_unsynced);
  EXPECT_EQ(head.read("a"), "1");
}

TEST_P(UnusedUpper, ThatIsUsedKeepsWhatWasWrittenEvenWithoutTheHeadsFile) {
  write("b", "1");
  remove_head_file();
  snapshot("t");
  write("b", "2");
  remove_head_file();
  EXPECT_EQ(read("b"), "2");
  clean();
  EXPECT_EQ(read("b"), "1");
}

TEST_P(UnusedUpper, ThatIsUsedWithoutTheHeadsFileMayBeLostAsAnyOther) {
  write("b", "1");
  remove_head_file();
  write("b", "2");
  boot_again();
  const MountedHead head(store(), HeadName::main());
  EXPECT_TRUE(head.prepared().dropped_unsynced);
  EXPECT_EQ(head.read("b"), std::nullopt);
}

TEST_P(UnusedUpper, MayBeNotedOnTheDiskWhileItIsUsedInTheBootThatListedIt) {
  const HeadLock lock(store(), HeadName::main());
  store().prepare_upper(lock);
  store().commit_preparation(Store::UseNoteSync::may_wait);
  EXPECT_EQ(store::read_use_note(lock.descriptor()), note_of_this_boot());
  EXPECT_FALSE(store::is_use_note_on_disk(lock.descriptor(), note_of_this_boot()));
  store().sync_use_note();
  EXPECT_TRUE(store::is_use_note_on_disk(lock.descriptor(), note_of_this_boot()));
}

TEST_P(UnusedUpper, IsNotedOnTheDiskByWhoComesIntoASessionThatHasNotDoneSoYet) {
  const HeadLock lock(store(), HeadName::main());
  store().prepare_upper(lock);
  store().commit_preparation(Store::UseNoteSync::may_wait);
  Store::sync_use_note(lock);
  EXPECT_TRUE(store::is_use_note_on_disk(lock.descriptor(), note_of_this_boot()));
}

TEST_P(UnusedUpper, OfAnotherBootIsNotedOnTheDiskBeforeItIsUsed) {
  boot_again();
  const HeadLock lock(store(), HeadName::main());
  store().prepare_upper(lock);
  store().commit_preparation(Store::UseNoteSync::may_wait);
  EXPECT_TRUE(store::is_use_note_on_disk(lock.descriptor(), note_of_this_boot()));
}

TEST_P(UnusedUpper, ThatWasUsedIsDroppedAfterAPowerCutThatTookTheNote) {
  write("b", "1");
  boot_again();
  remove_head_file();
  const auto found = store::check(location()).findings;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().kind, store::Finding::Kind::unsynced_upper);
  const MountedHead head(store(), HeadName::main());
  EXPECT_TRUE(head.prepared().dropped_unsynced);
  EXPECT_EQ(head.read("a"), "1");
  EXPECT_EQ(head.read("b"), std::nullopt);
}

TEST_P(UnusedUpper, IsTakenForUsedWhereAPowerCutLeftNothingButItsMount) {
  EXPECT_EQ(read("a"), "1");
  boot_again();
  remove_head_file();
  const MountedHead head(store(), HeadName::main());
  EXPECT_TRUE(head.prepared().dropped_unsynced);
}

TEST_P(UnusedUpper, IsNotedOnTheDiskByTheNextOneWhereAKillKeptTheFirst) {
  boot_again();
  const store::UseNote note = note_of_this_boot();
  {
    const HeadLock lock(store(), HeadName::main());
    store().prepare_upper(lock);
    EXPECT_EQ(store::read_use_note(lock.descriptor()), note);
    EXPECT_FALSE(store::is_use_note_on_disk(lock.descriptor(), note));
  }
  write("b", "1");
  const HeadLock lock(store(), HeadName::main());
  EXPECT_TRUE(store::is_use_note_on_disk(lock.descriptor(), note));
}

TEST_P(UnusedUpper, WhoseDirectoryWasBegunIsNotFinishedByARepair) {
  fs::create_directories(upper() / "fs");
  fs::remove_all(upper().parent_path() /
                 store::read_layer(database(), 2).directory);  // something that is to be repaired
  store::repair(location(), store::check(location()));
  EXPECT_FALSE(fs::exists(upper() / "work"));
}

TEST_P(UnusedUpper, IsNotListedAsUnusedOnceItIsOnTheDisk) {
  EXPECT_TRUE(is_listed_as_unused());
  write("b", "1");
  store().sync_head(HeadName::main());
  EXPECT_FALSE(is_listed_as_unused());
}

TEST_P(UnusedUpper, IsNotDroppedForANoteThatTheDiskStillHadWhenItWasSynced) {
  write("b", "1");
  const store::UseNote note = note_of_this_boot();
  store().sync_head(HeadName::main());
  {
    const HeadLock lock(store(), HeadName::main());
    EXPECT_EQ(store::read_use_note(lock.descriptor()), std::nullopt);
    store::write_use_note(lock.descriptor(), {note.upper, "an older boot", note.of_unused});
  }
  const MountedHead head(store(), HeadName::main());
  EXPECT_FALSE(head.prepared().dropped_unsynced);
  EXPECT_EQ(head.read("b"), "1");
}

TEST_P(UnusedUpper, ThatOnlyAKillLeftNotedIsDroppedByTheNextClean) {
  {
    const HeadLock lock(store(), HeadName::main());
    store().prepare_upper(lock);
  }
  const fs::path before = upper();
  clean();
  EXPECT_NE(upper(), before);
  EXPECT_TRUE(fs::exists(location().path() / fs::path("trash") / before.filename()));
}

}  // namespace
}  // namespace plyroot::test
