#include <gtest/gtest.h>

#include "config/evaluating_user.hpp"
#include "support/error.hpp"

namespace plyroot::config {
namespace {

TEST(GroupIds, AreThoseThatIdPrints) {
  EXPECT_EQ(parse_group_ids("1000 4 4294967294\n"), (std::vector<gid_t>{1000, 4, 4294967294}));
  EXPECT_TRUE(parse_group_ids("\n").empty());
}

TEST(GroupIds, AreRefusedRatherThanCutOff) {
  for (const char* words : {"4294967296", "4294967295", "-1", "1000x", "wheel"}) {
    EXPECT_THROW(parse_group_ids(words), Error) << words;
  }
}

TEST(Passwd, GivesTheFirstEntryThatIsWantedAndSkipsWhatIsNone) {
  const auto is_root = [](const PasswdEntry& entry) { return entry.uid == 0; };
  const auto entry = find_in_passwd("\n:::\nbroken:x:0\nroot:x:0:5::/root:/bin/sh\ntoor:x:0:0::/:", is_root);
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->name, "root");
  EXPECT_EQ(entry->gid, 5U);
  EXPECT_EQ(entry->home, "/root");
  EXPECT_FALSE(find_in_passwd("a:x:4294967296:0::/:", [](const PasswdEntry& /*any*/) { return true; }).has_value());
}

}  // namespace
}  // namespace plyroot::config
