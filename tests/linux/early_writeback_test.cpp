#include "linux/early_writeback.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "fixtures/file_systems.hpp"
#include "linux/descriptor.hpp"

namespace plyroot::linux_api {
namespace {

/// Whether the file system has not even chosen blocks for this file's content.
bool is_only_in_memory(int file) {
  alignas(fiemap) std::array<char, sizeof(fiemap) + sizeof(fiemap_extent)> room{};
  auto& asked = *reinterpret_cast<fiemap*>(room.data());
  asked.fm_length = FIEMAP_MAX_OFFSET;
  asked.fm_extent_count = 1;
  EXPECT_EQ(ioctl(file, FS_IOC_FIEMAP, &asked), 0);
  return asked.fm_mapped_extents == 1 && (asked.fm_extents[0].fe_flags & FIEMAP_EXTENT_DELALLOC) != 0;
}

class EarlyWritebackOn : public test::OnEachFileSystem {};

TEST_P(EarlyWritebackOn, WritesWhatIsMadeWhileItLives) {
  const test::ScratchFileSystem disk(GetParam());
  const Descriptor file = open_path(disk.path() + "/made", O_RDWR | O_CREAT, 0644);
  write_all(file.get(), std::string(1 << 20, 'x'));
  ASSERT_TRUE(is_only_in_memory(file.get()));

  const EarlyWriteback writeback(disk.path());
  // The kernel itself would begin after half a minute.
  for (int tries = 0; tries < 200 && is_only_in_memory(file.get()); ++tries)
    usleep(100'000);
  EXPECT_FALSE(is_only_in_memory(file.get()));
}

TEST_P(EarlyWritebackOn, LeavesNothingInUse) {
  const test::ScratchFileSystem disk(GetParam());
  const Descriptor before = open_path("/dev/null", O_RDONLY);
  { const EarlyWriteback writeback(disk.path()); }
  const Descriptor after = open_path("/dev/null", O_RDONLY);
  EXPECT_EQ(after.get(), before.get() + 1);
}  // the file system can be unmounted

INSTANTIATE_TEST_SUITE_P(On, EarlyWritebackOn, testing::Values("ext4", "xfs", "btrfs"), test::file_system_name);

}  // namespace
}  // namespace plyroot::linux_api
