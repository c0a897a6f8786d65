#include "buildroot/session_init.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buildroot/session_protocol.hpp"
#include "linux/mount.hpp"
#include "linux/process.hpp"
#include "linux/socket.hpp"
#include "support/error.hpp"

namespace plyroot::buildroot {
namespace {

using linux_api::Descriptor;

class Init {
 public:
  explicit Init(Descriptor starter) { clients_.push_back(std::move(starter)); }

  /// Nothing of the caller's must live as long as the session, and nothing in the root look into us, or reach our
  /// executable.
  void leave_caller() const {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NAME, "plyroot-init", 0, 0, 0);
    setsid();
    linux_api::close_descriptors_except({clients_.front().get()});
    const Descriptor null = linux_api::open_path("/dev/null", O_RDWR);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      dup2(null.get(), fd);
  }

  void prepare(const SessionPlan& plan) {
    host_mounts_ = linux_api::open_path("/proc/self/ns/mnt", O_RDONLY);
    self_ = linux_api::own_pidfd();
    if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) < 0) {
      throw SystemError(errno, "make namespaces for mounts, IPC, host name and network",
                        linux_api::advice_on_namespaces, ExitCode::namespaces);
    }
    prepared_ = prepare_session(plan);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_SETMASK, &children, nullptr);
    signals_ = Descriptor(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) throw_errno(errno, "wait for signals in the session's init");
  }

  /// @returns nothing where whoever started us has gone, or needs no session
  std::optional<RootTree> receive_tree() {
    auto message = linux_api::receive_message(clients_.front().get());
    if (!message || !message->text.starts_with(message::tree_is) || message->descriptors.size() != 3)
      return std::nullopt;
    lock_ = SessionLock::adopt(message->descriptors[0].release());
    listener_ = std::move(message->descriptors[1]);
    mounted_tree_ = std::move(message->descriptors[2]);
    return read_tree(std::string_view(message->text).substr(std::string_view(message::tree_is).size()));
  }

  void set_up(const SessionPlan& plan, const RootTree& tree) {
    root_may_be_held_ = !std::holds_alternative<OverlayTree>(tree);
    mounted_ = mount_session(plan, std::move(prepared_), tree, std::move(mounted_tree_));
  }

  /// @returns false where whoever starts the session has gone
  bool admit_first() {
    const auto message = linux_api::receive_message(clients_.front().get());
    if (!message || message->text != message::may_begin) return false;
    admit(clients_.front());
    return true;
  }
  void fail(const std::exception& error) {
    root_may_be_held_ = true;
    if (!clients_.empty()) linux_api::send_message(clients_.front().get(), message::failed + written(error));
  }

  void serve() {
    for (;;) {
      // One may have gone before it was admitted: nobody waits for it.
      std::erase_if(clients_, [](const Descriptor& client) { return !client.valid(); });
      if (clients_.empty()) return;
      std::vector<pollfd> watched{{listener_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      for (const Descriptor& client : clients_)
        watched.push_back({client.get(), POLLIN, 0});
      if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
      if (watched[1].revents != 0) reap();
      for (std::size_t i = 2; i < watched.size(); ++i) {
        if (watched[i].revents != 0 && !answer(clients_[i - 2])) clients_[i - 2].reset();
      }
      // A command that comes when the last one has gone begins a session of its own.
      const bool somebody_is_here =
          std::any_of(clients_.begin(), clients_.end(), [](const Descriptor& client) { return client.valid(); });
      if (watched[0].revents != 0 && somebody_is_here) accept_clients();
    }
  }

  /// Nothing of the session is left when this returns, but its lock.
  void end() {
    listener_.reset();
    kill(-1, SIGKILL);
    while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    if (!wait_for_strangers()) root_may_be_held_ = true;
    mounted_ = {};
    // Leaving the mount namespace as its last process unmounts the root before this returns, so before the lock goes.
    if (host_mounts_) setns(host_mounts_.get(), CLONE_NEWNS);
    if (lock_ && !root_may_be_held_) lock_->note_unmount();
  }

 private:
  void admit(Descriptor& client) {
    const bool sent = linux_api::send_message(client.get(), message::admitted,
                                              {self_.get(), mounted_.root.get(), mounted_.terminals.get()});
    if (!sent) client.reset();
  }

  void accept_clients() {
    while (Descriptor client = linux_api::accept_from(listener_.get())) {
      admit(client);
      if (client) clients_.push_back(std::move(client));
    }
  }

  /// @returns false where the command has gone
  bool answer(const Descriptor& client) {
    const auto request = linux_api::receive_message(client.get());
    if (!request) root_may_be_held_ = true;  // by a process that is being killed
    if (!request || request->text == message::leaving) return false;
    root_may_be_held_ = true;
    const bool with_mounts = request->text == message::give_tree;
    if (!with_mounts && request->text != message::give_root) return true;
    try {
      const Descriptor tree = linux_api::clone_mount(mounted_.root.get(), "", with_mounts);
      return linux_api::send_message(client.get(), message::tree, {tree.get()});
    } catch (const Error& error) {
      return linux_api::send_message(client.get(), message::failed + written(error));
    }
  }

  void reap() {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) > 0) {
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }

  /// Commands are children of who started them, not ours: a killed one may take a moment to have gone.
  /// @returns false where some are still there
  static bool wait_for_strangers() {
    constexpr timespec moment{0, 1'000'000};
    for (int tries = 0; tries < 2000; ++tries) {
      if (kill(-1, 0) < 0) return true;
      nanosleep(&moment, nullptr);
    }
    return false;
  }

  std::optional<SessionLock> lock_;  // goes last
  Descriptor listener_;
  std::vector<Descriptor> clients_;
  Descriptor host_mounts_;
  Descriptor self_;
  Descriptor signals_;
  PreparedSession prepared_;
  Descriptor mounted_tree_;
  MountedSession mounted_;
  bool root_may_be_held_ = false;  // by somebody outside, when the session has ended
};

}  // namespace

int run_session_init(SessionInit session) noexcept {
  Init init(std::move(session.starter));
  try {
    try {
      init.leave_caller();
      init.prepare(*session.plan);
      if (const auto tree = init.receive_tree()) {
        init.set_up(*session.plan, *tree);
        if (init.admit_first()) init.serve();
      }
      init.end();
    } catch (const std::exception& error) {
      init.fail(error);
      init.end();
      return 1;
    }
    return 0;
  } catch (const std::exception&) {
    return 1;  // nobody is left to be told
  }
}

}  // namespace plyroot::buildroot
