#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/request.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::config {

/// Where and how configurations are evaluated. The defaults are for commands; tests have others.
struct Surroundings {
  std::string cache_directory = "/var/cache/plyroot/config";
  std::string python = "/usr/bin/python3";
  std::chrono::milliseconds timeout = std::chrono::minutes(1);
  /// Not kept is what was made from a file that changed this shortly before: its times could hide one more change.
  std::chrono::milliseconds settling_time = std::chrono::milliseconds(20);
  std::optional<std::string> home;  ///< in place of the user's own, where ~/.config/mock.cfg is looked for
};

/// What load() did, for -v and for tests.
struct LoadReport {
  bool from_cache = false;
  bool kept = false;                          ///< the answer was put into the cache
  std::vector<std::string> not_kept_because;  ///< reasons; empty with from_cache or kept
  JsonText dictionary;                        ///< all of `config_opts` as it was evaluated; empty with from_cache
};

/// The configuration that a command works with.
///
/// mock's files are Python code, so they are evaluated by a process of their own without privileges: as the user who
/// called sudo, else as the real user, else (a login as root) as the user `plyroot`, or uid and gid 65529 where there
/// is none; root's own configuration files are then handed to it as open descriptors. The answer is kept, and used as
/// long as nothing that the evaluation looked at has changed; then no process is started. See docs/configuration.md.
///
/// Warnings of the evaluation go to `log`, each time.
/// @throws Error with ExitCode::configuration (no such configuration, an error in it, a type that cannot be used; file
///   and line are named) or ExitCode::usage (an option that it cannot take)
Config load(const Request& asked, Log& log, const Surroundings& surroundings = {}, LoadReport* report = nullptr);

/// What --debug-config prints: assignments for what differs from mock's defaults; with `expanded`, templates expanded.
/// Never cached. @throws Error as load()
std::string debug_config(const Request& request, bool expanded, Log& log, const Surroundings& surroundings = {});

/// What --list-chroots prints: all configurations with their descriptions. Only `config_directory` of the request
/// matters. Never cached. @throws Error as load()
std::string list_chroots(const Request& request, Log& log, const Surroundings& surroundings = {});

}  // namespace plyroot::config
