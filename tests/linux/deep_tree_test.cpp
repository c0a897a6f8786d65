#include "fixtures/deep_tree.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "fixtures/file_systems.hpp"
#include "linux/directory.hpp"
#include "linux/directory_cursor.hpp"
#include "linux/tree_walk.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace fs = std::filesystem;

TEST(DeepTree, IsWalkedAndRemovedWithFewDescriptorsAndLittleStack) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may mount";
  constexpr std::size_t depth = 100'000;
  const test::ScratchFileSystem file_system("tmpfs");
  const Descriptor top = open_path(file_system.path(), O_RDONLY | O_DIRECTORY);
  const test::FewDescriptors few(64);
  test::make_deep_tree(top.get(), depth);
  std::size_t names = 0;
  std::size_t longest_path = 0;
  walk_tree(top.get(), [&](int, const std::string&, const std::string& path) {
    ++names;
    longest_path = std::max(longest_path, path.size());
    return true;
  });
  EXPECT_EQ(names, depth + 3);
  EXPECT_EQ(longest_path, 2 * depth + 5);
  remove_tree(top.get(), "d");
  EXPECT_TRUE(is_empty_directory(top.get()));
}

class Cursor : public testing::Test {
 protected:
  Cursor() : cursor_(open_path(directory_.path(), O_RDONLY | O_DIRECTORY)) {
    fs::create_directories(path("a/b/c"));
    fs::create_directory(path("other"));
  }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  [[nodiscard]] std::string where() const { return shown_path(cursor_.get()); }

  test::TemporaryDirectory directory_;
  DirectoryCursor cursor_;
};

TEST_F(Cursor, GoesDownAndUp) {
  for (const char* name : {"a", "b", "c"})
    ASSERT_TRUE(cursor_.enter(name));
  EXPECT_FALSE(cursor_.enter("nothing"));
  EXPECT_EQ(where(), path("a/b/c"));
  cursor_.leave();
  EXPECT_EQ(where(), path("a/b"));
  cursor_.leave_what_stays();
  EXPECT_EQ(where(), path("a"));
  cursor_.leave();
  EXPECT_EQ(where(), directory_.path());
  EXPECT_EQ(cursor_.depth(), 0U);
}

TEST_F(Cursor, EntersNoLinkUnlessItIsToldTo) {
  fs::create_directory_symlink(path("a/b"), path("link"));
  EXPECT_FALSE(cursor_.enter("link"));
  cursor_.enter_through_links("link");
  EXPECT_EQ(where(), path("a/b"));
  ASSERT_TRUE(cursor_.enter("c"));
  cursor_.leave();
  EXPECT_EQ(where(), path("a/b"));
  cursor_.leave();
  EXPECT_EQ(where(), directory_.path());
  EXPECT_THROW(cursor_.enter_through_links("nothing"), SystemError);
}

TEST_F(Cursor, KnowsThatALinkHasLedBack) {
  fs::create_directory_symlink(path("a"), path("a/b/back"));
  fs::create_directory_symlink(path("other"), path("a/b/elsewhere"));
  for (const char* name : {"a", "b"})
    ASSERT_TRUE(cursor_.enter(name));
  EXPECT_FALSE(cursor_.has_come_back());
  cursor_.enter_through_links("elsewhere");
  EXPECT_FALSE(cursor_.has_come_back());
  cursor_.leave();
  cursor_.enter_through_links("back");
  EXPECT_TRUE(cursor_.has_come_back());
}

TEST_F(Cursor, DoesNotFollowADirectoryThatIsMovedButGoesBackToWhereItCameFrom) {
  for (const char* name : {"a", "b", "c"})
    ASSERT_TRUE(cursor_.enter(name));
  fs::rename(path("a/b/c"), path("other/c"));
  cursor_.leave();
  EXPECT_EQ(where(), path("a/b"));
  fs::rename(path("a/b"), path("other/b"));
  fs::rename(path("a"), path("other/a"));
  cursor_.leave();
  EXPECT_EQ(where(), directory_.path());
  EXPECT_EQ(cursor_.depth(), 0U);
}

TEST_F(Cursor, DoesNotTakeAnotherDirectoryOfTheSameNameForIt) {
  for (const char* name : {"a", "b", "c"})
    ASSERT_TRUE(cursor_.enter(name));
  fs::rename(path("a"), path("other/a"));
  fs::rename(path("other/a/b"), path("other/b"));
  fs::create_directories(path("a/b/c"));
  cursor_.leave_what_stays();
  EXPECT_EQ(where(), path("other/b"));  // c still lies in what it was entered from
  EXPECT_THROW(cursor_.leave_what_stays(), Error);
  EXPECT_EQ(where(), directory_.path());
}

TEST_F(Cursor, ReturnsToWhatItCameFromThroughALinkWhereAllElseWasMoved) {
  fs::create_directory_symlink(path("a"), path("link"));
  cursor_.enter_through_links("link");
  for (const char* name : {"b", "c"})
    ASSERT_TRUE(cursor_.enter(name));
  fs::rename(path("a/b/c"), path("other/c"));
  fs::remove(path("a/b"));
  cursor_.leave();
  EXPECT_EQ(cursor_.depth(), 0U);
  EXPECT_EQ(where(), directory_.path());
}

TEST(WalkTree, GoesOnWhereItWasWhenADirectoryIsMovedAway) {
  const test::TemporaryDirectory directory;
  for (const char* name : {"tree/moved/below", "tree/stays", "other"})
    fs::create_directories(directory.path() + "/" + name);
  const Descriptor top = open_path(directory.path() + "/tree", O_RDONLY | O_DIRECTORY);
  std::size_t told = 0;
  walk_tree(top.get(), [&](int, const std::string& name, const std::string&) {
    ++told;
    if (name == "below") fs::rename(directory.path() + "/tree/moved", directory.path() + "/other/moved");
    return true;
  });
  EXPECT_EQ(told, 3U);
}

TEST(RemoveTree, TakesWhatAppearsMeanwhile) {
  // Another process fills the tree while it is removed, and ends.
  const test::TemporaryDirectory directory;
  fs::create_directories(directory.path() + "/tree/a/b");
  const Descriptor parent = open_path(directory.path(), O_RDONLY | O_DIRECTORY);
  const pid_t filler = fork();
  if (filler == 0) {
    for (int i = 0; i < 2000; ++i) {
      std::error_code ignored;
      fs::create_directories(directory.path() + "/tree/a/b/" + std::to_string(i % 7) + "/x", ignored);
    }
    _exit(0);
  }
  ASSERT_GT(filler, 0);
  int status = 0;
  try {
    remove_tree(parent.get(), "tree");
  } catch (const SystemError& error) {
    EXPECT_EQ(error.error_number(), ENOTEMPTY);  // it was faster, a hundred times
  }
  waitpid(filler, &status, 0);
  remove_tree(parent.get(), "tree");
  EXPECT_FALSE(fs::exists(directory.path() + "/tree"));
}

}  // namespace plyroot::linux_api
