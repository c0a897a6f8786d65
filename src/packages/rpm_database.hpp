#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "buildroot/session.hpp"
#include "config/config.hpp"

namespace plyroot::packages {

/// Where a root keeps its rpm database (rpm's macro %_dbpath). The rpm of the host has its own idea of that, which on
/// Debian is a directory in $HOME; the package manager must be told the root's.

/// By the distribution, for a root that has no rpm yet: /usr/lib/sysimage/rpm for Fedora 36 and later, EL 10 and later,
/// and openSUSE; else /var/lib/rpm.
std::string usual_database_path(const config::Config& config);

/// Where this root's own rpm says it is; where the root has no rpm, where a database lies; nothing in an empty root.
std::optional<std::string> database_path_of(buildroot::Session& session, const config::Config& config);

/// The path in what `rpm --eval %_dbpath` printed; nothing where that is no plain absolute path.
std::optional<std::string> parse_database_path(std::string_view output);

/// Moves the database to where the root's own rpm looks for it: the distribution's usual place was a guess, and the
/// root has its rpm now. Does nothing where both are one directory. @throws Error where both hold a database
void move_database(int root, const std::string& from, const std::string& to);

/// What ~/.rpmmacros holds for a package manager that fills a root from outside.
std::string rpm_macros(const std::string& database_path);

}  // namespace plyroot::packages
