#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/dependencies.hpp"

namespace plyroot::config {

/// The uid and gid that evaluate configurations after a login as root, where there is no user `plyroot`: from the range
/// 65520 to 65533, which neither systemd, Debian nor Fedora gives to anybody, and which a container with 65536 ids has.
inline constexpr uid_t fallback_id = 65529;
/// Whom chrootuid and chrootgid mean by default after a login as root: the first ordinary user of a system.
inline constexpr uid_t first_ordinary_id = 1000;

/// Who evaluates a configuration, never root unless plyroot itself was started without any other choice.
struct EvaluatingUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  std::string home;             ///< where configuration files of the user are looked for: after a login as root, root's
  bool must_change = false;     ///< this process has other ids, and the right to change them
  bool for_root_login = false;  ///< root's own configuration files have to be handed to it
  uid_t chroot_uid = 0;         ///< chrootuid's default: an ordinary user
  gid_t chroot_gid = 0;
  /// The file that told all this of the caller, as it was before it was read; nothing where others told of it too.
  std::optional<FileRecord> told_by;
};

/// Who calls plyroot, as far as that is known without reading anything.
struct InvokingUser {
  uid_t uid = 0;               ///< of the user who called sudo (SUDO_UID), else the real one of this process
  std::optional<gid_t> gid;    ///< the same of the group; nothing where sudo does not say it
  bool root_login = false;     ///< root, who became that otherwise than by sudo
  bool is_privileged = false;  ///< this process may change its ids
};

/// @throws Error where SUDO_UID or SUDO_GID is no number
InvokingUser find_invoking_user();

/// The caller, or where that is root's login the user `plyroot` or fallback_id.
/// Reads /etc/passwd by itself: asking the system's name services costs more than all else that a command does before
/// its work. Only a user whom that file does not know is asked for there.
EvaluatingUser find_evaluating_user(const InvokingUser& caller = find_invoking_user());

/// What passwd(5) has of a user.
struct PasswdEntry {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};

/// The first entry of a passwd(5) text that is wanted; lines without a uid and a gid are none.
std::optional<PasswdEntry> find_in_passwd(std::string_view text, const std::function<bool(const PasswdEntry&)>& wanted);

/// The group ids that id(1) prints with -G. @throws Error where one of them is none
std::vector<gid_t> parse_group_ids(std::string_view output);

}  // namespace plyroot::config
