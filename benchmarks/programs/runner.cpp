// Measures how long programs take, in turns: every round runs each row once.
//
//   bench-runner < PLAN > RESULT
//
// PLAN, JSON:   {"rounds": N, "warm_up": N, "environment": ["NAME=value"...],
//                "rows": [{"name": ..., "before": [ARGV...], "just_before": [ARGV...], "command": ARGV,
//                          "after": [ARGV...], "background": "wait" or "kill", "copies": N, "together": true or false,
//                          "prints_microseconds": true or false}...]}
// RESULT, JSON: {"rows": [{"name": ..., "microseconds": [...]}...], "peak_memory_kib": N}
//
// Only "command" is measured, from posix_spawn to the end of the wait; where "copies" are more than one, from the first
// posix_spawn to the end of the last one, all of them at once or one after another; where it "prints_microseconds",
// what it has measured itself counts. "{round}" in an argument becomes the round's number, "{copy}" the copy's; a
// command of "before" or "after" that has "{copy}" in it runs once for each. Every program must succeed; what it writes
// to standard output is dropped. When the clock starts, nothing that earlier programs left in the background still
// runs: it has been waited for before "just_before" (or, with "kill", niced processes are killed, so that a round need
// not wait until they have removed what they were to remove). This process stays small, because a large one starts
// others more slowly.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using Command = std::vector<std::string>;

struct Row {
  std::string name;
  std::vector<Command> before;
  std::vector<Command> just_before;
  Command command;
  std::vector<Command> after;
  bool kills_background;
  int copies;
  bool together;
  bool prints_microseconds;
  std::vector<double> microseconds;
};

struct Plan {
  int rounds;
  int warm_up;
  std::vector<std::string> environment;
  std::vector<Row> rows;
};

Plan read_plan(std::istream& input) {
  const Json json = Json::parse(input);
  Plan plan{json.at("rounds"), json.at("warm_up"), json.at("environment"), {}};
  for (const Json& row : json.at("rows")) {
    plan.rows.push_back({row.at("name"),
                         row.at("before"),
                         row.at("just_before"),
                         row.at("command"),
                         row.at("after"),
                         row.at("background") == "kill",
                         row.at("copies"),
                         row.at("together"),
                         row.at("prints_microseconds"),
                         {}});
  }
  return plan;
}

bool replace(Command& command, std::string_view placeholder, int number) {
  bool found = false;
  for (std::string& argument : command) {
    const std::size_t at = argument.find(placeholder);
    if (at == std::string::npos) continue;
    argument.replace(at, placeholder.size(), std::to_string(number));
    found = true;
  }
  return found;
}

Command filled_in(Command command, int round, int copy) {
  replace(command, "{round}", round);
  replace(command, "{copy}", copy);
  return command;
}

bool differs_by_copy(Command command) {
  return replace(command, "{copy}", 0);
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

/// Orphans of what was started become children of this process, so that it can wait for them.
void adopt_orphans() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot become a subreaper");
  }
}

void wait_for_orphans() {
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
}

/// Kills orphans that work at a lower priority, and waits for the others.
void end_background_work() {
  constexpr timespec moment{0, 200'000};
  for (;;) {
    pid_t ended = 0;
    while ((ended = waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (ended < 0) return;
    std::ifstream children("/proc/thread-self/children");
    if (!children) throw std::runtime_error("this kernel has no /proc/PID/task/TID/children");
    for (pid_t child = 0; children >> child;) {
      errno = 0;
      if (getpriority(PRIO_PROCESS, static_cast<id_t>(child)) > 0) kill(child, SIGKILL);
    }
    nanosleep(&moment, nullptr);
  }
}

void wait_for(pid_t process, const Command& command) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "cannot wait for " + command[0]);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error("failed with wait status " + std::to_string(status) + ": " + Json(command).dump());
  }
}

/// Starts programs with nothing on standard input and their standard output dropped.
class Starter {
 public:
  explicit Starter(std::vector<std::string> environment)
      : environment_(std::move(environment)), environment_pointers_(pointers_to(environment_)) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  ~Starter() { posix_spawn_file_actions_destroy(&actions_); }
  Starter(const Starter&) = delete;
  Starter& operator=(const Starter&) = delete;

  /// Runs a program to its end. @returns how long that took, in microseconds @throws where it fails
  double run(Command command) {
    std::vector<char*> arguments = pointers_to(command);
    const Clock::time_point begin = Clock::now();
    wait_for(start(arguments, actions_), command);
    return microseconds_since(begin);
  }

  /// Runs programs one after another, or all of them at once.
  double run_all(std::vector<Command> commands, bool together) {
    std::vector<std::vector<char*>> arguments;
    for (Command& command : commands)
      arguments.push_back(pointers_to(command));
    std::vector<pid_t> processes(commands.size());
    const Clock::time_point begin = Clock::now();
    for (std::size_t i = 0; i < commands.size(); ++i) {
      processes[i] = start(arguments[i], actions_);
      if (!together) wait_for(processes[i], commands[i]);
    }
    for (std::size_t i = 0; together && i < commands.size(); ++i)
      wait_for(processes[i], commands[i]);
    return microseconds_since(begin);
  }

  /// Runs a program that prints a number of microseconds. @returns that number
  double run_for_its_number(Command command) {
    std::vector<char*> arguments = pointers_to(command);
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) < 0) throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    const pid_t process = start(arguments, actions);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    wait_for(process, command);
    // Little enough to be in the pipe; what still runs in the background may keep its other end open.
    char text[64] = {};
    const ssize_t got = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    if (got <= 0) throw std::runtime_error("printed no number: " + Json(command).dump());
    return std::stod(text);
  }

 private:
  pid_t start(std::vector<char*>& arguments, const posix_spawn_file_actions_t& actions) {
    pid_t process = -1;
    const int error =
        posix_spawn(&process, arguments[0], &actions, nullptr, arguments.data(), environment_pointers_.data());
    if (error != 0) {
      throw std::system_error(error, std::generic_category(), std::string("cannot start ") + arguments[0]);
    }
    return process;
  }

  std::vector<std::string> environment_;
  std::vector<char*> environment_pointers_;
  posix_spawn_file_actions_t actions_{};
};

void run_around(Starter& starter, const std::vector<Command>& commands, const Row& row, int round) {
  for (const Command& command : commands) {
    const int times = differs_by_copy(command) ? row.copies : 1;
    for (int copy = 0; copy < times; ++copy)
      starter.run(filled_in(command, round, copy));
  }
}

double run_measured(Starter& starter, const Row& row, int round) {
  if (row.prints_microseconds) return starter.run_for_its_number(filled_in(row.command, round, 0));
  if (row.copies == 1) return starter.run(filled_in(row.command, round, 0));
  std::vector<Command> commands;
  for (int copy = 0; copy < row.copies; ++copy)
    commands.push_back(filled_in(row.command, round, copy));
  return starter.run_all(std::move(commands), row.together);
}

double run_row(Starter& starter, const Row& row, int round) {
  run_around(starter, row.before, row, round);
  if (row.kills_background) {
    end_background_work();
  } else {
    wait_for_orphans();
  }
  run_around(starter, row.just_before, row, round);
  const double microseconds = run_measured(starter, row, round);
  if (row.kills_background) end_background_work();
  run_around(starter, row.after, row, round);
  if (row.kills_background) end_background_work();
  return microseconds;
}

/// VmHWM: getrusage(2) would count what this process was before it executed this program, too.
long peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  }
  throw std::runtime_error("no VmHWM in /proc/self/status");
}

void measure(Plan& plan) {
  adopt_orphans();
  Starter starter(plan.environment);
  for (int round = 0; round < plan.warm_up + plan.rounds; ++round) {
    for (Row& row : plan.rows) {
      const double microseconds = run_row(starter, row, round);
      if (round >= plan.warm_up) row.microseconds.push_back(microseconds);
    }
  }
  wait_for_orphans();
}

Json result_of(const Plan& plan) {
  Json rows = Json::array();
  for (const Row& row : plan.rows)
    rows.push_back({{"name", row.name}, {"microseconds", row.microseconds}});
  return {{"rows", rows}, {"peak_memory_kib", peak_memory_kib()}};
}

}  // namespace

int main() {
  try {
    Plan plan = read_plan(std::cin);
    measure(plan);
    std::cout << result_of(plan).dump() << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench-runner: " << error.what() << '\n';
    return 1;
  }
}
