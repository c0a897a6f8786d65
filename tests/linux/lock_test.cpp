#include "linux/lock.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "fixtures/file_systems.hpp"
#include "linux/process.hpp"

namespace plyroot::linux_api {
namespace {

LockFile open_lock(const test::TemporaryDirectory& directory) {
  return LockFile(open_path(directory.path() + "/lock", O_RDWR | O_CREAT, 0600));
}

}  // namespace

TEST(LockFile, KeepsItsBytesApart) {
  const test::TemporaryDirectory directory;
  LockFile one = open_lock(directory);
  LockFile other = open_lock(directory);
  one.lock(0);
  EXPECT_FALSE(other.try_lock(0));
  EXPECT_TRUE(other.try_lock(1));
  EXPECT_TRUE(one.is_held_elsewhere(1));
  one.unlock(0);
  EXPECT_TRUE(other.try_lock(0));
}

TEST(LockFile, IsFreeWhenItsHolderWasKilled) {
  const test::TemporaryDirectory directory;
  LockFile ours = open_lock(directory);
  const Pipe ready = make_pipe();
  Child holder = fork_child([&] {
    LockFile theirs = open_lock(directory);
    theirs.lock(0);
    write_all(ready.writing.get(), "x");
    pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(read(ready.reading.get(), &byte, 1), 1);
  EXPECT_TRUE(ours.is_held_elsewhere(0));
  holder.send_signal(SIGKILL);
  holder.wait();
  EXPECT_FALSE(ours.is_held_elsewhere(0));
}

}  // namespace plyroot::linux_api
