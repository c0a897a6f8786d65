#include "store/logged_database.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "linux/uninterrupted.hpp"
#include "store/redo_log.hpp"
#include "support/error.hpp"

namespace plyroot::store {
namespace {

sqlite3_vfs* system_vfs() {
  static sqlite3_vfs* const unix_vfs = sqlite3_vfs_find("unix");
  return unix_vfs;
}

/// SQLite's own access to the database's file. The log must not open that file itself: closing it would drop the locks
/// that this process has on it (https://sqlite.org/howtocorrupt.html, 2.2).
class FileThroughSqlite final : public CachedFile {
 public:
  FileThroughSqlite(sqlite3_file* file, std::string path) : file_(file), path_(std::move(path)) {}

  std::string read(std::uint64_t place, std::size_t size) override {
    const std::uint64_t end = this->size();
    if (place >= end) return {};
    std::string data(std::min<std::uint64_t>(size, end - place), '\0');
    check(file_->pMethods->xRead(file_, data.data(), static_cast<int>(data.size()), static_cast<sqlite3_int64>(place)),
          "read");
    return data;
  }
  void write(std::uint64_t place, std::string_view data) override {
    check(file_->pMethods->xWrite(file_, data.data(), static_cast<int>(data.size()), static_cast<sqlite3_int64>(place)),
          "write to");
  }
  void truncate(std::uint64_t size) override {
    check(file_->pMethods->xTruncate(file_, static_cast<sqlite3_int64>(size)), "shorten");
  }
  std::uint64_t size() override {
    sqlite3_int64 size = 0;
    check(file_->pMethods->xFileSize(file_, &size), "examine");
    return static_cast<std::uint64_t>(size);
  }
  void sync() override {
    int result = SQLITE_OK;
    do {  // of all calls that a signal may interrupt, the one that SQLite does not do again
      result = file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    } while (result != SQLITE_OK && errno == EINTR);
    check(result, "write to the disk");
  }

 private:
  void check(int result, const char* tried) const {
    if (result == SQLITE_OK) return;
    const int error_number = (result & 0xff) == SQLITE_FULL ? ENOSPC : errno;
    throw_errno(error_number, tried, path_);
  }

  sqlite3_file* file_;
  std::string path_;
};

/// SQLite's codes for what was thrown, which is noted: SQLite's own words for it say neither what failed nor why.
template <class Deed>
int result_of(std::optional<SystemError>& failure, int code, const Deed& deed) {
  try {
    return deed();
  } catch (const SystemError& error) {
    failure = error;
    errno = error.error_number();
    return error.error_number() == ENOSPC ? SQLITE_FULL : code;
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (const std::exception&) {
    errno = EIO;
    return code;
  }
}

/// One open database: what SQLite has written and not synced yet, and the log.
class LoggedDatabase {
 public:
  LoggedDatabase(sqlite3_file* file, const std::string& path) : file_(file, path), log_path_(redo_log_path(path)) {}

  /// With a shared lock: whether the file can be read as it is.
  bool is_settled() {
    if (!log_) log_ = RedoLog::open(log_path_);
    return !log_ || log_->is_settled(change_counter_of(file_));
  }
  /// With an exclusive lock.
  void settle() {
    try {
      log_->settle(file_);
    } catch (const SystemError& error) {
      // On a full disk where even what is there cannot be written over (copy on write): reading must go on, or nobody
      // could find out what to remove.
      if (!is_want_of_room(error.error_number())) throw;
      read_from_log();
    }
  }
  bool is_log_writable() const { return log_->is_writable(); }
  /// Until the lock goes: what the file lacks is laid over what is read of it.
  void read_from_log() { missing_ = log_->missing(file_); }
  void forget_missing() { missing_.reset(); }

  void write(std::uint64_t place, std::string_view data) {
    pending_.insert_or_assign(place, std::string(data));
    size_ = std::max(size(), place + data.size());
  }
  void truncate(std::uint64_t size) {
    pending_.erase(pending_.lower_bound(size), pending_.end());
    size_ = size;
  }
  std::uint64_t size() {
    if (size_) return *size_;
    return missing_ ? missing_->size : file_.size();
  }

  /// What failed last since the database was locked: SQLite goes on, and takes back what it did.
  std::optional<SystemError>& failure() { return failure_; }

  [[nodiscard]] bool is_the_file() const { return !size_ && !missing_; }
  /// Lays over what the file has what it lacks, and what was written since the last sync.
  void patch(std::uint64_t place, char* data, std::size_t size) const {
    if (missing_) patch(missing_->writes, place, data, size);
    patch(pending_, place, data, size);
  }
  [[nodiscard]] bool has_pending() const { return size_.has_value(); }
  void forget_pending() {
    pending_.clear();
    size_.reset();
  }

  /// Nothing is pending afterwards: of what has failed, SQLite writes the pages as they were before.
  void commit() {
    if (!has_pending()) return;
    if (!log_) log_ = RedoLog::open_or_create(log_path_);
    Changes changes{std::exchange(pending_, {}), *size_};
    size_.reset();
    log_->commit(file_, std::move(changes));
    missing_.reset();
  }

 private:
  static void patch(const std::map<std::uint64_t, std::string>& writes, std::uint64_t place, char* data,
                    std::size_t size) {
    for (const auto& [at, written] : writes) {
      const std::uint64_t begin = std::max(at, place);
      const std::uint64_t end = std::min(at + written.size(), place + size);
      if (begin < end) std::memcpy(data + (begin - place), written.data() + (begin - at), end - begin);
    }
  }

  FileThroughSqlite file_;
  std::string log_path_;
  std::optional<RedoLog> log_;
  std::map<std::uint64_t, std::string> pending_;
  std::optional<std::uint64_t> size_;  ///< of the file with what is pending, where something is
  std::optional<Changes> missing_;
  std::optional<SystemError> failure_;
};

/// Of xFileControl; those below 100 are SQLite's.
constexpr int take_failure = 1000;

/// As SQLite allocates it: its own file lies behind.
struct OpenFile {
  sqlite3_file base;
  LoggedDatabase* database;
};
constexpr int own_size = (sizeof(OpenFile) + 15) / 16 * 16;

sqlite3_file* system_file(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + own_size);
}
LoggedDatabase& database_of(sqlite3_file* file) {
  return *reinterpret_cast<OpenFile*>(file)->database;
}

int close(sqlite3_file* file) {
  delete reinterpret_cast<OpenFile*>(file)->database;
  return system_file(file)->pMethods->xClose(system_file(file));
}

int read(sqlite3_file* file, void* data, int size, sqlite3_int64 place) {
  const int result = system_file(file)->pMethods->xRead(system_file(file), data, size, place);
  LoggedDatabase& database = database_of(file);
  if (database.is_the_file() || (result != SQLITE_OK && result != SQLITE_IOERR_SHORT_READ)) return result;
  return result_of(database.failure(), SQLITE_IOERR_READ, [&] {
    const auto begin = static_cast<std::uint64_t>(place);
    const auto wanted = static_cast<std::size_t>(size);
    database.patch(begin, static_cast<char*>(data), wanted);
    const std::uint64_t end = std::max(begin, database.size());
    if (end >= begin + wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(data) + (end - begin), 0, begin + wanted - end);
    return SQLITE_IOERR_SHORT_READ;
  });
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 place) {
  return result_of(database_of(file).failure(), SQLITE_IOERR_WRITE, [&] {
    database_of(file).write(static_cast<std::uint64_t>(place),
                            {static_cast<const char*>(data), static_cast<std::size_t>(size)});
    return SQLITE_OK;
  });
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  return result_of(database_of(file).failure(), SQLITE_IOERR_TRUNCATE, [&] {
    database_of(file).truncate(static_cast<std::uint64_t>(size));
    return SQLITE_OK;
  });
}

/// SQLite calls it once for a transaction, when it has written all of it and holds the exclusive lock.
int sync(sqlite3_file* file, int /*flags*/) {
  return result_of(database_of(file).failure(), SQLITE_IOERR_FSYNC, [&] {
    database_of(file).commit();
    return SQLITE_OK;
  });
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return result_of(database_of(file).failure(), SQLITE_IOERR_FSTAT, [&] {
    *size = static_cast<sqlite3_int64>(database_of(file).size());
    return SQLITE_OK;
  });
}

int unlock(sqlite3_file* file, int level) {
  // Without a sync it was not meant to stay.
  if (level <= SQLITE_LOCK_SHARED) database_of(file).forget_pending();
  if (level == SQLITE_LOCK_NONE) database_of(file).forget_missing();
  return system_file(file)->pMethods->xUnlock(system_file(file), level);
}

int lock(sqlite3_file* file, int level) {
  const sqlite3_io_methods& system = *system_file(file)->pMethods;
  if (const int result = system.xLock(system_file(file), level); result != SQLITE_OK) return result;
  if (level != SQLITE_LOCK_SHARED) return SQLITE_OK;
  LoggedDatabase& database = database_of(file);
  database.failure().reset();
  const int result = result_of(database.failure(), SQLITE_IOERR_LOCK, [&] {
    if (database.is_settled()) return SQLITE_OK;
    if (!database.is_log_writable()) {
      database.read_from_log();
      return SQLITE_OK;
    }
    // As SQLite does with a rollback journal that it finds. Where others read they have settled it: busy, and once
    // more.
    if (const int locked = system.xLock(system_file(file), SQLITE_LOCK_EXCLUSIVE); locked != SQLITE_OK) return locked;
    if (!database.is_settled()) database.settle();
    return system.xUnlock(system_file(file), SQLITE_LOCK_SHARED);
  });
  if (result != SQLITE_OK) {
    const int error_number = errno;
    system.xUnlock(system_file(file), SQLITE_LOCK_NONE);
    errno = error_number;
  }
  return result;
}

int check_reserved_lock(sqlite3_file* file, int* is_reserved) {
  return system_file(file)->pMethods->xCheckReservedLock(system_file(file), is_reserved);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  if (operation == take_failure) {
    *static_cast<std::optional<SystemError>*>(argument) = std::exchange(database_of(file).failure(), std::nullopt);
    return SQLITE_OK;
  }
  return system_file(file)->pMethods->xFileControl(system_file(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return system_file(file)->pMethods->xSectorSize(system_file(file));
}
int device_characteristics(sqlite3_file* file) {
  // Pages that SQLite hands to the file system as one batch would pass the log by.
  return system_file(file)->pMethods->xDeviceCharacteristics(system_file(file)) & ~SQLITE_IOCAP_BATCH_ATOMIC;
}

/// Version 1: no write-ahead log of SQLite's, and no mapped memory.
constexpr sqlite3_io_methods methods = {1,
                                        close,
                                        read,
                                        write,
                                        truncate,
                                        sync,
                                        file_size,
                                        lock,
                                        unlock,
                                        check_reserved_lock,
                                        file_control,
                                        sector_size,
                                        device_characteristics,
                                        nullptr,
                                        nullptr,
                                        nullptr,
                                        nullptr,
                                        nullptr,
                                        nullptr};

int open(sqlite3_vfs* /*vfs*/, sqlite3_filename path, sqlite3_file* file, int flags, int* used_flags) {
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return system_vfs()->xOpen(system_vfs(), path, file, flags, used_flags);
  file->pMethods = nullptr;
  const auto open_file = [&] { return system_vfs()->xOpen(system_vfs(), path, system_file(file), flags, used_flags); };
  int result = open_file();
  // SQLite opens for reading what it could not open for writing, whatever the reason was: want of descriptors, say.
  const bool is_read_only = used_flags != nullptr && (*used_flags & SQLITE_OPEN_READONLY) != 0;
  if (result == SQLITE_OK && is_read_only && access(path, W_OK) == 0) {
    system_file(file)->pMethods->xClose(system_file(file));
    result = open_file();
  }
  if (result != SQLITE_OK) return result;
  std::optional<SystemError> ignored;  // it allocates memory, no more
  const int made = result_of(ignored, SQLITE_CANTOPEN, [&] {
    reinterpret_cast<OpenFile*>(file)->database = new LoggedDatabase(system_file(file), path);
    return SQLITE_OK;
  });
  if (made == SQLITE_OK) {
    file->pMethods = &methods;
  } else {
    system_file(file)->pMethods->xClose(system_file(file));
  }
  return made;
}

}  // namespace

std::optional<SystemError> take_failure_of(sqlite3* connection) {
  std::optional<SystemError> failure;
  sqlite3_file_control(connection, "main", take_failure, &failure);
  return failure;
}

namespace {

/// SQLite takes what interrupts an unlocking for an error of the disk.
int fcntl_uninterrupted(int file, int command, void* argument) {
  return linux_api::uninterrupted([&] { return fcntl(file, command, argument); });
}

}  // namespace

const char* logged_database_vfs() {
  constexpr const char* name = "plyroot-logged";
  static sqlite3_vfs vfs = *system_vfs();
  static const int registered = [] {
    vfs.zName = name;
    vfs.szOsFile += own_size;
    vfs.xOpen = open;
    // SQLite calls it as fcntl(2), with one argument each time.
    system_vfs()->xSetSystemCall(system_vfs(), "fcntl", reinterpret_cast<sqlite3_syscall_ptr>(fcntl_uninterrupted));
    return sqlite3_vfs_register(&vfs, 0);
  }();
  (void)registered;
  return name;
}

}  // namespace plyroot::store
