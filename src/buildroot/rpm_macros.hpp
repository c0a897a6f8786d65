#pragma once

#include <string>

#include "config/config.hpp"

namespace plyroot::buildroot {

/// What the build user's .rpmmacros holds: the text of the configuration's `macrofile`, then its `macros`, which win.
/// The file is read with the rights of the user who called sudo, where one did: what builds in the root can read it.
/// @throws Error (configuration) where it cannot be read
std::string rpm_macros_of(const config::Config& config);

}  // namespace plyroot::buildroot
