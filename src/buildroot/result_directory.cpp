#include "buildroot/result_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "linux/directory.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

/// Does once more what failed because a clean of this root, at the same time, has just removed the directory.
template <typename Action>
auto again_where_removed_meanwhile(const Action& action) {
  constexpr int most_tries = 100;
  for (int tries = 1;; ++tries) {
    try {
      return action();
    } catch (const SystemError& error) {
      if (error.error_number() != ENOENT || tries == most_tries) throw;
    }
  }
}

/// A new file to append to. What is called so is removed.
linux_api::Descriptor create_anew(int directory, const std::string& name) {
  const auto create = [&] {
    return linux_api::open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0644);
  };
  try {
    return create();
  } catch (const SystemError& error) {
    if (error.error_number() != EEXIST) throw;
  }
  if (unlinkat(directory, name.c_str(), 0) < 0 && errno != ENOENT)
    throw_errno(errno, "replace", linux_api::shown_path(directory, name));
  return create();
}

}  // namespace

linux_api::Descriptor open_result_directory(const config::Config& config) {
  try {
    return again_where_removed_meanwhile([&] {
      if (auto there = linux_api::open_if_exists(AT_FDCWD, config.resultdir, O_RDONLY | O_DIRECTORY)) return there;
      const bool made = linux_api::make_directories(config.resultdir, 0755);
      linux_api::Descriptor directory = linux_api::open_path(config.resultdir, O_RDONLY | O_DIRECTORY);
      if (made && fchown(directory.get(), config.chrootuid, config.chrootgid) < 0) {
        throw_errno(errno, "change the owner of", config.resultdir);
      }
      return directory;
    });
  } catch (const SystemError& error) {
    throw Error(fmt::format("the result directory {} cannot be used: {}", printable(config.resultdir), error.what()),
                "Name another one with --resultdir.", ExitCode::result_directory);
  }
}

linux_api::Descriptor create_result_file(int result_directory, const std::string& name, const config::Config& config) {
  // Renamed into its place, since another command on this root may do the same at the same time.
  const std::string temporary = fmt::format(".{}.{}.new", name, getpid());
  linux_api::Descriptor file = create_anew(result_directory, temporary);
  if (fchown(file.get(), config.chrootuid, config.chrootgid) < 0)
    throw_errno(errno, "change the owner of", linux_api::shown_path(file.get()));
  if (renameat(result_directory, temporary.c_str(), result_directory, name.c_str()) < 0)
    throw_errno(errno, "make", linux_api::shown_path(result_directory, name));
  return file;
}

LogFiles create_logs(const config::Config& config) {
  return again_where_removed_meanwhile([&] {
    const linux_api::Descriptor directory = open_result_directory(config);
    LogFiles logs;
    logs.root_log = create_result_file(directory.get(), "root.log", config);
    logs.state_log = create_result_file(directory.get(), "state.log", config);
    return logs;
  });
}

}  // namespace plyroot::buildroot
