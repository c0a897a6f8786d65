#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "linux/descriptor.hpp"
#include "linux/process.hpp"
#include "packages/output_lines.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::builds {

/// build.log in the result directory: what the programs say that build a package. On the console too where the
/// configuration or -v wants it.
class BuildLog {
 public:
  /// Begins it anew. @throws Error
  BuildLog(int result_directory, const config::Config& config, const Log& log);

  /// A line of plyroot's own.
  void add_line(std::string_view line);
  void begin_command(const config::Words& arguments);
  void add(std::string_view piece);
  void end_command(const linux_api::ExitStatus& status);
  /// The last lines of the command that runs or ran last.
  [[nodiscard]] std::string tail() const { return lines_.tail(); }

 private:
  [[nodiscard]] packages::OutputLines new_lines() const;

  linux_api::Descriptor file_;
  bool on_console_;
  packages::OutputLines lines_;
};

}  // namespace plyroot::builds
