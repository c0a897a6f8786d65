#include "packages/package_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "linux/directory.hpp"
#include "support/log.hpp"

namespace plyroot::packages {
namespace {

using linux_api::Descriptor;

constexpr std::array<std::string_view, 7> metadata_suffixes{".sqlite", ".xml", ".bz2", ".gz", ".xz", ".solv", ".solvx"};

/// dnf's locks hold process ids, which mean nothing outside of the session that made them. Ours is the only run now, so
/// these were left by one that was killed.
constexpr std::array stale_locks{"metadata_lock.pid", "download_lock.pid"};

bool is_metadata(std::string_view name) {
  return std::any_of(metadata_suffixes.begin(), metadata_suffixes.end(),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

}  // namespace

void remove_old_files(int directory, const config::YumCacheOptions& options, std::time_t now) {
  constexpr std::time_t day = std::time_t{24} * 60 * 60;
  for (const std::string& name : linux_api::list_names(directory)) {
    struct stat status {};
    if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if (S_ISDIR(status.st_mode)) {
      const Descriptor below = linux_api::open_if_directory(directory, name);
      if (below) remove_old_files(below.get(), options, now);
      continue;
    }
    const int most_days =
        is_metadata(name) ? std::min(options.max_metadata_age_days, options.max_age_days) : options.max_age_days;
    if (now - status.st_ctim.tv_sec > std::time_t{most_days} * day) unlinkat(directory, name.c_str(), 0);
  }
}

std::vector<buildroot::HostBind> cache_binds(const config::Config& config, Manager manager) {
  if (!config.plugins.yum_cache.enable) return {};
  switch (manager) {
    case Manager::dnf4:
    case Manager::microdnf:
      return {{config.cachedir + "/dnf_cache", "var/cache/dnf"}};
    case Manager::dnf5:
      return {{config.cachedir + "/dnf_cache/libdnf5", "var/cache/libdnf5"}};
    case Manager::yum:
      return {{config.cachedir + "/yum_cache", "var/cache/yum"}};
  }
  return {};
}

PackageCache::PackageCache(const config::Config& config, Manager manager, Log& log)
    : binds_(cache_binds(config, manager)) {
  linux_api::make_directories(config.cachedir, 0755);
  // mock takes the same lock on the same file.
  lock_.emplace(linux_api::open_path(config.cachedir + "/yumcache.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
  if (!lock_->try_lock(0)) {
    const auto step = log.step("Waiting for yumcache lock");
    lock_->lock(0);
  }
  for (const buildroot::HostBind& bind : binds_) {
    linux_api::make_directories(bind.host_path, 0755);
    const Descriptor directory = linux_api::open_path(bind.host_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    for (const char* name : stale_locks)
      unlinkat(directory.get(), name, 0);
    if (config.online && config.plugins.yum_cache.online) {
      remove_old_files(directory.get(), config.plugins.yum_cache, std::time(nullptr));
    }
  }
}

}  // namespace plyroot::packages
