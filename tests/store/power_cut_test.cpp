#include <gtest/gtest.h>

#include <filesystem>

#include "store_fixture.hpp"

namespace plyroot::test {

class AfterAnotherBoot : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(On, AfterAnotherBoot, testing::Values("ext4", "xfs"), file_system_name);

TEST_P(AfterAnotherBoot, WhatWasNotOnTheDiskIsGoneAsAWholeAndTold) {
  write("a", "1");
  snapshot("s");
  write("a", "2");
  boot_again();
  const MountedHead head(store(), HeadName::main());
  EXPECT_TRUE(head.prepared().dropped_unsynced);
  EXPECT_EQ(head.read("a"), "1");
  EXPECT_TRUE(store().has_garbage());
}

TEST_P(AfterAnotherBoot, WhatWasSyncedIsThere) {
  write("a", "1");
  store().sync_head(HeadName::main());
  boot_again();
  const MountedHead head(store(), HeadName::main());
  EXPECT_FALSE(head.prepared().dropped_unsynced);
  EXPECT_EQ(head.read("a"), "1");
}

TEST_P(AfterAnotherBoot, ATornUpperNeverBecomesASnapshot) {
  write("a", "1");
  snapshot("s");
  write("a", "2");
  boot_again();
  snapshot("t");
  EXPECT_EQ(list(), (Lines{"* s", "* t"}));
  EXPECT_EQ(read("a"), "1");
}

TEST_P(AfterAnotherBoot, AHeadThatIsUsedCountsAsNotOnTheDiskUntilItIsSyncedAgain) {
  write("a", "1");
  store().sync_head(HeadName::main());
  write("a", "2");
  boot_again();
  EXPECT_EQ(read("a"), std::nullopt);
}

TEST_P(AfterAnotherBoot, AStateThatWasUsedAndSyncedAgainIsThere) {
  write("a", "1");
  store().sync_head(HeadName::main());
  write("a", "2");
  store().sync_head(HeadName::main());
  boot_again();
  EXPECT_EQ(read("a"), "2");
}

TEST_P(AfterAnotherBoot, ANoteOfAnUpperThatWasDroppedSaysNothingOfTheNextOne) {
  write("a", "1");
  store().sync_head(HeadName::main());
  write("a", "2");
  clean();
  write("b", "1");
  store().sync_head(HeadName::main());
  boot_again();
  EXPECT_EQ(read("b"), "1");
}

TEST_P(AfterAnotherBoot, SyncingDoesNotCountWhereTheHeadIsInUse) {
  write("a", "1");
  {
    const MountedHead head(store(), HeadName::main());
    store().sync_head(HeadName::main());
  }
  boot_again();
  EXPECT_EQ(read("a"), std::nullopt);
}

}  // namespace plyroot::test
