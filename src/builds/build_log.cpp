#include "builds/build_log.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "buildroot/result_directory.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace plyroot::builds {

BuildLog::BuildLog(int result_directory, const config::Config& config, const Log& log)
    : file_(buildroot::create_result_file(result_directory, "build.log", config)),
      on_console_(config.print_main_output || log.console_level() == LogLevel::debug),
      lines_(new_lines()) {}

packages::OutputLines BuildLog::new_lines() const {
  const int file = file_.get();
  return packages::OutputLines([file](std::string_view line) { linux_api::write_all(file, std::string(line) + "\n"); });
}

void BuildLog::add_line(std::string_view line) {
  linux_api::write_all(file_.get(), fmt::format("{}\n", line));
}

void BuildLog::begin_command(const config::Words& arguments) {
  lines_ = new_lines();
  add_line(fmt::format("Executing command: {}", quote_for_display(arguments)));
}

void BuildLog::add(std::string_view piece) {
  lines_.add(piece);
  if (!on_console_) return;
  std::fwrite(piece.data(), 1, piece.size(), stdout);
  std::fflush(stdout);
}

void BuildLog::end_command(const linux_api::ExitStatus& status) {
  lines_.finish();
  add_line(fmt::format("Child return code was: {}", status.as_exit_code()));
}

}  // namespace plyroot::builds
