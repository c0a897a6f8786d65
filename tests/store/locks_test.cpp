#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "linux/process.hpp"
#include "store_fixture.hpp"
#include "support/error.hpp"

namespace plyroot::test {

class Locks : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(On, Locks, testing::Values("ext4", "btrfs"), file_system_name);

TEST_P(Locks, AMountedHeadIsInUseWhoeverMountedIt) {
  {
    const MountedHead head(store(), HeadName::main());
    EXPECT_EQ(HeadLock(store(), HeadName::main()).use(), HeadLock::Use::mounted);
    EXPECT_THROW(snapshot("s"), Error);
    EXPECT_THROW(clean(), Error);
    EXPECT_EQ(HeadLock(store(), HeadName("other")).use(), HeadLock::Use::idle);
  }
  EXPECT_EQ(HeadLock(store(), HeadName::main()).use(), HeadLock::Use::idle);
}

TEST_P(Locks, ASessionsLockGoesWithItsProcess) {
  const linux_api::Pipe ready = linux_api::make_pipe();
  const HeadLock lock(store(), HeadName::main());
  linux_api::Child session = linux_api::fork_child([&] {
    const SessionLock held(lock);
    linux_api::write_all(ready.writing.get(), "x");
    pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(::read(ready.reading.get(), &byte, 1), 1);
  EXPECT_EQ(lock.use(), HeadLock::Use::session);
  EXPECT_THROW(store().clean(lock), Error);
  session.send_signal(SIGKILL);
  lock.wait_for_session_end();
  EXPECT_EQ(lock.use(), HeadLock::Use::idle);
}

TEST_P(Locks, ShortOperationsOnOneHeadWaitForEachOther) {
  write("a", "1");
  linux_api::Child other;
  {
    const HeadLock held(store(), HeadName::main());
    other = linux_api::fork_child([&] {
      // A copy of ours holds the lock's description too: a command of its own opens the store itself.
      linux_api::close_descriptors_except({});
      Store own = std::move(*Store::open(location()));
      own.take_snapshot(HeadLock(own, HeadName::main()), SnapshotName("theirs"));
      return 0;
    });
    store().take_snapshot(held, SnapshotName("ours"));
  }
  EXPECT_TRUE(other.wait().success());
  EXPECT_EQ(list(), (Lines{"* ours", "* theirs"}));
}

TEST_P(Locks, AHeadIsNotDisturbedByASessionWhoseCommandWasKilledBeforeItsUpperWasInTheStore) {
  std::optional<Store> killed = Store::open(location());
  Store::Prepared theirs;
  {
    const HeadLock lock(*killed, HeadName("killed"));
    theirs = killed->prepare_upper(lock);
  }
  killed.reset();  // never committed
  Store::Prepared ours;
  {
    const HeadLock lock(store(), HeadName("other"));
    ours = store().prepare_upper(lock);
    store().commit_preparation();
  }
  const linux_api::Descriptor late = mount_prepared(store(), theirs);
  const linux_api::Descriptor root = mount_prepared(store(), ours);
  linux_api::write_all(linux_api::open_at(root.get(), "a", O_WRONLY | O_CREAT, 0644).get(), "1");
  EXPECT_EQ(faccessat(late.get(), "a", F_OK, 0), -1);
}

TEST_P(Locks, SyncingAHeadMindsNotThatItsUpperGoesMeanwhile) {
  linux_api::Child other = linux_api::fork_child([&] {
    linux_api::close_descriptors_except({});
    Store own = std::move(*Store::open(location()));
    for (int round = 0; round < 300; ++round) {
      const HeadLock lock(own, HeadName::main());
      own.prepare_upper(lock);
      own.commit_preparation();
      own.clean(lock);
    }
    return 0;
  });
  pollfd end{other.pidfd(), POLLIN, 0};
  while (poll(&end, 1, 0) == 0)
    EXPECT_NO_THROW(store().sync_head(HeadName::main()));
  EXPECT_TRUE(other.wait().success());
}

}  // namespace plyroot::test
