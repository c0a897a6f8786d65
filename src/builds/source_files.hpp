#pragma once

#include <optional>
#include <string>

#include "buildroot/copy.hpp"
#include "config/config.hpp"

namespace plyroot::builds {

// Files of the host that a source package is made of. They are read with the rights of the user who called sudo, where
// one did: what builds in the root can read them.

/// A spec file (--spec): what was in it when it was read.
struct SpecFile {
  std::string path;  ///< as the user named it
  std::string name;
  std::string text;
};

/// @throws Error (usage) where it cannot be read, (source_package) where its name could mean another file
SpecFile read_spec_file(const std::string& path);

/// What goes with it (--sources): one file, or all that is in a directory.
struct Sources {
  std::string path;  ///< without links
  buildroot::HostLinks links = buildroot::HostLinks::copied;
};

/// @throws Error (usage) where there is neither a file nor a directory
Sources find_sources(const std::string& path, buildroot::HostLinks links);

/// Writes the spec file into a directory below the build directory of the root, as the build user's own.
/// @param directory "SPECS", say @returns its path within the root @throws Error
std::string put_spec_file(int root, const config::Config& config, const SpecFile& spec, const std::string& directory);

/// Copies them to where rpmbuild looks for them, as the build user's own. What was there goes where a directory is
/// copied. @throws Error
void put_sources(int root, const config::Config& config, const Sources& sources);

}  // namespace plyroot::builds
