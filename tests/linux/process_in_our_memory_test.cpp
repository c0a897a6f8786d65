#include "linux/process_in_our_memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "linux/descriptor.hpp"
#include "linux/file.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace {

using Inside = ProcessInOurMemory::Inside;
using Execution = ProcessInOurMemory::Execution;

std::string working_directory() {
  return std::filesystem::current_path().string();
}

TEST(ProcessInOurMemory, WritesWhatWeRead) {
  std::string ours = "ours";
  ProcessInOurMemory process(0, {}, [&](Inside&, int, auto*) {
    ours = "what it has written, which needs memory of its own";
    return 0;
  });
  EXPECT_EQ(process.wait_until_left(), 0);
  EXPECT_EQ(ours, "what it has written, which needs memory of its own");
}

TEST(ProcessInOurMemory, LivesInTheNamespacesThatAreAskedFor) {
  pid_t own_id = 0;
  ProcessInOurMemory process(CLONE_NEWPID, {}, [&](Inside&, int, auto*) {
    own_id = getpid();
    return 0;
  });
  process.wait_until_left();
  EXPECT_EQ(own_id, 1);
}

TEST(ProcessInOurMemory, HasDescriptorsAndAWorkingDirectoryOfItsOwn) {
  const std::string here = working_directory();
  const Descriptor file = open_path("/dev/null", O_RDWR);
  ProcessInOurMemory process(0, {}, [&](Inside&, int, auto*) { return close(file.get()) + chdir("/proc"); });
  process.wait_until_left();
  EXPECT_GE(fcntl(file.get(), F_GETFD), 0);
  EXPECT_EQ(working_directory(), here);
}

TEST(ProcessInOurMemory, AllocatesAndThrowsWhileWeDo) {
  const auto work = [] {
    int caught = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto memory = std::make_unique<std::vector<std::string>>(20, std::string(static_cast<std::size_t>(i), 'x'));
      try {
        throw std::runtime_error(memory->back());
      } catch (const std::runtime_error& error) {
        caught += std::string_view(error.what()) == memory->front() ? 1 : 0;
      }
    }
    return caught;
  };
  int its = 0;
  ProcessInOurMemory process(0, {}, [&](Inside&, int, auto*) {
    its = work();
    return 0;
  });
  EXPECT_EQ(work(), 2000);
  process.wait_until_left();
  EXPECT_EQ(its, 2000);
}

TEST(ProcessInOurMemory, LetsGoOfWhatWeGaveItWhenItEnds) {
  auto [reading, writing] = make_pipe();
  ProcessInOurMemory process(0, std::move(writing), [](Inside&, int, auto*) { return 0; });
  EXPECT_EQ(read_all(reading.get()), "");  // which returns when nobody can write to it
}

TEST(ProcessInOurMemory, HandlesNoneOfOurSignals) {
  static std::atomic<int> handled = 0;
  const auto before = signal(SIGUSR1, [](int) { ++handled; });
  ProcessInOurMemory process(0, {}, [&](Inside&, int, auto*) { return raise(SIGUSR1); });
  process.wait_until_left();
  signal(SIGUSR1, before);
  EXPECT_EQ(handled, 0);
}

TEST(ProcessInOurMemory, ExecutesAProgramThatHasWhatIsKeptAndNothingElse) {
  auto [reading, writing] = make_pipe();
  const Descriptor shell = open_path("/bin/sh", O_PATH);
  const std::string kept = "/proc/self/fd/" + std::to_string(writing.get());
  Execution execution{
      shell.get(), {"sh", "-c", "exec >$0; echo $1; env; exec ls /proc/self/fd", kept, "argument"}, {writing.get()}};
  // It runs when this returns, and no longer has our memory, but its own end of the pipe.
  ProcessInOurMemory(0, std::move(writing), [&](Inside&, int, auto*) { return execution; }).wait_until_left();
  const std::string listed = std::filesystem::path(kept).filename();
  EXPECT_EQ(read_all(reading.get()), "argument\nPWD=" + working_directory() + "\n0\n1\n2\n3\n" + listed + "\n");
}

TEST(ProcessInOurMemory, GoesOnWhereItsProgramCannotBeExecuted) {
  std::vector<std::string> called;
  int flags = 0;
  const Descriptor no_program = open_path("/dev/null", O_PATH);
  ProcessInOurMemory process(0, {}, [&](Inside&, int, const Execution* failed) -> ProcessInOurMemory::Next {
    called.push_back(failed ? failed->arguments.front() : "nothing");
    flags = fcntl(no_program.get(), F_GETFD);
    if (called.size() == 3) return 0;
    return Execution{no_program.get(), {std::to_string(called.size())}, {no_program.get()}};
  });
  process.wait_until_left();
  EXPECT_EQ(called, (std::vector<std::string>{"nothing", "1", "2"}));
  EXPECT_EQ(flags, FD_CLOEXEC);
}

TEST(ProcessInOurMemory, OutlivesUs) {
  auto [reading, writing] = make_pipe();
  auto [waiting, going] = make_pipe();
  Child child = fork_child([&, &waiting = waiting, &going = going, &writing = writing] {
    std::atomic<bool> has_begun = false;
    const ProcessInOurMemory process(0, {}, [&](Inside&, int, auto*) {
      going.reset();
      has_begun = true;
      has_begun.notify_one();
      const std::string nothing = read_all(waiting.get());  // until the other process has ended, too
      write_all(writing.get(), "it still has our memory" + nothing);
      return 0;
    });
    has_begun.wait(false);
    return 0;
  });
  writing.reset();
  child.wait();
  going.reset();
  EXPECT_EQ(read_all(reading.get()), "it still has our memory");
}

/// Of a process 1: the numbers of what it starts are the same each time.
int run_program_as_user_beside_lent_thread_of_its_number() {
  auto [waiting, going] = make_pipe();
  std::atomic<bool> has_begun = false;
  ProcessInOurMemory process(CLONE_NEWPID, {}, [&, &waiting = waiting, &going = going](Inside&, int, auto*) {
    close(going.get());  // its copy: the object is ours, too
    has_begun = true;
    has_begun.notify_one();
    read_all(waiting.get());
    return 0;
  });
  has_begun.wait(false);
  constexpr pid_t lent_thread = 2;
  const Descriptor there = pidfd_of(lent_thread + 1);
  ProcessPlan plan;
  plan.arguments = {"/bin/sh", "-c", "exit $$"};
  plan.user = User{65534, 65534, {65534}};
  plan.join_namespaces_of = there.get();
  plan.join_flags = CLONE_NEWPID;
  const int number_there = run(plan).as_exit_code();
  going.reset();
  process.wait_until_left();
  return number_there == lent_thread ? 0 : 1;
}

TEST(ProcessInOurMemory, IsNotWaitedForByAProgramThatBecomesAUser) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer starts processes of its own, so the numbers are others";
#endif
  Child child = fork_child([] {
    if (unshare(CLONE_NEWPID) < 0) return 2;
    Child first = fork_child(run_program_as_user_beside_lent_thread_of_its_number);
    pollfd end{first.pidfd(), POLLIN, 0};
    return poll(&end, 1, 60'000) == 1 ? first.wait().as_exit_code() : 3;
  });
  EXPECT_EQ(child.wait().as_exit_code(), 0);
}

TEST(ProcessInOurMemory, GoesOnWhereWeAreStopped) {
  auto [reading, writing] = make_pipe();
  auto [waiting, going] = make_pipe();
  Child child = fork_child([&, &waiting = waiting, &going = going, &writing = writing] {
    going.reset();
    ProcessInOurMemory process(0, {}, [&](Inside&, int, auto*) {
      write_all(writing.get(), "begun ");
      write_all(writing.get(), read_all(waiting.get()) + "ended");
      return 0;
    });
    return process.wait_until_left();
  });
  writing.reset();
  std::array<char, 6> begun{};
  ASSERT_EQ(read(reading.get(), begun.data(), begun.size()), 6);
  ASSERT_EQ(kill(child.id(), SIGSTOP), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child.id(), &status, WUNTRACED), child.id());
  EXPECT_TRUE(WIFSTOPPED(status));
  going.reset();
  std::array<char, 5> ended{};  // we have the other end, and are stopped
  EXPECT_EQ(read(reading.get(), ended.data(), ended.size()), 5);
  kill(child.id(), SIGCONT);
  EXPECT_EQ(child.wait().code, 0);
}

TEST(ProcessInOurMemory, IsSeenToHaveLeftAlsoWhereItIsKilledWithAllItHas) {
  auto [reading, writing] = make_pipe();
  std::atomic<pid_t> id = 0;
  ProcessInOurMemory process(0, std::move(writing), [&](Inside&, int, auto*) {
    const std::vector<std::string> memory(100, std::string(1000, 'x'));
    id = getpid();
    id.notify_one();
    pause();
    return static_cast<int>(memory.size());
  });
  id.wait(0);
  kill(id, SIGKILL);
  EXPECT_EQ(read_all(reading.get()), "");
  EXPECT_EQ(process.wait_until_left(), 0);
  EXPECT_EQ(kill(id, 0), -1);
}

TEST(ProcessInOurMemory, SaysWhatTheKernelRefuses) {
  EXPECT_EQ(fork_child([] {
              if (setresuid(65534, 65534, 65534) < 0) return 1;
              ProcessInOurMemory process(CLONE_NEWPID, {}, [](Inside&, int, auto*) { return 0; });
              return process.wait_until_left();
            })
                .wait()
                .code,
            EPERM);
}

TEST(ProcessInOurMemory, IsWaitedForWhereItEnds) {
  pid_t id = 0;
  ProcessInOurMemory process(0, {}, [&](Inside&, int, auto*) { return (id = getpid()) > 0 ? 7 : 8; });
  process.wait_until_left();
  EXPECT_EQ(kill(id, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

}  // namespace
}  // namespace plyroot::linux_api
