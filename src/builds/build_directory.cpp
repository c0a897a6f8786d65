#include "builds/build_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "builds/source_package.hpp"
#include "linux/directory.hpp"
#include "support/error.hpp"

namespace plyroot::builds {

using linux_api::Descriptor;

std::string path_in_build(const config::Config& config, std::string_view directory) {
  return fmt::format("{}/build/{}", config.chroothome, directory);
}

Descriptor open_in_build(int root, const config::Config& config, std::string_view directory) {
  return linux_api::open_in_root(root, path_in_build(config, directory), O_RDONLY | O_DIRECTORY,
                                 linux_api::Links::refuse);
}

Descriptor create_for_build(int directory, const std::string& name, const config::Config& config) {
  Descriptor file = linux_api::open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
  if (fchown(file.get(), config.chrootuid, config.chrootgid) < 0)
    throw_errno(errno, "change the owner of", linux_api::shown_path(file.get()));
  return file;
}

std::string find_made_package(int directory, const config::Config& config, std::string_view ending) {
  std::vector<std::string> names = linux_api::list_names(directory);
  std::erase_if(names, [&](const std::string& name) { return !name.ends_with(ending); });
  if (names.size() != 1) {
    throw Error(fmt::format("Expected to find single rebuilt srpm, found {} in {}/*{}", names.size(),
                            path_in_build(config, "SRPMS"), ending),
                {}, ExitCode::source_package);
  }
  require_plain_name(names.front(), "a source package");
  return names.front();
}

}  // namespace plyroot::builds
