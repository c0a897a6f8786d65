#include "store/redo_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "linux/file.hpp"
#include "linux/file_system.hpp"
#include "store/database_file.hpp"
#include "support/error.hpp"

namespace plyroot::store {
namespace {

/// Disks write at most this much as a whole. So a record never shares a block with what must outlive its being torn.
constexpr std::uint64_t block = 4096;
constexpr std::uint64_t first_record = block;

std::uint64_t in_blocks(std::uint64_t size) {
  return (size + block - 1) / block * block;
}

/// Nothing where a transaction leaves the first page as it is, as the rollback of another program's does.
std::optional<std::uint32_t> change_counter(const Changes& changes) {
  const auto first = changes.writes.find(0);
  if (first == changes.writes.end()) return std::nullopt;
  return change_counter_of(first->second);
}

std::optional<PageCache> page_cache_of(int file) {
  const auto mount = linux_api::mount_id(file);
  if (!mount) return std::nullopt;
  return PageCache{linux_api::boot_id(), *mount};
}

/// A number that no earlier transaction of a log had whose state is lost.
std::uint64_t sequence_from_clock() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

struct ReadRecord {
  RedoRecord record;
  std::uint64_t size;
};

std::optional<ReadRecord> read_record(CachedFile& file, std::uint64_t place, std::uint64_t file_size) {
  const auto size = redo_record_size(file.read(place, redo_record_beginning()));
  if (!size || *size > file_size - place) return std::nullopt;
  auto record = parse_redo_record(file.read(place, *size));
  if (!record) return std::nullopt;
  return ReadRecord{std::move(*record), *size};
}

/// What several transactions come to, one after another.
struct Sum {
  Changes changes;
  std::uint64_t sequence = 0;
  std::uint32_t change_counter_before = 0;
  std::uint32_t change_counter = 0;
  std::uint64_t last = first_record;  ///< where the last of them lies
  std::uint64_t end = first_record;
};

Sum sum_of_records(CachedFile& file) {
  Sum sum;
  const std::uint64_t file_size = file.size();
  while (sum.end < file_size) {
    auto found = read_record(file, sum.end, file_size);
    if (!found) break;
    RedoRecord& record = found->record;
    if (sum.sequence != 0 && record.sequence != sum.sequence + 1) break;
    if (sum.sequence == 0) sum.change_counter_before = record.change_counter_before;
    sum.last = sum.end;
    sum.end += in_blocks(found->size);
    sum.sequence = record.sequence;
    sum.change_counter = record.change_counter;
    sum.changes.size = record.changes.size;
    for (auto& [place, data] : record.changes.writes)
      sum.changes.writes.insert_or_assign(place, std::move(data));
  }
  return sum;
}

/// Whether the log has nothing for the database's file: the database is further, because it was synced and the log is
/// to be written from its beginning, or another program has changed it since; or it is not so far as it was when the
/// first of the transactions was written, and then somebody has put another file there, or removed it.
bool is_of_earlier_time(CachedFile& database, const Sum& sum) {
  const std::uint32_t counter = change_counter_of(database);
  return sum.sequence == 0 || counter > sum.change_counter || counter < sum.change_counter_before;
}

bool is_missing_pages(CachedFile& database, const Changes& changes) {
  return std::any_of(changes.writes.begin(), changes.writes.end(), [&](const auto& write) {
    return write.first < changes.size && database.read(write.first, write.second.size()) != write.second;
  });
}
bool is_missing_something(CachedFile& database, const Changes& changes) {
  return database.size() > changes.size || is_missing_pages(database, changes);
}

void write_all(CachedFile& database, const Changes& changes) {
  for (const auto& [place, data] : changes.writes) {
    if (place < changes.size) database.write(place, data);
  }
  if (database.size() > changes.size) database.truncate(changes.size);
}

}  // namespace

RedoLog::RedoLog(std::unique_ptr<CachedFile> file, std::optional<PageCache> page_cache)
    : file_(std::move(file)), page_cache_(std::move(page_cache)) {}

std::optional<RedoLog> RedoLog::open(const std::string& path) {
  constexpr int flags = O_NOFOLLOW | O_NONBLOCK;
  linux_api::Descriptor file;
  bool is_writable = true;
  try {
    file = linux_api::open_if_exists(AT_FDCWD, path, O_RDWR | flags);
    if (!file) return std::nullopt;
  } catch (const SystemError& error) {
    if (error.error_number() != EROFS && error.error_number() != EACCES) throw;
    file = linux_api::open_path(path, O_RDONLY | flags);
    is_writable = false;
  }
  auto page_cache = page_cache_of(file.get());
  RedoLog log(cached_file(std::move(file)), std::move(page_cache));
  log.is_writable_ = is_writable;
  return log;
}

RedoLog RedoLog::open_or_create(const std::string& path) {
  linux_api::Descriptor file = linux_api::open_path(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
  auto page_cache = page_cache_of(file.get());
  linux_api::sync_directory(linux_api::open_path(path.substr(0, path.find_last_of('/')), O_RDONLY | O_DIRECTORY).get());
  return {cached_file(std::move(file)), std::move(page_cache)};
}

void RedoLog::initialize(CachedFile& database) {
  if (database.size() > 0) database.sync();  // by whoever it was written: the log has nothing of it
  // Written, not only reserved: a transaction then changes no metadata that a sync would have to wait for.
  file_->write(0, std::string(capacity, '\0'));
  write_state({page_cache_, sequence_from_clock(), change_counter_of(database), first_record, false});
  file_->sync();
}

std::optional<RedoState> RedoLog::read_state() const {
  return parse_redo_state(file_->read(0, longest_redo_state));
}

void RedoLog::write_state(const RedoState& state) {
  std::string text = written(state);
  if (text.size() > longest_redo_state) throw Error("the boot id is too long: " + state.page_cache.value().boot);
  text.resize(longest_redo_state);
  file_->write(0, text);
  state_ = state;
}

void RedoLog::write_busy_state() {
  RedoState state = state_;
  state.is_busy = true;
  write_state(state);
}

/// On the disk too: there it may be whole where it is not in the page cache.
void RedoLog::forget_record_at(std::uint64_t place) {
  if (place < file_->size()) file_->write(place, std::string(block, '\0'));
  file_->sync();
}

bool RedoLog::is_settled(std::uint32_t change_counter) {
  const auto state = read_state();
  if (!state) return !read_record(*file_, first_record, file_->size());
  if (state->is_busy || state->page_cache != page_cache_ || change_counter < state->change_counter) return false;
  state_ = *state;
  return true;
}

std::optional<Changes> RedoLog::missing(CachedFile& database) const {
  Sum sum = sum_of_records(*file_);
  // A file may be longer than the database in it, whose first page says how long that is.
  if (is_of_earlier_time(database, sum) || !is_missing_pages(database, sum.changes)) return std::nullopt;
  return std::move(sum.changes);
}

std::vector<std::string> RedoLog::faults(CachedFile& database) const {
  const auto state = read_state();
  if (!state || state->end == first_record) return {};
  const Sum sum = sum_of_records(*file_);
  if (sum.end != state->end || sum.sequence != state->sequence)
    return {"the log has not all of the last transactions: a power cut now would lose those"};
  if (is_of_earlier_time(database, sum) || !is_missing_pages(database, sum.changes)) return {};
  return {"the database lacks what the log has of the last transactions"};
}

void RedoLog::distrust() {
  const auto state = read_state();
  if (!state) return;
  state_ = *state;
  write_busy_state();
}

void RedoLog::settle(CachedFile& database) {
  const auto before = read_state();
  const Sum sum = sum_of_records(*file_);
  if (!before && sum.sequence == 0) return initialize(database);
  const bool is_old = is_of_earlier_time(database, sum);
  // Where a transaction was being written, or the database could not be synced, the page cache may hold what the disk
  // does not, and will not get: a page whose writing has failed counts as written. So everything is written again, the
  // log's last transaction first, which may not be on the disk either; and the one that failed after it may be.
  const bool is_uncertain = !before || before->is_busy;
  if (!is_old && (is_uncertain || is_missing_something(database, sum.changes))) {
    const auto found = read_record(*file_, sum.last, file_->size()).value();
    file_->write(sum.last, written(found.record));
    forget_record_at(sum.end);
    write_all(database, sum.changes);
  } else if (is_uncertain && sum.sequence == 0) {
    forget_record_at(first_record);
  }
  RedoState after{page_cache_, sum.sequence, change_counter_of(database), sum.end, false};
  if (is_old || !page_cache_) {
    state_ = before.value_or(after);
    sync(database);
    after.end = first_record;
    after.sequence = std::max({sum.sequence, before ? before->sequence : 0, sequence_from_clock()});
  }
  write_state(after);
}

/// The state is a busy one afterwards: whoever comes after a sync that failed, or has never been known to succeed,
/// writes everything again.
void RedoLog::sync(CachedFile& database) {
  write_busy_state();
  database.sync();
}

void RedoLog::make_room(CachedFile& database, std::uint64_t size) {
  const bool is_at_beginning = state_.end == first_record;
  // What another program has written since would be undone by what the log has of the time before.
  const bool was_written_by_others = change_counter_of(database) != state_.change_counter;
  if (!is_at_beginning && !was_written_by_others) {
    if (state_.end + size <= capacity) return;
    // A page whose writing has failed, and that has left the memory since, is as it was before: no sync tells.
    // Only where the log is whole: of a part of it, the database is further.
    const Sum sum = sum_of_records(*file_);
    const bool is_whole = sum.end == state_.end && sum.sequence == state_.sequence;
    if (is_whole && is_missing_something(database, sum.changes)) write_all(database, sum.changes);
  }
  if (!is_at_beginning || was_written_by_others) sync(database);
  state_.end = first_record;
  if (file_->size() > capacity) file_->truncate(capacity);
}

void RedoLog::append(std::string_view record) {
  write_busy_state();
  try {
    file_->write(state_.end, record);
    file_->sync();
  } catch (const SystemError& error) {
    withdraw(error);
  }
}

void RedoLog::withdraw(const SystemError& why) {
  // Nobody may find it later: who is told that it failed goes on as if it had never been. Where that cannot be written,
  // the state stays busy, and it has happened.
  try {
    if (read_record(*file_, state_.end, file_->size())) forget_record_at(state_.end);
    RedoState state = state_;
    state.is_busy = false;
    write_state(state);
  } catch (const SystemError&) {
    throw SystemError(why);
  }
  throw SystemError(why);
}

void RedoLog::take_back(CachedFile& database, const Changes& changes) {
  write_all(database, changes);
  // Of what that program did not touch, a power cut may have lost what the log still has.
  const Sum sum = sum_of_records(*file_);
  if (!is_of_earlier_time(database, sum)) write_all(database, sum.changes);
  sync(database);
  write_state({page_cache_, state_.sequence, change_counter_of(database), first_record, false});
}

void RedoLog::commit(CachedFile& database, Changes transaction) {
  const std::uint32_t found = change_counter_of(database);
  if (!is_settled(found) || state_.end == 0) settle(database);  // without a state, it is made
  const std::uint32_t before = change_counter_of(database);
  const auto counter = change_counter(transaction);
  if (counter && *counter < before) return take_back(database, transaction);
  const RedoRecord record{state_.sequence + 1, before, counter.value_or(before), std::move(transaction)};
  const Changes& changes = record.changes;
  const std::string text = written(record);
  make_room(database, in_blocks(text.size()));

  // What makes the file longer is written first: nothing points there yet, and this is where a disk may be full. An
  // empty file stays so: its first pages make it a database.
  const std::uint64_t size_before = database.size();
  const auto first_new = size_before == 0 ? changes.writes.end() : changes.writes.lower_bound(size_before);
  for (auto write = first_new; write != changes.writes.end(); ++write)
    database.write(write->first, write->second);
  append(text);

  try {
    for (auto write = changes.writes.begin(); write != first_new; ++write)
      database.write(write->first, write->second);
    if (database.size() > changes.size) database.truncate(changes.size);
    RedoState after{page_cache_, record.sequence, record.change_counter, state_.end + in_blocks(text.size()), false};
    if (!page_cache_) {
      sync(database);
      after.end = first_record;
    }
    write_state(after);
  } catch (const SystemError&) {
    // It is on the disk. The state says that the database may lack it, and whoever reads next writes it there.
  }
}

std::uint32_t change_counter_of(CachedFile& database) {
  return change_counter_of(database.read(0, database_header_size));
}

std::string redo_log_path(const std::string& database) {
  return database + "-redo";
}

}  // namespace plyroot::store
