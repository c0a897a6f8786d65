#include "linux/emptying.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fixtures/file_systems.hpp"
#include "linux/directory.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace fs = std::filesystem;

namespace {

class EmptyDirectory : public testing::Test {
 protected:
  const test::TemporaryDirectory place_;
  const fs::path trash_ = fs::path(place_.path()) / "trash";
  void SetUp() override { fs::create_directory(trash_); }
  [[nodiscard]] Descriptor trash() const { return open_path(trash_, O_RDONLY | O_DIRECTORY); }

  void put_tree(const std::string& name, int directories, int files) const {
    for (int i = 0; i < directories; ++i) {
      const fs::path directory = trash_ / name / std::to_string(i % 3) / std::to_string(i);
      fs::create_directories(directory);
      for (int k = 0; k < files; ++k)
        std::ofstream(directory / std::to_string(k)) << k;
    }
  }
};

}  // namespace

TEST_F(EmptyDirectory, RemovesTreesFilesAndLinksAndNothingThatLinksPointAt) {
  put_tree("layer", 40, 25);
  fs::create_directory(fs::path(place_.path()) / "kept");
  std::ofstream(fs::path(place_.path()) / "kept/file") << "kept";
  fs::create_directory_symlink(fs::path(place_.path()) / "kept", trash_ / "layer/0/link");
  fs::create_directory_symlink(fs::path(place_.path()) / "kept", trash_ / "link");
  std::ofstream(trash_ / "file") << "gone";
  mkfifo((trash_ / "fifo").c_str(), 0600);
  empty_directory(trash().get());
  EXPECT_TRUE(fs::is_empty(trash_));
  EXPECT_TRUE(fs::exists(fs::path(place_.path()) / "kept/file"));
}

TEST_F(EmptyDirectory, GoesDeeperThanDescriptorsOrPathsReach) {
  constexpr int depth = 5000;
  Descriptor directory = trash();
  for (int i = 0; i < depth; ++i) {
    ASSERT_EQ(mkdirat(directory.get(), "below", 0700), 0);
    directory = open_at(directory.get(), "below", O_RDONLY | O_DIRECTORY);
  }
  empty_directory(trash().get());
  EXPECT_TRUE(fs::is_empty(trash_));
}

TEST_F(EmptyDirectory, TellsWhoeverWatchesHowManyNamesThereAreAndAllOfThemInTheEnd) {
  put_tree("layer", 30, 100);
  const std::size_t names = 1 + 3 + 30 + 30 * 100;
  std::size_t last_removed = 0;
  empty_directory(trash().get(), [&](std::size_t removed, std::size_t all) {
    EXPECT_EQ(all, names);
    EXPECT_LE(last_removed, removed);
    last_removed = removed;
  });
  EXPECT_EQ(last_removed, names);
}

TEST_F(EmptyDirectory, RemovesAllElseWhereSomethingIsMountedInIt) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may mount";
  put_tree("layer", 10, 10);
  fs::create_directories(trash_ / "layer/0/mounted");
  const test::ScratchFileSystem other("tmpfs");
  std::ofstream(fs::path(other.path()) / "file") << "kept";
  ASSERT_EQ(mount(other.path().c_str(), (trash_ / "layer/0/mounted").c_str(), nullptr, MS_BIND, nullptr), 0);
  EXPECT_THROW(empty_directory(trash().get()), Error);
  EXPECT_TRUE(fs::exists(fs::path(other.path()) / "file"));
  const auto left = std::distance(fs::directory_iterator(trash_), fs::directory_iterator());
  EXPECT_EQ(left, 1);  // the directory that the mount is in, wherever it was brought
  for (const auto& entry : fs::directory_iterator(trash_))
    umount2((entry.path() / "mounted").c_str(), MNT_DETACH);
  empty_directory(trash().get());
  EXPECT_TRUE(fs::is_empty(trash_));
}

}  // namespace plyroot::linux_api
