#include "config/evaluator.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "config/evaluator_archive.hpp"
#include "config/handed_files.hpp"
#include "config/json.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::config {
namespace {

using linux_api::Child;
using linux_api::Descriptor;

constexpr std::size_t longest_answer = std::size_t{16} << 20U;
constexpr int exit_without_jinja2 = 2;
constexpr const char* how_to_install =
    "Install them: apt-get install python3 python3-jinja2, or dnf install python3 python3-jinja2.";

// Descriptor numbers in the evaluator.
enum : int { program_descriptor = 3, request_descriptor, answer_descriptor, first_handed_descriptor };

[[noreturn]] void fail(const std::string& message, std::string advice = {}) {
  throw Error(message, std::move(advice), ExitCode::configuration);
}

constexpr std::array<std::string_view, 10> variables_passed_on{"LANG",      "TERM",     "http_proxy", "https_proxy",
                                                               "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY",
                                                               "FTP_PROXY", "NO_PROXY"};

std::vector<std::string> environment_for(const EvaluatingUser& user) {
  std::vector<std::string> environment{fmt::format("HOME={}", user.home), fmt::format("USER={}", user.name),
                                       fmt::format("LOGNAME={}", user.name), "PATH=/usr/bin:/bin:/usr/sbin:/sbin"};
  for (const std::string_view name : variables_passed_on) {
    if (const auto value = passed_on(name)) environment.push_back(fmt::format("{}={}", name, *value));
  }
  return environment;
}

/// A file without a name: readable for another user wherever plyroot itself lies.
Descriptor file_in_memory(const char* name, std::string_view content) {
  Descriptor file(memfd_create(name, MFD_CLOEXEC));
  if (!file) throw_errno(errno, "make a file in memory");
  linux_api::write_all(file.get(), content);
  if (lseek(file.get(), 0, SEEK_SET) < 0) throw_errno(errno, "rewind a file in memory");
  return file;
}

/// The groups that the user is in; none for one without a name. By id(1): see ask_name_services.
std::vector<gid_t> groups_of(const EvaluatingUser& user) {
  if (user.for_root_login || user.name.empty()) return {};
  linux_api::ProcessPlan plan;
  plan.arguments = {"/usr/bin/id", "-G", "--", user.name};
  const linux_api::Captured answer = linux_api::run_captured(std::move(plan));
  if (!answer.status.success()) return {user.gid};
  return parse_group_ids(answer.output);
}

/// The evaluator at work, and the pipe from which its answer comes.
class RunningEvaluator {
 public:
  RunningEvaluator(const std::string& request, const EvaluatingUser& user, const HandedFiles& handed,
                   const Surroundings& surroundings)
      : surroundings_(surroundings) {
    const Descriptor program = file_in_memory("evaluate-config", evaluator_archive());
    const Descriptor question = file_in_memory("request", request);
    const Descriptor nothing = linux_api::open_path("/dev/null", O_RDONLY);
    linux_api::Pipe answer = linux_api::make_pipe();
    answer_ = std::move(answer.reading);

    linux_api::ProcessPlan plan;
    plan.arguments = {surroundings.python,
                      "-I",  // no PYTHON... variables, nothing from the user's or the working directory
                      "-B",
                      "-X",
                      "utf8",
                      linux_api::path_of(program_descriptor),
                      std::to_string(static_cast<int>(request_descriptor)),
                      std::to_string(static_cast<int>(answer_descriptor))};
    plan.environment = environment_for(user);
    plan.descriptors = {{nothing.get(), STDIN_FILENO},
                        {STDERR_FILENO, STDOUT_FILENO},
                        {program.get(), program_descriptor},
                        {question.get(), request_descriptor},
                        {answer.writing.get(), answer_descriptor}};
    int descriptor = first_handed_descriptor;
    for (const HandedFile& file : handed.files()) {
      if (file.file) plan.descriptors.emplace_back(file.file.get(), descriptor++);
    }
    plan.working_directory = std::string("/");
    plan.new_session = true;
    plan.die_with_parent = true;
    plan.no_new_privileges = true;
    plan.umask = 077;
    if (user.must_change) plan.user = linux_api::User{user.uid, user.gid, groups_of(user)};
    try {
      child_ = linux_api::start(plan);
    } catch (const SystemError& error) {
      if (error.error_number() != ENOENT) throw;
      fail(fmt::format("{} is missing: mock's configuration files are Python code", printable(surroundings.python)),
           how_to_install);
    }
  }

  /// The whole answer; empty if the evaluator ended without one.
  std::string answer() {
    std::string text;
    const auto deadline = std::chrono::steady_clock::now() + surroundings_.timeout;
    bool ended = false;
    while (true) {
      // The evaluator's end counts too: a program that a configuration left behind may hold the pipe open.
      std::array<pollfd, 2> events{{{answer_.get(), POLLIN, 0}, {child_.pidfd(), POLLIN, 0}}};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      const int ready =
          left.count() <= 0 ? 0 : poll(events.data(), ended ? 1 : 2, ended ? 0 : static_cast<int>(left.count()));
      if (ready < 0 && errno != EINTR) throw_errno(errno, "wait for the evaluation of the configuration");
      if (ready < 0) continue;
      if (ready == 0 && ended) return text;
      if (ready == 0) stop_for_time();
      if ((events[0].revents & (POLLIN | POLLHUP)) != 0) {
        if (!read_some(text)) return text;
      } else {
        ended = true;
      }
    }
  }

  linux_api::ExitStatus wait() {
    const auto status = child_.wait();
    return status;
  }

 private:
  bool read_some(std::string& text) {
    std::array<char, 65536> buffer;
    const ssize_t count = read(answer_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno != EINTR) throw_errno(errno, "read the evaluation of the configuration");
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > longest_answer) {
      kill_all();
      fail(fmt::format("The evaluated configuration is longer than {} MiB", longest_answer >> 20U),
           "Does it make a value without end?");
    }
    return count != 0;
  }

  [[noreturn]] void stop_for_time() {
    kill_all();
    fail(fmt::format("The configuration did not end within {} s: it was stopped",
                     std::chrono::ceil<std::chrono::seconds>(surroundings_.timeout).count()),
         "Does it wait for something, or loop without end?");
  }

  /// The evaluator leads a session and so a process group, which the programs it started belong to.
  void kill_all() const { kill(-child_.id(), SIGKILL); }

  const Surroundings& surroundings_;
  Descriptor answer_;
  Child child_;
};

}  // namespace

bool is_passed_on(std::string_view variable) {
  return std::find(variables_passed_on.begin(), variables_passed_on.end(), variable) != variables_passed_on.end();
}

std::optional<std::string_view> passed_on(std::string_view variable) {
  const char* value = is_passed_on(variable) ? std::getenv(std::string(variable).c_str()) : nullptr;
  if (value == nullptr) return std::nullopt;
  return value;
}

Answer evaluate(Task task, const Request& request, const EvaluatingUser& user, const Surroundings& surroundings) {
  const HandedFiles handed(user, request.config_directory, request.chroot, task == Task::list_chroots);
  RunningEvaluator evaluator(request_to_json(task, request, user, handed, first_handed_descriptor), user, handed,
                             surroundings);
  const std::string text = evaluator.answer();
  const linux_api::ExitStatus status = evaluator.wait();
  if (status.code == exit_without_jinja2 && text.empty()) {
    fail("Python's jinja2 is missing: mock's configuration files are full of its templates", how_to_install);
  }
  if (!status.success() || text.empty()) {
    fail(status.signal != 0
             ? fmt::format("The evaluation of the configuration was ended by signal {}", status.signal)
             : fmt::format("The evaluation of the configuration ended with status {} and no answer", status.code),
         "Does the configuration end the program itself? What it said is above.");
  }
  return answer_from_json(text);
}

}  // namespace plyroot::config
