#include "store/database.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "linux/descriptor.hpp"
#include "linux/uninterrupted.hpp"
#include "store/logged_database.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::store {
namespace {

/// How long a command waits for what takes no turns: readers, who are done in less than a millisecond, and other
/// programs.
constexpr int longest_pause_us = 3'000;
constexpr int most_pauses = 60'000'000 / longest_pause_us;

/// SQLite's own pauses grow to a tenth of a second: of many commands that wait at once, all would sleep.
int pause_while_busy(void* /*unused*/, int pauses_before) {
  if (pauses_before >= most_pauses) return 0;
  usleep(static_cast<useconds_t>(std::min(100 << std::min(pauses_before, 5), longest_pause_us)));
  return 1;
}

std::string advice_for(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL:
      return "The file system is full: free some space, then run the command again. Nothing was changed.";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "Another command has been working on this root for a minute. Wait for it, or see what it hangs on.";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "The database is damaged. Nothing was changed. Remove the directory that holds it, with all snapshots of "
             "the configuration: `plyroot --init` makes the root anew.";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return "plyroot must be able to write there: look at the file system's mount options and at who owns it.";
    default:
      return {};
  }
}

/// A command reads a few pages and ends. Memory that SQLite would set aside, and touch, for longer work costs more than
/// the work; counting it takes a lock at each allocation, and nobody asks for it.
void set_up_sqlite_once() {
  static const bool done = [] {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0);
    return true;
  }();
  (void)done;
}

}  // namespace

Statement::Statement(const Database& database, std::string_view sql)
    : database_(&database), statement_(nullptr, sqlite3_finalize) {
  auto& idle = database.idle_statements_;
  const auto known = std::find_if(idle.begin(), idle.end(),
                                  [&](const PreparedStatement& one) { return sqlite3_sql(one.get()) == sql; });
  if (known != idle.end()) {
    statement_ = std::move(*known);
    idle.erase(known);
    return;
  }
  sqlite3_stmt* prepared = nullptr;
  check(sqlite3_prepare_v2(database.get(), sql.data(), static_cast<int>(sql.size()), &prepared, nullptr));
  statement_.reset(prepared);
}

Statement::~Statement() {
  if (!statement_) return;
  start_again();
  try {
    database_->idle_statements_.push_back(std::move(statement_));
  } catch (const std::bad_alloc&) {
    // It goes with this, then.
  }
}

void Statement::check(int result) const {
  if (result != SQLITE_OK) database_->fail("use");
}

Statement& Statement::bind(std::int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), next_parameter_++, value));
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  check(sqlite3_bind_text(statement_.get(), next_parameter_++, value.data(), static_cast<int>(value.size()),
                          SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind(std::optional<std::int64_t> value) {
  if (value) return bind(*value);
  check(sqlite3_bind_null(statement_.get(), next_parameter_++));
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  database_->fail("use");
}

void Statement::start_again() {
  sqlite3_reset(statement_.get());  // what it failed with was thrown when it did
  sqlite3_clear_bindings(statement_.get());
  next_parameter_ = 1;
}

void Statement::run() {
  while (step()) {
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::optional<std::int64_t> Statement::integer_or_null(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return bytes == nullptr
             ? std::string()
             : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

namespace {

/// SQLite would say of what it cannot create only that it is not there: it goes on and tries to read it.
void create_if_missing(const std::string& path) {
  const linux_api::Descriptor created(linux_api::uninterrupted(
      [&] { return open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644); }));
  const int error_number = errno;
  if (created || error_number == EEXIST) return;
  throw SystemError(error_number, fmt::format("create the store's database {}", printable(path)),
                    advice_for(is_want_of_room(error_number) ? SQLITE_FULL : SQLITE_CANTOPEN));
}

}  // namespace

Database::Database(const std::string& path, Mode mode) : path_(path), connection_(nullptr, sqlite3_close) {
  set_up_sqlite_once();
  if (mode == Mode::create) create_if_missing(path);
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
  const int result = sqlite3_open_v2(path.c_str(), &opened, flags, logged_database_vfs());
  connection_.reset(opened);
  if (result != SQLITE_OK) fail("open");
  sqlite3_busy_handler(opened, pause_while_busy, nullptr);
}

linux_api::LockFile& Database::turns() const {
  if (!turns_) turns_.emplace(linux_api::open_path(path_ + "-turns", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  return *turns_;
}

void Database::execute(const char* sql) const {
  if (sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail("use");
}

void Database::fail(std::string_view tried) const {
  const int result = sqlite3_extended_errcode(connection_.get());
  const int kind = result & 0xff;
  int error_number = kind == SQLITE_FULL ? ENOSPC : sqlite3_system_errno(connection_.get());
  const std::string on_what = fmt::format("{} the store's database {}", tried, printable(path_));
  std::string reason = sqlite3_errmsg(connection_.get());
  const bool is_of_system = kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN || kind == SQLITE_FULL;
  if (const auto failure = take_failure_of(connection_.get()); failure && is_of_system) {
    if (is_want_of_room(failure->error_number())) throw SystemError(*failure);
    error_number = failure->error_number();
    reason = failure->what();
  } else if (is_of_system && error_number != 0) {
    reason = fmt::format("{} ({})", reason, describe_errno(error_number));
  }
  if (is_want_of_room(error_number) && is_of_system) throw SystemError(error_number, on_what, advice_for(SQLITE_FULL));
  const std::string message = fmt::format("cannot {}: {}", on_what, reason);
  switch (result & 0xff) {
    case SQLITE_ERROR:  // tables or columns that are missing, or are others
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw DamagedDatabase(message, advice_for(result));
    case SQLITE_IOERR:
      throw UnreadableDatabase(message, advice_for(result));
    default:
      throw Error(message, advice_for(result));
  }
}

ReadTransaction::ReadTransaction(const Database& database) : database_(&database) {
  Statement(database, "BEGIN").run();
}
ReadTransaction::~ReadTransaction() {
  try {
    Statement(*database_, "COMMIT").run();
  } catch (const Error&) {
    // Nothing was written: what reads fail with, they have thrown.
  }
}

Transaction::Transaction(const Database& database) : database_(&database), turn_(database.turns(), 0) {
  // Told to each connection that writes: it is not kept in the file, and readers do not need it. Before the
  // transaction: in an empty database that begins with a journal on the disk. PRAGMA synchronous is FULL as ever, so
  // that the file is synced with each commit.
  {
    Statement mode(database, "PRAGMA journal_mode=MEMORY");
    if (!mode.step() || mode.text(0) != "memory") database.fail("keep no journal of");
  }
  Statement(database, "BEGIN IMMEDIATE").run();
}

Transaction::~Transaction() {
  if (open_) sqlite3_exec(database_->get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_->execute("COMMIT");
  open_ = false;
  turn_.release();
}

}  // namespace plyroot::store
