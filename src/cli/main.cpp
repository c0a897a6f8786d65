#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string_view>

#include "buildroot/housekeeping.hpp"
#include "buildroot/session_init.hpp"
#include "cli/dispatch.hpp"
#include "cli/options.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace {

using plyroot::ExitCode;

/// mock's exit codes for signals. Ending at once is safe: whatever is being done is done as a whole or not at all, and
/// a session ends with the last command that is in it.
void end_on_signal(int signal) {
  constexpr std::string_view interrupted = "ERROR: Exiting on user interrupt, <CTRL>-C\n";
  if (signal == SIGINT) {
    if (write(STDERR_FILENO, interrupted.data(), interrupted.size()) < 0)
      _exit(static_cast<int>(ExitCode::interrupted));
    _exit(static_cast<int>(ExitCode::interrupted));
  }
  _exit(128 + signal);
}

void handle_signals() {
  struct sigaction action {};
  action.sa_handler = end_on_signal;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
    sigaction(signal, &action, nullptr);
}

plyroot::LogLevel console_level(int verbosity) {
  if (verbosity == 0) return plyroot::LogLevel::warning;
  return verbosity == 1 ? plyroot::LogLevel::info : plyroot::LogLevel::debug;
}

/// Errors are printed here and nowhere else.
int report(plyroot::Log& log, const std::exception& error) {
  log.error(error.what());
  const auto* ours = dynamic_cast<const plyroot::Error*>(&error);
  if (ours == nullptr) return static_cast<int>(ExitCode::failure);
  if (!ours->advice().empty()) std::fprintf(stderr, "%s\n", plyroot::printable_lines(ours->advice()).c_str());
  return static_cast<int>(ours->exit_code());
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto exit_code = plyroot::buildroot::serve_session_if_asked(argc, argv)) return *exit_code;
  if (const auto exit_code = plyroot::buildroot::keep_house_if_asked(argc, argv)) return *exit_code;
  // A session's first process, which shares our memory for a while, must have a part of the allocator to itself.
  mallopt(M_ARENA_MAX, 4096);
  handle_signals();
  plyroot::linux_api::hide_environment();
  umask(022);
  plyroot::Log log;
  try {
    const plyroot::cli::Options options = plyroot::cli::parse_options(argc, argv);
    log.set_console_level(console_level(options.verbosity));
    log.set_tracing(options.trace);
    return plyroot::cli::dispatch(options, log);
  } catch (const std::exception& error) {
    return report(log, error);
  }
}
