// What a hostile program in a root tries. Linked statically, so that it runs in whatever root it is put into. It prints
// one line for each attempt: its name, and "OK" or the kernel's word for the refusal.

#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <poll.h>
#include <signal.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

namespace {

void report(const std::string& attempt, bool succeeded) {
  const int error_number = errno;
  std::printf("%s %s\n", attempt.c_str(), succeeded ? "OK" : strerrorname_np(error_number));
  std::fflush(stdout);
}

/// Needs the file itself: a directory and its file handle.
bool open_by_handle(const char* path) {
  alignas(file_handle) char buffer[sizeof(file_handle) + 128] = {};
  auto* handle = reinterpret_cast<file_handle*>(buffer);
  handle->handle_bytes = 128;
  int mount_id = 0;
  if (name_to_handle_at(AT_FDCWD, path, handle, &mount_id, 0) < 0) return false;
  const int directory = open(path, O_RDONLY | O_DIRECTORY);
  return open_by_handle_at(directory, handle, O_RDONLY) >= 0;
}

bool listen_to_audit() {
  const int audit = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;  // AUDIT_NLGRP_READLOG
  return audit >= 0 && bind(audit, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool load_bpf_program() {
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_KPROBE;
  const bpf_insn exit_only[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  attributes.insns = reinterpret_cast<__u64>(exit_only);
  attributes.insn_cnt = 2;
  attributes.license = reinterpret_cast<__u64>("GPL");
  return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes) >= 0;
}

bool watch_all_processes() {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  return syscall(SYS_perf_event_open, &attributes, -1, 0, -1, 0) >= 0;
}

bool set_immutable() {
  const int file = open("/immutable", O_RDWR | O_CREAT, 0600);
  int flags = 0;
  if (ioctl(file, FS_IOC_GETFLAGS, &flags) < 0) return false;
  flags |= FS_IMMUTABLE_FL;
  return ioctl(file, FS_IOC_SETFLAGS, &flags) == 0;
}

bool write_to(const char* path) {
  const int file = open(path, O_WRONLY);
  return file >= 0;
}

/// Nothing here would change anything even where it is allowed, but for what cannot be tried otherwise.
void try_capabilities() {
  report("init_module", syscall(SYS_init_module, "", 0UL, "") == 0);
  report("delete_module", syscall(SYS_delete_module, "no_such_module", O_NONBLOCK) == 0);
  report("iopl", iopl(3) == 0);
  report("ioperm", ioperm(0x80, 1, 1) == 0);
  report("open_mem", [] { return mknod("/mem", S_IFCHR | 0600, makedev(1, 1)) == 0 && open("/mem", O_RDONLY) >= 0; }());
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  report("clock_settime", clock_settime(CLOCK_REALTIME, &now) == 0);
  timex nothing{};
  nothing.modes = ADJ_TICK;
  nothing.tick = 10000;
  report("adjtimex", adjtimex(&nothing) >= 0);
  // With CAD on as off: does nothing but ask.
  report("reboot", reboot(static_cast<int>(LINUX_REBOOT_CMD_CAD_OFF)) == 0);
  report("kexec_load", syscall(SYS_kexec_load, 0UL, 0UL, nullptr, 0UL) == 0);
  report("syslog", klogctl(3, nullptr, 0) >= 0 || errno == EINVAL);
  report("bpf", load_bpf_program());
  report("perf_event_open", watch_all_processes());
  report("audit_read", listen_to_audit());
  report("open_by_handle_at", open_by_handle("/dev"));
  report("immutable", set_immutable());
  report("timer_alarm", [] {
    timer_t timer{};
    sigevent nothing_then{};
    nothing_then.sigev_notify = SIGEV_NONE;
    return timer_create(CLOCK_REALTIME_ALARM, &nothing_then, &timer) == 0;
  }());
  report("acct", acct("/no-such-file") == 0);
  report("vhangup", vhangup() == 0);
  report("swapon", swapon("/no-such-file", 0) == 0);
  report("swapoff", swapoff("/no-such-file") == 0);
  // Allowed to everybody: it writes back what quotas there are.
  report("quotactl", quotactl(QCMD(Q_SYNC, USRQUOTA), nullptr, 0, nullptr) == 0);
  report("quotactl_fd", syscall(SYS_quotactl_fd, -1, QCMD(Q_SYNC, USRQUOTA), 0, nullptr) == 0);
  report("ptrace_init", ptrace(PTRACE_SEIZE, 1, nullptr, nullptr) == 0);
  report("sysrq", write_to("/proc/sysrq-trigger"));
  report("core_pattern", write_to("/proc/sys/kernel/core_pattern"));
  report("modprobe_path", write_to("/proc/sys/kernel/modprobe"));
  report("kcore", open("/proc/kcore", O_RDONLY) >= 0);
}

bool shows_environment(const std::string& directory) {
  char bytes[4096];
  const int file = open((directory + "environ").c_str(), O_RDONLY);
  const ssize_t length = file < 0 ? 0 : read(file, bytes, sizeof bytes);
  close(file);
  return std::any_of(bytes, bytes + std::max<ssize_t>(length, 0), [](char c) { return c != 0; });
}

/// What /proc shows of the other processes in here.
void look_at_processes() {
  DIR* proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    const long id = std::strtol(entry->d_name, nullptr, 10);
    if (id <= 0 || id == getpid() || id == getppid()) continue;
    const std::string directory = std::string("/proc/") + entry->d_name + "/";
    char target[4096];
    for (const char* link : {"exe", "cwd", "root"}) {
      const ssize_t length = readlink((directory + link).c_str(), target, sizeof target - 1);
      report(directory + link, length >= 0);
    }
    report(directory + "environ", shows_environment(directory));
    for (const char* file : {"mem", "fd/0", "fd/3"})
      report(directory + file, open((directory + file).c_str(), O_RDONLY) >= 0);
    report(directory + "ptrace", ptrace(PTRACE_SEIZE, static_cast<pid_t>(id), nullptr, nullptr) == 0);
    const int process = static_cast<int>(syscall(SYS_pidfd_open, id, 0));
    report(directory + "pidfd_getfd", syscall(SYS_pidfd_getfd, process, 0, 0) >= 0);
  }
}

bool input_has_ended() {
  pollfd input{0, POLLIN, 0};
  char byte;
  return poll(&input, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

std::string program_of(const std::string& directory) {
  char target[4096];
  const ssize_t length = readlink((directory + "exe").c_str(), target, sizeof target);
  return length < 0 ? std::string() : std::string(target, static_cast<std::size_t>(length));
}

bool holds(const std::string& path, const std::string& text) {
  char bytes[1 << 16];
  const int file = open(path.c_str(), O_RDONLY);
  const ssize_t length = file < 0 ? 0 : read(file, bytes, sizeof bytes);
  close(file);
  return length > 0 && memmem(bytes, static_cast<std::size_t>(length), text.data(), text.size()) != nullptr;
}

bool shows_memory(const std::string& directory) {
  char byte;
  const int file = open((directory + "mem").c_str(), O_RDONLY);
  // That of a process that has ended is opened too, and has an end.
  const bool shown = file >= 0 && pread(file, &byte, 1, 0) != 0;
  close(file);
  return shown;
}

bool opens(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  close(file);
  return file >= 0;
}

/// What is seen of a process that does not show its program: that would be more than it wants to show. Once a process
/// shows a program it keeps on doing so, hence what was seen before was seen while it did not. Its maps are no secret:
/// the kernel lets whoever has CAP_SYS_ADMIN read them, and with them only the names of files.
void look_for_more(const std::string& directory) {
  std::vector<std::string> seen;
  if (shows_environment(directory)) seen.emplace_back("environ");
  if (shows_memory(directory)) seen.emplace_back("mem");
  for (const char* name : {"exe", "cwd/.", "root/.", "fd/0", "fd/1", "fd/2", "fd/3", "fd/4", "fd/5"}) {
    if (opens(directory + name)) seen.emplace_back(name);
  }
  if (seen.empty() || !program_of(directory).empty() || errno != EACCES) return;
  for (const std::string& name : seen)
    report("unshown/" + name, true);
}

/// Looks at all other processes again and again, until there is no input any more. Says which programs they show, and
/// when it has seen one besides the first that shows none, as what is about to execute one.
void spy(const std::string& secret) {
  std::vector<std::string> said;
  const auto say_once = [&](const std::string& what) {
    if (std::find(said.begin(), said.end(), what) != said.end()) return;
    said.push_back(what);
    report(what, true);
  };
  while (!input_has_ended()) {
    DIR* proc = opendir("/proc");
    while (const dirent* entry = readdir(proc)) {
      const long id = std::strtol(entry->d_name, nullptr, 10);
      if (id <= 0 || id == getpid()) continue;
      const std::string directory = std::string("/proc/") + entry->d_name + "/";
      look_for_more(directory);
      if (holds(directory + "environ", secret)) say_once("secret");
      const std::string program = program_of(directory);
      if (!program.empty()) say_once("program:" + program);
      if (program.empty() && errno == EACCES && id != 1) say_once("unshown");
    }
    closedir(proc);
  }
}

void push_into_terminal() {
  const int terminal = open("/dev/tty", O_RDWR);
  report("open_dev_tty", terminal >= 0);
  for (int fd = 0; fd <= 2; ++fd)
    report("tiocsti_" + std::to_string(fd), ioctl(fd, TIOCSTI, "x") == 0);
}

/// Exchanges two names again and again, until there is no input any more: each path that leads over them changes its
/// meaning meanwhile. Says when it has done so as often as is wanted.
void swap(const std::string& one, const std::string& other, unsigned long wanted) {
  unsigned long done = 0;
  while (done % 1024 != 0 || !input_has_ended()) {
    if (renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) < 0) {
      if (errno == ENOENT) continue;
      report("swap", false);
      return;
    }
    ++done;
    if (done == 1) report("swapping", true);
    if (done == wanted) report("enough", true);
  }
  std::printf("swapped %lu\n", done);
}

/// For a path that is too long for the address of a socket.
void make_socket(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && chdir(path.substr(0, slash + 1).c_str()) < 0) return report("socket", false);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str() + slash + 1, sizeof address.sun_path - 1);
  report("socket", bind(socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

/// Out of a chroot, as root can, and then to a directory of the host.
void escape(const std::string& directory) {
  mkdir("/escape", 0700);
  const int outside = open("/", O_RDONLY | O_DIRECTORY);
  report("chroot", chroot("/escape") == 0 && fchdir(outside) == 0);
  for (int i = 0; i < 64; ++i) {
    if (chdir("..") < 0) break;
  }
  report("chroot_out", chroot(".") == 0);
  DIR* listed = opendir(directory.c_str());
  bool has_names = false;
  while (const dirent* entry = listed != nullptr ? readdir(listed) : nullptr)
    has_names = has_names || entry->d_name[0] != '.';
  errno = ENOENT;
  report("read_store", has_names);
  report("remount", mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0);
  report("unmount", umount2(directory.c_str(), MNT_DETACH) == 0);
  report("mount", mount("tmpfs", "/mnt", "tmpfs", 0, nullptr) == 0);
  report("write_host", write_to("/etc/passwd"));
}

/// A device that is not the host's to lose: /dev/full, under another name.
void try_device(const std::string& path) {
  report("mknod", mknod(path.c_str(), S_IFCHR | 0666, makedev(1, 7)) == 0);
  report("open_device", open(path.c_str(), O_RDONLY) >= 0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "capabilities") {
    try_capabilities();
  } else if (what == "processes") {
    look_at_processes();
  } else if (what == "spy" && argc == 3) {
    spy(argv[2]);
  } else if (what == "terminal") {
    push_into_terminal();
  } else if (what == "swap" && argc == 5) {
    swap(argv[2], argv[3], std::strtoul(argv[4], nullptr, 10));
  } else if (what == "socket" && argc == 3) {
    make_socket(argv[2]);
  } else if (what == "escape" && argc == 3) {
    escape(argv[2]);
  } else if (what == "device" && argc == 3) {
    try_device(argv[2]);
  } else {
    std::fprintf(stderr,
                 "usage: probe capabilities|processes|spy SECRET|terminal|swap A B TIMES|socket PATH|escape "
                 "DIRECTORY|device PATH\n");
    return 2;
  }
  return 0;
}
