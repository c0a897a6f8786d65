#include "buildroot/session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "buildroot/host_command.hpp"
#include "buildroot/session_init.hpp"
#include "buildroot/session_protocol.hpp"
#include "linux/socket.hpp"
#include "linux/terminal.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

using linux_api::Descriptor;
using linux_api::ExitStatus;

constexpr std::array standard_streams{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

linux_api::ProcessPlan process_of(const RootCommand& command, int init) {
  linux_api::ProcessPlan plan;
  plan.arguments = command.arguments;
  plan.environment = command.environment;
  plan.working_directory = command.working_directory;
  plan.user = command.user;
  plan.personality = command.personality;
  plan.join_namespaces_of = init;
  plan.join_flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | (command.network ? 0 : CLONE_NEWNET);
  plan.die_with_parent = true;
  plan.privileges = command.network ? linux_api::Privileges::session_on_host_network : linux_api::Privileges::session;
  plan.umask = 022;
  return plan;
}

/// What goes wrong when a program is started in a root, in words that help.
[[noreturn]] void explain_start_failure(const SystemError& error, const RootCommand& command) {
  if (error.error_number() == ENOENT &&
      std::string_view(error.what()).find("change to the directory") != std::string_view::npos) {
    throw Error(fmt::format("the directory {} does not exist in the build root", printable(command.working_directory)),
                "Name another one with --cwd.");
  }
  if (error.error_number() == ENOENT) {
    throw Error(fmt::format("the build root has no program {}", printable(command.arguments.at(0))),
                "Install its package with --install.");
  }
  throw error;
}

/// What has failed in the session's first process.
void throw_if_failed(std::string_view answer) {
  constexpr std::string_view failed = message::failed;
  if (answer.starts_with(failed)) throw read_error(answer.substr(failed.size()));
}

Deadline deadline_of(const RootCommand& command) {
  if (!command.timeout) return std::nullopt;
  return std::chrono::steady_clock::now() + *command.timeout;
}

/// Ends a command and the processes of its group: politely first.
[[noreturn]] void give_up(linux_api::Child& child, const RootCommand& command) {
  constexpr auto grace = std::chrono::seconds(1);
  kill(-child.id(), SIGTERM);
  wait_until_readable(child.pidfd(), std::chrono::steady_clock::now() + grace);
  kill(-child.id(), SIGKILL);
  child.wait();
  throw Error(fmt::format("Timeout({}) expired for command:\n # {}", command.timeout->count(),
                          quote_for_display(command.arguments)),
              "--rpmbuild_timeout, or config_opts['rpmbuild_timeout'], says how many seconds it may take.",
              ExitCode::timed_out);
}

}  // namespace

Session::Session(Descriptor connection, bool is_first) : connection_(std::move(connection)), is_first_(is_first) {}

Session::~Session() {
  if (!connection_) return;
  root_.reset();
  terminals_.reset();
  try {
    linux_api::send_message(connection_.get(), message::leaving);
  } catch (const Error&) {  // the init takes it then for one that was killed
    connection_.reset();
  }
}

bool Session::wait_for_admission() {
  auto answer = linux_api::receive_message(connection_.get());
  if (!answer) return false;
  throw_if_failed(answer->text);
  if (answer->text != message::admitted || answer->descriptors.size() != 3) {
    throw Error("the session of this root answered something that this plyroot does not understand",
                "End the commands that run in it; they were started by another version.");
  }
  init_ = std::move(answer->descriptors[0]);
  root_ = std::move(answer->descriptors[1]);
  terminals_ = std::move(answer->descriptors[2]);
  return true;
}

std::optional<Session> Session::join(const HeadLock& head_lock, const std::function<void()>& meanwhile) {
  Descriptor connection = linux_api::connect_at(head_lock.heads_directory(), head_lock.file_name(socket_suffix));
  if (!connection) return std::nullopt;
  Session session(std::move(connection), false);
  meanwhile();
  if (!session.wait_for_admission()) return std::nullopt;
  return session;
}

WaitingInit::WaitingInit(SessionPlan plan) : plan_(std::make_shared<const SessionPlan>(std::move(plan))) {
  auto [ours, theirs] = linux_api::socket_pair();
  // The other namespaces it makes itself: a network takes the kernel as long as all that we do meanwhile.
  process_ = std::make_unique<linux_api::ProcessInOurMemory>(
      CLONE_NEWPID, std::move(theirs), [plan = plan_](auto& process, int starter, const auto* failed) {
        return failed ? go_on_with_session(*failed) : begin_session(*plan, Descriptor(starter), process);
      });
  connection_ = std::move(ours);
}

void WaitingInit::wait_until_left() {
  if (const int error_number = process_->wait_until_left()) {
    throw Error(fmt::format("cannot make a process in namespaces of its own: {}", describe_errno(error_number)),
                linux_api::advice_on_namespaces, ExitCode::namespaces);
  }
}

Session Session::start(const HeadLock& head_lock, WaitingInit init, const RootTree& tree,
                       const std::function<void()>& meanwhile) {
  const std::string socket_name = head_lock.file_name(socket_suffix);
  // No session runs, so what lies there was left by one that was killed.
  if (unlinkat(head_lock.heads_directory(), socket_name.c_str(), 0) < 0 && errno != ENOENT) {
    throw_errno(errno, "remove the left-over socket", linux_api::shown_path(head_lock.heads_directory(), socket_name));
  }
  try {
    const Descriptor listener = linux_api::listen_at(head_lock.heads_directory(), socket_name);
    const SessionLock lock(head_lock);
    const Descriptor mounted_tree = mount_tree(tree);
    const std::vector<Descriptor> file_systems = mount_file_systems(*init.plan_);
    std::vector<int> handed{lock.descriptor(), listener.get(), mounted_tree.get()};
    for (const Descriptor& file_system : file_systems)
      handed.push_back(file_system.get());
    // Where it has ended already, its last words are waited for below.
    if (linux_api::send_message(init.connection_.get(), message::tree_is + written(tree), handed)) meanwhile();
  } catch (const std::exception&) {
    init.connection_.reset();
    init.wait_until_left();  // it ends, and has let go of the root
    throw;
  }
  linux_api::send_message(init.connection_.get(), message::may_begin);
  Session session(std::move(init.connection_), true);
  if (!session.wait_for_admission()) {
    init.wait_until_left();
    throw Error("the session's first process ended before it had set the root up", {}, ExitCode::root);
  }
  return session;
}

ExitStatus Session::run(const RootCommand& command) {
  linux_api::ProcessPlan plan = process_of(command, init_.get());
  linux_api::PseudoTerminal terminal;
  linux_api::Pipe output;
  Descriptor null;
  if (command.output) {
    output = linux_api::make_pipe();
    null = linux_api::open_path("/dev/null", O_RDWR);
    plan.descriptors = {
        {null.get(), STDIN_FILENO}, {output.writing.get(), STDOUT_FILENO}, {output.writing.get(), STDERR_FILENO}};
    plan.new_session = true;
  } else {
    for (const int fd : standard_streams) {
      if (isatty(fd) == 0) continue;
      if (!terminal.slave) terminal = linux_api::open_pseudo_terminal(terminals_.get());
      plan.descriptors.emplace_back(terminal.slave.get(), fd);
    }
    if (terminal.slave) {
      plan.terminal = terminal.slave.get();
    } else {
      plan.new_session = true;  // else our own terminal would be its too, as /dev/tty
    }
  }
  std::optional<linux_api::ForegroundSignals> signals;
  if (!command.output) signals.emplace();
  linux_api::Child child;
  try {
    child = linux_api::start(plan);
  } catch (const SystemError& error) {
    explain_start_failure(error, command);
  }
  output.writing.reset();
  terminal.slave.reset();
  if (command.meanwhile) command.meanwhile();
  if (command.output) {
    const Deadline deadline = deadline_of(command);
    if (!pass_on_output(output.reading.get(), command.output, deadline) ||
        !wait_until_readable(child.pidfd(), deadline)) {
      give_up(child, command);
    }
    return child.wait();
  }
  return linux_api::attend(child, terminal.master.get(), *signals);
}

ExitStatus Session::run_on_host(const HostCommand& command) {
  return buildroot::run_on_host(command, {copy_of_mounts(), init_.get()});
}

Descriptor Session::copy_of_mounts() const {
  return ask_for(message::give_tree);
}
Descriptor Session::copy_of_root() const {
  return ask_for(message::give_root);
}

void Session::end() const {
  constexpr int patience = 10'000;
  pollfd has_ended{init_.get(), POLLIN, 0};
  if (!linux_api::send_message(connection_.get(), message::end) || poll(&has_ended, 1, patience) != 1)
    linux_api::send_signal(init_.get(), SIGKILL);
}

Descriptor Session::ask_for(const char* request) const {
  if (linux_api::send_message(connection_.get(), request)) {
    auto answer = linux_api::receive_message(connection_.get());
    if (answer) throw_if_failed(answer->text);
    if (answer && answer->text == message::tree && answer->descriptors.size() == 1)
      return std::move(answer->descriptors[0]);
  }
  throw Error("the session of this root ended while it was in use: its first process was killed", {}, ExitCode::root);
}

}  // namespace plyroot::buildroot
