#include "linux/thread.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

#include "fixtures/file_systems.hpp"
#include "linux/descriptor.hpp"
#include "linux/mount.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace {

flock whole_file(short type) {
  flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

ino_t own_mount_namespace() {
  struct stat status {};
  if (stat("/proc/thread-self/ns/mnt", &status) < 0) throw_errno("look at the own mount namespace");
  return status.st_ino;
}

TEST(RunInMountNamespace, SeesThatNamespaceAndLeavesTheProcessWhereItIs) {
  const Descriptor here = open_path("/proc/self/ns/mnt", O_RDONLY);
  const ino_t before = own_mount_namespace();
  const int code = fork_child([&] {
                     if (unshare(CLONE_NEWNS) < 0) return 1;
                     const ino_t other = own_mount_namespace();
                     ino_t seen = 0;
                     run_in_mount_namespace(here.get(), [&] { seen = own_mount_namespace(); });
                     return seen == before && own_mount_namespace() == other && other != before ? 0 : 2;
                   })
                       .wait()
                       .code;
  EXPECT_EQ(code, 0);
}

TEST(RunInMountNamespace, ThrowsWhatIsThrownThere) {
  const Descriptor here = open_path("/proc/self/ns/mnt", O_RDONLY);
  EXPECT_THROW(run_in_mount_namespace(here.get(), [] { throw std::out_of_range("there"); }), std::out_of_range);
  const Descriptor no_namespace = open_path("/dev/null", O_RDONLY);
  EXPECT_THROW(run_in_mount_namespace(no_namespace.get(), [] {}), SystemError);
}

TEST(RunWithOwnDescriptors, SeesOurPosixLocksAndLeavesThemToUs) {
  const test::TemporaryDirectory scratch;
  const std::string path = scratch.path() + "/lock";
  const Descriptor file = open_path(path, O_RDWR | O_CREAT, 0600);
  flock lock = whole_file(F_WRLCK);
  ASSERT_EQ(fcntl(file.get(), F_SETLK, &lock), 0);
  const auto holder = [&] {
    flock asked = whole_file(F_WRLCK);
    fcntl(open_path(path, O_RDWR).get(), F_GETLK, &asked);
    return asked.l_type == F_UNLCK ? 0 : asked.l_pid;
  };
  pid_t seen = 0;
  run_with_own_descriptors([&] { seen = holder(); });
  EXPECT_EQ(seen, getpid());
  EXPECT_EQ(fork_child([&] { return holder() == getppid() ? 0 : 1; }).wait().code, 0) << "the lock is gone";
}

TEST(Meanwhile, WorksWhileItsCallerGoesOn) {
  Pipe begin = make_pipe();
  std::string seen;
  Meanwhile work([&] { seen = read_all(begin.reading.get()); });
  write_all(begin.writing.get(), "x");  // it waits for what only we can do
  begin.writing.reset();
  work.wait();
  EXPECT_EQ(seen, "x");
}

TEST(Meanwhile, ThrowsWhatTheWorkThrewToWhoWaits) {
  Meanwhile work([] { throw std::out_of_range("there"); });
  EXPECT_THROW(work.wait(), std::out_of_range);
  EXPECT_NO_THROW(work.wait());
}

TEST(Meanwhile, IsDoneWhereThereCanBeNoThread) {
  const int code = fork_child([] {
                     const rlimit none{0, 0};
                     if (setrlimit(RLIMIT_NPROC, &none) < 0 || setresuid(65534, 65534, 65534) < 0) return 1;
                     bool is_done = false;
                     Meanwhile work([&] { is_done = true; });
                     return is_done ? 0 : 2;
                   })
                       .wait()
                       .code;
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace plyroot::linux_api
