#include "linux/processors.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "linux/process.hpp"

namespace plyroot::linux_api {
namespace {

cpu_set_t processors_of(pid_t process) {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(process, sizeof set, &set), 0);
  return set;
}

class Processors : public testing::Test {
 protected:
  /// So that we stay where we are.
  void pin_to_ours() const {
    cpu_set_t pinned;
    CPU_ZERO(&pinned);
    CPU_SET(static_cast<unsigned>(ours_), &pinned);
    ASSERT_EQ(sched_setaffinity(0, sizeof pinned, &pinned), 0);
  }
  void TearDown() override {
    child_.send_signal(SIGKILL);
    child_.wait();
    sched_setaffinity(0, sizeof all_, &all_);
  }
  [[nodiscard]] bool child_may_use_ours() const {
    const cpu_set_t set = processors_of(child_.id());
    return CPU_ISSET(static_cast<unsigned>(ours_), &set);
  }
  [[nodiscard]] bool child_may_use_all() const {
    const cpu_set_t set = processors_of(child_.id());
    return CPU_EQUAL(&set, &all_);
  }

  cpu_set_t all_ = processors_of(0);
  int ours_ = sched_getcpu();
  Child child_ = fork_child(0, [] { return pause(); });
};

TEST_F(Processors, OursIsTakenFromAChildUntilItIsGivenBack) {
  if (CPU_COUNT(&all_) < 2) GTEST_SKIP() << "a child can be kept off only where there are two processors";
  KeptOffOurProcessor kept_off;
  for (int tries = 0; child_may_use_ours() && tries < 100; ++tries) {  // we may have been moved to another one
    kept_off.give_back();
    ours_ = sched_getcpu();
    kept_off = KeptOffOurProcessor(child_.id());
  }
  EXPECT_FALSE(child_may_use_ours());
  kept_off.give_back();
  EXPECT_TRUE(child_may_use_all());
}

TEST_F(Processors, TheOnlyOneIsLeftToAChildAndNothingIsGivenBack) {
  pin_to_ours();
  KeptOffOurProcessor kept_off(child_.id());
  EXPECT_TRUE(child_may_use_all());
  kept_off.give_back();
  EXPECT_TRUE(child_may_use_all());  // and not the one that we have
}

}  // namespace
}  // namespace plyroot::linux_api
