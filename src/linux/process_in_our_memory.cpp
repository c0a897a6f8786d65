#include "linux/process_in_our_memory.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/common_interface_defs.h>
#endif

#include "linux/make_process.hpp"
#include "linux/process.hpp"
#include "linux/signals_blocked.hpp"
#include "linux/uninterrupted.hpp"
#include "support/error.hpp"

#ifdef __SANITIZE_THREAD__
// The thread sanitizer takes the process for the thread that is lent to it, and its descriptors for ours of the same
// numbers.
extern "C" const char* __tsan_default_suppressions() {
  return R"(
race_top:^__interceptor_accept4$
race_top:^__interceptor_close$
race_top:^__interceptor_dup$
race_top:^__interceptor_fcntl$
race_top:^__interceptor_fstat$
race_top:^__interceptor_open$
race_top:^__interceptor_poll$
race_top:^__interceptor_pread$
race_top:^__interceptor_pwrite$
race_top:^__interceptor_read$
race_top:^__interceptor_recvmsg$
race_top:^__interceptor_sendmsg$
race_top:^__interceptor_signalfd$
race_top:^__interceptor_socket$
race_top:^__interceptor_write$
)";
}
#endif

namespace plyroot::linux_api {
namespace {

/// For the suppressions above: the process may be in a root that has no sanitizer's library to read the symbols of.
void read_symbols() {
#ifdef __SANITIZE_THREAD__
  std::array<char, 16> unused{};
  __sanitizer_symbolize_pc(__builtin_return_address(0), "%f", unused.data(), unused.size());
#endif
}

constexpr std::size_t stack_size = std::size_t{512} << 10U;

}  // namespace

struct ProcessInOurMemory::State {
  State(int in_namespaces, Descriptor its_end, Body what)
      : namespaces(in_namespaces), connection(std::move(its_end)), body(std::move(what)) {}

  int namespaces;
  Descriptor connection;
  Body body;
  Inside inside;
  int error_of_making = 0;
  std::atomic<bool> is_confined = false;
  std::atomic<bool> has_executed = false;
  std::atomic<bool> has_ended = false;
  std::atomic<bool> has_left = false;
  std::unique_ptr<std::byte[]> stack = std::make_unique_for_overwrite<std::byte[]>(stack_size);
  // What the process needs until it executes a program is ours, and freed by us.
  Next next = 0;
  std::vector<char*> arguments;

  /// The process's life. @returns its exit code
  int live() {
#ifdef __SANITIZE_ADDRESS__
    const __lsan::ScopedDisabler one_that_is_killed_frees_nothing;
#endif
    next = body(inside, connection.get(), nullptr);
    for (;;) {
      if (const int* exit_code = std::get_if<int>(&next)) return *exit_code;
      const auto& execution = std::get<Execution>(next);
      execute(execution);
      next = body(inside, connection.get(), &execution);
    }
  }

  /// @returns only where that fails
  void execute(const Execution& execution) {
    arguments.clear();
    for (const std::string& argument : execution.arguments)
      arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const std::array<char*, 1> no_environment{nullptr};
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int fd : execution.kept)
      fcntl(fd, F_SETFD, 0);
    has_executed = true;
    execveat(execution.program, "", arguments.data(), no_environment.data(), AT_EMPTY_PATH);
    has_executed = false;
    for (const int fd : execution.kept)
      fcntl(fd, F_SETFD, FD_CLOEXEC);
  }

  void lend_this_thread() {
    constexpr auto run = [](void* argument) {
      auto& state = *static_cast<State*>(argument);
      const int exit_code = state.live();
      state.has_ended = true;
      _exit(exit_code);
      return 0;
    };
    // The kernel clears it when the process has left our memory, and wakes who waits for that (set_tid_address(2)).
    pid_t is_inside = 0;
    const pid_t id = make_process(run, stack.get() + stack_size,
                                  CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | namespaces | SIGCHLD, this,
                                  &is_inside, nullptr, &is_inside);
    if (id < 0) error_of_making = errno;
    // Meanwhile the thread does nothing else, errno is the process's too. (One of vfork(2) would not stop by SIGSTOP.)
    while (id > 0 && (syscall(SYS_futex, &is_inside, FUTEX_WAIT, id, nullptr, nullptr, 0) == 0 || errno == EINTR)) {
    }
    connection.reset();
    if (id > 0 && !has_executed) uninterrupted([&] { return waitpid(id, nullptr, 0); });
    const bool was_killed = id > 0 && !has_executed && !has_ended;
    if (!was_killed) body = nullptr;
    has_left = true;
    has_left.notify_all();
    is_confined.wait(false);  // by the id of this thread
    // Killed, it may have held the allocator's lock: then this thread must not free anything, not even its own memory.
    if (!was_killed) return;
    for (;;)
      pause();
  }
};

ProcessInOurMemory::ProcessInOurMemory(int namespaces, Descriptor connection, Body body)
    : state_(std::make_shared<State>(namespaces, std::move(connection), std::move(body))) {
  read_symbols();
  const SignalsBlocked for_the_thread_too;
  std::thread lent;
  try {
    lent = std::thread([state = state_] { state->lend_this_thread(); });
  } catch (const std::system_error& error) {
    throw_errno(error.code().value(), "start a thread");
  }
  state_->inside.processors_.confine(lent.native_handle());
  state_->is_confined = true;
  state_->is_confined.notify_one();
  lent.detach();
}

int ProcessInOurMemory::wait_until_left() noexcept {
  state_->has_left.wait(false);
  return state_->error_of_making;
}

}  // namespace plyroot::linux_api
