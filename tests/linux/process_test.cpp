#include "linux/process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "linux/descriptor.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace {

ProcessPlan shell(const std::string& script) {
  ProcessPlan plan;
  plan.arguments = {"sh", "-c", script};
  plan.environment = {"PATH=/usr/bin:/bin"};
  return plan;
}

}  // namespace

TEST(Run, TellsHowAProgramEnded) {
  EXPECT_EQ(run(shell("exit 7")).as_exit_code(), 7);
  const ExitStatus killed = run(shell("kill -TERM $$"));
  EXPECT_EQ(killed.signal, SIGTERM);
  EXPECT_EQ(killed.as_exit_code(), 143);
}

TEST(Start, ThrowsWhereThereIsNoSuchProgram) {
  ProcessPlan plan = shell("");
  plan.arguments = {"no-such-program"};
  try {
    start(plan);
    FAIL();
  } catch (const SystemError& error) {
    EXPECT_EQ(error.error_number(), ENOENT);
    EXPECT_NE(std::string(error.what()).find("no-such-program"), std::string::npos);
  }
}

TEST(Start, GivesAProgramItsOwnEnvironmentAndNoDescriptorsOfOurs) {
  setenv("PLYROOT_TEST_SECRET", "leaked", 1);
  const int leaky = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ProcessPlan plan = shell("echo \"[$PLYROOT_TEST_SECRET]\"; ls /proc/self/fd | tr '\\n' ' '");
  const Captured captured = run_captured(plan);
  EXPECT_TRUE(captured.status.success());
  // ls itself opens descriptor 3 to read the directory.
  EXPECT_EQ(captured.output, "[]\n0 1 2 3 ");
  close(leaky);
}

TEST(Start, LeavesTheCallersSignalMaskAsItWas) {
  sigset_t before;
  sigset_t after;
  sigprocmask(SIG_SETMASK, nullptr, &before);
  run(shell("true"));
  sigprocmask(SIG_SETMASK, nullptr, &after);
  for (int number = 1; number < NSIG; ++number)
    EXPECT_EQ(sigismember(&before, number), sigismember(&after, number));
}

TEST(Start, LeavesNothingOfAParentThatIsKilledWhileItStartsAProgram) {
  // Orphans become ours instead of the machine's init's.
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  ProcessPlan plan = shell("");
  plan.arguments = {"sleep", "5"};
  plan.die_with_parent = true;
  constexpr useconds_t rounds = 300;
  int survivors = 0;
  for (useconds_t round = 0; round < rounds; ++round) {
    Child parent = fork_child([&] { return run(plan).as_exit_code(); });
    usleep(round * 10);
    parent.send_signal(SIGKILL);
    parent.wait();
    int status = 0;
    while (waitpid(-1, &status, 0) > 0)
      survivors += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
    if (survivors > 0) break;
  }
  EXPECT_EQ(survivors, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

std::atomic<int> handled = 0;
std::atomic<int> handled_while_forking = -1;

TEST(ForkChild, HandlesNoSignalWhileItHasTheAllocatorsLocks) {
  signal(SIGUSR1, [](int) { ++handled; });
  pthread_atfork([] { raise(SIGUSR1); }, [] { handled_while_forking = handled.load(); }, nullptr);
  Child child = fork_child([] { return handled.load(); });
  EXPECT_EQ(handled_while_forking, 0);
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(child.wait().as_exit_code(), 0);
}

TEST(Background, HasWhatIsKeptAndNoOtherDescriptor) {
  std::array<int, 2> kept{};
  std::array<int, 2> other{};
  ASSERT_EQ(pipe2(kept.data(), O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(other.data(), 0), 0);
  const Descriptor reading(kept[0]);
  {
    const Descriptor writing(kept[1]);
    start_in_background("/bin/sh", {"sh", "-c", "exec ls -l /proc/self/fd >&3"}, writing.get());
  }
  EXPECT_THAT(read_all(reading.get()),
              testing::AllOf(testing::HasSubstr("0 -> /dev/null"), testing::HasSubstr("2 -> /dev/null"),
                             testing::HasSubstr("3 -> pipe:"), testing::Not(testing::HasSubstr("5 -> "))));
  close(other[0]);
  close(other[1]);
}

TEST(Background, HandsOnToNobodyWhatItTakesOver) {
  Child child = fork_child([] {
    close_descriptors_except({});
    if (open("/dev/null", O_RDONLY) != 3) return 1;
    const Descriptor kept = kept_in_background();
    if (kept.get() != 3 || fcntl(3, F_GETFD) != FD_CLOEXEC) return 2;
    return 0;
  });
  EXPECT_EQ(child.wait().code, 0);
}

TEST(Background, SaysWhereNothingWasKept) {
  Child child = fork_child([] {
    close_descriptors_except({});
    try {
      kept_in_background();
    } catch (const SystemError&) {
      return 0;
    }
    return 1;
  });
  EXPECT_EQ(child.wait().code, 0);
}

TEST(Start, BecomesTheUserBeforeItRunsTheProgram) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  ProcessPlan plan = shell("id -u; id -g; id -G");
  plan.user = User{12345, 23456, {}};
  EXPECT_EQ(run_captured(plan).output, "12345\n23456\n23456\n");
}

}  // namespace plyroot::linux_api
