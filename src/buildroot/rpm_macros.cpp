#include "buildroot/rpm_macros.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "buildroot/caller.hpp"
#include "linux/file.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

std::string text_of(const std::string& path) {
  try {
    return linux_api::read_regular_file(path, reader_of_host_files());
  } catch (const SystemError& error) {
    const bool is_missing = error.error_number() == ENOENT || error.error_number() == ENOTDIR;
    throw Error(is_missing ? fmt::format("Input rpm macros file does not exist: {}", printable(path))
                           : fmt::format("Input rpm macros file {} cannot be read: {}", printable(path),
                                         describe_errno(error.error_number())),
                is_missing ? "--macro-file and config_opts['macrofile'] name a file of the host."
                           : "It must be a regular file, which the user who called sudo may read.",
                ExitCode::configuration);
  }
}

}  // namespace

std::string rpm_macros_of(const config::Config& config) {
  std::string text;
  if (config.macrofile) text = text_of(*config.macrofile) + "\n\n";
  for (const auto& [name, value] : config.macros) {
    if (value) text += fmt::format("{} {}\n", name, *value);
  }
  return text;
}

}  // namespace plyroot::buildroot
