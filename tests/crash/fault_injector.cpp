// Runs a command and all that it starts under ptrace(2), counts the system calls that change something or make a
// descriptor, and does something to one of them:
//
//   fault-injector REPORT none -- COMMAND...                 nothing, and quickly
//   fault-injector REPORT list -- COMMAND...                 nothing: REPORT lists the calls
//   fault-injector REPORT kill-before PROCESS CALL N -- COMMAND   the process is killed instead of making its N-th CALL
//   fault-injector REPORT kill-after PROCESS CALL N -- COMMAND    ... when the call has been made
//   fault-injector REPORT error PROCESS CALL N ERRNO -- COMMAND   the call is not made, and fails with that number
//   fault-injector REPORT errors-from PROCESS CALL N ERRNO -- ... so does every later call that changes something, of
//                                                                 any process; with ENOSPC those that a disk is needed
//                                                                 for
//   fault-injector REPORT short PROCESS CALL N -- COMMAND         a write takes only half of its bytes
//   fault-injector REPORT no-sync -- COMMAND                 nothing is synced, though every sync says that it was
//
// PROCESS is a process's place in the tree: "0" is the command, "0.1" its second child. CALL is a system call's name,
// and N counts those of that name. So a point means the same in each run, in whatever order the processes go on, and
// whatever one does once more because another has not ended yet. What is executed by a child (the program in a root, a
// package manager) is left alone, unless it is the command's own program again. Sleeps of a second and more end at
// once. It ends when all processes have ended; its exit code is the command's.
//
// REPORT: a line "PROCESS CALL N CHANGES FILE" a call, where CHANGES is 1 or 0, then "hit 1" or "hit 0".
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr unsigned time_limit_seconds = 120;
constexpr int timed_out = 124;

enum class Kind {
  change,      ///< changes a file, a name, a mount
  process,     ///< changes a process, a namespace, a connection: no disk is needed for it
  write,       ///< the same, with a count of bytes as its third argument
  sync,        ///< data, then names, to the disk
  open,        ///< changes something only with O_CREAT or O_TRUNC
  descriptor,  ///< only makes a descriptor
  lock,        ///< fcntl(2), where it locks
  control,     ///< ioctl(2), where it clones
  sleep,
};

struct Call {
  long number;
  const char* name;
  Kind kind;
};

#define CALL(name, kind)          \
  Call {                          \
    SYS_##name, #name, Kind::kind \
  }
constexpr Call calls[] = {
    CALL(write, write),
    CALL(pwrite64, write),
    CALL(writev, change),
    CALL(pwritev, change),
    CALL(sendfile, change),
    CALL(copy_file_range, change),
    CALL(open, open),
    CALL(openat, open),
    CALL(openat2, open),
    CALL(creat, change),
    CALL(mkdir, change),
    CALL(mkdirat, change),
    CALL(mknod, change),
    CALL(mknodat, change),
    CALL(rename, change),
    CALL(renameat, change),
    CALL(renameat2, change),
    CALL(link, change),
    CALL(linkat, change),
    CALL(symlink, change),
    CALL(symlinkat, change),
    CALL(unlink, change),
    CALL(unlinkat, change),
    CALL(rmdir, change),
    CALL(truncate, change),
    CALL(ftruncate, change),
    CALL(fallocate, change),
    CALL(chmod, change),
    CALL(fchmod, change),
    CALL(fchmodat, change),
    CALL(chown, change),
    CALL(fchown, change),
    CALL(fchownat, change),
    CALL(lchown, change),
    CALL(utimensat, change),
    CALL(setxattr, change),
    CALL(lsetxattr, change),
    CALL(fsetxattr, change),
    CALL(removexattr, change),
    CALL(lremovexattr, change),
    CALL(fremovexattr, change),
    CALL(fsync, sync),
    CALL(fdatasync, sync),
    CALL(syncfs, sync),
    CALL(sync, sync),
    CALL(mount, change),
    CALL(umount2, change),
    CALL(fsopen, change),
    CALL(fsconfig, change),
    CALL(fsmount, change),
    CALL(move_mount, change),
    CALL(open_tree, change),
    CALL(mount_setattr, change),
    CALL(pivot_root, change),
    CALL(unshare, process),
    CALL(setns, process),
    CALL(sethostname, process),
    CALL(clone, process),
    CALL(clone3, process),
    CALL(fork, process),
    CALL(vfork, process),
    CALL(socket, descriptor),
    CALL(socketpair, descriptor),
    CALL(bind, change),
    CALL(listen, process),
    CALL(connect, process),
    CALL(sendmsg, process),
    CALL(accept4, descriptor),
    CALL(pipe2, descriptor),
    CALL(pidfd_open, descriptor),
    CALL(signalfd4, descriptor),
    CALL(fcntl, lock),
    CALL(ioctl, control),
    CALL(nanosleep, sleep),
    CALL(clock_nanosleep, sleep),
};

const Call* find_call(long number) {
  for (const Call& call : calls) {
    if (call.number == number) return &call;
  }
  return nullptr;
}

[[noreturn]] void fail(const char* what) {
  perror(what);
  _exit(125);
}

struct Request {
  std::string action;
  std::string process;
  std::string call;
  long n = 0;
  int error_number = 0;
};

struct Process {
  std::string place;
  int children = 0;
  std::map<const Call*, long> calls;
  bool ours = true;  ///< runs the command's program, not another that was executed
  bool stopped_early = false;
  bool kill_at_exit = false;
  unsigned long long whole_count = 0;  ///< what a short write was to write
};

class Tracer {
 public:
  Tracer(Request request, const char* report) : request_(std::move(request)), report_(report) {}

  int run(char** command) {
    main_ = fork();
    if (main_ < 0) fail("fork");
    if (main_ == 0) become(command);
    int status = 0;
    if (waitpid(main_, &status, 0) < 0 || !WIFSTOPPED(status)) fail("wait for the command");
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, main_, nullptr, options) < 0) fail("PTRACE_SETOPTIONS");
    processes_[main_].place = "0";
    go_on(main_);
    loop();
    report_ << "hit " << hit_ << "\n";
    return exit_code_;
  }

 private:
  [[noreturn]] void become(char** command) const {
    std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const Call& call : calls) {
      if (request_.action == "none" && call.kind != Kind::sleep) continue;
      filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call.number), 0, 1));
      filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
    }
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0) fail("PTRACE_TRACEME");
    raise(SIGSTOP);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) fail("seccomp");
    execv(command[0], command);
    fail(command[0]);
  }

  void loop() {
    alarm(time_limit_seconds);
    while (!processes_.empty()) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, __WALL);
      if (pid < 0 && errno == ECHILD) break;
      if (pid < 0 && errno == EINTR) {
        report_ << "timeout";
        for (const auto& [id, process] : processes_) {
          report_ << " " << process.place;
          kill(id, SIGKILL);
        }
        report_ << std::endl;
        _exit(timed_out);
      }
      if (pid < 0) fail("wait");
      if (WIFEXITED(status) || WIFSIGNALED(status)) {
        if (pid == main_) exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        processes_.erase(pid);
        continue;
      }
      stopped(pid, status);
    }
  }

  void stopped(pid_t pid, int status) {
    const auto found = processes_.find(pid);
    if (found == processes_.end()) {  // a child whose parent has not told of it yet
      early_.insert(pid);
      return;
    }
    Process& process = found->second;
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
      unsigned long child = 0;
      ptrace(PTRACE_GETEVENTMSG, pid, nullptr, &child);
      Process born;
      born.place = process.place + "." + std::to_string(process.children++);
      born.ours = process.ours;
      const auto id = static_cast<pid_t>(child);
      processes_[id] = born;
      if (early_.erase(id) > 0) {
        go_on(id);
      } else {
        processes_[id].stopped_early = true;
      }
      go_on(pid, process.kill_at_exit);
    } else if (event == PTRACE_EVENT_EXEC) {
      if (pid == main_ && program_ == File()) program_ = program_of(pid);
      process.ours = program_of(pid) == program_;
      go_on(pid);
    } else if (event == PTRACE_EVENT_SECCOMP) {
      called(pid, process);
    } else if (signal == (SIGTRAP | 0x80)) {
      if (process.kill_at_exit) kill(pid, SIGKILL);
      if (process.whole_count > 0) give_back_count(pid, process);
      go_on(pid);
    } else if (process.stopped_early && signal == SIGSTOP) {
      process.stopped_early = false;
      go_on(pid);
    } else {
      go_on(pid, false, signal == SIGTRAP ? 0 : signal);
    }
  }

  void called(pid_t pid, Process& process) {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, pid, nullptr, &registers) < 0) return;
    const Call* call = find_call(static_cast<long>(registers.orig_rax));
    if (call == nullptr) {
      go_on(pid);
      return;
    }
    if (call->kind == Kind::sleep) {
      timespec time{};
      const auto address = call->number == SYS_nanosleep ? registers.rdi : registers.rdx;
      if (process.ours && read_memory(pid, address, &time, sizeof time) && time.tv_sec >= 1) answer(pid, registers, 0);
      go_on(pid);
      return;
    }
    if (request_.action == "no-sync" && call->kind == Kind::sync) {
      hit_ = true;
      answer(pid, registers, 0);
      go_on(pid);
      return;
    }
    bool changes = true;
    if (!process.ours || !counts(pid, *call, registers, changes)) {
      go_on(pid);
      return;
    }
    const long n = ++process.calls[call];
    report_ << process.place << " " << call->name << " " << n << " " << changes << " " << file_of(pid, *call, registers)
            << "\n";
    const bool here = process.place == request_.process && call->name == request_.call && n == request_.n;
    const bool needs_a_disk =
        call->kind != Kind::process && (call->kind != Kind::write || !is_pipe(pid, static_cast<int>(registers.rdi)));
    const bool is_hit_too =
        request_.error_number == ENOSPC ? changes && needs_a_disk : changes || request_.error_number == EMFILE;
    const bool after_here = hit_ && request_.action == "errors-from" && is_hit_too;
    if (!here && !after_here) {
      go_on(pid);
      return;
    }
    hit_ = true;
    if (request_.action == "kill-before") {
      kill(pid, SIGKILL);
      go_on(pid);
    } else if (request_.action == "kill-after") {
      process.kill_at_exit = true;
      go_on(pid, true);
    } else if (request_.action == "short") {
      process.whole_count = registers.rdx;
      registers.rdx = (registers.rdx + 1) / 2;
      ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
      go_on(pid, true);
    } else {
      answer(pid, registers, -request_.error_number);
      go_on(pid);
    }
  }

  using File = std::pair<dev_t, ino_t>;

  static File program_of(pid_t pid) {
    struct stat status {};
    const std::string path = "/proc/" + std::to_string(pid) + "/exe";
    return stat(path.c_str(), &status) == 0 ? File{status.st_dev, status.st_ino} : File();
  }

  static bool is_pipe(pid_t pid, int descriptor) {
    struct stat status {};
    const std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(descriptor);
    return stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
  }

  /// Whether the call is one of those that are counted.
  static bool counts(pid_t pid, const Call& call, const user_regs_struct& registers, bool& changes) {
    switch (call.kind) {
      case Kind::open: {
        unsigned long flags = call.number == SYS_open ? registers.rsi : registers.rdx;
        if (call.number == SYS_openat2 && !read_memory(pid, registers.rdx, &flags, sizeof flags)) return false;
        changes = (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
        if (changes) return true;
        const std::string file = file_of(pid, call, registers);
        return file.find(".so") == std::string::npos;  // what the loader opens is not ours
      }
      case Kind::descriptor:
        changes = false;
        return true;
      case Kind::lock:
        changes = false;
        return registers.rsi == F_SETLK || registers.rsi == F_SETLKW || registers.rsi == F_OFD_SETLK ||
               registers.rsi == F_OFD_SETLKW;
      case Kind::control:
        return registers.rsi == FICLONE;
      case Kind::write:
        return registers.rdi > STDERR_FILENO;  // what is said changes nothing
      default:
        return true;
    }
  }

  static bool read_memory(pid_t pid, unsigned long long address, void* to, std::size_t size) {
    const iovec local{to, size};
    const iovec remote{reinterpret_cast<void*>(address), size};  // NOLINT: an address of another process
    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
  }

  static std::string read_text(pid_t pid, unsigned long long address) {
    constexpr std::size_t most = 256;
    constexpr std::size_t page_size = 4096;
    std::string text;
    // Page by page: what follows the text's end may not be there.
    while (text.size() < most && text.find('\0') == std::string::npos) {
      const unsigned long long begin = address + text.size();
      std::string piece(std::min<std::size_t>(most - text.size(), page_size - begin % page_size), '\0');
      if (!read_memory(pid, begin, piece.data(), piece.size())) return "?";
      text += piece;
    }
    text.resize(strlen(text.c_str()));
    for (char& byte : text) {
      if (byte <= ' ') byte = '?';
    }
    return text;
  }

  /// The path that a call is given, as far as it is one; for messages.
  static std::string file_of(pid_t pid, const Call& call, const user_regs_struct& registers) {
    const std::string name = call.name;
    if (name == "open" || name == "mkdir" || name == "unlink" || name == "rename" || name == "creat")
      return read_text(pid, registers.rdi);
    if (name.starts_with("openat") || name == "mkdirat" || name == "unlinkat" || name.starts_with("renameat"))
      return read_text(pid, registers.rsi);
    return "-";
  }

  /// A call leaves its arguments' registers as they are, and its caller relies on it.
  static void give_back_count(pid_t pid, Process& process) {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, pid, nullptr, &registers) < 0) return;
    registers.rdx = std::exchange(process.whole_count, 0);
    ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
  }

  /// The call is not made; the process sees this result.
  static void answer(pid_t pid, user_regs_struct& registers, long result) {
    registers.orig_rax = static_cast<unsigned long long>(-1);
    registers.rax = static_cast<unsigned long long>(result);
    if (ptrace(PTRACE_SETREGS, pid, nullptr, &registers) < 0 && errno != ESRCH) fail("PTRACE_SETREGS");
  }

  static void go_on(pid_t pid, bool to_end_of_call = false, int signal = 0) {
    ptrace(to_end_of_call ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr, static_cast<long>(signal));
  }

  Request request_;
  std::ofstream report_;
  pid_t main_ = -1;
  File program_;  ///< the command's
  std::map<pid_t, Process> processes_;
  std::set<pid_t> early_;
  bool hit_ = false;
  int exit_code_ = 125;
};

}  // namespace

int main(int argc, char** argv) {
  int separator = 1;
  while (separator < argc && strcmp(argv[separator], "--") != 0)
    ++separator;
  if (separator < 3 || separator + 1 >= argc) {
    fprintf(stderr, "usage: %s REPORT ACTION [PROCESS CALL N [ERRNO]] -- COMMAND...\n", argv[0]);
    return 2;
  }
  Request request;
  request.action = argv[2];
  if (separator > 5) {
    request.process = argv[3];
    request.call = argv[4];
    request.n = std::stol(argv[5]);
  }
  if (separator > 6) request.error_number = std::stoi(argv[6]);
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);
  return Tracer(request, argv[1]).run(argv + separator + 1);
}
