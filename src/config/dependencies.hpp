#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plyroot::config {

/// What the file system said of a path. Two looks that say the same mean the same content (statx(2)).
struct FileIdentity {
  bool absent = false;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< mtime, ns since the epoch
  std::int64_t changed = 0;   ///< ctime, ns since the epoch

  bool operator==(const FileIdentity&) const = default;
};

/// One look at the file system that an evaluation has taken: a file opened, a directory listed, a path looked for.
struct FileRecord {
  std::string path;
  bool follow_link = true;  ///< false: the link itself was looked at
  FileIdentity identity;

  bool operator==(const FileRecord&) const = default;
};

struct VariableRecord {
  std::string name;
  std::optional<std::string> value;
};

/// A count of processors: those online, or those that the process may run on.
struct ProcessorRecord {
  bool online = true;
  std::uint64_t count = 0;
};

/// All that an evaluated configuration depends on beside what was asked for.
struct Dependencies {
  std::vector<FileRecord> files;
  std::vector<VariableRecord> environment;
  std::vector<ProcessorRecord> processors;
};

using VariableLookup = std::function<std::optional<std::string_view>(std::string_view name)>;

/// Looks at a path. Nothing where the look itself fails, for another reason than that there is no such file.
std::optional<FileIdentity> look_at(const std::string& path, bool follow_link = true);

/// Looks again: one statx(2) a file.
/// @returns what has changed, in words for -v; nothing if all is as it was
std::optional<std::string> find_change(const Dependencies& dependencies, const VariableLookup& variable);

/// The path of a file that changed at or after `moment` (ns since the epoch), so that one more change might go unseen.
std::optional<std::string> find_unsettled(const Dependencies& dependencies, std::int64_t moment);

}  // namespace plyroot::config
