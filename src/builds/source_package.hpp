#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "linux/descriptor.hpp"

namespace plyroot::builds {

/// What the header of a package says, as far as a build needs it.
struct SourcePackage {
  std::string name;
  std::string version;
  std::string release;
  bool is_source = false;   ///< a package that was built is none
  config::Words requires_;  ///< names of what it needs to be built, rpm's own features ("rpmlib(...)") included
  std::string spec_file;    ///< its name; empty where there is none

  /// Whether parts of what it needs are found out only while it is built (%generate_buildrequires).
  [[nodiscard]] bool has_dynamic_requirements() const;

  bool operator==(const SourcePackage&) const = default;
};

/// A package file of the host. @throws Error (source_package) where it cannot be read
linux_api::Descriptor open_package(const std::string& path);

/// Reads the header of a package with the host's rpm, which runs as the build user and sees nothing but the open file:
/// packages are not trusted.
/// @param name what to call it in messages
/// @throws Error (source_package) where it is no package
SourcePackage read_package(int file, const std::string& name, const config::Config& config);

/// The format that rpm is asked for, and the parser of what it answers with.
extern const char* const header_format;
SourcePackage parse_header(std::string_view answer);

/// What the configuration wants installed for this package beside what it requires (`more_buildreqs`, by its name, name
/// and version, or name, version and release; the longest counts).
config::Words additional_requirements(const config::Config& config, const SourcePackage& package);

/// @throws Error (source_package) for a name that could mean another file or an option
void require_plain_name(std::string_view name, std::string_view what);

}  // namespace plyroot::builds
