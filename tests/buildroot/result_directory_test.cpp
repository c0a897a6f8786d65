#include "buildroot/result_directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "fixtures/file_systems.hpp"
#include "linux/directory.hpp"
#include "linux/process.hpp"

namespace plyroot::buildroot {
namespace {

TEST(ResultDirectory, IsMadeAgainWhileCleansRemoveIt) {
  const test::TemporaryDirectory scratch;
  config::Config config;
  config.resultdir = scratch.path() + "/root/result";
  linux_api::Child cleans = linux_api::fork_child([&] {
    for (int round = 0; round < 2000; ++round)
      linux_api::remove_tree(AT_FDCWD, scratch.path() + "/root");
    return 0;
  });
  pollfd end{cleans.pidfd(), POLLIN, 0};
  while (poll(&end, 1, 0) == 0) {
    EXPECT_NO_THROW(create_logs(config));
    usleep(100);  // a command makes its logs once, not without end
  }
  EXPECT_TRUE(cleans.wait().success());
}

}  // namespace
}  // namespace plyroot::buildroot
