#pragma once

#include <optional>
#include <string>

#include "linux/process.hpp"
#include "support/error.hpp"

namespace plyroot::buildroot {

// Files of the host that the command line or a configuration names, and that are read for a root.

/// Whose rights count there: what builds in the root can read them. Nothing for our own: nobody called sudo.
std::optional<linux_api::User> reader_of_host_files();

/// How to speak of such a file.
struct HostFileKind {
  const char* name;
  const char* advice_where_missing;
  ExitCode exit_code;
};

/// The content of a regular file, read with those rights. @throws Error with the kind's exit code
std::string read_host_file(const std::string& path, const HostFileKind& kind);

}  // namespace plyroot::buildroot
