#include "plyroot/names.hpp"

#include <gtest/gtest.h>

#include "support/error.hpp"

namespace plyroot {

class NamesThatAreRefused : public testing::TestWithParam<std::string> {};

TEST_P(NamesThatAreRefused, ForSnapshotsAndForHeads) {
  EXPECT_THROW(SnapshotName{GetParam()}, Error);
  EXPECT_THROW(HeadName{GetParam()}, Error);
}

INSTANTIATE_TEST_SUITE_P(Names, NamesThatAreRefused,
                         testing::Values("", ".", "..", ".hidden", "-option", "../x", "a/b", "a/../../../x", "a b",
                                         "a\n", std::string("a\0b", 3), "a:b", "a,b", "a\\b", "\xc3\xa9", "@main",
                                         std::string(65, 'a'), std::string(10'000, 'a')));

TEST(SnapshotName, TakesLettersDigitsAndThreeSigns) {
  EXPECT_EQ(SnapshotName("a").text(), "a");
  EXPECT_EQ(SnapshotName("Fedora-41_x86.64").text(), "Fedora-41_x86.64");
  EXPECT_EQ(SnapshotName(std::string(64, 'z')).text(), std::string(64, 'z'));
}

}  // namespace plyroot
