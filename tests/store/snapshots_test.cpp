#include <gtest/gtest.h>
#include <sys/stat.h>

#include "store_fixture.hpp"
#include "support/error.hpp"

namespace plyroot::test {

class Snapshots : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(On, Snapshots, every_file_system(), file_system_name);

TEST_P(Snapshots, ANewStoreListsNothing) {
  EXPECT_EQ(list(), Lines{});
}

TEST_P(Snapshots, AreListedInTheOrderTheyWereMadeAndTheCurrentLayersAreStarred) {
  write("a", "1");
  snapshot("zebra");
  write("a", "2");
  snapshot("ant");
  EXPECT_EQ(list(), (Lines{"  zebra", "* ant"}));
  roll_back("zebra");
  EXPECT_EQ(list(), (Lines{"* zebra", "  ant"}));
}

TEST_P(Snapshots, WithNothingBetweenThemNameOneLayer) {
  write("a", "1");
  snapshot("one");
  snapshot("two");
  EXPECT_EQ(list(), (Lines{"* one", "* two"}));
}

TEST_P(Snapshots, CleaningDropsWhatWasDoneSinceTheCurrentOne) {
  write("kept", "1");
  snapshot("s");
  write("kept", "2");
  write("new", "3");
  clean();
  EXPECT_EQ(read("kept"), "1");
  EXPECT_EQ(read("new"), std::nullopt);
}

TEST_P(Snapshots, RollingBackShowsTheRootAsItWasThen) {
  write("file", "1");
  snapshot("first");
  {
    const MountedHead head(store(), HeadName::main());
    head.remove("file");
    ASSERT_EQ(mkdirat(head.root(), "file", 0700), 0);
  }
  snapshot("second");
  roll_back("first");
  EXPECT_EQ(read("file"), "1");
  roll_back("second");
  struct stat status {};
  EXPECT_EQ(fstatat(MountedHead(store(), HeadName::main()).root(), "file", &status, 0), 0);
  EXPECT_TRUE(S_ISDIR(status.st_mode));
}

TEST_P(Snapshots, AnyOfThemCanBeRemovedAtAnyTime) {
  write("a", "1");
  snapshot("postinit");
  write("b", "2");
  snapshot("current");
  remove("postinit");
  remove("current");
  EXPECT_EQ(list(), Lines{});
  EXPECT_EQ(read("a"), "1");  // the head stands where it stood
  EXPECT_EQ(read("b"), "2");
}

TEST_P(Snapshots, UnknownAndTakenNamesAreRefusedAndNothingIsChanged) {
  write("a", "1");
  snapshot("s");
  write("a", "2");
  EXPECT_THROW(snapshot("s"), Error);
  EXPECT_THROW(roll_back("nope"), Error);
  EXPECT_THROW(remove("nope"), Error);
  EXPECT_EQ(list(), (Lines{"* s"}));
  EXPECT_EQ(read("a"), "2");
}

TEST_P(Snapshots, AHeadOfItsOwnStartsAtTheMainOnesCurrentAndGoesItsOwnWay) {
  const HeadName x("x");
  write("file", "main");
  snapshot("s");
  write("file", "main, later");
  EXPECT_EQ(read("file", x), "main");
  write("file", "x", x);
  EXPECT_EQ(read("file"), "main, later");
  snapshot("of-x", x);
  EXPECT_EQ(list(), (Lines{"* s", "  of-x"}));
  EXPECT_EQ(list(x), (Lines{"  s", "* of-x"}));
  roll_back("of-x");
  EXPECT_EQ(read("file"), "x");
  roll_back("s", x);
  EXPECT_EQ(read("file", x), "main");
  EXPECT_EQ(read("file"), "x");
}

TEST_P(Snapshots, TheRootDirectoryItselfIsPartOfThem) {
  {
    const MountedHead head(store(), HeadName::main());
    ASSERT_EQ(fchmodat(head.root(), ".", 0711, 0), 0);
    ASSERT_EQ(fchownat(head.root(), ".", 5, 6, 0), 0);
  }
  snapshot("s");
  struct stat status {};
  ASSERT_EQ(fstat(MountedHead(store(), HeadName::main()).root(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0711U);
  EXPECT_EQ(status.st_uid, 5U);
  EXPECT_EQ(status.st_gid, 6U);
}

TEST_P(Snapshots, SixtyOnTopOfEachOtherMountAndShowAllTheirFiles) {
  constexpr int many = 60;  // mock's own plugin mounts 44
  for (int i = 0; i < many; ++i) {
    write("file" + std::to_string(i), std::to_string(i));
    snapshot("s" + std::to_string(i));
  }
  const MountedHead head(store(), HeadName::main());
  EXPECT_EQ(head.prepared().layers.lowers.size(), static_cast<std::size_t>(many));
  for (int i = 0; i < many; ++i)
    EXPECT_EQ(head.read("file" + std::to_string(i)), std::to_string(i));
}

TEST_P(Snapshots, ResettingLeavesAStoreAsNew) {
  write("a", "1");
  snapshot("s");
  write("b", "2", HeadName("x"));
  std::vector<HeadLock> locks;
  for (const HeadName& head : store().heads())
    locks.emplace_back(store(), head);
  store().reset(locks);
  locks.clear();
  EXPECT_EQ(list(), Lines{});
  EXPECT_EQ(read("a"), std::nullopt);
  store().collect_garbage();
  EXPECT_EQ(store().heads().size(), 1U);
}

TEST_P(Snapshots, OfAStoreThatAnEarlierPlyrootMadeStay) {
  write("a", "1");
  snapshot("s");
  write("a", "2");
  database().execute(
      "DROP TABLE covers; DROP TABLE retired; ALTER TABLE layers DROP COLUMN entries;"
      "ALTER TABLE heads DROP COLUMN retired_before_mount; ALTER TABLE heads DROP COLUMN upper_is_unused; PRAGMA "
      "user_version = 1");
  Store now = Store::open(location()).value();
  EXPECT_EQ(listed(now), Lines{"* s"});
  EXPECT_EQ(MountedHead(now, HeadName::main()).read("a"), "2");
  now.roll_back(HeadLock(now, HeadName::main()), SnapshotName("s"));
  now.merge_layers();
  EXPECT_EQ(MountedHead(now, HeadName::main()).read("a"), "1");
}

}  // namespace plyroot::test
