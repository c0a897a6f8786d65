#pragma once

namespace plyroot::linux_api {

/// What a program can still do where it is root (capabilities(7)); another user has nothing of it anyway. The lists are
/// in docs/sessions.md, with their reasons.
enum class Privileges {
  all,
  session,                  ///< what no build needs is gone
  session_on_host_network,  ///< the same, and nothing of the host's network can be changed or overheard
  package_manager,          ///< no more than containers give to one
};

/// The calling process gives up all but these, for itself and all that it executes from now on; nothing that its caller
/// may have made inheritable comes back. May be called where memory is shared with a parent (vfork): allocates nothing.
/// @returns what could not be done, with its errno; null where all could
const char* give_up_all_but(Privileges kept) noexcept;

}  // namespace plyroot::linux_api
