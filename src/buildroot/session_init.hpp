#pragma once

#include "buildroot/session_plan.hpp"
#include "linux/descriptor.hpp"
#include "plyroot/store.hpp"

namespace plyroot::buildroot {

/// What the first process of a session is given.
struct SessionInit {
  const SessionPlan* plan;
  const HeadLock* head_lock;           ///< held by whoever starts the session
  linux_api::Descriptor listener;      ///< where commands connect that join later
  linux_api::Descriptor first_client;  ///< our end of the connection to whoever starts the session
};

/// Messages on a session's socket. A command connects and is admitted, with three descriptors: a pidfd of the session's
/// init, the root's directory, the root directory of its devpts. It is in the session as long as its connection is
/// open.
namespace message {
inline constexpr const char* may_begin =
    "begin";  ///< by whoever starts the session: others may be admitted from now on
inline constexpr const char* leaving = "leaving";  ///< by a command that holds nothing of the session's any more
inline constexpr const char* admitted = "admitted";
inline constexpr const char* failed = "failed: ";  ///< instead, with the reason: the session could not be made
inline constexpr const char* give_tree = "tree?";  ///< asked by a command: a copy of the session's mounts
inline constexpr const char* give_root = "root?";  ///< the same without what is mounted in it
inline constexpr const char* tree = "tree";        ///< the answer to both, with one descriptor
}  // namespace message

/// The life of a session's first process, which is process 1 of its namespaces: holds the head's session lock, makes
/// the mounts, admits commands, reaps what is left to it, and ends when the last command has gone; then all that is
/// left in the root is killed, the root unmounted, and only then the lock let go of.
/// @returns its exit code
int run_session_init(SessionInit session) noexcept;

}  // namespace plyroot::buildroot
