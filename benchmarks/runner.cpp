// Measures how long programs take, in turns: every round runs each row once.
//
//   bench-runner < PLAN > RESULT
//
// PLAN, JSON:   {"rounds": N, "warm_up": N, "environment": ["NAME=value"...],
//                "rows": [{"name": ..., "before": [ARGV...], "command": ARGV, "after": [ARGV...]}...]}
// RESULT, JSON: {"rows": [{"name": ..., "microseconds": [...]}...], "peak_memory_kib": N}
//
// Only "command" is measured, from posix_spawn to the end of the wait. "{round}" in an argument becomes the round's
// number. Every program must succeed; what it writes to standard output is dropped. Before the clock starts, what
// earlier programs still do in the background has ended. This process stays small, because a large one starts others
// more slowly.
#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
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
  Command command;
  std::vector<Command> after;
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
    plan.rows.push_back({row.at("name"), row.at("before"), row.at("command"), row.at("after"), {}});
  }
  return plan;
}

Command in_round(Command command, int round) {
  constexpr std::string_view placeholder = "{round}";
  for (std::string& argument : command) {
    const std::size_t at = argument.find(placeholder);
    if (at != std::string::npos) argument.replace(at, placeholder.size(), std::to_string(round));
  }
  return command;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
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
    const std::vector<char*> arguments = pointers_to(command);
    int status = 0;
    const Clock::time_point begin = Clock::now();
    pid_t process = -1;
    const int error =
        posix_spawn(&process, arguments[0], &actions_, nullptr, arguments.data(), environment_pointers_.data());
    if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start " + command[0]);
    while (waitpid(process, &status, 0) < 0) {
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "cannot wait for " + command[0]);
    }
    const Clock::time_point end = Clock::now();
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      throw std::runtime_error("failed with wait status " + std::to_string(status) + ": " + Json(command).dump());
    }
    return std::chrono::duration<double, std::micro>(end - begin).count();
  }

 private:
  std::vector<std::string> environment_;
  std::vector<char*> environment_pointers_;
  posix_spawn_file_actions_t actions_{};
};

double run_row(Starter& starter, const Row& row, int round) {
  for (const Command& command : row.before)
    starter.run(in_round(command, round));
  wait_for_orphans();
  const double microseconds = starter.run(in_round(row.command, round));
  for (const Command& command : row.after)
    starter.run(in_round(command, round));
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
