// The floor under joining a session: what the kernel alone takes for a /bin/true in the namespaces of one that runs.
//
//   bench-floor-join PROCESS          a process in the session
//
// Enters the same namespaces as a command of plyroot's that joins, and runs /bin/true there by vfork. Nothing is asked
// of the session's init, no root is looked for, no configuration read, no rights given up.
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

[[noreturn]] void stop(const char* step) {
  std::fprintf(stderr, "bench-floor-join: %s: %s\n", step, std::strerror(errno));
  _exit(1);
}

int run_true(void* session) {
  if (setns(*static_cast<int*>(session), CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) < 0)
    stop("enter the session's namespaces");
  execl("/bin/true", "true", nullptr);
  stop("execute /bin/true");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: bench-floor-join PROCESS\n", stderr);
    return 2;
  }
  auto session = static_cast<int>(syscall(SYS_pidfd_open, std::stoi(argv[1]), 0));
  if (session < 0) stop("open a descriptor of the process");
  if (setns(session, CLONE_NEWPID) < 0) stop("have children in the session's PID namespace");
  alignas(16) static std::array<char, std::size_t{16} * 1024> stack;
  const pid_t child = clone(run_true, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, &session);
  if (child < 0) stop("start a process in the session");
  int status = 0;
  if (waitpid(child, &status, 0) < 0) stop("wait for /bin/true");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
