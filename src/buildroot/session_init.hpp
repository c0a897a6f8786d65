#pragma once

#include <optional>

#include "buildroot/session_plan.hpp"
#include "linux/descriptor.hpp"
#include "linux/process_in_our_memory.hpp"

namespace plyroot::buildroot {

/// A session's first process, which is process 1 of its namespaces: makes what needs no tree, is told the tree by
/// whoever starts the session (session_protocol.hpp), holds the head's session lock from then on, makes the mounts,
/// admits commands, reaps what is left to it, and ends when the last command has gone; then all that is left in the
/// root is killed, the root unmounted, and only then the lock let go of.
///
/// It begins in its starter's memory. Where the session lasts, it executes this program (/proc/self/exe) anew, if that
/// is statically linked: the libraries would be the root's.
/// @param starter its end of the connection to whoever starts the session
linux_api::ProcessInOurMemory::Next begin_session(const SessionPlan& plan, linux_api::Descriptor starter,
                                                  linux_api::ProcessInOurMemory::Inside& process) noexcept;

/// Goes on with a session where the program could not be executed anew: it is tried again a while later.
linux_api::ProcessInOurMemory::Next go_on_with_session(const linux_api::ProcessInOurMemory::Execution& failed) noexcept;

/// The rest of the first process's life, where the program was executed anew for it. To be called first in a program
/// that starts sessions.
/// @returns the exit code then
std::optional<int> serve_session_if_asked(int argc, char** argv) noexcept;

}  // namespace plyroot::buildroot
