#pragma once

#include <functional>
#include <optional>
#include <string>

#include "packages/invocation.hpp"

namespace plyroot::packages {

/// What a path of the host leads to when all links are followed; nothing where there is no such file.
using RealPath = std::function<std::optional<std::string>(const std::string& path)>;
RealPath real_path_on_host();

/// The package manager that the configuration names, or, as in mock, the first of those that can stand in for it which
/// the host has. A name that leads to another manager's program does not count: yum is a link to dnf-3 on many hosts.
/// @throws Error (package_manager) that says what to install, where the host has none
HostManager choose_manager(const config::Config& config, const RealPath& real_path);

}  // namespace plyroot::packages
