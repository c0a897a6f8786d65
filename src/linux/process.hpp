#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "linux/descriptor.hpp"
#include "linux/privileges.hpp"

namespace plyroot::linux_api {

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< what it returned, where it ended by itself
  int signal = 0;  ///< the signal that ended it, else 0

  /// As shells tell it: 128 + N for signal N.
  [[nodiscard]] int as_exit_code() const { return signal != 0 ? 128 + signal : code; }
  [[nodiscard]] bool success() const { return signal == 0 && code == 0; }
};

/// Moves the environment out of what /proc shows of this process: a program in a root may read that of each process
/// that it sees (with CAP_SYS_ADMIN the kernel asks for nothing more). To be called once, before anything keeps a
/// pointer into it.
void hide_environment();

/// A child of this process, known by its pidfd. It is waited for exactly once, at the latest by the destructor, which
/// kills it first.
class Child {
 public:
  Child() = default;
  Child(pid_t id, Descriptor pidfd) : id_(id), pidfd_(std::move(pidfd)) {}
  ~Child();
  Child(Child&& other) noexcept : id_(std::exchange(other.id_, -1)), pidfd_(std::move(other.pidfd_)) {}
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The process is left to itself: nobody waits for it. Its pidfd stays open.
  void abandon() noexcept { id_ = -1; }
  ExitStatus wait();
  void send_signal(int signal) const;

  [[nodiscard]] pid_t id() const { return id_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

 private:
  void reap_now() noexcept;
  pid_t id_ = -1;
  Descriptor pidfd_;
};

/// A descriptor of a process (pidfd_open(2)). @throws SystemError
Descriptor pidfd_of(pid_t id);
/// A descriptor of this process itself.
Descriptor own_pidfd();
/// Ties this process to its parent, whose pidfd was opened before this process was made: it is killed when that ends.
/// The kernel's own means (PR_SET_PDEATHSIG, prctl(2)) says nothing of a parent that has ended before it is asked for.
/// A change of the user undoes it. May be called in a child that shares its parent's memory.
/// @returns false, and sets errno, where the parent has ended or the kernel refuses
bool tie_to_parent(int parent_pidfd) noexcept;
/// Sends a signal to the process of a pidfd; one that has ended is no error. @throws SystemError
void send_signal(int pidfd, int signal);

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  ///< supplementary
};

/// A program to be run, as a value: everything that differs from the caller. Nothing is inherited but descriptors 0 to
/// 2 and those named; the environment is the one given.
struct ProcessPlan {
  std::vector<std::string> arguments;            ///< argv; arguments[0] is looked for in PATH of `environment`
  std::vector<std::string> environment;          ///< "NAME=value"
  std::vector<std::pair<int, int>> descriptors;  ///< {ours, theirs}: descriptors beyond, or in place of, 0 to 2
  std::optional<std::string> working_directory;  ///< as seen after the namespaces were joined
  int join_namespaces_of = -1;                   ///< a pidfd: join its namespaces, `join_flags` says which; or one
                                                 ///< namespace's own descriptor
  int join_flags = 0;                            ///< CLONE_NEW...; CLONE_NEWPID is honoured too
  int terminal = -1;                             ///< one of ours: becomes the controlling terminal of a new session
  bool new_session = false;                      ///< setsid(2) without a terminal
  bool die_with_parent = false;                  ///< tie_to_parent()
  Privileges privileges = Privileges::all;       ///< what it keeps where it is root
  bool no_new_privileges = false;
  std::optional<User> user;
  std::optional<unsigned long> personality;  ///< personality(2): PER_LINUX32 for 32 bit roots
  std::optional<mode_t> umask;
};

/// Starts a program: vfork-like, so the cost does not grow with the caller. When it returns, the program has been
/// executed.
/// @throws SystemError with the step that failed; ENOENT for a program that is not there
Child start(const ProcessPlan& plan);

/// Starts a program and waits for it. What it writes goes where ours goes unless the plan says otherwise.
ExitStatus run(const ProcessPlan& plan);

/// Runs a program and takes what it writes to standard output, `limit` bytes at most.
struct Captured {
  ExitStatus status;
  std::string output;
};
Captured run_captured(ProcessPlan plan, std::size_t limit = std::size_t{64} << 20U);

/// What to do where the kernel refuses to make namespaces.
inline constexpr const char* advice_on_namespaces =
    "plyroot needs root and a kernel with mount, PID, IPC, UTS and network namespaces.";

/// Runs `body` in a copy of this process (fork(2)), which exits with what that returns; it must not throw. Signal
/// handlers are as in the caller. Of several threads the copy has the calling one.
/// @param join_pid_namespace_of a pidfd: the copy lives in that PID namespace, -1 for the caller's
/// @throws SystemError where no process can be made
Child fork_child(const std::function<int()>& body, int join_pid_namespace_of = -1);

/// In such a copy: becomes this user for good. @throws SystemError
void become(const User& user);

/// Starts a program in the background, in a process that outlives us: own session, working directory /, lowest
/// priority, no descriptors but /dev/null and `kept`; our environment. Returns before the program is executed: until
/// then the process lives in our memory, which is not copied, and which we need not give back where we end meanwhile.
/// Nobody waits for it: whoever inherits our children does, at the latest. Where the program cannot be executed, nobody
/// is told.
/// @param arguments argv; arguments[0] need not name the program
/// @throws SystemError where no process can be made
void start_in_background(const std::string& program, const std::vector<std::string>& arguments, int kept);
/// For the program that was started so, once: what was kept, close-on-exec from here on.
/// @throws SystemError where nothing was
Descriptor kept_in_background();

/// The lowest priority that there is, for processors and disks (setpriority(2), ioprio_set(2)).
void take_lowest_priority();

/// Closes all descriptors but 0 to 2 and those named.
void close_descriptors_except(std::vector<int> kept);

}  // namespace plyroot::linux_api
