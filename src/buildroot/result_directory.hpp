#pragma once

#include <string>

#include "config/config.hpp"
#include "linux/descriptor.hpp"

namespace plyroot::buildroot {

/// The directory of the host that takes logs and packages; made with its parents if it is missing, owned by the build
/// user. @throws Error (result_directory) where it cannot be made
linux_api::Descriptor open_result_directory(const config::Config& config);

/// Makes a file in it anew, owned by the build user; a link there is replaced, never followed.
linux_api::Descriptor create_result_file(int result_directory, const std::string& name, const config::Config& config);

/// Two files open for appending.
struct LogFiles {
  linux_api::Descriptor root_log;
  linux_api::Descriptor state_log;
};

/// root.log and state.log there, which begin anew. @throws Error as open_result_directory()
LogFiles create_logs(const config::Config& config);

}  // namespace plyroot::buildroot
