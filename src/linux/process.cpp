#include "linux/process.hpp"

#include <grp.h>
#include <linux/close_range.h>
#include <linux/ioprio.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// glibc 2.36 forgets to say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>

#include "linux/make_process.hpp"
#include "linux/signals_blocked.hpp"
#include "linux/uninterrupted.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {
namespace {

/// Everything that the child needs, laid out before it starts: it shares our memory and must not allocate.
struct Launch {
  const ProcessPlan* plan;
  std::vector<std::string> candidates;  // where the program may be
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<std::pair<int, int>> moves;  // of descriptors: from where they are out of the way to where they belong
  int parent;                              // its pidfd, where the child is tied to it
  sigset_t empty_mask;
  const char* failed_step = nullptr;
  int error_number = 0;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& text : strings)
    result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> program_candidates(const ProcessPlan& plan) {
  const std::string& name = plan.arguments.at(0);
  if (name.find('/') != std::string::npos) return {name};
  std::string path = "/usr/bin:/bin:/usr/sbin:/sbin";
  for (const std::string& variable : plan.environment) {
    if (variable.starts_with("PATH=")) path = variable.substr(5);
  }
  std::vector<std::string> candidates;
  for (const std::string& directory : split(path, ':')) {
    candidates.push_back((directory.empty() ? "." : directory) + "/" + name);
  }
  return candidates;
}

[[noreturn]] void fail(Launch& launch, const char* step) {
  launch.error_number = errno;
  launch.failed_step = step;
  _exit(127);
}

void place_descriptors(Launch& launch) {
  // What our own parent left open is not ours to pass on.
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) fail(launch, "close file descriptors");
  // A source could be overwritten by another's target before its turn: all go above the targets first.
  int above = 64;
  for (const auto& [ours, theirs] : launch.plan->descriptors)
    above = std::max(above, theirs + 1);
  if (launch.parent >= 0) {
    launch.parent = uninterrupted([&] { return fcntl(launch.parent, F_DUPFD_CLOEXEC, above); });
    if (launch.parent < 0) fail(launch, "keep a descriptor of its parent");
  }
  for (std::size_t i = 0; i < launch.moves.size(); ++i) {
    const int ours = launch.plan->descriptors[i].first;
    launch.moves[i].first = uninterrupted([&] { return fcntl(ours, F_DUPFD_CLOEXEC, above); });
    if (launch.moves[i].first < 0) fail(launch, "pass on a file descriptor");
  }
  for (const auto& [source, target] : launch.moves) {
    if (dup2(source, target) < 0) fail(launch, "pass on a file descriptor");
    close(source);
  }
}

void become_user(Launch& launch) {
  if (!launch.plan->user) return;
  const User& user = *launch.plan->user;
  // Not by the C library, which has all threads of a process do the same: it takes our parent's threads for ours.
  if (syscall(SYS_setgroups, user.groups.size(), user.groups.data()) < 0) fail(launch, "set the groups");
  if (syscall(SYS_setresgid, user.gid, user.gid, user.gid) < 0) fail(launch, "change the group");
  if (syscall(SYS_setresuid, user.uid, user.uid, user.uid) < 0) fail(launch, "change the user");
}

void reset_signals(Launch& launch) {
  struct sigaction default_action {};
  default_action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    sigaction(number, &default_action, nullptr);
  sigprocmask(SIG_SETMASK, &launch.empty_mask, nullptr);
}

int run_launch(void* argument) {
  auto& launch = *static_cast<Launch*>(argument);
  const ProcessPlan& plan = *launch.plan;
  if (plan.join_namespaces_of >= 0 && (plan.join_flags & ~CLONE_NEWPID) != 0) {
    // While it still is our program in there, no process of the session may look into it. Our parent's memory is ours.
    if ((plan.join_flags & CLONE_NEWPID) != 0) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (setns(plan.join_namespaces_of, plan.join_flags & ~CLONE_NEWPID) < 0)
      fail(launch, "join the session's namespaces");
  }
  if ((plan.new_session || plan.terminal >= 0) && setsid() < 0) fail(launch, "start a new session of processes");
  if (plan.terminal >= 0 && ioctl(plan.terminal, TIOCSCTTY, 0) < 0) fail(launch, "take over the terminal");
  place_descriptors(launch);
  if (plan.working_directory && chdir(plan.working_directory->c_str()) < 0) fail(launch, "change to the directory");
  if (plan.personality && personality(*plan.personality) < 0) fail(launch, "set the personality");
  if (plan.umask) umask(*plan.umask);
  if (const char* failed = give_up_all_but(plan.privileges)) fail(launch, failed);
  become_user(launch);
  if (plan.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(launch, "give up new privileges");
  if (plan.die_with_parent && !tie_to_parent(launch.parent)) fail(launch, "tie it to its parent");
  reset_signals(launch);
  int error_number = ENOENT;
  for (const std::string& candidate : launch.candidates) {
    execve(candidate.c_str(), launch.arguments.data(), launch.environment.data());
    if (errno != ENOENT && errno != ENOTDIR) error_number = errno;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  errno = error_number;
  fail(launch, "run");
}

/// The same for a process that we do not wait for.
struct BackgroundLaunch {
  std::string program;
  std::vector<std::string> arguments;
  std::vector<char*> pointers;
  int kept;
  std::unique_ptr<std::byte[]> stack;
};

#ifdef __SANITIZE_THREAD__
constexpr int background_clone_flags = CLONE_VM | CLONE_VFORK | SIGCHLD;  // it keeps books of who uses our memory
#else
constexpr int background_clone_flags = CLONE_VM | SIGCHLD;
#endif

/// Where the program finds what is kept.
constexpr int background_descriptor = 3;

/// Runs while we go on, with our memory and our errno: what it calls does not fail where a program can be executed. It
/// begins with our descriptors, which hold locks.
int run_background_launch(void* argument) {
  const auto& launch = *static_cast<const BackgroundLaunch*>(argument);
  if (launch.kept != background_descriptor && dup2(launch.kept, background_descriptor) < 0) _exit(127);
  close_range(background_descriptor + 1, ~0U, 0);
  if (fcntl(background_descriptor, F_SETFD, 0) < 0) _exit(127);
  setsid();
  const int null = open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (dup2(null, fd) < 0) _exit(127);
  }
  if (null > background_descriptor) close(null);
  if (chdir("/") < 0) _exit(127);
  take_lowest_priority();
  execve(launch.program.c_str(), launch.pointers.data(), environ);
  _exit(127);
}

/// This process's children live in another PID namespace as long as this lives.
class ChildrenIn {
 public:
  explicit ChildrenIn(int pidfd) {
    if (pidfd < 0) return;
    own_ = open_path("/proc/self/ns/pid", O_RDONLY);
    if (setns(pidfd, CLONE_NEWPID) < 0) throw_errno(errno, "join the session's PID namespace");
  }
  ~ChildrenIn() {
    // Where it does not succeed, this process can make no other ones: so it is tried once more.
    for (int tries = 0; own_ && tries < 2 && setns(own_.get(), CLONE_NEWPID) < 0; ++tries) {
    }
  }
  ChildrenIn(const ChildrenIn&) = delete;
  ChildrenIn& operator=(const ChildrenIn&) = delete;

 private:
  Descriptor own_;
};

}  // namespace

void hide_environment() {
  static std::deque<std::string> copies;  // whose texts stay where they are
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    std::string& copy = copies.emplace_back(*variable);
    explicit_bzero(*variable, copy.size());
    *variable = copy.data();
  }
}

Child::~Child() {
  reap_now();
}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    reap_now();
    id_ = std::exchange(other.id_, -1);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

void Child::reap_now() noexcept {
  if (id_ <= 0) return;
  pidfd_send_signal(pidfd_.get(), SIGKILL, nullptr, 0);
  siginfo_t info{};
  while (waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) < 0 && errno == EINTR) {
  }
  id_ = -1;
}

ExitStatus Child::wait() {
  siginfo_t info{};
  while (waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) < 0) {
    if (errno != EINTR) throw_errno(errno, "wait for a process");
  }
  id_ = -1;
  if (info.si_code == CLD_EXITED) return {info.si_status, 0};
  return {0, info.si_status};
}

void Child::send_signal(int signal) const {
  if (id_ > 0) linux_api::send_signal(pidfd_.get(), signal);
}

Descriptor pidfd_of(pid_t id) {
  Descriptor pidfd(static_cast<int>(syscall(SYS_pidfd_open, id, 0)));
  if (!pidfd) throw_errno(errno, "open a descriptor of process", std::to_string(id));
  return pidfd;
}

Descriptor own_pidfd() {
  return pidfd_of(getpid());
}

bool tie_to_parent(int parent_pidfd) noexcept {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return false;
  pollfd end{parent_pidfd, POLLIN, 0};
  const int ended = poll(&end, 1, 0);
  if (ended > 0) errno = ESRCH;
  return ended == 0;
}

void send_signal(int pidfd, int signal) {
  if (pidfd_send_signal(pidfd, signal, nullptr, 0) < 0 && errno != ESRCH)
    throw_errno(errno, "send a signal to a process");
}

Child start(const ProcessPlan& plan) {
  const Descriptor self = plan.die_with_parent ? own_pidfd() : Descriptor();
  Launch launch{&plan,
                program_candidates(plan),
                pointers(plan.arguments),
                pointers(plan.environment),
                plan.descriptors,
                self.get(),
                {},
                nullptr,
                0};
  sigemptyset(&launch.empty_mask);
  constexpr std::size_t stack_size = std::size_t{64} << 10U;
  const auto stack = std::make_unique_for_overwrite<std::byte[]>(stack_size);
  int pidfd = -1;
  pid_t id = -1;
  {
    const bool into_pid_namespace = plan.join_namespaces_of >= 0 && (plan.join_flags & CLONE_NEWPID) != 0;
    const ChildrenIn namespace_of_children(into_pid_namespace ? plan.join_namespaces_of : -1);
    const SignalsBlocked blocked;
    auto* stack_top = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(stack.get()) + stack_size) & ~15UL);
    id = make_process(run_launch, stack_top, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &launch, &pidfd);
    if (id < 0) throw_errno(errno, "start", printable(plan.arguments.at(0)));
  }
  Child child(id, Descriptor(pidfd));
  if (launch.failed_step != nullptr) {
    child.wait();
    throw SystemError(launch.error_number,
                      fmt::format("{} (to run {})", launch.failed_step, printable(plan.arguments.at(0))));
  }
  return child;
}

ExitStatus run(const ProcessPlan& plan) {
  return start(plan).wait();
}

Captured run_captured(ProcessPlan plan, std::size_t limit) {
  auto [reading, writing] = make_pipe();
  plan.descriptors.emplace_back(writing.get(), STDOUT_FILENO);
  Child child = start(plan);
  writing.reset();
  std::string output = read_all(reading.get(), limit);
  return {child.wait(), std::move(output)};
}

Child fork_child(const std::function<int()>& body, int join_pid_namespace_of) {
  const ChildrenIn namespace_of_children(join_pid_namespace_of);
  std::fflush(nullptr);
  const pid_t id = [] {
    // All locks of the allocator are held meanwhile: where a handler ended us, another process in our memory would wait
    // for them.
    const SignalsBlocked until_they_are_free;
    return fork();
  }();
  if (id < 0) throw_errno(errno, "make a process");
  if (id == 0) {
    const int code = [&]() noexcept { return body(); }();  // an exception must not unwind into the caller's copy
    std::fflush(nullptr);
    _exit(code);
  }
  try {
    return {id, pidfd_of(id)};
  } catch (const Error&) {
    kill(id, SIGKILL);
    uninterrupted([&] { return waitpid(id, nullptr, 0); });
    throw;
  }
}

void become(const User& user) {
  if (setgroups(user.groups.size(), user.groups.data()) < 0 || setresgid(user.gid, user.gid, user.gid) < 0 ||
      setresuid(user.uid, user.uid, user.uid) < 0) {
    throw_errno(errno, "become another user");
  }
}

void take_lowest_priority() {
  setpriority(PRIO_PROCESS, 0, 19);
  syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

void start_in_background(const std::string& program, const std::vector<std::string>& arguments, int kept) {
  // Never given back: when the program has been executed, nobody says.
  static auto& launches = *new std::deque<BackgroundLaunch>;
  constexpr std::size_t stack_size = std::size_t{16} << 10U;
  BackgroundLaunch& launch = launches.emplace_back(
      BackgroundLaunch{program, arguments, {}, kept, std::make_unique_for_overwrite<std::byte[]>(stack_size)});
  launch.pointers = pointers(launch.arguments);
  if (make_process(run_background_launch, launch.stack.get() + stack_size, background_clone_flags, &launch) < 0)
    throw_errno(errno, "start a process in the background");
}

Descriptor kept_in_background() {
  if (fcntl(background_descriptor, F_SETFD, FD_CLOEXEC) < 0) throw_errno(errno, "take over an open file");
  return Descriptor(background_descriptor);
}

void close_descriptors_except(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const int fd : kept) {
    if (fd < 3) continue;
    const auto number = static_cast<unsigned>(fd);
    if (number > first) close_range(first, number - 1, 0);
    first = number + 1;
  }
  close_range(first, ~0U, 0);
}

}  // namespace plyroot::linux_api
