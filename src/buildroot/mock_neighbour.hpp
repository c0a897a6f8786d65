#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "linux/namespaces.hpp"

namespace plyroot::buildroot {

/// mock beside us on the same root: the plugin in it mounts a head in mock's own mount namespace, under a source that
/// tells such mounts from those of sessions and of --mount.

/// The source under which mock's commands mount what sessions mount under `source`.
std::string mock_mount_source(const std::string& source);

/// The mock processes, other than this one, that work on a configuration's root: at most one is named. As long as they
/// do, they hold POSIX locks on a file, which this process would lose if it closed a descriptor of that file; so it
/// asks with descriptors of its own.
std::vector<linux_api::ProcessName> mocks_at_work(const config::Config& config);

/// Ends what a mock that was killed has left of a head: the processes that it had started in the root, and its mount
/// where this namespace sees it. Call it only where no mock is at work.
/// @param source mock_mount_source() of the head
/// @returns the processes that were killed
std::vector<linux_api::ProcessName> end_leftovers_of_mock(const std::string& source);

}  // namespace plyroot::buildroot
