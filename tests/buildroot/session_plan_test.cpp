#include "buildroot/session_plan.hpp"

#include <gtest/gtest.h>
#include <linux/mount.h>

#include <algorithm>

namespace plyroot::buildroot {

TEST(StandardMounts, AreInAnOrderInWhichEachFindsItsPlace) {
  std::vector<std::string> targets;
  for (const RootMount& mount : standard_mounts(0))
    targets.push_back(mount.target);
  EXPECT_EQ(targets, (std::vector<std::string>{"proc", "sys", "dev", "dev/pts", "dev/shm"}));
}

TEST(StandardMounts, LetNothingInSysBeWritten) {
  const auto mounts = standard_mounts(0);
  const auto sys =
      std::find_if(mounts.begin(), mounts.end(), [](const RootMount& mount) { return mount.target == "sys"; });
  ASSERT_NE(sys, mounts.end());
  EXPECT_NE(sys->file_system.attributes & MOUNT_ATTR_RDONLY, 0U);
}

TEST(StandardMounts, HaveAsManyLoopDevicesAsAskedFor) {
  const auto loops = [](int count) {
    const auto mounts = standard_mounts(count);
    const auto dev =
        std::find_if(mounts.begin(), mounts.end(), [](const RootMount& mount) { return mount.target == "dev"; });
    return std::count_if(dev->devices.begin(), dev->devices.end(),
                         [](const DeviceNode& node) { return node.major == 7; });
  };
  EXPECT_EQ(loops(0), 0);
  EXPECT_EQ(loops(12), 12);
}

}  // namespace plyroot::buildroot
