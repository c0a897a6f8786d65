#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"

namespace plyroot::packages {

/// The programs that can fill a root.
enum class Manager { dnf4, dnf5, yum, microdnf };

/// mock's name of it: "dnf4", ...
std::string_view name_of(Manager manager);
/// @throws Error (configuration) for a name that is none of theirs
Manager manager_named(std::string_view name);

/// A package manager of the host.
struct HostManager {
  Manager kind = Manager::dnf4;
  std::string program;      ///< its path
  std::string dnf_program;  ///< microdnf only: what does the work that microdnf does not know

  bool operator==(const HostManager&) const = default;
};

/// A call of a package manager, as a value.
struct Invocation {
  /// microdnf knows no --installroot, so it runs in the root.
  enum class Place { host, root };

  config::Words arguments;
  Place place = Place::host;

  bool operator==(const Invocation&) const = default;
};

/// What is called to carry out a command of the package manager: options and their order are mock's
/// (mockbuild/package_manager.py, build_invocation).
/// @param command the subcommand and what it takes, as in {"install", "make"}; not empty
Invocation make_invocation(const config::Config& config, const HostManager& manager, const config::Words& command);

/// The options of a package manager's own section of the configuration.
const config::PackageManagerOptions& options_of(const config::Config& config, Manager manager);

}  // namespace plyroot::packages
