#pragma once

#include <chrono>
#include <optional>

#include "buildroot/session.hpp"

namespace plyroot::buildroot {

/// Where a host command finds the root: a detached copy of the session's mounts, and the session's init.
struct HostCommandPlace {
  linux_api::Descriptor tree;
  int init_pidfd;
};

/// See HostCommand. @throws Error where it cannot be started
linux_api::ExitStatus run_on_host(const HostCommand& command, HostCommandPlace place);

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

/// Waits until a descriptor can be read. @returns false at the deadline
bool wait_until_readable(int descriptor, const Deadline& deadline);

/// Hands on what can be read until the other end is closed. @returns false at the deadline
bool pass_on_output(int reading, const OutputHandler& output, const Deadline& deadline = {});

}  // namespace plyroot::buildroot
