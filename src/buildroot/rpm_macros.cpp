#include "buildroot/rpm_macros.hpp"

#include <fmt/format.h>

#include "buildroot/host_files.hpp"

namespace plyroot::buildroot {
namespace {

constexpr HostFileKind macro_file{"Input rpm macros file",
                                  "--macro-file and config_opts['macrofile'] name a file of the host.",
                                  ExitCode::configuration};

}  // namespace

std::string rpm_macros_of(const config::Config& config) {
  std::string text;
  if (config.macrofile) text = read_host_file(*config.macrofile, macro_file) + "\n\n";
  for (const auto& [name, value] : config.macros) {
    if (value) text += fmt::format("{} {}\n", name, *value);
  }
  return text;
}

}  // namespace plyroot::buildroot
