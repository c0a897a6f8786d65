#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/redo_record.hpp"
#include "support/error.hpp"

namespace plyroot::store {

/// A file in the page cache: the log's, and the database's, as the log reads it and brings it up to date. Its functions
/// throw SystemError.
class CachedFile {
 public:
  virtual ~CachedFile() = default;
  /// @returns fewer bytes where the file ends
  virtual std::string read(std::uint64_t place, std::size_t size) = 0;
  virtual void write(std::uint64_t place, std::string_view data) = 0;
  virtual void truncate(std::uint64_t size) = 0;
  virtual std::uint64_t size() = 0;
  /// All of it is on the disk when this returns. If it throws, parts are, and another one may return without.
  virtual void sync() = 0;
};

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
/// Its users hold SQLite's locks on the database: a shared one for is_settled(), an exclusive one for the rest.
class RedoLog {
 public:
  /// What the file takes as long as no transaction is longer.
  static constexpr std::uint64_t capacity = std::uint64_t{512} << 10U;

  /// @param page_cache the one through which both files are read; nothing where it cannot be told from others: the
  /// database is then synced with each transaction
  RedoLog(std::unique_ptr<CachedFile> file, std::optional<PageCache> page_cache);
  /// @returns nothing where there is none. @throws SystemError
  static std::optional<RedoLog> open(const std::string& path);
  /// Empty, and durable. @throws SystemError
  static RedoLog create(const std::string& path);

  /// Whether the database's file is as the last transaction left it. @throws SystemError
  [[nodiscard]] bool is_settled();

  /// Whether it may be written to; if not, settle() and commit() cannot be called.
  [[nodiscard]] bool is_writable() const { return is_writable_; }
  /// Whether the database's file lacks nothing, whatever is_settled() says. Reads the whole log; a shared lock is
  /// enough.
  /// @throws SystemError
  [[nodiscard]] bool is_all_in(CachedFile& database) const;

  /// Makes it so. @throws SystemError
  void settle(CachedFile& database);

  /// Puts a transaction on the disk, and then into the database's file. If the second fails it is left to the next
  /// settle().
  /// What takes another program's transaction back, by a rollback journal that it has left, is written to the database
  /// and synced there: the journal must not go before. @throws SystemError: then it has not happened.
  void commit(CachedFile& database, Changes transaction);

 private:
  void initialize();
  [[nodiscard]] std::optional<RedoState> read_state() const;
  void write_state(const RedoState& state);
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

/// Where the log of a database lies.
std::string redo_log_path(const std::string& database);

/// Whether a database's file may be looked at without SQLite: no transaction is being written, and none that was is
/// missing. @throws SystemError
bool is_settled(const std::string& database);

}  // namespace plyroot::store
