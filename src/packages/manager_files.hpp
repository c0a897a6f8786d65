#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "packages/invocation.hpp"

namespace plyroot::packages {

/// The files that a package manager reads in a root: path within the root and content.
std::vector<std::pair<std::string, std::string>> manager_files(const config::Config& config, Manager manager);

/// Writes them, unless they are there already, and removes the repositories that packages brought along
/// (etc/yum.repos.d): only those of the configuration count. Copies the host's certificates and keys that the
/// configuration asks for.
void write_manager_files(int root, const config::Config& config, Manager manager);

/// The configuration without the repositories that a command line has added to it (--addrepo): those that are named by
/// their own address.
std::string without_added_repositories(const std::string& package_manager_conf);

/// Whether the package manager would read the host's own repositories because the configuration forgot `reposdir`.
bool uses_repositories_of_host(const std::string& package_manager_conf);

}  // namespace plyroot::packages
