#include "buildroot/host_files.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "config/evaluating_user.hpp"
#include "linux/file.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {

std::optional<linux_api::User> reader_of_host_files() {
  const config::EvaluatingUser user = config::find_evaluating_user();
  if (!user.must_change || user.for_root_login) return std::nullopt;
  return linux_api::User{user.uid, user.gid, {}};
}

std::string read_host_file(const std::string& path, const HostFileKind& kind) {
  try {
    return linux_api::read_regular_file(path, reader_of_host_files());
  } catch (const SystemError& error) {
    if (error.error_number() == ENOENT || error.error_number() == ENOTDIR) {
      throw Error(fmt::format("{} does not exist: {}", kind.name, printable(path)), kind.advice_where_missing,
                  kind.exit_code);
    }
    throw Error(
        fmt::format("{} {} cannot be read: {}", kind.name, printable(path), describe_errno(error.error_number())),
        "It must be a regular file, which the user who called sudo may read.", kind.exit_code);
  }
}

}  // namespace plyroot::buildroot
