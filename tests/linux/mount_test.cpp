#include "linux/mount.hpp"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "support/error.hpp"

namespace plyroot::linux_api {

TEST(ParseMountinfo, ReadsPathsWithSpacesAndAnyNumberOfOptionalFields) {
  const auto mounts = parse_mountinfo(
      "36 35 98:0 / /a\\040b rw,noatime shared:1 master:2 - overlay plyroot:x\\011y rw,lowerdir+=1/fs,upperdir=2/fs\n"
      "37 35 0:5 / /proc rw - proc proc rw\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].mount_point, "/a b");
  EXPECT_EQ(mounts[0].type, "overlay");
  EXPECT_EQ(mounts[0].source, "plyroot:x\ty");
  EXPECT_EQ(mounts[0].options, "rw,lowerdir+=1/fs,upperdir=2/fs");
  EXPECT_EQ(mounts[0].device, makedev(98, 0));
  EXPECT_TRUE(mounts[0].propagates);
  EXPECT_EQ(mounts[1].type, "proc");
  EXPECT_FALSE(mounts[1].propagates);
}

TEST(ParseMountinfo, RefusesWhatIsNoMountinfo) {
  EXPECT_THROW(parse_mountinfo("36 35 98:0 / /a rw\n"), Error);
  EXPECT_THROW(parse_mountinfo("-\n"), Error);
}

TEST(MountDetached, SaysThatTheKernelDoesNotKnowAFileSystem) {
  try {
    mount_detached({"nosuchfs", {}, 0});
    FAIL();
  } catch (const SystemError& error) {
    EXPECT_NE(std::string(error.what()).find("nosuchfs"), std::string::npos);
  }
}

}  // namespace plyroot::linux_api
