#include "linux/directory.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fixtures/file_systems.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace fs = std::filesystem;

TEST(RemoveTree, TakesLinksAwayAndWhatTheyPointAtNot) {
  const test::TemporaryDirectory directory;
  fs::create_directories(directory.path() + "/tree/below");
  fs::create_directories(directory.path() + "/kept");
  std::ofstream(directory.path() + "/kept/file") << "kept";
  fs::create_directory_symlink(directory.path() + "/kept", directory.path() + "/tree/below/link");
  const Descriptor parent = open_path(directory.path(), O_RDONLY | O_DIRECTORY);
  remove_tree(parent.get(), "tree");
  EXPECT_FALSE(fs::exists(directory.path() + "/tree"));
  EXPECT_TRUE(fs::exists(directory.path() + "/kept/file"));
}

TEST(RemoveTree, IsContentWithNothing) {
  const test::TemporaryDirectory directory;
  const Descriptor parent = open_path(directory.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_NO_THROW(remove_tree(parent.get(), "nothing"));
}

TEST(RemoveTree, NamesAFileThatCannotBeRemoved) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may make a file immutable";
  const test::ScratchFileSystem file_system("ext4");
  fs::create_directories(file_system.path() + "/tree/below");
  std::ofstream(file_system.path() + "/tree/below/immutable") << "kept";
  const Descriptor file = open_path(file_system.path() + "/tree/below/immutable", O_RDONLY);
  int flags = FS_IMMUTABLE_FL;
  ASSERT_EQ(ioctl(file.get(), FS_IOC_SETFLAGS, &flags), 0);
  const Descriptor parent = open_path(file_system.path() + "/tree/below", O_RDONLY | O_DIRECTORY);
  const Descriptor above = open_path(file_system.path(), O_RDONLY | O_DIRECTORY);
  const auto reason = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const SystemError& error) {
      return error.what();
    }
    return "none";
  };
  const std::string names_it = "tree/below/immutable: Operation not permitted";
  EXPECT_THAT(reason([&] { remove_tree(parent.get(), "immutable"); }), testing::HasSubstr(names_it));
  EXPECT_THAT(reason([&] { remove_tree(above.get(), "tree"); }), testing::HasSubstr(names_it));
  flags = 0;
  ASSERT_EQ(ioctl(file.get(), FS_IOC_SETFLAGS, &flags), 0);
  remove_tree(above.get(), "tree");
  EXPECT_FALSE(fs::exists(file_system.path() + "/tree"));
}

TEST(RemoveTree, StopsAtAMount) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may mount";
  const test::TemporaryDirectory directory;
  const test::ScratchFileSystem other("tmpfs");
  std::ofstream(other.path() + "/file") << "kept";
  fs::create_directories(directory.path() + "/tree/mounted");
  ASSERT_EQ(mount(other.path().c_str(), (directory.path() + "/tree/mounted").c_str(), nullptr, MS_BIND, nullptr), 0);
  const Descriptor parent = open_path(directory.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_THROW(remove_tree(parent.get(), "tree"), Error);
  EXPECT_TRUE(fs::exists(other.path() + "/file"));
  ASSERT_EQ(umount((directory.path() + "/tree/mounted").c_str()), 0);
}

}  // namespace plyroot::linux_api
