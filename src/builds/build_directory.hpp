#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "linux/descriptor.hpp"

namespace plyroot::builds {

// The build directory of a root, rpm's %_topdir, which belongs to the build user. Its directories are made by
// buildroot::set_up_build_directories.

/// @param directory one of its directories: "SPECS", "SOURCES", "RPMS", "SRPMS", "originals" @returns its path within
///   the root
std::string path_in_build(const config::Config& config, std::string_view directory);

/// The same, opened; a link in its path is refused. @throws SystemError
linux_api::Descriptor open_in_build(int root, const config::Config& config, std::string_view directory);

/// A new file there, the build user's own; its name must not be taken. @throws SystemError
linux_api::Descriptor create_for_build(int directory, const std::string& name, const config::Config& config);

/// The package that rpmbuild left in SRPMS: the one file whose name ends so.
/// @param directory SRPMS, opened
/// @throws Error (source_package) where there is none, or there are several
std::string find_made_package(int directory, const config::Config& config, std::string_view ending);

}  // namespace plyroot::builds
