#pragma once

#include <ctime>
#include <optional>
#include <vector>

#include "buildroot/session_plan.hpp"
#include "config/config.hpp"
#include "linux/lock.hpp"
#include "packages/invocation.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::packages {

/// The host's directories that keep packages and metadata for all heads of a root, so that nobody downloads twice; in
/// the places of mock's yum_cache plugin. Held by one run of a package manager at a time: dnf's own locks do not see
/// runs in other PID namespaces.
class PackageCache {
 public:
  /// Takes the cache, waiting for others to be done with it. Old files go. @throws Error
  PackageCache(const config::Config& config, Manager manager, Log& log);

  /// What the package manager sees of it.
  [[nodiscard]] const std::vector<buildroot::HostBind>& binds() const { return binds_; }

 private:
  std::vector<buildroot::HostBind> binds_;
  std::optional<linux_api::LockFile> lock_;
};

/// Where caches lie on the host and where a package manager looks for them in the root; none where the configuration
/// turns them off.
std::vector<buildroot::HostBind> cache_binds(const config::Config& config, Manager manager);

/// Removes files that have not changed for some days: metadata and others have each their number of days. Follows no
/// link.
void remove_old_files(int directory, const config::YumCacheOptions& options, std::time_t now);

}  // namespace plyroot::packages
