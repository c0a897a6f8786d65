#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "linux/descriptor.hpp"

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
  /// Nothing where there is none.
  static std::optional<DatabaseFile> open(int store_directory);

  /// @throws SystemError
  [[nodiscard]] DatabaseStamp stamp() const;
  /// PRAGMA user_version as the file has it; 0 where this is no database, or none yet.
  [[nodiscard]] std::int64_t user_version() const;

 private:
  explicit DatabaseFile(linux_api::Descriptor file);
  /// To be closed only while no connection of this process holds a lock on the database: closing any descriptor of a
  /// file drops the process's locks on it (https://sqlite.org/howtocorrupt.html, 2.2).
  linux_api::Descriptor file_;
};

}  // namespace plyroot::store
