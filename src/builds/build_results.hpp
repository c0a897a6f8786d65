#pragma once

#include <set>
#include <string>

#include "config/config.hpp"

namespace plyroot::builds {

/// Copies what can be read of one file to the end of another.
void copy_content(int from, int to);

/// Copies one package that was made in the root into the result directory; a link is none. @returns whether it is one
bool copy_build_result(int directory, const std::string& name, int result_directory, const config::Config& config);

/// Takes the packages out of the root's build directory (RPMS, SRPMS) into the result directory. No link in the root
/// is followed, and only regular files count. @returns their names
config::Words copy_build_results(int root, int result_directory, const config::Config& config);

/// installed_pkgs.log, as mock's package_state plugin has it.
void write_installed_packages(int result_directory, const std::set<std::string>& packages,
                              const config::Config& config);

/// hw_info.log: processors, memory and disks of the host, as mock's plugin has it.
void write_hardware_log(int result_directory, const config::Config& config);

/// Empties the build user's home in the root of what the last build left, but for what
/// `exclude_from_homedir_cleanup` names.
void clean_home_directory(int root, const config::Config& config);

}  // namespace plyroot::builds
