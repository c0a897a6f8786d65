#include "linux/processors.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <array>

#include "linux/process.hpp"

namespace plyroot::linux_api {
namespace {

bool may_run_on(pid_t process, int processor) {
  cpu_set_t set;
  return sched_getaffinity(process, sizeof set, &set) == 0 && CPU_ISSET(static_cast<unsigned>(processor), &set);
}

TEST(Processors, OursIsTakenFromAChildUntilItUsesAllOfThemAgain) {
  const auto all = Processors::own();
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "a child can be kept off only where there are two processors";
  const int ours = sched_getcpu();
  cpu_set_t pinned;
  CPU_ZERO(&pinned);
  CPU_SET(static_cast<unsigned>(ours), &pinned);
  std::array<int, 2> told{};
  std::array<int, 2> done{};
  ASSERT_EQ(pipe2(told.data(), O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(done.data(), O_CLOEXEC), 0);
  char mark = 0;
  Child child = fork_child(0, [&] {
    if (read(told[0], &mark, 1) != 1) return 1;
    all.use();
    if (write(done[1], "x", 1) != 1) return 1;
    return read(told[0], &mark, 1) == 1 ? 0 : 1;
  });
  ASSERT_EQ(sched_setaffinity(0, sizeof pinned, &pinned), 0);
  all.keep_off_ours(child.id());
  EXPECT_FALSE(may_run_on(child.id(), ours));
  EXPECT_EQ(write(told[1], "x", 1), 1);
  EXPECT_EQ(read(done[0], &mark, 1), 1);
  EXPECT_TRUE(may_run_on(child.id(), ours));
  EXPECT_EQ(write(told[1], "x", 1), 1);
  EXPECT_TRUE(child.wait().success());
  all.use();
}

TEST(Processors, TheOnlyOneIsLeftToAChild) {
  const auto all = Processors::own();
  cpu_set_t pinned;
  CPU_ZERO(&pinned);
  const int ours = sched_getcpu();
  CPU_SET(static_cast<unsigned>(ours), &pinned);
  ASSERT_EQ(sched_setaffinity(0, sizeof pinned, &pinned), 0);
  Child child = fork_child(0, [] { return pause(); });
  Processors::own().keep_off_ours(child.id());
  EXPECT_TRUE(may_run_on(child.id(), ours));
  child.send_signal(SIGKILL);
  child.wait();
  all.use();
}

}  // namespace
}  // namespace plyroot::linux_api
