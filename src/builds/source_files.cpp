#include "builds/source_files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "buildroot/host_files.hpp"
#include "buildroot/root_files.hpp"
#include "builds/build_directory.hpp"
#include "builds/source_package.hpp"
#include "linux/directory.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::builds {
namespace {

using config::Config;
using linux_api::Descriptor;

constexpr buildroot::HostFileKind spec_file{"Input specfile", "", ExitCode::usage};

}  // namespace

SpecFile read_spec_file(const std::string& path) {
  SpecFile spec{path, std::filesystem::path(path).filename(), buildroot::read_host_file(path, spec_file)};
  require_plain_name(spec.name, "a spec file");
  return spec;
}

Sources find_sources(const std::string& path, buildroot::HostLinks links) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::canonical(path, error);
  if (error || !(std::filesystem::is_directory(found, error) || std::filesystem::is_regular_file(found, error))) {
    throw Error(fmt::format("Input sources directory or file does not exist: {}", printable(path)), {},
                ExitCode::usage);
  }
  return {found, links};
}

std::string put_spec_file(int root, const Config& config, const SpecFile& spec, const std::string& directory) {
  const Descriptor place = open_in_build(root, config, directory);
  if (unlinkat(place.get(), spec.name.c_str(), 0) < 0 && errno != ENOENT)
    throw_errno(errno, "replace in the build root", printable(spec.name));
  linux_api::write_all(create_for_build(place.get(), spec.name, config).get(), spec.text);
  return fmt::format("{}/{}", path_in_build(config, directory), spec.name);
}

void put_sources(int root, const Config& config, const Sources& sources) {
  const Descriptor place = open_in_build(root, config, "SOURCES");
  if (std::filesystem::is_directory(sources.path)) {
    for (const std::string& name : linux_api::list_names(place.get()))
      linux_api::remove_tree(place.get(), name);
  }
  const std::optional<linux_api::User> reader = buildroot::reader_of_host_files();
  // Who may read there need not be the build user, and is to write here.
  if (reader && fchown(place.get(), reader->uid, reader->gid) < 0)
    throw_errno(errno, "change the owner of", linux_api::shown_path(place.get()));
  buildroot::copy_into_directory(sources.path, place.get(), sources.links, reader);
  buildroot::change_owner_in_root(root, path_in_build(config, "SOURCES"), config.chrootuid, config.chrootgid, true);
}

}  // namespace plyroot::builds
