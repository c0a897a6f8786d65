#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buildroot/session.hpp"
#include "config/config.hpp"

namespace plyroot::buildroot {

/// The unprivileged user that builds in a root: chrootuser with chrootuid, in the group chrootgroup with chrootgid, at
/// home in chroothome. Made anew in the root's passwd and group, with the directories that rpmbuild works in and the
/// macros of the configuration. Uses the root's own groupadd and useradd. @throws Error
void set_up_build_user(Session& session, const config::Config& config);

/// The build directories alone, and the macros file, for a root that has its user.
void set_up_build_directories(int root, const config::Config& config);

/// passwd or group without the lines of one name: a user of that name, from an older configuration, is made anew.
std::string without_name(std::string_view content, std::string_view name);

linux_api::User build_user(const config::Config& config);

/// The environment of what runs in a root, "NAME=value": the configuration's, nothing of the caller's.
std::vector<std::string> environment_of(const config::Config& config);

/// personality(2) for a root of this architecture, where it differs from the host's.
std::optional<unsigned long> personality_of(const config::Config& config);

}  // namespace plyroot::buildroot
