#pragma once

#include <optional>
#include <string>
#include <vector>

#include "linux/process.hpp"

namespace plyroot::buildroot {

/// What becomes of the links of the host that lie in a directory which is copied.
enum class HostLinks { copied, followed };

/// Copies files and directories of the host into the root, as mock's --copyin does: what a link of the host points at
/// is copied; a directory goes below the destination where that exists already. A link to a directory that it lies in
/// is an error.
/// @throws Error (missing_argument) as mock: nothing there to be copied, or several and the destination is no directory
void copy_into_root(const std::vector<std::string>& sources, int root, const std::string& destination);

/// Copies a file of the host, under its own name, or all that lies in a directory of it into a directory. What the path
/// itself leads to is copied; devices, FIFOs and sockets are an error, and links as above.
/// @param to_directory belongs to as_user, if that is set
/// @param as_user who reads on the host, and writes; this process's user if not set
void copy_into_directory(const std::string& source, int to_directory, HostLinks links,
                         const std::optional<linux_api::User>& as_user);

/// Copies what matches the patterns (glob_in_root) out of the root, as mock's --copyout does. Links are copied as
/// links, and never followed; devices, FIFOs and sockets are an error.
/// @param as_user who reads in the root and writes on the host; this process's user if not set
void copy_out_of_root(int root, const std::vector<std::string>& patterns, const std::string& destination,
                      const std::optional<linux_api::User>& as_user);

/// Copies one regular file out of the root, whose name must lie directly in a directory of it. No link is followed.
void copy_regular_file(int from_directory, const std::string& from_name, int to_directory, const std::string& to_name);

}  // namespace plyroot::buildroot
