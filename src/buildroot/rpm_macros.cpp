#include "buildroot/rpm_macros.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <optional>

#include "config/evaluating_user.hpp"
#include "linux/file.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

/// Whose rights are to be used; nothing for our own.
std::optional<linux_api::User> reader() {
  const config::EvaluatingUser user = config::find_evaluating_user();
  if (!user.must_change || user.for_root_login) return std::nullopt;
  return linux_api::User{user.uid, user.gid, {}};
}

std::string text_of(const std::string& path) {
  try {
    return linux_api::read_regular_file(path, reader());
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
