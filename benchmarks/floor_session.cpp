// The floor under a session: what the kernel alone takes for what `plyroot --chroot -- /bin/true` asks of it.
//
//   bench-floor-session LAYERS_DIRECTORY UPPER WORK LOWER...     (directories, relative to LAYERS_DIRECTORY)
//
// The same namespaces (mount, process, IPC, host name, network), overlay, /proc, /sys, /dev, devpts, shm, pivot_root
// and exec as a session of plyroot's, begun by vfork; no configuration, no database, no locks, no checks, no init.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

struct Arguments {
  const char* layers_directory;
  std::string overlay_options;
  std::string volatile_mark;
};

[[noreturn]] void stop(const char* step) {
  std::fprintf(stderr, "bench-floor-session: %s: %s\n", step, std::strerror(errno));
  _exit(1);
}

void must(long result, const char* step) {
  if (result < 0) stop(step);
}

void make_device_tree() {
  must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=0755,size=4m"), "mount /dev");
  umask(0);
  must(chdir("dev"), "enter /dev");
  for (const char* directory : {"pts", "shm"})
    must(mkdir(directory, 0755), "make a directory in /dev");
  struct Device {
    const char* name;
    unsigned major;
    unsigned minor;
  };
  for (const Device& device : {Device{"null", 1, 3}, Device{"zero", 1, 5}, Device{"full", 1, 7}, Device{"random", 1, 8},
                               Device{"urandom", 1, 9}, Device{"tty", 5, 0}, Device{"fuse", 10, 229}}) {
    must(mknod(device.name, S_IFCHR | 0666, makedev(device.major, device.minor)), "make a device");
  }
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

/// Runs in the new namespaces, in the parent's memory until it executes.
int session(void* data) {
  const auto& arguments = *static_cast<const Arguments*>(data);
  must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
  must(chdir(arguments.layers_directory), "enter the layers' directory");
  remove_volatile_mark(arguments.volatile_mark);
  must(mount("floor", ".", "overlay", 0, arguments.overlay_options.c_str()), "mount the overlay");
  must(chdir(arguments.layers_directory), "enter the overlay");
  must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr), "mount /proc");
  must(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr), "mount /sys");
  make_device_tree();
  must(chdir(arguments.layers_directory), "enter the overlay");
  must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  must(umount2(".", MNT_DETACH), "leave the host's tree");
  must(chdir("/"), "enter the root");
  must(sethostname("floor", 5), "set the host's name");
  execl("/bin/true", "true", nullptr);
  stop("execute /bin/true");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: bench-floor-session LAYERS_DIRECTORY UPPER WORK LOWER...\n", stderr);
    return 2;
  }
  Arguments arguments{argv[1], "volatile,lowerdir=", std::string(argv[3]) + "/work/incompat/volatile"};
  for (int i = 4; i < argc; ++i)
    arguments.overlay_options.append(i > 4 ? ":" : "").append(argv[i]);
  arguments.overlay_options.append(",upperdir=").append(argv[2]).append(",workdir=").append(argv[3]);

  alignas(16) static std::array<char, std::size_t{64} * 1024> stack;
  constexpr int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
  const pid_t child =
      clone(session, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD | namespaces, &arguments);
  must(child, "start a process in new namespaces");
  int status = 0;
  must(waitpid(child, &status, 0), "wait for it");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
