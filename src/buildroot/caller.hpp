#pragma once

#include <optional>

#include "linux/process.hpp"

namespace plyroot::buildroot {

/// Whose rights count where files of the host, which the command line or a configuration names, are read for a root:
/// what builds there can read them. Nothing for our own: nobody called sudo.
std::optional<linux_api::User> reader_of_host_files();

}  // namespace plyroot::buildroot
