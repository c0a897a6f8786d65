#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "linux/descriptor.hpp"
#include "store/redo_log.hpp"

namespace plyroot::store {

/// What the first page of a database begins with (https://sqlite.org/fileformat2.html, "The Database Header").
inline constexpr std::size_t database_header_size = 100;
/// What each transaction that writes raises; 0 where nothing has been written yet.
std::uint32_t change_counter_of(std::string_view first_page);

/// Which state of the database its file holds: every transaction that writes gives it another one.
struct DatabaseStamp {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified = 0;         ///< ns since the epoch (st_mtim)
  std::int64_t changed = 0;          ///< the same (st_ctim)
  std::uint32_t change_counter = 0;  ///< survives a power cut where times may not

  bool operator==(const DatabaseStamp&) const = default;
};

/// The database's file, looked at beside SQLite. While a transaction is being committed the stamp is that of the state
/// before or of none: the first page, which has the counter, is written before the others, and after the redo log.
class DatabaseFile {
 public:
  /// @param path the file's, in store_directory. @returns nothing where there is none
  static std::optional<DatabaseFile> open(int store_directory, const std::string& path);

  /// With a lock of SQLite's: the file is as the last transaction left it then. @throws SystemError
  [[nodiscard]] DatabaseStamp stamp() const;
  /// Without one. Nothing where a transaction is being written, or one that was is missing in the file, as it may be
  /// after a kill or a power cut: SQLite has to be asked then, which brings it up to date. @throws SystemError
  [[nodiscard]] std::optional<DatabaseStamp> settled_stamp() const;
  /// PRAGMA user_version as the file has it; 0 where this is no database, or none yet.
  [[nodiscard]] std::int64_t user_version() const;

 private:
  DatabaseFile(linux_api::Descriptor file, std::string path);
  /// To be closed only while no connection of this process holds a lock on the database: closing any descriptor of a
  /// file drops the process's locks on it (https://sqlite.org/howtocorrupt.html, 2.2).
  linux_api::Descriptor file_;
  std::string path_;
  mutable std::optional<RedoLog> log_;  // opened when there is one
};

}  // namespace plyroot::store
