#include "linux/namespaces.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>

#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "linux/mount.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {
namespace {

std::string command_of(pid_t id) {
  try {
    std::string line = read_file(fmt::format("/proc/{}/cmdline", id));
    std::replace(line.begin(), line.end(), '\0', ' ');
    if (!trim(line).empty()) return printable(trim(line), 80);
    return printable(trim(read_file(fmt::format("/proc/{}/comm", id))), 80);
  } catch (const Error&) {
    return "?";  // it ended meanwhile
  }
}

std::vector<ProcessName> processes_where(const std::function<bool(pid_t)>& is_wanted) {
  std::vector<ProcessName> found;
  const Descriptor proc = open_path("/proc", O_RDONLY | O_DIRECTORY);
  for (const std::string& name : list_names(proc.get())) {
    pid_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error != std::errc{} || end != name.data() + name.size()) continue;
    try {
      if (is_wanted(id)) found.push_back({id, command_of(id)});
    } catch (const Error&) {
      continue;  // it ended meanwhile
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return found;
}

}  // namespace

void pivot_root_to(int directory) {
  if (fchdir(directory) < 0) throw_errno(errno, "enter the new root");
  if (syscall(SYS_pivot_root, ".", ".") < 0) throw_errno(errno, "make the mounted tree the root (pivot_root)");
  // The old root now lies over the new one, at the same place.
  if (umount2(".", MNT_DETACH) < 0) throw_errno(errno, "detach the host's root from /");
  if (chdir("/") < 0) throw_errno(errno, "enter the new root");
}

void set_host_name(const std::string& name) {
  if (sethostname(name.data(), name.size()) < 0) throw_errno(errno, "set the host name to", printable(name));
}

void bring_loopback_up() {
  const Descriptor any_socket(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!any_socket) throw_errno(errno, "open a socket to switch the loopback interface on");
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(any_socket.get(), SIOCSIFFLAGS, &request) < 0) throw_errno(errno, "switch the loopback interface on");
}

pid_t process_in_fdinfo(std::string_view text) {
  for (const std::string& line : split(text, '\n')) {
    if (line.starts_with("Pid:")) return static_cast<pid_t>(std::strtol(line.c_str() + 4, nullptr, 10));
  }
  return 0;
}

ProcessName name_of_process(pid_t id) {
  return {id, command_of(id)};
}

std::vector<ProcessName> processes_in_pid_namespace_of(int pidfd) {
  const pid_t init = process_in_fdinfo(read_file(fmt::format("/proc/self/fdinfo/{}", pidfd)));
  if (init <= 0) return {};
  struct stat wanted {};
  if (stat(fmt::format("/proc/{}/ns/pid", init).c_str(), &wanted) < 0) return {};
  return processes_where([&](pid_t id) {
    struct stat status {};
    return id != init && stat(fmt::format("/proc/{}/ns/pid", id).c_str(), &status) == 0 &&
           status.st_ino == wanted.st_ino;
  });
}

std::vector<ProcessName> processes_that_mount(const std::string& source) {
  return processes_where([&](pid_t id) {
    const auto mounts = read_mountinfo(std::to_string(id));
    return std::any_of(mounts.begin(), mounts.end(),
                       [&](const MountInfo& mount) { return mount.type == "overlay" && mount.source == source; });
  });
}

}  // namespace plyroot::linux_api
