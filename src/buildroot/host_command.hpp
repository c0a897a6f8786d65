#pragma once

#include "buildroot/session.hpp"

namespace plyroot::buildroot {

/// Where a host command finds the root: a detached copy of the session's mounts, and the session's init.
struct HostCommandPlace {
  linux_api::Descriptor tree;
  int init_pidfd;
};

/// See HostCommand. @throws Error where it cannot be started
linux_api::ExitStatus run_on_host(const HostCommand& command, HostCommandPlace place);

/// Hands on what can be read until the other end is closed.
void pass_on_output(int reading, const OutputHandler& output);

}  // namespace plyroot::buildroot
