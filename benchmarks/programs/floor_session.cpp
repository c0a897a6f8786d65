// The floor under a session: what the kernel alone takes for what `plyroot --chroot -- /bin/true` asks of it.
//
//   bench-floor-session LAYERS_DIRECTORY UPPER WORK LOWER...     (directories, relative to LAYERS_DIRECTORY)
//
// The same namespaces (process, IPC, host name, network with its loopback up, mount), overlay with the same options,
// /proc, /sys, /dev with the same devices, devpts, shm and pivot_root as a session of plyroot's, an init as process 1,
// and /bin/true as its child. In the cheapest way that there is: the init shares this program's memory instead of
// having a copy, starts /bin/true by vfork, and as with plyroot nobody waits until the kernel has taken the namespaces
// down. No configuration, no database, no locks, no socket for others to join, no checks.
#include <fcntl.h>
#include <linux/futex.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

constexpr int loop_devices = 11;  // config_opts['dev_loop_count']
constexpr std::uint32_t running = 0xFFFF;

struct Session {
  const char* layers_directory;
  std::string overlay_options;
  std::string volatile_mark;
  std::atomic<std::uint32_t> exit_code{running};  // of /bin/true, when it has ended
};

[[noreturn]] void stop(const char* step) {
  std::fprintf(stderr, "bench-floor-session: %s: %s\n", step, std::strerror(errno));
  _exit(1);
}

void must(long result, const char* step) {
  if (result < 0) stop(step);
}

void make_devices() {
  struct Device {
    const char* name;
    unsigned major;
    unsigned minor;
  };
  for (const Device& device :
       {Device{"null", 1, 3}, Device{"zero", 1, 5}, Device{"full", 1, 7}, Device{"random", 1, 8},
        Device{"urandom", 1, 9}, Device{"tty", 5, 0}, Device{"fuse", 10, 229}, Device{"loop-control", 10, 237}}) {
    must(mknod(device.name, S_IFCHR | 0666, makedev(device.major, device.minor)), "make a device");
  }
  std::array<char, 8> name{'l', 'o', 'o', 'p'};
  for (unsigned i = 0; i < loop_devices; ++i) {
    name[4] = static_cast<char>('0' + i / 10);
    name[5] = static_cast<char>('0' + i % 10);
    must(mknod(name.data(), S_IFBLK | 0660, makedev(7, i)), "make a loop device");
  }
}

void make_device_tree() {
  must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=0755,size=4m"), "mount /dev");
  umask(0);
  must(chdir("dev"), "enter /dev");
  for (const char* directory : {"pts", "shm", "mapper"})
    must(mkdir(directory, 0755), "make a directory in /dev");
  make_devices();
  constexpr std::array<std::array<const char*, 2>, 5> links{{{"/proc/self/fd", "fd"},
                                                             {"/proc/self/fd/0", "stdin"},
                                                             {"/proc/self/fd/1", "stdout"},
                                                             {"/proc/self/fd/2", "stderr"},
                                                             {"pts/ptmx", "ptmx"}}};
  for (const auto& [target, name] : links)
    must(symlink(target, name), "make a link in /dev");
  must(mount("devpts", "pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,mode=0620,ptmxmode=0666,gid=5"),
       "mount /dev/pts");
  must(mount("tmpfs", "shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"), "mount /dev/shm");
}

/// The kernel refuses an upper that was mounted volatile before, until this is gone.
void remove_volatile_mark(const std::string& directory) {
  const std::string file = directory + "/dirty";
  if (unlink(file.c_str()) < 0 && errno != ENOENT) stop("remove the mark of a volatile mount");
  if (rmdir(directory.c_str()) < 0 && errno != ENOENT) stop("remove the mark of a volatile mount");
}

void bring_loopback_up() {
  const int any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  must(any_socket, "open a socket");
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  must(ioctl(any_socket, SIOCSIFFLAGS, &request), "switch the loopback interface on");
  close(any_socket);
}

void make_root(const Session& session) {
  must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
  must(chdir(session.layers_directory), "enter the layers' directory");
  remove_volatile_mark(session.volatile_mark);
  must(mount("floor", ".", "overlay", 0, session.overlay_options.c_str()), "mount the overlay");
  must(chdir(session.layers_directory), "enter the overlay");
  must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  must(umount2(".", MNT_DETACH), "leave the host's tree");
  must(chdir("/"), "enter the root");
  must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr), "mount /proc");
  must(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr), "mount /sys");
  make_device_tree();
  must(chdir("/"), "enter the root");
  must(sethostname("floor", 5), "set the host's name");
  bring_loopback_up();
}

int run_true(void*) {
  execl("/bin/true", "true", nullptr);
  stop("execute /bin/true");
}

/// Process 1 of the new namespaces, in the memory of who started it.
int init(void* data) {
  auto& session = *static_cast<Session*>(data);
  make_root(session);
  alignas(16) static std::array<char, std::size_t{16} * 1024> stack;
  const pid_t child = clone(run_true, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr);
  must(child, "start /bin/true");
  int status = 0;
  must(waitpid(child, &status, 0), "wait for /bin/true");
  session.exit_code = WIFEXITED(status) ? static_cast<std::uint32_t>(WEXITSTATUS(status)) : 1;
  syscall(SYS_futex, &session.exit_code, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  _exit(0);
}

/// Waits for the end of /bin/true, or of an init that has failed.
std::uint32_t exit_code_of(Session& session, pid_t process) {
  constexpr timespec patience{1, 0};
  while (session.exit_code == running) {
    syscall(SYS_futex, &session.exit_code, FUTEX_WAIT, running, &patience, nullptr, 0);
    if (session.exit_code == running && waitpid(process, nullptr, WNOHANG) == process) return 1;
  }
  return session.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: bench-floor-session LAYERS_DIRECTORY UPPER WORK LOWER...\n", stderr);
    return 2;
  }
  static Session session{argv[1], "volatile,index=off,metacopy=off,redirect_dir=off,xino=auto,lowerdir=",
                         std::string(argv[3]) + "/work/incompat/volatile"};
  for (int i = 4; i < argc; ++i)
    session.overlay_options.append(i > 4 ? ":" : "").append(argv[i]);
  session.overlay_options.append(",upperdir=").append(argv[2]).append(",workdir=").append(argv[3]);

  alignas(16) static std::array<char, std::size_t{64} * 1024> stack;
  constexpr int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
  const pid_t process = clone(init, stack.data() + stack.size(), CLONE_VM | SIGCHLD | namespaces, &session);
  must(process, "start a process in new namespaces");
  _exit(static_cast<int>(exit_code_of(session, process)));
}
