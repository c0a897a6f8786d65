#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buildroot/session_plan.hpp"
#include "linux/descriptor.hpp"
#include "linux/process.hpp"
#include "linux/process_in_our_memory.hpp"
#include "plyroot/store.hpp"

namespace plyroot::buildroot {

/// Takes pieces of a program's output as they come.
using OutputHandler = std::function<void(std::string_view)>;

/// A program that runs in a root.
struct RootCommand {
  std::vector<std::string> arguments;    ///< a name without "/" is looked for in the PATH of `environment`, in the root
  std::vector<std::string> environment;  ///< all of it, "NAME=value"
  std::string working_directory = "/";   ///< within the root
  std::optional<linux_api::User> user;   ///< root if not set
  bool network = false;                  ///< the host's network; else none but a loopback of the session's own
  std::optional<unsigned long> personality;
  /// Takes standard output and standard error; then standard input is empty and there is no terminal.
  OutputHandler output;
  /// With `output` only: after this long it is killed, and Error (timed_out) thrown.
  std::optional<std::chrono::seconds> timeout;
  std::function<void()> meanwhile;  ///< called when the program has begun; where it throws, the program is killed
};

/// A program of the host that works on a root from outside: the package manager. It runs in a copy of the host's mount
/// namespace in which everything is read-only but the root, the directories named here, and a private /tmp; in the
/// session's PID namespace, so that nothing it leaves behind outlives the session, and with no more power than a
/// package manager needs: its scriptlets are code of the root.
struct HostCommand {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string root_path;            ///< where it sees the root: an existing directory of the host
  std::vector<std::string> hidden;  ///< directories of the host that it must not see into
  std::vector<HostBind> caches;     ///< writable; their targets are paths within the root, directories
  std::vector<std::pair<std::string, std::string>> home_files;  ///< name and content of files in its private $HOME
  std::optional<unsigned long> personality;
  OutputHandler output;  ///< takes standard output and standard error; inherited if not set
};

/// The first process of a session, begun before it is known which tree is to be its root: it makes meanwhile what needs
/// no tree. It ends when this does, if no session is started with it. What is mounted on the host later, it does not
/// see. The program must begin with serve_session_if_asked() (session_init.hpp).
class WaitingInit {
 public:
  /// @throws SystemError where no thread can be made
  explicit WaitingInit(SessionPlan plan);
  WaitingInit(WaitingInit&&) noexcept = default;
  WaitingInit& operator=(WaitingInit&&) = delete;
  WaitingInit(const WaitingInit&) = delete;
  WaitingInit& operator=(const WaitingInit&) = delete;
  ~WaitingInit() = default;

 private:
  friend class Session;
  /// @throws Error where its namespaces could not be made: not of errno's kind, with which a full disk would be meant
  void wait_until_left();

  std::shared_ptr<const SessionPlan> plan_;
  std::unique_ptr<linux_api::ProcessInOurMemory> process_;
  linux_api::Descriptor connection_;  // goes before the process, which ends then
};

/// This command's place in the processes that share one mounted root of one head. While it lives the root stays
/// mounted. The first command that comes makes the session, with namespaces for mounts, processes, IPC, host name and
/// network; others join it.
class Session {
 public:
  /// Joins the running session of a head, nothing where there is none.
  /// @param meanwhile called while the session's first process answers, where there is one
  static std::optional<Session> join(
      const HeadLock& head_lock, const std::function<void()>& meanwhile = [] {});

  /// Starts a session on an idle head. @throws Error where it cannot be made
  /// @param meanwhile called while the session's first process sets it up; when it has returned, programs may run
  static Session start(const HeadLock& head_lock, WaitingInit init, const RootTree& tree,
                       const std::function<void()>& meanwhile);

  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) noexcept = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// Runs a program in the root and waits for it. On a terminal it gets one of the session's own; signals that reach us
  /// are handed on to it. @throws Error where it cannot be started
  linux_api::ExitStatus run(const RootCommand& command);
  linux_api::ExitStatus run_on_host(const HostCommand& command);

  /// The root's directory: what lies in it is resolved from here (root_files.hpp).
  [[nodiscard]] int root() const { return root_.get(); }
  /// Whether this command has made the session.
  [[nodiscard]] bool is_first() const { return is_first_; }
  [[nodiscard]] int init_pidfd() const { return init_.get(); }
  /// Has the session end, whoever is in it: returns when it has, or its first process was killed. @throws SystemError
  void end() const;
  /// A copy of the session's mounts, attached nowhere.
  [[nodiscard]] linux_api::Descriptor copy_of_mounts() const;
  /// The same of the root alone, without what is mounted in it.
  [[nodiscard]] linux_api::Descriptor copy_of_root() const;

 private:
  Session(linux_api::Descriptor connection, bool is_first);
  bool wait_for_admission();
  [[nodiscard]] linux_api::Descriptor ask_for(const char* request) const;

  linux_api::Descriptor connection_;
  linux_api::Descriptor init_;  // pidfd
  linux_api::Descriptor root_;
  linux_api::Descriptor terminals_;
  bool is_first_ = false;
};

/// The descriptor of the socket that a session listens on, for commands that join it.
inline constexpr const char* socket_suffix = "socket";

}  // namespace plyroot::buildroot
