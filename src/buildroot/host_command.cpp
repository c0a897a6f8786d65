#include "buildroot/host_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <limits>

#include "buildroot/root_files.hpp"
#include "linux/file.hpp"
#include "linux/mount.hpp"
#include "linux/terminal.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

using linux_api::Descriptor;

constexpr const char* home_directory = "/tmp/.plyroot-home";

/// What is mounted below a directory, parents first, copied so that it can be attached again.
struct MountBelow {
  std::string path;
  Descriptor copy;
};

std::vector<MountBelow> mounts_below(const std::string& directory) {
  std::vector<MountBelow> found;
  for (const linux_api::MountInfo& mount : linux_api::read_mountinfo()) {
    if (!mount.mount_point.starts_with(directory + "/")) continue;
    Descriptor copy(open_tree(AT_FDCWD, mount.mount_point.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (copy) {
      found.push_back({mount.mount_point, std::move(copy)});
      continue;
    }
    const bool is_hidden_or_unbindable = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == EINVAL;
    if (!is_hidden_or_unbindable) throw_errno(errno, "copy the mount at", printable(mount.mount_point));
  }
  return found;
}

/// A /tmp whose files are the host's, and in which everything that is written is gone with the process. (The host's
/// files stay visible because packages and repositories may lie there.)
Descriptor private_tmp() {
  const Descriptor memory = linux_api::mount_detached(
      {"tmpfs", {{"mode", std::string("0700")}}, MOUNT_ATTR_NOSUID, "what the package manager writes to /tmp"});
  // An overlay's directories must be paths; a detached mount has one through its descriptor.
  for (const char* name : {"upper", "work"}) {
    if (mkdirat(memory.get(), name, 0700) < 0) throw_errno(errno, "make a directory for a private /tmp");
  }
  if (fchmodat(memory.get(), "upper", 01777, 0) < 0) throw_errno(errno, "set the mode of a private /tmp");
  const std::string path = linux_api::path_of(memory.get());
  return linux_api::mount_detached({"overlay",
                                    {{"source", std::string("plyroot-tmp")},
                                     {"lowerdir", std::string("/tmp")},
                                     {"upperdir", path + "/upper"},
                                     {"workdir", path + "/work"}},
                                    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                                    "the package manager's private /tmp"});
}

void write_home(const HostCommand& command) {
  if (mkdir(home_directory, 0700) < 0) throw_errno(errno, "make the directory", home_directory);
  const Descriptor home = linux_api::open_path(home_directory, O_RDONLY | O_DIRECTORY);
  for (const auto& [name, content] : command.home_files) {
    const Descriptor file = linux_api::open_at(home.get(), name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    linux_api::write_all(file.get(), content);
  }
}

/// Covers a directory with an empty one.
void hide(const std::string& directory) {
  const Descriptor nothing =
      linux_api::mount_detached({"tmpfs",
                                 {{"mode", std::string("0555")}, {"size", std::string("4k")}},
                                 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                                 fmt::format("an empty directory on {}", directory)});
  linux_api::attach_mount(nothing.get(), linux_api::open_path(directory, O_PATH | O_DIRECTORY).get());
}

/// Turns this process's mount namespace, a copy of the host's, into what the command may see and write.
void restrict_host(const HostCommand& command, const Descriptor& tree) {
  linux_api::stop_mount_propagation(false);
  std::vector<Descriptor> caches;  // copied before everything becomes read-only, so that they do not
  for (const HostBind& cache : command.caches)
    caches.push_back(linux_api::clone_mount(AT_FDCWD, cache.host_path, false));
  const std::vector<MountBelow> below_tmp = mounts_below("/tmp");
  const Descriptor tmp = private_tmp();
  linux_api::set_mount_attributes(AT_FDCWD, "/", MOUNT_ATTR_RDONLY, 0, true);
  linux_api::attach_mount(tmp.get(), linux_api::open_path("/tmp", O_PATH | O_DIRECTORY).get());
  for (const MountBelow& mount : below_tmp) {
    linux_api::set_mount_attributes(mount.copy.get(), "", MOUNT_ATTR_RDONLY, 0, false);
    const Descriptor target = linux_api::open_if_exists(AT_FDCWD, mount.path, O_PATH);
    if (target) linux_api::attach_mount(mount.copy.get(), target.get());
  }
  write_home(command);
  for (const std::string& directory : command.hidden)
    hide(directory);
  linux_api::attach_mount(tree.get(), linux_api::open_path(command.root_path, O_PATH | O_DIRECTORY).get());
  // A device that a package holds, or a scriptlet makes, is a file like others to them.
  linux_api::set_mount_attributes(tree.get(), "", MOUNT_ATTR_NODEV, 0, false);
  linux_api::set_mount_attributes(tree.get(), "dev", MOUNT_ATTR_RDONLY, 0, false);
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const Descriptor target =
        linux_api::open_in_root(tree.get(), command.caches[i].target, O_PATH | O_DIRECTORY, linux_api::Links::refuse);
    linux_api::attach_mount(caches[i].get(), target.get());
  }
  // The processes of its own session, in place of the host's: through one of those a path would lead out.
  const Descriptor processes = linux_api::mount_detached(
      {"proc", {}, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC});
  linux_api::attach_mount(processes.get(), linux_api::open_path("/proc", O_PATH | O_DIRECTORY).get());
}

linux_api::ProcessPlan process_of(const HostCommand& command, int output, int null) {
  linux_api::ProcessPlan plan;
  plan.arguments = command.arguments;
  plan.environment = command.environment;
  plan.environment.push_back(fmt::format("HOME={}", home_directory));
  plan.personality = command.personality;
  plan.working_directory = "/";
  plan.umask = 022;
  plan.die_with_parent = true;
  plan.privileges = linux_api::Privileges::package_manager;
  plan.new_session = true;  // our terminal is not its scriptlets'
  if (output >= 0) plan.descriptors = {{null, STDIN_FILENO}, {output, STDOUT_FILENO}, {output, STDERR_FILENO}};
  return plan;
}

}  // namespace

bool wait_until_readable(int descriptor, const Deadline& deadline) {
  for (;;) {
    int milliseconds = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      milliseconds =
          static_cast<int>(std::min<std::chrono::milliseconds::rep>(left.count(), std::numeric_limits<int>::max()));
    }
    pollfd waiting{descriptor, POLLIN, 0};
    const int ready = poll(&waiting, 1, milliseconds);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw_errno(errno, "wait for a program");
  }
}

bool pass_on_output(int reading, const OutputHandler& output, const Deadline& deadline) {
  std::array<char, 16384> buffer{};
  for (;;) {
    if (deadline && !wait_until_readable(reading, deadline)) return false;
    const ssize_t got = read(reading, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "read the output of a program");
    if (got == 0) return true;
    output(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  }
}

linux_api::ExitStatus run_on_host(const HostCommand& command, HostCommandPlace place) {
  auto [failure_reading, failure_writing] = linux_api::make_pipe();
  linux_api::Pipe output;
  if (command.output) output = linux_api::make_pipe();
  const Descriptor null = linux_api::open_path("/dev/null", O_RDWR);
  const Descriptor self = linux_api::own_pidfd();
  // A process between us and the command: it gives up the host for itself first.
  linux_api::Child between = linux_api::fork_child(
      [&, &failure = failure_writing] {
        try {
          if (!linux_api::tie_to_parent(self.get())) throw_errno(errno, "tie a process to its parent");
          // It is not for this copy of us to say that we were interrupted.
          for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
            std::signal(number, SIG_DFL);
          if (unshare(CLONE_NEWNS) < 0) {
            throw SystemError(errno, "make a mount namespace", linux_api::advice_on_namespaces, ExitCode::namespaces);
          }
          restrict_host(command, place.tree);
          linux_api::Child child = linux_api::start(process_of(command, output.writing.get(), null.get()));
          output.writing.reset();
          const linux_api::ExitStatus status = child.wait();
          if (status.signal != 0) raise(status.signal);
          return status.as_exit_code();
        } catch (const std::exception& error) {
          linux_api::write_all(failure.get(), error.what());
          return 1;
        }
      },
      place.init_pidfd);
  failure_writing.reset();
  output.writing.reset();
  if (command.output) pass_on_output(output.reading.get(), command.output);
  const std::string failure = linux_api::read_all(failure_reading.get());
  const linux_api::ExitStatus status =
      command.output ? between.wait() : linux_api::attend(between, -1, linux_api::ForegroundSignals());
  if (!failure.empty())
    throw Error(fmt::format("cannot run {} on the build root: {}", printable(command.arguments.at(0)), failure), {},
                ExitCode::root);
  return status;
}

}  // namespace plyroot::buildroot
