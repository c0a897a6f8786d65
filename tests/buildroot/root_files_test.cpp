#include "buildroot/root_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "fixtures/file_systems.hpp"
#include "support/error.hpp"

namespace plyroot::buildroot {
namespace {
namespace fs = std::filesystem;

class RootFiles : public testing::Test {
 protected:
  RootFiles() {
    fs::create_directories(path("root/etc"));
    fs::create_directories(path("outside"));
    root_ = linux_api::open_path(path("root"), O_PATH | O_DIRECTORY);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  [[nodiscard]] int root() const { return root_.get(); }
  test::TemporaryDirectory directory_;
  linux_api::Descriptor root_;
};

TEST_F(RootFiles, WritingReplacesALinkInsteadOfWritingThroughIt) {
  std::ofstream(path("outside/victim")) << "kept";
  fs::create_symlink(path("outside/victim"), path("root/etc/resolv.conf"));
  write_file_in_root(root(), "/etc/resolv.conf", "nameserver ::1\n");
  EXPECT_FALSE(fs::is_symlink(path("root/etc/resolv.conf")));
  EXPECT_EQ(read_file_in_root(root(), "etc/resolv.conf"), "nameserver ::1\n");
  std::string content;
  std::ifstream(path("outside/victim")) >> content;
  EXPECT_EQ(content, "kept");
}

TEST_F(RootFiles, DirectoriesThatAreLinksToTheOutsideLeadNowhere) {
  fs::create_directory_symlink(path("outside"), path("root/var"));
  EXPECT_THROW(write_file_in_root(root(), "var/file", "x"), Error);
  EXPECT_THROW(make_directories_in_root(root(), "var/cache/dnf", 0755), Error);
  EXPECT_TRUE(fs::is_empty(path("outside")));
}

TEST_F(RootFiles, AFifoWhereAFileIsExpectedIsNoFile) {
  ASSERT_EQ(mkfifoat(root(), "etc/passwd", 0644), 0);
  EXPECT_EQ(read_file_in_root(root(), "etc/passwd"), std::nullopt);
}

TEST_F(RootFiles, ChangingOwnersFollowsNoLink) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  std::ofstream(path("outside/victim")) << "kept";
  fs::create_directories(path("root/builddir"));
  fs::create_directory_symlink(path("outside"), path("root/builddir/link"));
  change_owner_in_root(root(), "builddir", 1234, 1234, true);
  struct stat status {};
  ASSERT_EQ(stat(path("outside/victim").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0U);
  ASSERT_EQ(lstat(path("root/builddir/link").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1234U);
}

TEST_F(RootFiles, PatternsMatchWithinTheRoot) {
  for (const char* name : {"b.db", "a.db", ".hidden.db", "c.txt"})
    write_file_in_root(root(), std::string("var/lib/") + name, "");
  EXPECT_EQ(glob_in_root(root(), "/var/*/*.db"), (std::vector<std::string>{"var/lib/a.db", "var/lib/b.db"}));
  EXPECT_TRUE(glob_in_root(root(), "nothing/*").empty());
}

}  // namespace
}  // namespace plyroot::buildroot
