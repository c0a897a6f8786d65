#include "buildroot/session_init.hpp"

#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <exception>
#include <functional>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buildroot/session_protocol.hpp"
#include "linux/mount.hpp"
#include "linux/process.hpp"
#include "linux/socket.hpp"
#include "plyroot/store.hpp"
#include "support/error.hpp"

namespace plyroot::buildroot {
namespace {

using linux_api::Descriptor;
using Next = linux_api::ProcessInOurMemory::Next;
using Execution = linux_api::ProcessInOurMemory::Execution;
using Limit = std::optional<std::chrono::milliseconds>;

/// What /proc shows of it, and how it is executed anew.
constexpr const char* init_name = "plyroot-init";
constexpr const char* root_is_held = "root-is-held";
constexpr const char* root_is_ours = "root-is-ours";

void become_unseen() {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_NAME, init_name, 0, 0, 0);
}

class Init {
 public:
  Init() = default;
  explicit Init(Descriptor starter) { clients_.push_back(std::move(starter)); }

  /// @param arguments of an Execution that hand_over() has made
  void adopt(const std::vector<std::string>& arguments) {
    root_may_be_held_ = arguments.at(1) == root_is_held;
    std::size_t next = 2;
    const auto take = [&] { return std::stoi(arguments.at(next++)); };
    lock_ = SessionLock::adopt(take());
    for (Descriptor* descriptor : handed_over())
      *descriptor = Descriptor(take());
    while (next < arguments.size())
      clients_.emplace_back(take());
  }

  /// Whoever adopts it goes on with the session; this one has nothing of it any more.
  Execution hand_over() {
    Execution execution{program_.get(), {init_name, root_may_be_held_ ? root_is_held : root_is_ours}, {}};
    const auto keep = [&](int fd) {
      execution.arguments.push_back(std::to_string(fd));
      execution.kept.push_back(fd);
    };
    keep(std::move(*lock_).release());
    for (Descriptor* descriptor : handed_over())
      keep(descriptor->release());
    for (Descriptor& client : clients_)
      keep(client.release());
    return execution;
  }

  /// Nothing of the caller's must live as long as the session, and nothing in the root look into us, or reach our
  /// executable.
  void leave_caller() const {
    become_unseen();
    setsid();
    linux_api::close_descriptors_except({clients_.front().get()});
    const Descriptor null = linux_api::open_path("/dev/null", O_RDWR);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      dup2(null.get(), fd);
  }

  void prepare(const SessionPlan& plan) {
    program_ = linux_api::open_path("/proc/self/exe", O_PATH);
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
    signals_ = Descriptor(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) throw_errno(errno, "wait for signals in the session's init");
  }

  /// @returns nothing where whoever started us has gone, or needs no session
  std::optional<RootTree> receive_tree() {
    auto message = linux_api::receive_message(clients_.front().get());
    if (!message || !message->text.starts_with(message::tree_is) || message->descriptors.size() < 3)
      return std::nullopt;
    lock_ = SessionLock::adopt(message->descriptors[0].release());
    listener_ = std::move(message->descriptors[1]);
    mounted_tree_ = std::move(message->descriptors[2]);
    file_systems_.assign(std::make_move_iterator(message->descriptors.begin() + 3),
                         std::make_move_iterator(message->descriptors.end()));
    return read_tree(std::string_view(message->text).substr(std::string_view(message::tree_is).size()));
  }

  void set_up(const SessionPlan& plan, const RootTree& tree) {
    root_may_be_held_ = !std::holds_alternative<OverlayTree>(tree);
    mounted_ = mount_session(plan, std::move(prepared_), tree, std::move(mounted_tree_), std::move(file_systems_));
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

  /// @returns whether the last command has gone, and the session is over; else it lasts longer than `limit`
  bool serve(Limit limit) {
    const auto begin = std::chrono::steady_clock::now();
    const auto remaining = [&] {
      const auto passed =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
      return limit ? static_cast<int>(std::max(*limit - passed, std::chrono::milliseconds(0)).count()) : -1;
    };
    reap();
    for (;;) {
      // One may have gone before it was admitted: nobody waits for it.
      std::erase_if(clients_, [](const Descriptor& client) { return !client.valid(); });
      if (clients_.empty()) return true;
      std::vector<pollfd> watched{{listener_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      for (const Descriptor& client : clients_)
        watched.push_back({client.get(), POLLIN, 0});
      const int ready = poll(watched.data(), watched.size(), remaining());
      if (ready < 0 && errno != EINTR) return true;
      if (ready == 0) return false;
      if (watched[1].revents != 0) reap();
      for (std::size_t i = 2; i < watched.size(); ++i) {
        if (watched[i].revents != 0 && !answer(clients_[i - 2])) clients_[i - 2].reset();
      }
      if (is_to_end_) return true;
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
  std::array<Descriptor*, 7> handed_over() {
    return {&program_, &listener_, &host_mounts_, &self_, &signals_, &mounted_.root, &mounted_.terminals};
  }

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
    if (request->text == message::end) is_to_end_ = true;
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
  Descriptor program_;
  Descriptor host_mounts_;
  Descriptor self_;
  Descriptor signals_;
  PreparedSession prepared_;
  Descriptor mounted_tree_;
  std::vector<Descriptor> file_systems_;
  MountedSession mounted_;
  bool is_to_end_ = false;
  bool root_may_be_held_ = false;  // by somebody outside, when the session has ended
};

/// How long it shares its starter's memory: as long as the session lasts, where the program has an interpreter, since
/// that would be the root's. The kernel does not know of one that was called with the program (ld.so(8)).
Limit before_execution() {
  const auto has_interpreter = [](dl_phdr_info* program, std::size_t, void*) {
    const auto headers = std::span(program->dlpi_phdr, program->dlpi_phnum);
    const bool has = std::ranges::any_of(headers, [](const auto& header) { return header.p_type == PT_INTERP; });
    return has ? 1 : -1;  // either ends the search: the program comes first
  };
  return dl_iterate_phdr(has_interpreter, nullptr) < 0 ? Limit(std::chrono::seconds(1)) : std::nullopt;
}

/// @param set_up returns whether there is a session to be served
Next live(Init& init, Limit limit, const std::function<bool()>& set_up) noexcept {
  try {
    try {
      if (set_up() && !init.serve(limit)) return init.hand_over();
      init.end();
      return 0;
    } catch (const std::exception& error) {
      init.fail(error);
      init.end();
      return 1;
    }
  } catch (const std::exception&) {
    return 1;  // nobody is left to be told
  }
}

}  // namespace

Next begin_session(const SessionPlan& plan, Descriptor starter,
                   linux_api::ProcessInOurMemory::Inside& process) noexcept {
  Init init(std::move(starter));
  return live(init, before_execution(), [&] {
    init.leave_caller();
    init.prepare(plan);
    process.use_all_processors();
    const auto tree = init.receive_tree();
    if (!tree) return false;
    init.set_up(plan, *tree);
    return init.admit_first();
  });
}

Next go_on_with_session(const Execution& failed) noexcept {
  Init init;
  return live(init, before_execution(), [&] {
    init.adopt(failed.arguments);
    return true;
  });
}

std::optional<int> serve_session_if_asked(int argc, char** argv) noexcept {
  if (argc < 2 || std::string_view(argv[0]) != init_name || getpid() != 1) return std::nullopt;
  become_unseen();
  Init init;
  try {
    init.adopt({argv, std::next(argv, argc)});
  } catch (const std::exception&) {
    return 1;  // somebody else's process 1 is no session's: nobody is to be killed
  }
  return std::get<int>(live(init, std::nullopt, [] { return true; }));
}

}  // namespace plyroot::buildroot
