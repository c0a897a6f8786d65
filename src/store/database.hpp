#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/lock.hpp"
#include "support/error.hpp"

namespace plyroot::store {

/// What is in the database's file is no database, or a damaged one.
class DamagedDatabase : public Error {
 public:
  using Error::Error;
};
/// The system could not read or write it.
class UnreadableDatabase : public Error {
 public:
  using Error::Error;
};

class Database;

using PreparedStatement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

/// One SQL statement with its bound values; a value of the caller that steps through its rows. What SQLite made of the
/// text stays with the database when this goes: the next one of the same text begins with it.
class Statement {
 public:
  /// @param database lives longer than this
  Statement(const Database& database, std::string_view sql);
  ~Statement();
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) = delete;

  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view value);
  Statement& bind(std::optional<std::int64_t> value);

  /// Goes to the next row. @returns false where there is none left
  bool step();
  /// Back before the first row, with nothing bound.
  void start_again();
  /// Runs a statement that gives no rows.
  void run();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::optional<std::int64_t> integer_or_null(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  void check(int result) const;
  const Database* database_;
  PreparedStatement statement_;
  int next_parameter_ = 1;
};

/// A connection to the store's database file, whose transactions go through the redo log (logged_database.hpp).
class Database {
 public:
  enum class Mode { existing, create };
  Database(const std::string& path, Mode mode);

  void execute(const char* sql) const;
  [[nodiscard]] sqlite3* get() const { return connection_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[noreturn]] void fail(std::string_view tried) const;

 private:
  friend class Statement;
  friend class Transaction;
  [[nodiscard]] linux_api::LockFile& turns() const;

  std::string path_;
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> connection_;
  mutable std::optional<linux_api::LockFile> turns_;
  mutable std::vector<PreparedStatement> idle_statements_;  // go before the connection
};

/// A transaction that holds the database's write lock from its beginning (BEGIN IMMEDIATE). Discarded by its destructor
/// unless commit() has returned; then it is on the disk. Those of several processes take turns by a lock of the
/// kernel's (store.db-turns): by SQLite's alone each would ask again and again, a thousand of them would keep the
/// processors from whoever holds it, and some would never get it.
class Transaction {
 public:
  explicit Transaction(const Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();
  /// Whether another one was not finished when this was to begin: then more are likely to wait for this.
  [[nodiscard]] bool had_to_wait() const { return turn_.had_to_wait(); }

 private:
  const Database* database_;
  linux_api::HeldLock turn_;
  bool open_ = true;
};

/// Several reads of one state of the database, which is locked and looked at once for all of them. Must not last:
/// writers wait for its end.
class ReadTransaction {
 public:
  explicit ReadTransaction(const Database& database);
  ~ReadTransaction();
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  const Database* database_;
};

}  // namespace plyroot::store
