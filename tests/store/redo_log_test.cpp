#include "store/redo_log.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "linux/file.hpp"
#include "store_fixture.hpp"
#include "support/error.hpp"

namespace plyroot::test {
namespace {

namespace fs = std::filesystem;
using store::Changes;
using store::LoggedFile;
using store::PageCache;
using store::RedoLog;

constexpr std::size_t page_size = 4096;
constexpr std::size_t sector_size = 512;

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

/// A database's file in a page cache, over a disk that gets its pages in any order.
class CachedFile final : public LoggedFile {
 public:
  std::string read(std::uint64_t place, std::size_t size) override {
    return place < now_.size() ? now_.substr(place, size) : std::string();
  }
  void write(std::uint64_t place, std::string_view data) override {
    if (before_write) before_write(place);
    if (now_.size() < place + data.size()) now_.resize(place + data.size());
    now_.replace(place, data.size(), data);
    states_.push_back(now_);
  }
  void truncate(std::uint64_t size) override {
    now_.resize(size);
    states_.push_back(now_);
  }
  std::uint64_t size() override { return now_.size(); }
  void sync() override { states_ = {now_}; }

  [[nodiscard]] const std::string& content() const { return now_; }

  /// Each page as it was at some time since the last sync, and the size so too.
  void cut_power(Random& random) {
    std::string left(states_[below(random, states_.size())].size(), '\0');
    for (std::size_t place = 0; place < left.size(); place += page_size) {
      const std::string& state = states_[below(random, states_.size())];
      if (place < state.size()) left.replace(place, page_size, state, place, page_size);
    }
    now_ = left;
    states_ = {now_};
  }

  std::function<void(std::uint64_t)> before_write;

 private:
  std::string now_;
  std::vector<std::string> states_{std::string()};
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
  for (std::size_t number = pages; number < after; ++number)
    if (number > 0) changes.writes[number * page_size] = page();
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
  RedoLogTest() { log().read_through(page_cache_); }

  RedoLog& log() {
    if (!log_) {
      log_ = fs::exists(path()) ? RedoLog::open(path()).value() : RedoLog::create(path());
      log_->read_through(page_cache_);
    }
    return *log_;
  }
  [[nodiscard]] std::string path() const { return directory_.path() + "/log"; }

  void settle() {
    if (!log().is_settled()) log().settle(database_);
  }
  void commit() { commit(random_changes(random_, expected_, ++counter_)); }
  void commit(const Changes& changes) {
    settle();
    log().commit(database_, changes);
    expected_ = with(expected_, changes);
  }
  /// The process goes, and its log with it.
  void let_another_process_go_on() { log_.reset(); }
  void start_machine_anew() {
    let_another_process_go_on();
    if (page_cache_) page_cache_ = {"boot " + std::to_string(++boots_), 1};
  }
  /// Of what was not synced the disk has got any part.
  void mix_log(const std::string& before) {
    std::string mixed = linux_api::read_file(path());
    for (std::size_t place = 0; place < before.size() && place < mixed.size(); place += sector_size)
      if (below(random_, 2) == 0) mixed.replace(place, sector_size, before, place, sector_size);
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << mixed;
  }

  TemporaryDirectory directory_;
  Random random_{20261127};
  CachedFile database_;
  std::string expected_;
  std::uint32_t counter_ = 0;
  int boots_ = 0;
  std::optional<PageCache> page_cache_ = GetParam() ? std::optional(PageCache{"boot 0", 1}) : std::nullopt;

 private:
  std::optional<RedoLog> log_;
};
INSTANTIATE_TEST_SUITE_P(WhereMounts, RedoLogTest, testing::Bool(),
                         [](const auto& is_told) { return is_told.param ? "AreToldApart" : "AreNot"; });

TEST_P(RedoLogTest, ATransactionIsInTheDatabaseWhenItReturns) {
  for (int i = 0; i < 300; ++i) {
    commit();
    ASSERT_EQ(database_.content(), expected_) << i;
    ASSERT_TRUE(log().is_settled());
  }
}

TEST_P(RedoLogTest, EveryTransactionOutlivesAPowerCut) {
  for (int i = 0; i < 250; ++i) {
    commit();
    if (below(random_, 5) != 0) continue;
    database_.cut_power(random_);
    start_machine_anew();
    settle();
    ASSERT_EQ(database_.content(), expected_) << i;
  }
}

TEST_P(RedoLogTest, ATransactionWithinWhichThePowerGoesIsThereWholeOrNotAtAll) {
  int whole = 0;
  int none = 0;
  for (int i = 0; i < 250; ++i) {
    for (std::size_t done = below(random_, 8) + 1; done > 0; --done)
      commit();
    const std::string log_before = linux_api::read_file(path());
    const Changes changes = random_changes(random_, expected_, ++counter_);
    settle();
    // While the log is being synced, nothing of it is in the database yet.
    std::optional<CachedFile> before_it;
    database_.before_write = [&](std::uint64_t /*place*/) {
      if (!before_it) before_it = database_;
    };
    log().commit(database_, changes);
    database_ = before_it.value();
    database_.before_write = nullptr;
    database_.cut_power(random_);
    mix_log(log_before);
    start_machine_anew();
    settle();
    const std::string after = with(expected_, changes);
    if (database_.content() == after) {
      ++whole;
      expected_ = after;
    } else {
      ++none;
      ASSERT_EQ(database_.content(), expected_) << i;
    }
  }
  EXPECT_GT(none, 0);
  RecordProperty("whole", whole);
}

TEST_P(RedoLogTest, WhoeverComesAfterAKillSeesTheWholeTransaction) {
  struct Killed {};
  for (int i = 0; i < 100; ++i) {
    commit();
    const Changes changes = random_changes(random_, expected_, ++counter_);
    auto left = static_cast<int>(below(random_, changes.writes.size()));
    const std::uint64_t size_before = database_.size();
    settle();
    database_.before_write = [&](std::uint64_t place) {
      if (place < size_before && left-- == 0) throw Killed();
    };
    try {
      log().commit(database_, changes);
    } catch (const Killed&) {
    }
    database_.before_write = nullptr;
    let_another_process_go_on();
    settle();
    expected_ = with(expected_, changes);
    ASSERT_EQ(database_.content(), expected_) << i;
  }
}

TEST_P(RedoLogTest, ADatabaseOfWhichNothingIsCommittedIsEmpty) {
  struct Killed {};
  const Changes changes{{{0, std::string(page_size, 'a')}, {page_size, std::string(page_size, 'b')}}, 2 * page_size};
  bool is_logged = false;
  database_.before_write = [&](std::uint64_t /*place*/) {
    is_logged = linux_api::read_file(path()).find('b') != std::string::npos;
    throw Killed();
  };
  settle();
  EXPECT_THROW(log().commit(database_, changes), Killed);
  EXPECT_TRUE(is_logged);
  EXPECT_EQ(database_.content(), "");
}

TEST_P(RedoLogTest, ADatabaseThatCannotGrowStaysAsItWas) {
  commit();
  const std::uint64_t size = database_.size();
  Changes larger = random_changes(random_, expected_, ++counter_);
  larger.writes.erase(larger.writes.lower_bound(size), larger.writes.end());
  larger.writes[size] = std::string(page_size, 'x');
  larger.size = size + page_size;
  database_.before_write = [&](std::uint64_t place) {
    if (place >= size) throw SystemError(ENOSPC, "write");
  };
  settle();
  EXPECT_THROW(log().commit(database_, larger), SystemError);
  database_.before_write = nullptr;
  EXPECT_TRUE(log().is_settled());
  EXPECT_EQ(database_.content(), expected_);
  commit(larger);
  EXPECT_EQ(database_.content(), expected_);
}

TEST_P(RedoLogTest, WhatTheDatabaseDidNotTakeIsWrittenByTheNext) {
  commit();
  const Changes changes = random_changes(random_, expected_, ++counter_);
  const std::uint64_t size = database_.size();
  settle();
  database_.before_write = [&](std::uint64_t place) {
    if (place < size) throw SystemError(EIO, "write");
  };
  log().commit(database_, changes);
  database_.before_write = nullptr;
  EXPECT_FALSE(log().is_settled());
  let_another_process_go_on();
  settle();
  EXPECT_EQ(database_.content(), with(expected_, changes));
}

TEST_P(RedoLogTest, WhatAnotherProgramHasWrittenStays) {
  for (int i = 0; i < 80; ++i) {
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
    database_.cut_power(random_);
    start_machine_anew();
    settle();
    ASSERT_EQ(database_.content(), expected_) << i;
  }
}

TEST_P(RedoLogTest, ADatabaseThatReplacesOneThatIsGoneGetsNothingOfIt) {
  for (int i = 0; i < 60; ++i)
    commit();
  database_ = CachedFile();
  expected_.clear();
  counter_ = 0;
  start_machine_anew();
  settle();
  EXPECT_EQ(database_.content(), "");
  for (int i = 0; i < 30; ++i) {
    commit();
    database_.cut_power(random_);
    start_machine_anew();
    settle();
    ASSERT_EQ(database_.content(), expected_);
  }
}

TEST_P(RedoLogTest, TheLogStaysSmall) {
  for (int i = 0; i < 200; ++i)
    commit();
  EXPECT_LE(fs::file_size(path()), RedoLog::capacity);
  Changes longer = random_changes(random_, expected_, ++counter_);
  for (std::uint64_t place = database_.size(); place < 2 * RedoLog::capacity; place += page_size)
    longer.writes[place] = std::string(page_size, 'l');
  longer.size = std::max<std::uint64_t>(database_.size(), 2 * RedoLog::capacity);
  commit(longer);
  EXPECT_GT(fs::file_size(path()), RedoLog::capacity);
  for (int i = 0; i < 2; ++i)
    commit();
  EXPECT_LE(fs::file_size(path()), RedoLog::capacity);
  database_.cut_power(random_);
  start_machine_anew();
  settle();
  EXPECT_EQ(database_.content(), expected_);
}

class StoreWithRedoLog : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(On, StoreWithRedoLog, every_file_system(), file_system_name);

TEST_P(StoreWithRedoLog, ShowsWhatTheDatabasesFileHasLost) {
  const std::string file = location().path() + "/store.db";
  snapshot("first");
  const std::string before = linux_api::read_file(file);
  snapshot("second");
  const std::string after = linux_api::read_file(file);
  const auto listed = [&] {
    Lines lines;
    for (const Snapshot& each : Store::open(location())->snapshots(HeadName::main()))
      lines.push_back(each.name);
    return lines;
  };
  EXPECT_EQ(listed(), (Lines{"first", "second"}));  // a view of it is kept
  Random random(1);
  for (int i = 0; i < 20; ++i) {
    std::string mixed = after;
    for (std::size_t place = 0; place < std::min(before.size(), after.size()); place += page_size)
      if (i == 0 || below(random, 2) == 0) mixed.replace(place, page_size, before, place, page_size);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << mixed;
    std::fstream log(store::redo_log_path(file), std::ios::in | std::ios::out | std::ios::binary);
    log << std::string(store::longest_redo_state, '\0');
    log.close();
    EXPECT_EQ(listed(), (Lines{"first", "second"})) << i;
    EXPECT_EQ(linux_api::read_file(file), after) << i;
  }
}

}  // namespace
}  // namespace plyroot::test
