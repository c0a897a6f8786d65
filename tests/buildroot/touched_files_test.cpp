#include "buildroot/touched_files.hpp"

#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "../store/store_fixture.hpp"
#include "support/error.hpp"

namespace plyroot::buildroot {
namespace {

using test::MountedHead;

/// A root whose rpm database lies in a lower layer, as after a snapshot.
class CopyUpTrap : public test::StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (IsSkipped()) return;
    {
      const MountedHead head(store(), HeadName::main());
      for (const char* directory : {"var", "var/lib", "var/lib/rpm", "opt"})
        ASSERT_EQ(mkdirat(head.root(), directory, 0755), 0);
      head.write("var/lib/rpm/rpmdb.sqlite", "old");
      head.write("opt/data.db", "old");
    }
    snapshot("s");
  }

  /// What a reader that has the file open and mapped sees after a writer has written to it through another descriptor.
  /// (Kernels before 4.19 showed the trap to read(2) too; mapped, as databases have their files, it is there still.)
  static std::string seen_by_an_older_descriptor(const MountedHead& head, const std::string& path) {
    const auto open = [&](int flags) {
      return linux_api::open_in_root(head.root(), path, flags, linux_api::Links::follow);
    };
    const linux_api::Descriptor reader = open(O_RDONLY);
    void* mapped = mmap(nullptr, 3, PROT_READ, MAP_SHARED, reader.get(), 0);
    if (mapped == MAP_FAILED) throw_errno("map", path);
    linux_api::write_all(open(O_WRONLY).get(), "new");
    std::string seen(static_cast<const char*>(mapped), 3);
    munmap(mapped, 3);
    return seen;
  }
};
INSTANTIATE_TEST_SUITE_P(On, CopyUpTrap, testing::Values("ext4", "xfs", "btrfs"), test::file_system_name);

TEST_P(CopyUpTrap, IsThere) {
  const MountedHead head(store(), HeadName::main());
  EXPECT_EQ(seen_by_an_older_descriptor(head, "var/lib/rpm/rpmdb.sqlite"), "old");
}

TEST_P(CopyUpTrap, IsGoneForTheRpmDatabaseWhenItWasTouched) {
  const MountedHead head(store(), HeadName::main());
  touch_rpm_database(head.root());
  EXPECT_EQ(seen_by_an_older_descriptor(head, "var/lib/rpm/rpmdb.sqlite"), "new");
}

TEST_P(CopyUpTrap, IsGoneForWhateverFilesPatternsName) {
  const MountedHead head(store(), HeadName::main());
  touch_files(head.root(), {"/opt/*.db"});
  EXPECT_EQ(seen_by_an_older_descriptor(head, "opt/data.db"), "new");
}

TEST_P(CopyUpTrap, IsGoneWhereTheDatabaseIsReachedThroughALinkWithinTheRoot) {
  {
    const MountedHead head(store(), HeadName::main());
    for (const char* directory : {"usr", "usr/lib", "usr/lib/sysimage"})
      ASSERT_EQ(mkdirat(head.root(), directory, 0755), 0);
    ASSERT_EQ(renameat(head.root(), "var/lib/rpm/rpmdb.sqlite", head.root(), "opt/rpmdb.sqlite"), 0);
    ASSERT_EQ(symlinkat("/opt", head.root(), "usr/lib/sysimage/rpm"), 0);
  }
  snapshot("t");
  const MountedHead head(store(), HeadName::main());
  touch_rpm_database(head.root());
  EXPECT_EQ(seen_by_an_older_descriptor(head, "usr/lib/sysimage/rpm/rpmdb.sqlite"), "new");
}

TEST_P(CopyUpTrap, TouchingLeavesAloneWhatNobodyMayChange) {
  const MountedHead head(store(), HeadName::main());
  const auto file = linux_api::open_in_root(head.root(), "opt/data.db", O_RDWR, linux_api::Links::follow);
  // The other flags stay: without its extents' flag ext4 would move the file's blocks, and may refuse to.
  int before = 0;
  ASSERT_EQ(ioctl(file.get(), FS_IOC_GETFLAGS, &before), 0) << std::strerror(errno);
  int immutable = before | FS_IMMUTABLE_FL;
  ASSERT_EQ(ioctl(file.get(), FS_IOC_SETFLAGS, &immutable), 0) << std::strerror(errno);
  touch_files(head.root(), {"opt/*"});
  ASSERT_EQ(ioctl(file.get(), FS_IOC_SETFLAGS, &before), 0) << std::strerror(errno);
}

TEST_P(CopyUpTrap, TouchingNeverLeavesTheRoot) {
  const test::TemporaryDirectory outside;
  const std::string victim = outside.path() + "/victim";
  linux_api::open_path(victim, O_WRONLY | O_CREAT, 0644);
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(stat(victim.c_str(), &before), 0);
  const MountedHead head(store(), HeadName::main());
  ASSERT_EQ(symlinkat(outside.path().c_str(), head.root(), "out"), 0);
  ASSERT_EQ(symlinkat(victim.c_str(), head.root(), "var/lib/rpm/link"), 0);
  touch_rpm_database(head.root());
  touch_files(head.root(), {"out/*"});
  EXPECT_THROW(touch_files(head.root(), {"../../*"}), Error);
  ASSERT_EQ(stat(victim.c_str(), &after), 0);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

/// Where a file's blocks are copied, not shared.
class CopyUpOnAFullDisk : public CopyUpTrap {
 protected:
  void fill_disk() const {
    const auto filler = linux_api::open_path(location().path() + "/filler", O_WRONLY | O_CREAT, 0600);
    off_t size = 0;
    for (off_t step = off_t{64} << 20; step >= 512; step /= 2) {
      while (fallocate(filler.get(), 0, size, step) == 0)
        size += step;
      ASSERT_EQ(errno, ENOSPC);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(On, CopyUpOnAFullDisk, testing::Values("ext4"), test::file_system_name);

TEST_P(CopyUpOnAFullDisk, IsSaidAndNotPassedOver) {
  const MountedHead head(store(), HeadName::main());
  fill_disk();
  try {
    touch_files(head.root(), {"opt/*"});
    FAIL();
  } catch (const SystemError& error) {
    EXPECT_EQ(error.error_number(), ENOSPC);
    EXPECT_NE(std::string(error.what()).find("opt/data.db"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace plyroot::buildroot
