#include "linux/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "fixtures/file_systems.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace {

const User somebody{1000, 1000, {}};

/// A directory that others can enter, with a file of this mode in it.
class RegularFile : public testing::Test {
 protected:
  RegularFile() { std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755)); }

  [[nodiscard]] std::string write(mode_t mode) const {
    std::string path = directory_.path() + "/file";
    std::ofstream(path) << "content";
    chmod(path.c_str(), mode);
    return path;
  }

  /// The errno that reading it is refused with; 0 where it is not.
  static int refusal(const std::string& path, const std::optional<User>& as_user) {
    try {
      read_regular_file(path, as_user);
      return 0;
    } catch (const SystemError& error) {
      return error.error_number();
    }
  }

  test::TemporaryDirectory directory_;
};

TEST_F(RegularFile, IsReadWithTheRightsOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  EXPECT_EQ(read_regular_file(write(0644), somebody), "content");
  EXPECT_EQ(refusal(write(0640), somebody), EACCES);
  EXPECT_EQ(read_regular_file(write(0640), std::nullopt), "content");
  EXPECT_EQ(geteuid(), 0U);
}

TEST_F(RegularFile, IsNoneThatIsMissingOrThatOneWouldWaitFor) {
  const std::string fifo = directory_.path() + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0644), 0);
  for (const auto& as_user : {std::optional<User>(), std::optional<User>(User{geteuid(), getegid(), {}})}) {
    EXPECT_EQ(refusal(fifo, as_user), EINVAL);
    EXPECT_EQ(refusal(directory_.path(), as_user), EINVAL);
    EXPECT_EQ(refusal(directory_.path() + "/missing", as_user), ENOENT);
  }
}

}  // namespace
}  // namespace plyroot::linux_api
