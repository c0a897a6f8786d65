#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>

#include "linux/file.hpp"
#include "linux/process.hpp"
#include "store/database_file.hpp"
#include "store/head_view.hpp"
#include "store_fixture.hpp"

namespace {

bool is_killed_when_the_log_is_synced = false;

}  // namespace

/// The system's; but a process of these tests can end here, with a transaction on the disk and not in the database.
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): only the system may use its name for it
extern "C" int fdatasync(int file) {
  const auto result = static_cast<int>(syscall(SYS_fdatasync, file));
  if (is_killed_when_the_log_is_synced && plyroot::linux_api::shown_path(file).ends_with("-redo")) raise(SIGKILL);
  return result;
}

namespace plyroot::test {
namespace {

namespace fs = std::filesystem;

class Views : public StoreTest {
 protected:
  /// As another command would find the store.
  [[nodiscard]] Store opened_anew() const { return *Store::open(location()); }
  [[nodiscard]] Lines listed_anew() const { return listed(opened_anew()); }
  [[nodiscard]] std::string file(const std::string& name) const { return location().path() + "/heads/" + name; }
  /// A list that is not true, for the database as it is.
  void forge_list() const { std::ofstream(file("@main.list")) << forged_list(stamp()); }
  /// How many descriptors this process has of the database: SQLite has one too where it was needed.
  [[nodiscard]] std::size_t open_databases() const {
    std::size_t found = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code error;
      if (fs::read_symlink(entry.path(), error) == location().path() + "/store.db") ++found;
    }
    return found;
  }
};
INSTANTIATE_TEST_SUITE_P(On, Views, every_file_system(), file_system_name);

TEST_P(Views, AreReadInPlaceOfADatabaseThatHasNotChanged) {
  snapshot("s");
  EXPECT_EQ(listed_anew(), Lines{"* s"});
  forge_list();
  EXPECT_EQ(listed_anew(), Lines{"* forged"});
}

TEST_P(Views, OfListsFollowWhateverChangesThem) {
  const auto kept = [&]() -> std::optional<Lines> {
    const auto heads = linux_api::open_path(location().path() + "/heads", O_RDONLY | O_DIRECTORY);
    const auto view = store::read_list_view(heads.get(), HeadName::main(), stamp());
    if (!view) return std::nullopt;
    Lines lines;
    view->for_each(
        [&](const Snapshot& snapshot) { lines.push_back((snapshot.is_current ? "* " : "  ") + snapshot.name); });
    return lines;
  };
  store() = opened_anew();  // heads/ was not there before
  snapshot("s");
  EXPECT_EQ(kept(), std::nullopt);  // nobody has asked yet
  EXPECT_EQ(listed_anew(), Lines{"* s"});
  EXPECT_EQ(kept(), Lines{"* s"});
  write("a", "1");
  EXPECT_EQ(kept(), Lines{"* s"});
  clean();
  EXPECT_EQ(kept(), Lines{"* s"});
  write("a", "2");
  snapshot("t");
  EXPECT_EQ(kept(), (Lines{"  s", "* t"}));
  snapshot("u");
  EXPECT_EQ(kept(), (Lines{"  s", "* t", "* u"}));
  roll_back("s");
  EXPECT_EQ(kept(), (Lines{"* s", "  t", "  u"}));
  remove("t");
  EXPECT_EQ(kept(), (Lines{"* s", "  u"}));
  store().sync_head(HeadName::main());
  EXPECT_EQ(kept(), (Lines{"* s", "  u"}));
  remove("s");
  snapshot("t");
  snapshot("s");
  remove("t");
  remove("u");
  snapshot("u");
  EXPECT_EQ(kept(), (Lines{"* s", "* u"}));
  remove("u");
  snapshot("u2");
  // Until so much has been added that it is better written anew.
  int made = 0;
  while (kept()) {
    ASSERT_LT(made, 1000);
    snapshot(std::to_string(made++));
  }
  EXPECT_GT(made, 20);
  const auto size = fs::file_size(file("@main.list"));
  snapshot("one-more");
  EXPECT_EQ(fs::file_size(file("@main.list")), size);
  opened_anew().renew_views();  // as the background does
  EXPECT_EQ(kept().value().size(), static_cast<std::size_t>(made) + 3);
  snapshot("yet-one-more");
  EXPECT_EQ(kept().value().back(), "* yet-one-more");
}

TEST_P(Views, OfListsThatMissAChangeAreNotBelieved) {
  snapshot("s");
  EXPECT_EQ(listed_anew(), Lines{"* s"});
  const std::string list = linux_api::read_file(file("@main.list"));
  snapshot("t");
  const std::string amended = linux_api::read_file(file("@main.list"));
  const std::string change = amended.substr(list.size());
  for (const std::string& torn : {list, list + change.substr(0, change.size() / 2), list + change.substr(1),
                                  list + change.substr(0, change.size() - 1) + "x", change, list + "x" + change}) {
    std::ofstream(file("@main.list"), std::ios::trunc | std::ios::binary) << torn;
    EXPECT_EQ(listed_anew(), (Lines{"* s", "* t"}));
  }
}

TEST(AListOfSnapshots, FollowsChangesThatCanBeTrueAndNoOthers) {
  const auto state = [](std::uint32_t number) {
    store::DatabaseStamp stamp;
    stamp.change_counter = number;
    return stamp;
  };
  const Snapshot same{"forged", false, 1};
  const auto after = [&](const std::vector<store::ListChange>& changes) -> std::optional<Lines> {
    std::string file = forged_list(state(0));
    std::uint32_t number = 0;
    for (const store::ListChange& change : changes) {
      file += store::written_change(state(number), state(number + 1), change);
      ++number;
    }
    const auto list = store::ListView::parse(file, state(number));
    if (!list) return std::nullopt;
    Lines lines;
    list->for_each([&](const Snapshot& snapshot) { lines.push_back(snapshot.name); });
    return lines;
  };
  const store::ListChange removal{{}, {}, "forged"};
  const store::ListChange addition{{}, same, {}};
  EXPECT_EQ(after({}), Lines{"forged"});
  EXPECT_EQ(after({removal}), Lines{});
  EXPECT_EQ(after({removal, addition}), Lines{"forged"});
  EXPECT_EQ(after({removal, addition, removal}), Lines{});
  EXPECT_EQ(after({removal, removal}), std::nullopt);
  EXPECT_EQ(after({removal, addition, removal, removal}), std::nullopt);
  EXPECT_EQ(after({{{}, {}, "none"}}), std::nullopt);
  EXPECT_EQ(after({removal, {{}, {}, "none"}}), std::nullopt);
}

TEST_P(Views, ThatNobodyHasAskedForAreNotRenewed) {
  const HeadName other("x");
  write("a", "1", other);
  snapshot("s", other);
  fs::remove(file("x.list"));
  opened_anew().renew_views();
  EXPECT_FALSE(fs::exists(file("x.list")));
}

TEST_P(Views, OfAnotherStateSayNothing) {
  snapshot("s");
  forge_list();
  const std::string forged = linux_api::read_file(file("@main.list"));
  snapshot("t");
  std::ofstream(file("@main.list"), std::ios::trunc | std::ios::binary) << forged;
  EXPECT_EQ(listed_anew(), (Lines{"* s", "* t"}));
}

TEST_P(Views, OfListsThatAreNotTrueDoNotOutliveTheBackground) {
  snapshot("s");
  forge_list();
  snapshot("t");
  opened_anew().renew_views();
  EXPECT_EQ(listed_anew(), (Lines{"* s", "* t"}));
}

TEST_P(Views, ShowNothingOfATransactionThatIsNotCommitted) {
  snapshot("s");
  EXPECT_EQ(listed_anew(), Lines{"* s"});
  const linux_api::Pipe begun = linux_api::make_pipe();
  linux_api::Child other = linux_api::fork_child([&] {
    const store::Database own = database();
    const store::Transaction transaction(own);
    own.execute("INSERT INTO refs (name, layer, origin) SELECT 'uncommitted', layer, '' FROM refs");
    linux_api::write_all(begun.writing.get(), "!");
    return pause();
  });
  char mark = 0;
  ASSERT_EQ(::read(begun.reading.get(), &mark, 1), 1);
  EXPECT_EQ(listed_anew(), Lines{"* s"});
  other.send_signal(SIGKILL);
  other.wait();
  EXPECT_EQ(listed_anew(), Lines{"* s"});
}

TEST_P(Views, ThatAreTornOrDamagedSayNothing) {
  snapshot("s");
  forge_list();
  const std::string whole = linux_api::read_file(file("@main.list"));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(store::ListView::parse(whole.substr(0, i), stamp())) << i;
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(store::ListView::parse(damaged, stamp())) << i;
  }
  EXPECT_TRUE(store::ListView::parse(whole, stamp()));
  std::ofstream(file("@main.list")) << whole.substr(0, whole.size() / 2);
  EXPECT_EQ(listed_anew(), Lines{"* s"});
}

TEST_P(Views, SpareAnUnchangedHeadTheDatabaseWhenItIsEntered) {
  write("a", "1");                                                        // makes its upper
  store::note_unmount(HeadLock(store(), HeadName::main()).descriptor());  // else the kernel is asked about it
  const std::size_t before = open_databases();
  Store other = opened_anew();
  EXPECT_EQ(MountedHead(other, HeadName::main()).read("a"), "1");
  EXPECT_EQ(open_databases(), before + 1);
}

TEST_P(Views, OfAHeadTellWhatItsSnapshotsWereMadeFromOnceThatWasAsked) {
  store().take_snapshot(HeadLock(store(), HeadName::main()), SnapshotName("s"), "the origin");
  for (int times = 0; times < 2; ++times) {
    Store other = opened_anew();
    EXPECT_FALSE(other.shows_file(HeadName::main(), ".initialized"));
    EXPECT_EQ(other.origin_of(SnapshotName("s")), "the origin");
    EXPECT_EQ(other.origin_of(SnapshotName("none")), std::nullopt);
    const MountedHead entered(other, HeadName::main());
  }
  const std::size_t before = open_databases();
  Store other = opened_anew();
  EXPECT_FALSE(other.shows_file(HeadName::main(), ".initialized"));
  EXPECT_EQ(other.origin_of(SnapshotName("s")), "the origin");
  EXPECT_EQ(other.origin_of(SnapshotName("none")), std::nullopt);
  EXPECT_EQ(open_databases(), before + 1);
}

TEST_P(Views, AreReadyWhenTheBackgroundHasPutTheHeadOnTheDisk) {
  store().take_snapshot(HeadLock(store(), HeadName::main()), SnapshotName("s"), "the origin");
  {
    Store other = opened_anew();
    EXPECT_FALSE(other.shows_file(HeadName::main(), ".initialized"));
    EXPECT_EQ(other.origin_of(SnapshotName("s")), "the origin");
    MountedHead(other, HeadName::main()).write("a", "1");
  }
  opened_anew().sync_head(HeadName::main());
  const std::size_t before = open_databases();
  Store other = opened_anew();
  EXPECT_FALSE(other.shows_file(HeadName::main(), ".initialized"));
  EXPECT_EQ(other.origin_of(SnapshotName("s")), "the origin");
  EXPECT_EQ(open_databases(), before + 1);
}

TEST_P(Views, AreNotMissedWhereTheyCannotBeKept) {
  snapshot("s");
  for (const char* name : {"@main.list", "@main.view"}) {
    fs::remove(file(name));
    fs::create_directories(file(name));
  }
  EXPECT_EQ(listed_anew(), Lines{"* s"});
  snapshot("t");
  remove("t");
  EXPECT_EQ(listed_anew(), Lines{"* s"});
  Store other = opened_anew();
  MountedHead(other, HeadName::main()).write("a", "1");
  EXPECT_EQ(read("a"), "1");
}

/// By a process that has opened the store before, and waits for its turn at the head.
TEST_P(Views, AreNotBelievedWhereAWriterWasKilledInMidTransaction) {
  snapshot("s");
  const auto kill_in = [&](const std::function<void(Store&)>& change) {
    const pid_t writer = fork();
    if (writer == 0) {
      is_killed_when_the_log_is_synced = true;
      Store other = opened_anew();
      change(other);
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(writer, &status, 0), writer);
    ASSERT_TRUE(WIFSIGNALED(status));
  };
  const std::vector<std::function<void(Store&)>> changes = {
      [](Store& other) { other.take_snapshot(HeadLock(other, HeadName::main()), SnapshotName("t")); },
      [](Store& other) { other.take_snapshot(HeadLock(other, HeadName::main()), SnapshotName("u")); },
      [](Store& other) { other.roll_back(HeadLock(other, HeadName::main()), SnapshotName("s")); },
      [](Store& other) { other.roll_back(HeadLock(other, HeadName::main()), SnapshotName("t")); },
      [](Store& other) { other.remove_snapshot(SnapshotName("s")); },
      [](Store& other) { other.remove_snapshot(SnapshotName("u")); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    {
      Store other = opened_anew();
      MountedHead(other, HeadName::main()).write("a", "1");
      store::note_unmount(HeadLock(other, HeadName::main()).descriptor());
    }
    EXPECT_FALSE(listed_anew().empty());
    Store waiting = opened_anew();
    kill_in(changes[i]);
    if (i % 2 == 0) {
      const auto mounted = [&] {
        const HeadLock lock(waiting, HeadName::main());
        auto layers = waiting.prepare_upper(lock).layers;
        waiting.commit_preparation();
        return layers;
      }();
      const auto listed = opened_anew().mounted_layers(HeadName::main());
      ASSERT_TRUE(listed) << i;
      EXPECT_EQ(mounted.upper, listed->upper) << i;
      EXPECT_EQ(mounted.lowers, listed->lowers) << i;
    } else {
      EXPECT_EQ(listed(waiting).size(), listed_anew().size()) << i;
    }
  }
  EXPECT_EQ(listed_anew(), Lines{"* t"});
}

TEST_P(Views, FollowAHeadThatIsMovedByOthers) {
  write("a", "1");
  snapshot("s");
  {
    Store other = opened_anew();
    MountedHead(other, HeadName::main()).write("a", "2");
  }
  clean();
  Store other = opened_anew();
  EXPECT_EQ(MountedHead(other, HeadName::main()).read("a"), "1");
}

}  // namespace
}  // namespace plyroot::test
