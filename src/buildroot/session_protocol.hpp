#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "buildroot/session_plan.hpp"
#include "support/error.hpp"

namespace plyroot::buildroot {

/// Messages on a session's socket. Whoever starts a session tells its first process which tree is to be the root, and
/// when programs may run in it. A command that comes later connects. Each is admitted with three descriptors: a pidfd
/// of the session's init, the root's directory, the root directory of its devpts. It is in the session as long as its
/// connection is open.
namespace message {
inline constexpr const char* tree_is = "tree is: ";  ///< by the starter, with descriptors: the session's lock, the
                                                     ///< socket where others connect, the tree (see written()), and
                                                     ///< what mount_file_systems() has made
inline constexpr const char* may_begin = "begin";    ///< by the starter: others may be admitted from now on
inline constexpr const char* leaving = "leaving";    ///< by a command that holds nothing of the session's any more
inline constexpr const char* end = "end";            ///< by a command: the session is to end, whoever is in it
inline constexpr const char* admitted = "admitted";
inline constexpr const char* failed = "failed: ";  ///< instead of an answer, with the error
inline constexpr const char* give_tree = "tree?";  ///< asked by a command: a copy of the session's mounts
inline constexpr const char* give_root = "root?";  ///< the same without what is mounted in it
inline constexpr const char* tree = "tree";        ///< the answer to both, with one descriptor
}  // namespace message

/// A tree as text, and back. Both ends are the same program.
std::string written(const RootTree& tree);
/// @returns nothing for what written() did not write
std::optional<RootTree> read_tree(std::string_view text);

/// An error as text, and back: thrown by the session's first process, to be thrown again by who waits for it. One
/// without an exit code of its own becomes that of a root that cannot be entered.
std::string written(const std::exception& error);
Error read_error(std::string_view text);

}  // namespace plyroot::buildroot
