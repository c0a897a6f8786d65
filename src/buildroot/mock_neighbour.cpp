#include "buildroot/mock_neighbour.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "linux/descriptor.hpp"
#include "linux/mount.hpp"
#include "linux/process.hpp"
#include "linux/thread.hpp"
#include "support/error.hpp"

namespace plyroot::buildroot {
namespace {

using linux_api::Descriptor;
using linux_api::MountInfo;

/// mock locks this file as long as it works on a root: exclusively while it makes or unmakes it, else shared.
std::string lock_path(const config::Config& config) {
  return config.basedir + "/" + config.root + "/buildroot.lock";
}

/// The process that holds a POSIX lock on a file, 0 if nobody does, -1 where it is one of another PID namespace.
pid_t lock_holder(const std::string& path) {
  const Descriptor file = linux_api::open_if_exists(AT_FDCWD, path, O_RDWR | O_NOFOLLOW);
  if (!file) return 0;
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  if (fcntl(file.get(), F_GETLK, &wanted) < 0) throw_errno(errno, "ask for a lock of", path);
  if (wanted.l_type == F_UNLCK) return 0;
  return wanted.l_pid > 0 ? wanted.l_pid : -1;
}

bool has_root_on(pid_t process, const MountInfo& mount) {
  struct stat root {};
  return stat(fmt::format("/proc/{}/root/", process).c_str(), &root) == 0 && root.st_dev == mount.device;
}

std::vector<MountInfo> mounts_of(const std::string& process, const std::string& source) {
  std::vector<MountInfo> mounts = linux_api::read_mountinfo(process);
  std::erase_if(mounts, [&](const MountInfo& mount) { return mount.type != "overlay" || mount.source != source; });
  return mounts;
}

}  // namespace

std::string mock_mount_source(const std::string& source) {
  return source + " (mock)";
}

std::vector<linux_api::ProcessName> mocks_at_work(const config::Config& config) {
  pid_t holder = 0;
  linux_api::run_with_own_descriptors([&] { holder = lock_holder(lock_path(config)); });
  if (holder == 0 || holder == getpid()) return {};
  return {linux_api::name_of_process(holder)};
}

std::vector<linux_api::ProcessName> end_leftovers_of_mock(const std::string& source) {
  const auto mounts_here = mounts_of("thread-self", source);
  std::vector<linux_api::ProcessName> killed;
  for (const linux_api::ProcessName& process : linux_api::processes_that_mount(source)) {
    if (process.id == getpid()) continue;
    try {
      const Descriptor pidfd = linux_api::pidfd_of(process.id);
      const auto mounts = mounts_of(std::to_string(process.id), source);
      const bool was_started_by_mock = std::any_of(mounts.begin(), mounts.end(), [&](const MountInfo& mount) {
        // A mount that propagates nowhere, and that the host does not have either, can be only in the namespace that
        // mock made for itself; others come to namespaces of strangers too.
        return has_root_on(process.id, mount) || (mounts_here.empty() && !mount.propagates);
      });
      if (!was_started_by_mock) continue;
      linux_api::send_signal(pidfd.get(), SIGKILL);
      killed.push_back(process);
    } catch (const Error&) {
      continue;  // it ended meanwhile
    }
  }
  for (const MountInfo& mount : mounts_here)
    linux_api::unmount_detached(mount.mount_point);
  return killed;
}

}  // namespace plyroot::buildroot
