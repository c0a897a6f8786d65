#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace plyroot::store {

/// What a transaction changes in the database's file.
struct Changes {
  std::map<std::uint64_t, std::string> writes;  ///< by their places; none overlaps another in part
  std::uint64_t size = 0;                       ///< the file's, afterwards
  bool operator==(const Changes&) const = default;
};

/// A transaction as it lies in the redo log.
struct RedoRecord {
  std::uint64_t sequence = 0;  ///< one more than that of the transaction before
  /// The database's own (https://sqlite.org/fileformat2.html), before and after: 0 before it is made.
  std::uint32_t change_counter_before = 0;
  std::uint32_t change_counter = 0;
  Changes changes;
  bool operator==(const RedoRecord&) const = default;
};

/// Through which page cache a file is read: what was written through it without a sync is seen through it, and it ends
/// with the mount, at the latest with the machine.
struct PageCache {
  std::string boot;         ///< linux_api::boot_id()
  std::uint64_t mount = 0;  ///< linux_api::mount_id()
  bool operator==(const PageCache&) const = default;
};

/// What the redo log says of the database's file.
struct RedoState {
  std::optional<PageCache> page_cache;  ///< the one through which it holds; nothing: the database is on the disk
  std::uint64_t sequence = 0;           ///< of the last transaction
  std::uint32_t change_counter = 0;     ///< the database's, after it
  std::uint64_t end = 0;                ///< where the next one is to be written
  bool is_busy = false;                 ///< a transaction is being written, or was by whoever was killed
  bool operator==(const RedoState&) const = default;
};

/// A disk writes a sector as a whole or not at all, so the state lies in one.
inline constexpr std::size_t longest_redo_state = 256;

/// What their texts begin with.
inline constexpr std::string_view redo_state_magic = "plyroot redo log 1\n";
inline constexpr std::string_view redo_record_magic = "plyroot transaction 1\n";

/// The texts that lie in the file; each says itself how long it is.
std::string written(const RedoRecord& record);
std::string written(const RedoState& state);

/// What a file's text is that begins so. @returns nothing for what is torn, or something else
std::optional<RedoState> parse_redo_state(std::string_view text);
std::optional<RedoRecord> parse_redo_record(std::string_view text);

/// How many bytes of a record tell how long it is, and how long; nothing where none begins so.
std::size_t redo_record_beginning();
std::optional<std::uint64_t> redo_record_size(std::string_view beginning);

}  // namespace plyroot::store
