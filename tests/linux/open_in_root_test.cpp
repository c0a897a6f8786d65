#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "fixtures/file_systems.hpp"
#include "linux/descriptor.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace {

class OpenInRoot : public testing::Test {
 protected:
  OpenInRoot() {
    std::filesystem::create_directories(directory_.path() + "/root/etc");
    std::ofstream(directory_.path() + "/secret") << "outside";
    std::ofstream(directory_.path() + "/root/etc/inside") << "inside";
    root_ = open_path(directory_.path() + "/root", O_PATH | O_DIRECTORY);
  }
  void link(const std::string& name, const std::string& target) const {
    ASSERT_EQ(symlinkat(target.c_str(), root_.get(), name.c_str()), 0);
  }
  [[nodiscard]] int error_of(const std::string& path, Links links) const {
    int error_number = 0;
    try_open_in_root(root_.get(), path, O_RDONLY, links, 0, error_number);
    return error_number;
  }
  test::TemporaryDirectory directory_;
  Descriptor root_;
};

TEST_F(OpenInRoot, TakesTheRootForTheTopOfEverything) {
  link("relative", "../secret");
  link("absolute", directory_.path() + "/secret");
  EXPECT_EQ(error_of("relative", Links::follow), ENOENT);
  EXPECT_EQ(error_of("absolute", Links::follow), ENOENT);
  EXPECT_EQ(error_of("../secret", Links::follow), ENOENT);
  EXPECT_EQ(error_of("../../../etc/inside", Links::follow), 0);
}

TEST_F(OpenInRoot, FollowsLinksWithinTheRootOnlyWhereAskedTo) {
  link("to-etc", "/etc");
  EXPECT_EQ(read_all(open_in_root(root_.get(), "to-etc/inside", O_RDONLY, Links::follow).get()), "inside");
  EXPECT_EQ(error_of("to-etc/inside", Links::refuse), ELOOP);
}

TEST_F(OpenInRoot, EndsInALinkThatLeadsInACircle) {
  link("a", "b");
  link("b", "a");
  EXPECT_EQ(error_of("a", Links::follow), ELOOP);
}

TEST_F(OpenInRoot, DoesNotWaitForTheOtherEndOfAFifo) {
  ASSERT_EQ(mkfifoat(root_.get(), "fifo", 0600), 0);
  EXPECT_TRUE(open_in_root(root_.get(), "fifo", O_RDONLY, Links::follow).valid());
}

TEST_F(OpenInRoot, NamesThePathAsItIsInTheRoot) {
  try {
    open_in_root(root_.get(), "no/such", O_RDONLY, Links::follow);
    FAIL();
  } catch (const SystemError& error) {
    EXPECT_STREQ(error.what(), "cannot open no/such in the build root: No such file or directory");
  }
}

}  // namespace
}  // namespace plyroot::linux_api
