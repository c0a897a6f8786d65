#include "store/redo_log.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <set>

#include "linux/file.hpp"
#include "store/check.hpp"
#include "store/database_file.hpp"
#include "store_fixture.hpp"
#include "support/error.hpp"

namespace plyroot::test {
namespace {

using store::CachedFile;
using store::Changes;
using store::PageCache;
using store::RedoLog;

constexpr std::size_t page_size = 4096;
constexpr std::size_t sector_size = 512;

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

enum class Operation { write, sync, truncate };

/// A file's content in the page cache, and on a disk that gets the sectors in any order.
struct Disk {
  std::string cached;
  std::string durable;
  std::set<std::size_t> dirty;  ///< sectors
  bool is_size_dirty = false;
  std::function<void(Operation)> before = [](Operation /*unused*/) {};

  /// Some of what is dirty, or all or nothing of it, and then nothing is dirty any more.
  void write_back_some(Random& random) {
    const std::size_t all_or_nothing = below(random, 4);
    const auto is_lucky = [&] { return all_or_nothing < 2 ? all_or_nothing == 0 : below(random, 2) == 0; };
    if (is_size_dirty && is_lucky()) durable.resize(cached.size());
    for (const std::size_t sector : dirty) {
      const std::size_t place = sector * sector_size;
      if (place < durable.size() && place < cached.size() && is_lucky())
        durable.replace(place, sector_size, cached, place, sector_size);
    }
    dirty.clear();
    is_size_dirty = false;
  }
  void write_back() {
    durable = cached.substr(0, cached.size());
    dirty.clear();
    is_size_dirty = false;
  }
  void cut_power(Random& random) {
    write_back_some(random);
    cached = durable;
  }
};

/// Of a process that has opened it.
class OpenDisk final : public CachedFile {
 public:
  explicit OpenDisk(Disk& disk) : disk_(&disk) {}

  std::string read(std::uint64_t place, std::size_t size) override {
    return place < disk_->cached.size() ? disk_->cached.substr(place, size) : std::string();
  }
  void write(std::uint64_t place, std::string_view data) override {
    disk_->before(Operation::write);
    if (disk_->cached.size() < place + data.size()) truncate_to(place + data.size());
    disk_->cached.replace(place, data.size(), data);
    for (std::size_t sector = place / sector_size; sector * sector_size < place + data.size(); ++sector)
      disk_->dirty.insert(sector);
  }
  void truncate(std::uint64_t size) override {
    disk_->before(Operation::truncate);
    truncate_to(size);
  }
  std::uint64_t size() override { return disk_->cached.size(); }
  void sync() override {
    disk_->before(Operation::sync);
    // Pages whose writing has failed before are clean: they stay what they are on the disk.
    disk_->durable.resize(disk_->cached.size());
    for (const std::size_t sector : disk_->dirty) {
      const std::size_t place = sector * sector_size;
      if (place < disk_->cached.size()) disk_->durable.replace(place, sector_size, disk_->cached, place, sector_size);
    }
    disk_->dirty.clear();
    disk_->is_size_dirty = false;
  }

 private:
  void truncate_to(std::uint64_t size) {
    disk_->cached.resize(size);
    disk_->is_size_dirty = true;
  }
  Disk* disk_;
};

/// What SQLite would write: always the first page, with its change counter.
Changes random_changes(Random& random, const std::string& content, std::uint32_t counter) {
  Changes changes;
  const std::size_t pages = content.size() / page_size;
  const auto page = [&] { return std::string(page_size, static_cast<char>(below(random, 256))); };
  std::string first = page();
  for (std::size_t i = 0; i < 4; ++i)
    first[24 + i] = static_cast<char>(counter >> (8 * (3 - i)));
  changes.writes[0] = first;
  std::size_t after = std::max<std::size_t>(pages, 1);
  if (below(random, 4) == 0 && after < 30) after += 1 + below(random, 3);
  if (below(random, 8) == 0 && after > 2) after -= 1;
  for (std::size_t i = 0; i < 4; ++i) {
    if (const std::size_t number = below(random, after); number > 0) changes.writes[number * page_size] = page();
  }
  for (std::size_t number = std::max<std::size_t>(pages, 1); number < after; ++number)
    changes.writes[number * page_size] = page();
  changes.size = after * page_size;
  return changes;
}

std::string with(std::string content, const Changes& changes) {
  content.resize(changes.size);
  for (const auto& [place, data] : changes.writes)
    content.replace(place, data.size(), data);
  return content;
}

/// With and without a kernel that tells mounts apart.
class RedoLogTest : public testing::TestWithParam<bool> {
 protected:
  struct Killed {};

  /// The log as the process has it that is at work.
  RedoLog& process() {
    if (!log_) log_.emplace(std::make_unique<OpenDisk>(log_disk_), page_cache_);
    return *log_;
  }
  bool is_settled() { return process().is_settled(store::change_counter_of(database_disk_.cached)); }
  void settle() {
    if (!is_settled()) process().settle(database_);
  }
  Changes next_changes() { return random_changes(random_, expected_, ++counter_); }
  void commit() { commit(next_changes()); }
  void commit(const Changes& changes) {
    settle();
    process().commit(database_, changes);
    expected_ = with(expected_, changes);
  }
  void let_another_process_go_on() { log_.reset(); }
  void cut_power() {
    database_disk_.cut_power(random_);
    log_disk_.cut_power(random_);
    let_another_process_go_on();
    if (page_cache_) page_cache_ = {"boot " + std::to_string(++boots_), 1};
  }
  /// Of both files: the operation with this number is the last one, or fails, as the next ones do.
  void kill_at(int number) {
    set_before(number, 1, [](Disk& /*disk*/, Operation /*operation*/) { throw Killed(); });
  }
  void fail_at(int number, int times) {
    set_before(number, times, [this](Disk& disk, Operation operation) {
      if (operation == Operation::sync) disk.write_back_some(random_);
      throw SystemError(EIO, "write");
    });
  }
  void let_all_work() {
    set_before(0, 0, [](Disk& /*disk*/, Operation /*operation*/) {});
  }

  Random random_{20261127};
  Disk database_disk_;
  Disk log_disk_;
  OpenDisk database_{database_disk_};
  std::string expected_;
  std::uint32_t counter_ = 0;
  int boots_ = 0;
  std::optional<PageCache> page_cache_ = GetParam() ? std::optional(PageCache{"boot 0", 1}) : std::nullopt;

 private:
  void set_before(int number, int times, const std::function<void(Disk&, Operation)>& deed) {
    const auto left = std::make_shared<int>(number);
    for (Disk* disk : {&database_disk_, &log_disk_}) {
      disk->before = [left, times, deed, disk](Operation operation) {
        const int now = (*left)--;
        if (now <= 0 && now > -times) deed(*disk, operation);
      };
    }
  }
  std::optional<RedoLog> log_;
};
INSTANTIATE_TEST_SUITE_P(WhereMounts, RedoLogTest, testing::Bool(),
                         [](const auto& is_told) { return is_told.param ? "AreToldApart" : "AreNot"; });

TEST_P(RedoLogTest, ATransactionIsInTheDatabaseWhenItReturns) {
  for (int i = 0; i < 300; ++i) {
    commit();
    ASSERT_EQ(database_disk_.cached, expected_) << i;
    ASSERT_TRUE(is_settled());
  }
}

TEST_P(RedoLogTest, EveryTransactionOutlivesAPowerCut) {
  for (int i = 0; i < 1000; ++i) {
    commit();
    if (below(random_, 5) != 0) continue;
    cut_power();
    settle();
    ASSERT_EQ(database_disk_.cached, expected_) << i;
  }
}

/// Whatever happens, and whatever happens before it has been dealt with: what had returned is there, what had not is
/// there whole or not at all, and what somebody has seen since stays.
TEST_P(RedoLogTest, WhateverHappensATransactionIsThereWholeOrNotAtAll) {
  int whole = 0;
  int none = 0;
  for (int i = 0; i < 4000; ++i) {
    for (std::size_t done = below(random_, 4); done > 0; --done)
      commit();
    const Changes changes = next_changes();
    const std::string after = with(expected_, changes);
    settle();
    bool has_returned = false;
    const auto at = static_cast<int>(below(random_, 16));
    const bool is_failing = below(random_, 2) == 0;
    is_failing ? fail_at(at, 1 + static_cast<int>(below(random_, 4))) : kill_at(at);
    try {
      process().commit(database_, changes);
      has_returned = true;
    } catch (const Killed&) {
      let_another_process_go_on();
    } catch (const SystemError&) {
      let_another_process_go_on();
    }
    // Whoever comes next may be killed too, or fail.
    for (std::size_t tries = below(random_, 3); tries > 0; --tries) {
      const auto then = static_cast<int>(below(random_, 12));
      below(random_, 2) == 0 ? kill_at(then) : let_all_work();
      try {
        settle();
      } catch (const Killed&) {
        let_another_process_go_on();
      }
      let_all_work();
      if (below(random_, 3) == 0) cut_power();
    }
    let_all_work();
    if (below(random_, 3) == 0) cut_power();
    settle();
    // A file may be longer than the database in it, whose first page says how long that is.
    const auto shows = [&](const std::string& content) { return database_disk_.cached.starts_with(content); };
    if (shows(after)) {
      ++whole;
      expected_ = after;
    } else {
      ++none;
      ASSERT_TRUE(shows(expected_)) << i;
      ASSERT_FALSE(has_returned) << i;
    }
    // It has been seen: it stays.
    if (below(random_, 2) == 0) cut_power();
    settle();
    ASSERT_TRUE(shows(expected_)) << i;
  }
  EXPECT_GT(whole, 100);
  EXPECT_GT(none, 100);
}

TEST_P(RedoLogTest, ADatabaseThatCannotGrowStaysAsItWas) {
  commit();
  const std::uint64_t size = database_.size();
  Changes larger = next_changes();
  larger.writes.erase(larger.writes.lower_bound(size), larger.writes.end());
  larger.writes[size] = std::string(page_size, 'x');
  larger.size = size + page_size;
  database_disk_.before = [](Operation /*unused*/) { throw SystemError(ENOSPC, "write"); };
  EXPECT_THROW(process().commit(database_, larger), SystemError);
  let_all_work();
  EXPECT_TRUE(is_settled());
  EXPECT_EQ(database_disk_.cached, expected_);
  commit(larger);
  EXPECT_EQ(database_disk_.cached, expected_);
}

TEST_P(RedoLogTest, WhatTheDatabaseDidNotTakeIsWrittenByTheNext) {
  Changes changes = next_changes();
  commit(changes);
  for (auto& [place, data] : changes.writes)
    data[100] = '!';
  changes.writes[0][27] = 2;
  database_disk_.before = [](Operation /*unused*/) { throw SystemError(EIO, "write"); };
  process().commit(database_, changes);
  let_all_work();
  EXPECT_FALSE(is_settled());
  let_another_process_go_on();
  settle();
  EXPECT_EQ(database_disk_.cached, with(expected_, changes));
}

TEST_P(RedoLogTest, WhatAnotherProgramHasWrittenStays) {
  for (int i = 0; i < 200; ++i) {
    for (std::size_t done = below(random_, 4) + 1; done > 0; --done)
      commit();
    const Changes others = random_changes(random_, expected_, counter_ += 5);
    for (const auto& [place, data] : others.writes)
      database_.write(place, data);
    database_.truncate(others.size);
    database_.sync();
    expected_ = with(expected_, others);
    for (std::size_t done = below(random_, 3); done > 0; --done)
      commit();
    cut_power();
    settle();
    ASSERT_EQ(database_disk_.cached, expected_) << i;
  }
}

TEST_P(RedoLogTest, WhatTakesAnotherProgramsTransactionBackIsOnTheDiskBeforeItsJournalGoes) {
  for (int i = 0; i < 20; ++i)
    commit();
  const std::string before = expected_;
  const Changes others = random_changes(random_, expected_, counter_ + 1);
  for (const auto& [place, data] : others.writes)
    database_.write(place, data);
  database_.truncate(others.size);
  Changes back{{}, before.size()};
  for (std::size_t place = 0; place < before.size(); place += page_size)
    back.writes[place] = before.substr(place, page_size);
  process().commit(database_, back);
  cut_power();
  settle();
  EXPECT_EQ(database_disk_.cached, before);
}

/// What the power cut left of it, SQLite takes back by the journal that it finds; what the log had is not lost by that.
TEST_P(RedoLogTest, AnotherProgramsTransactionThatAPowerCutEndedTakesNothingAlong) {
  for (int i = 0; i < 1000; ++i) {
    for (std::size_t done = below(random_, 6) + 1; done > 0; --done)
      commit();
    if (below(random_, 4) == 0) database_.sync();
    const std::string before = expected_;
    const Changes others = random_changes(random_, before, counter_ + 1);
    Changes journal{{}, before.size()};
    for (std::size_t place = 0; place < before.size(); place += page_size) {
      if (others.writes.contains(place) || place >= others.size)
        journal.writes[place] = before.substr(place, page_size);
    }
    for (const auto& [place, data] : others.writes)
      database_.write(place, data);
    if (below(random_, 2) == 0) database_.truncate(others.size);
    cut_power();
    for (std::size_t more = below(random_, 2); more > 0; --more) {
      settle();
      cut_power();
    }
    settle();
    process().commit(database_, journal);
    ASSERT_TRUE(database_disk_.cached.starts_with(before)) << i;
    if (below(random_, 2) == 0) cut_power();
    commit();
    cut_power();
    settle();
    ASSERT_EQ(database_disk_.cached, expected_) << i;
  }
}

TEST_P(RedoLogTest, ATransactionIsOnTheDiskWithAllThatItRestsOn) {
  for (int i = 0; i < 100; ++i) {
    for (std::size_t done = below(random_, 3); done > 0; --done)
      commit();
    cut_power();
    settle();
    // Somebody puts another file there, and does not sync it; or removes the log.
    const auto let_others_write = [&] {
      const Changes others = random_changes(random_, expected_, counter_ += 100);
      for (const auto& [place, data] : others.writes)
        database_.write(place, data);
      database_.truncate(others.size);
      expected_ = with(expected_, others);
    };
    if (below(random_, 2) == 0) {  // so that the log is to be written from its beginning
      let_others_write();
      database_.sync();
      cut_power();
      settle();
    }
    let_others_write();
    if (below(random_, 2) == 0) {
      log_disk_ = {};
      let_another_process_go_on();
    }
    commit();
    cut_power();
    settle();
    ASSERT_EQ(database_disk_.cached, expected_) << i;
  }
}

/// The kernel writes pages in the background; one that it could not write counts as clean, and may leave the memory:
/// then it is what the disk has.
TEST_P(RedoLogTest, WhatTheBackgroundCouldNotWriteIsWrittenBeforeTheLogForgetsIt) {
  constexpr std::size_t pages = 8;
  const auto first_page_with = [&](char mark) {
    std::string page(page_size, mark);
    ++counter_;
    for (std::size_t i = 0; i < 4; ++i)
      page[24 + i] = static_cast<char>(counter_ >> (8 * (3 - i)));
    return page;
  };
  Changes all{{{0, first_page_with('a')}}, pages * page_size};
  for (std::size_t i = 1; i < pages; ++i)
    all.writes[i * page_size] = std::string(page_size, 'a');
  commit(all);
  database_.sync();
  for (int i = 0; i < 50; ++i) {
    const std::size_t lost = 1 + below(random_, pages - 1);
    const auto commit_one = [&](std::size_t page) {
      const char mark = static_cast<char>('b' + below(random_, 20));
      commit({{{0, first_page_with(mark)}, {page * page_size, std::string(page_size, mark)}}, pages * page_size});
    };
    commit_one(lost);
    database_disk_.dirty.erase(database_disk_.dirty.lower_bound(lost * page_size / sector_size),
                               database_disk_.dirty.lower_bound((lost + 1) * page_size / sector_size));
    database_disk_.cached.replace(lost * page_size, page_size, database_disk_.durable, lost * page_size, page_size);
    // Until the log is written over, and its beginning is not what it was any more.
    for (int done = 0; done < 80; ++done)
      commit_one(1 + lost % (pages - 1));
    cut_power();
    settle();
    ASSERT_EQ(database_disk_.cached, expected_) << i;
  }
}

TEST_P(RedoLogTest, ALogThatIsDamagedTakesNothingFromTheDatabase) {
  for (int i = 0; i < 20; ++i) {
    for (std::size_t done = below(random_, 8) + 2; done > 0; --done)
      commit();
    const std::size_t record = log_disk_.cached.rfind(store::redo_record_magic);
    log_disk_.cached.replace(record + 1000, 4, "torn");
    for (int done = 0; done < 80; ++done) {
      commit();
      ASSERT_EQ(database_disk_.cached, expected_) << i << ", " << done;
    }
  }
}

TEST_P(RedoLogTest, AnOlderFirstPageIsNotTakenForTheDatabase) {
  for (int i = 0; i < 20; ++i) {
    for (std::size_t done = below(random_, 40) + 1; done > 0; --done)
      commit();
    const std::string durable = database_disk_.durable.substr(0, page_size);
    database_disk_.cached.replace(0, durable.size(), durable);
    settle();
    ASSERT_EQ(database_disk_.cached, expected_) << i;
  }
}

/// The disk has taken a transaction, and has said that it has not: whoever was told so has gone on without.
TEST_P(RedoLogTest, ATransactionThatFailedDoesNotComeBack) {
  for (int i = 0; i < 200; ++i) {
    for (std::size_t done = below(random_, 3); done > 0; --done)
      commit();
    settle();
    log_disk_.before = [this, syncs = std::size_t{0}, failing = 1 + below(random_, 2)](Operation operation) mutable {
      if (operation != Operation::sync || syncs == failing) return;
      syncs++ == 0 ? log_disk_.write_back() : log_disk_.write_back_some(random_);
      throw SystemError(EIO, "write");
    };
    const Changes changes = next_changes();
    EXPECT_THROW(process().commit(database_, changes), SystemError);
    let_all_work();
    let_another_process_go_on();
    settle();
    if (database_disk_.cached.starts_with(with(expected_, changes))) {
      expected_ = with(expected_, changes);
    }
    ASSERT_TRUE(database_disk_.cached.starts_with(expected_)) << i;
    cut_power();
    settle();
    ASSERT_TRUE(database_disk_.cached.starts_with(expected_)) << i;
    database_disk_.cached.resize(expected_.size());
  }
}

/// As where the disk is full and copies on write: what lies there cannot be written over either.
TEST_P(RedoLogTest, ATransactionThatFoundNoRoomLeavesTheDatabaseReadable) {
  for (int i = 0; i < 3; ++i)
    commit();
  log_disk_.before = [number = 0](Operation operation) mutable {
    if (operation == Operation::write && number++ == 1) throw SystemError(ENOSPC, "write");
  };
  EXPECT_THROW(commit(), SystemError);
  let_another_process_go_on();
  EXPECT_TRUE(is_settled());
  log_disk_.before = [number = 0](Operation operation) mutable {
    if (operation == Operation::write && number++ > 0) throw SystemError(ENOSPC, "write");
  };
  EXPECT_THROW(commit(), SystemError);
  let_another_process_go_on();
  EXPECT_TRUE(is_settled() || !process().missing(database_));
  let_all_work();
  for (int i = 0; i < 3; ++i)
    commit();
  cut_power();
  settle();
  EXPECT_EQ(database_disk_.cached, expected_);
}

TEST_P(RedoLogTest, ALogThatFoundNoRoomIsAsIfThereWereNone) {
  log_disk_.before = [](Operation operation) {
    if (operation == Operation::write) throw SystemError(ENOSPC, "write");
  };
  EXPECT_THROW(commit(), SystemError);
  let_another_process_go_on();
  EXPECT_TRUE(is_settled());
  let_all_work();
  commit();
  cut_power();
  settle();
  EXPECT_EQ(database_disk_.cached, expected_);
}

TEST_P(RedoLogTest, ADatabaseThatReplacesAnotherOneGetsNothingOfIt) {
  for (int i = 0; i < 60; ++i)
    commit();
  const std::string older = expected_;
  for (int i = 0; i < 200; ++i)
    commit();
  for (const std::string& other : {older, std::string()}) {
    database_disk_.cached = database_disk_.durable = other;
    database_disk_.dirty.clear();
    cut_power();
    settle();
    EXPECT_EQ(database_disk_.cached, other);
  }
  expected_.clear();
  counter_ = 0;
  for (int i = 0; i < 30; ++i) {
    commit();
    cut_power();
    settle();
    ASSERT_EQ(database_disk_.cached, expected_);
  }
}

TEST_P(RedoLogTest, TheLogStaysSmall) {
  for (int i = 0; i < 200; ++i)
    commit();
  EXPECT_LE(log_disk_.cached.size(), RedoLog::capacity);
  Changes longer = next_changes();
  for (std::uint64_t place = database_.size(); place < 2 * RedoLog::capacity; place += page_size)
    longer.writes[place] = std::string(page_size, 'l');
  longer.size = std::max<std::uint64_t>(database_.size(), 2 * RedoLog::capacity);
  commit(longer);
  EXPECT_GT(log_disk_.cached.size(), RedoLog::capacity);
  for (int i = 0; i < 2; ++i)
    commit();
  EXPECT_LE(log_disk_.cached.size(), RedoLog::capacity);
  cut_power();
  settle();
  EXPECT_EQ(database_disk_.cached, expected_);
}

class StoreWithRedoLog : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(On, StoreWithRedoLog, every_file_system(), file_system_name);

TEST_P(StoreWithRedoLog, ShowsWhatTheDatabasesFileHasLost) {
  const std::string file = location().path() + "/store.db";
  snapshot("first");
  const std::string before = linux_api::read_file(file);
  snapshot("second");
  const std::string after = linux_api::read_file(file);
  const Lines both{"* first", "* second"};
  EXPECT_EQ(listed(*Store::open(location())), both);  // a view of it is kept
  Random random(1);
  for (int i = 0; i < 20; ++i) {
    std::string mixed = after;
    for (std::size_t place = 0; place < std::min(before.size(), after.size()); place += page_size)
      if (i == 0 || below(random, 2) == 0) mixed.replace(place, page_size, before, place, page_size);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << mixed;
    std::fstream log(store::redo_log_path(file), std::ios::in | std::ios::out | std::ios::binary);
    log << std::string(store::longest_redo_state, '\0');
    log.close();
    EXPECT_EQ(listed(*Store::open(location())), both) << i;
    EXPECT_EQ(linux_api::read_file(file), after) << i;
  }
}

TEST_P(StoreWithRedoLog, CanBeReadThroughAReadOnlyMountEvenWhereTheDatabasesFileLacksSomething) {
  const std::string file = location().path() + "/store.db";
  snapshot("first");
  const std::string before = linux_api::read_file(file);
  snapshot("second");
  const TemporaryDirectory elsewhere;
  const std::string& read_only = elsewhere.path();
  ASSERT_EQ(mount(location().base_directory.c_str(), read_only.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, read_only.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  const auto listed_there = [&] { return listed(*Store::open({read_only, "root"})).size(); };
  EXPECT_EQ(listed_there(), 2U);
  std::ofstream(file, std::ios::binary | std::ios::trunc) << before;
  EXPECT_EQ(listed_there(), 2U);
  EXPECT_EQ(linux_api::read_file(file), before);
  EXPECT_TRUE(store::check({read_only, "root"}).is_well());
  EXPECT_EQ(umount2(read_only.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace plyroot::test
