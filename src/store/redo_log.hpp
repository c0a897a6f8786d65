#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/cached_file.hpp"
#include "store/redo_record.hpp"
#include "support/error.hpp"

namespace plyroot::store {

/// A file beside the database into which each transaction is written, and synced, before the database's own file is
/// changed; that one is not synced before the log is full. So a transaction waits for the disk once, and readers look
/// at the database alone.
///
/// The file begins with a state, which says whether the database holds all that the log does. It is written without a
/// sync after the database was, and says that the database does not while a transaction is being written. So it holds
/// only for who reads both files through the page cache that it names. Whoever cannot rely on it, after a kill, a power
/// cut or through another mount, compares the database with the log and writes what is missing.
///
/// Transactions follow, each at the beginning of a block, with consecutive numbers. The first that is torn, or has
/// another number, ends them. Where there is no room left the database is synced and the next one written over the
/// first; what is left of the round before is told by the database's change counter, which is further.
///
/// A log that holds neither a state nor a transaction is one whose making was cut short: it is as if there were none.
///
/// Its users hold SQLite's locks on the database: a shared one for is_settled() and missing(), an exclusive one for the
/// rest.
class RedoLog {
 public:
  /// What the file takes as long as no transaction is longer.
  static constexpr std::uint64_t capacity = std::uint64_t{512} << 10U;

  /// @param page_cache the one through which both files are read; nothing where it cannot be told from others: the
  /// database is then synced with each transaction
  RedoLog(std::unique_ptr<CachedFile> file, std::optional<PageCache> page_cache);
  /// @returns nothing where there is none. @throws SystemError
  static std::optional<RedoLog> open(const std::string& path);
  /// The one that is there, or an empty file, whose name is on the disk. @throws SystemError
  static RedoLog open_or_create(const std::string& path);

  /// Whether the database's file is as the last transaction left it.
  /// @param change_counter the database's, as its file has it. A lower one than the last transaction's is that of an
  /// older page, which the disk had, or of an older file that somebody has put there.
  /// @throws SystemError
  [[nodiscard]] bool is_settled(std::uint32_t change_counter);

  /// Whether it may be written to; if not, settle() and commit() cannot be called.
  [[nodiscard]] bool is_writable() const { return is_writable_; }
  /// What settle() would write, for who cannot. @returns nothing where the file lacks nothing @throws SystemError
  [[nodiscard]] std::optional<Changes> missing(CachedFile& database) const;

  /// Makes it so. @throws SystemError
  void settle(CachedFile& database);

  /// What a log that is settled and the database should have in common and have not, in words: because the disk, or
  /// somebody, has changed either. Reads the whole log. @throws SystemError
  [[nodiscard]] std::vector<std::string> faults(CachedFile& database) const;
  /// Has the next settle() write everything again. @throws SystemError
  void distrust();

  /// Puts a transaction on the disk, and then into the database's file. If the second fails it is left to the next
  /// settle().
  /// What takes another program's transaction back, by a rollback journal that it has left, is written to the database
  /// and synced there: the journal must not go before. @throws SystemError: then it has not happened.
  void commit(CachedFile& database, Changes transaction);

 private:
  void initialize(CachedFile& database);
  [[nodiscard]] std::optional<RedoState> read_state() const;
  void write_state(const RedoState& state);
  void write_busy_state();
  void forget_record_at(std::uint64_t place);
  void sync(CachedFile& database);
  void take_back(CachedFile& database, const Changes& changes);
  void make_room(CachedFile& database, std::uint64_t size);
  void append(std::string_view record);
  [[noreturn]] void withdraw(const SystemError& why);

  std::unique_ptr<CachedFile> file_;
  bool is_writable_ = true;
  std::optional<PageCache> page_cache_;
  RedoState state_;  ///< as it was read or written last
};

/// What the database's file has (database_file.hpp).
std::uint32_t change_counter_of(CachedFile& database);

/// Where the log of a database lies.
std::string redo_log_path(const std::string& database);

}  // namespace plyroot::store
