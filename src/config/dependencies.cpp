#include "config/dependencies.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace plyroot::config {
namespace {

std::int64_t nanoseconds(const statx_timestamp& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

std::uint64_t count_processors(bool online) {
  if (online) return static_cast<std::uint64_t>(std::max(0L, sysconf(_SC_NPROCESSORS_ONLN)));
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof allowed, &allowed) < 0 ? 0 : static_cast<std::uint64_t>(CPU_COUNT(&allowed));
}

}  // namespace

std::optional<FileIdentity> look_at(const std::string& path, bool follow_link) {
  constexpr unsigned wanted = STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME;
  struct statx status {};
  if (statx(AT_FDCWD, path.c_str(), follow_link ? 0 : AT_SYMLINK_NOFOLLOW, wanted, &status) < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return FileIdentity{.absent = true};
    return std::nullopt;
  }
  return FileIdentity{.absent = false,
                      .device = makedev(status.stx_dev_major, status.stx_dev_minor),
                      .inode = status.stx_ino,
                      .size = status.stx_size,
                      .modified = nanoseconds(status.stx_mtime),
                      .changed = nanoseconds(status.stx_ctime)};
}

std::optional<std::string> find_change(const Dependencies& dependencies, const VariableLookup& variable) {
  for (const FileRecord& record : dependencies.files) {
    if (look_at(record.path, record.follow_link) != record.identity) return record.path + " has changed";
  }
  for (const VariableRecord& record : dependencies.environment) {
    if (variable(record.name) != record.value) return "the environment variable " + record.name + " has changed";
  }
  for (const ProcessorRecord& record : dependencies.processors) {
    if (count_processors(record.online) != record.count) return "the number of processors has changed";
  }
  return std::nullopt;
}

std::optional<std::string> find_unsettled(const Dependencies& dependencies, std::int64_t moment) {
  for (const FileRecord& record : dependencies.files) {
    if (!record.identity.absent && std::max(record.identity.modified, record.identity.changed) >= moment) {
      return record.path;
    }
  }
  return std::nullopt;
}

}  // namespace plyroot::config
