#pragma once

#include "buildroot/session_plan.hpp"
#include "linux/descriptor.hpp"
#include "plyroot/store.hpp"

namespace plyroot::buildroot {

/// What the first process of a session is given.
struct SessionInit {
  const SessionPlan* plan;
  linux_api::Descriptor starter;  ///< our end of the connection to whoever starts the session
};

/// The life of a session's first process, which is process 1 of its namespaces: makes what needs no tree, is told the
/// tree by whoever starts the session (session_protocol.hpp), holds the head's session lock from then on, makes the
/// mounts, admits commands, reaps what is left to it, and ends when the last command has gone; then all that is
/// left in the root is killed, the root unmounted, and only then the lock let go of.
/// @returns its exit code
int run_session_init(SessionInit session) noexcept;

}  // namespace plyroot::buildroot
