// Says which functions a command and the processes that it starts run, in the order of their first calls.
//
//   bench-first-calls OUTPUT COMMAND [ARGUMENT...] <"ADDRESS NAME" lines
//
// Each function gets a breakpoint that is taken away when it is first met. The program has to lie where it was
// linked to (-no-pie). A process that executes another program is let go.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>

namespace {

constexpr unsigned char breakpoint = 0xCC;
constexpr long options =
    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

struct Function {
  std::string name;
  unsigned char first_byte = 0;
};

std::map<std::uint64_t, Function> read_functions(std::istream& input) {
  std::map<std::uint64_t, Function> functions;
  std::string name;
  for (std::uint64_t address = 0; input >> std::hex >> address >> name;)
    functions.emplace(address, Function{name});
  return functions;
}

/// A process's memory, written to as a debugger does: also where it may only be read.
class Memory {
 public:
  explicit Memory(pid_t process) {
    const std::string path = "/proc/" + std::to_string(process) + "/mem";
    descriptor_ = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "cannot open " + path);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { close(descriptor_); }

  unsigned char read(std::uint64_t address) const {
    unsigned char byte = 0;
    if (pread(descriptor_, &byte, 1, static_cast<off_t>(address)) != 1) fail("read", address);
    return byte;
  }
  void write(std::uint64_t address, unsigned char byte) const {
    if (pwrite(descriptor_, &byte, 1, static_cast<off_t>(address)) != 1) fail("write", address);
  }

 private:
  [[noreturn]] static void fail(const char* verb, std::uint64_t address) {
    throw std::system_error(errno, std::generic_category(),
                            std::string("cannot ") + verb + " at " + std::to_string(address));
  }

  int descriptor_ = -1;
};

class Recorder {
 public:
  Recorder(std::map<std::uint64_t, Function> functions, std::ostream& output)
      : functions_(std::move(functions)), output_(output) {}

  /// The command's exit code, when all of its processes have ended or were let go.
  int run(char** command) {
    const pid_t first = fork();
    if (first == 0) {
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      execv(command[0], command);
      _exit(127);
    }
    int code = 1;
    int status = 0;
    for (pid_t process = 0; (process = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
      if (process > 0 && WIFSTOPPED(status)) go_on(process, status);
      if (process == first && WIFEXITED(status)) code = WEXITSTATUS(status);
    }
    return code;
  }

 private:
  void go_on(pid_t process, int status) {
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (known_.empty()) {
      ptrace(PTRACE_SETOPTIONS, process, nullptr, options);
      set_breakpoints(process);
    } else if (event == PTRACE_EVENT_EXEC) {
      ptrace(PTRACE_DETACH, process, nullptr, nullptr);
      return;
    }
    const bool is_new = known_.insert(process).second;
    const bool is_ptraces = event != 0 || (is_new && (signal == SIGSTOP || signal == SIGTRAP)) ||
                            (signal == SIGTRAP && pass_breakpoint(process));
    ptrace(PTRACE_CONT, process, nullptr, is_ptraces ? 0L : static_cast<long>(signal));
  }

  void set_breakpoints(pid_t process) {
    const Memory memory(process);
    for (auto& [address, function] : functions_) {
      function.first_byte = memory.read(address);
      memory.write(address, breakpoint);
    }
  }

  /// Whether it was at one.
  bool pass_breakpoint(pid_t process) {
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, process, nullptr, &registers);
    const auto function = functions_.find(--registers.rip);
    if (function == functions_.end()) return false;
    Memory(process).write(registers.rip, function->second.first_byte);
    ptrace(PTRACE_SETREGS, process, nullptr, &registers);
    if (met_.insert(registers.rip).second) output_ << function->second.name << '\n';
    return true;
  }

  std::map<std::uint64_t, Function> functions_;
  std::ostream& output_;
  std::set<pid_t> known_;
  std::set<std::uint64_t> met_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  try {
    std::ofstream output(argv[1]);
    return Recorder(read_functions(std::cin), output).run(argv + 2);
  } catch (const std::exception& error) {
    std::cerr << "first-calls: " << error.what() << '\n';
    return 1;
  }
}
