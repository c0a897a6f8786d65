#include "linux/processors.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <future>
#include <thread>

namespace plyroot::linux_api {
namespace {

cpu_set_t own_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  return set;
}

/// A thread that looks at its processors when it is told, once confined and once when it has taken all.
struct Seen {
  cpu_set_t confined;
  cpu_set_t afterwards;
};

Seen seen_by_thread(const OtherProcessors& others) {
  Seen seen{};
  std::promise<void> is_confined;
  std::thread thread([&] {
    is_confined.get_future().wait();
    seen.confined = own_processors();
    others.take_all();
    seen.afterwards = own_processors();
  });
  others.confine(thread.native_handle());
  is_confined.set_value();
  thread.join();
  return seen;
}

class Processors : public testing::Test {
 protected:
  /// So that we stay where we are.
  void pin_to_ours() {
    cpu_set_t pinned;
    CPU_ZERO(&pinned);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &pinned);
    ASSERT_EQ(sched_setaffinity(0, sizeof pinned, &pinned), 0);
  }
  void TearDown() override { sched_setaffinity(0, sizeof all_, &all_); }

  cpu_set_t all_ = own_processors();
};

TEST_F(Processors, OneIsTakenFromAThreadUntilItTakesAll) {
  if (CPU_COUNT(&all_) < 2) GTEST_SKIP() << "a thread can be kept off only where there are two processors";
  const Seen seen = seen_by_thread(OtherProcessors());
  EXPECT_EQ(CPU_COUNT(&seen.confined), CPU_COUNT(&all_) - 1);
  EXPECT_TRUE(CPU_EQUAL(&seen.afterwards, &all_));
}

TEST_F(Processors, TheOnlyOneIsLeftToAThread) {
  pin_to_ours();
  const cpu_set_t only = own_processors();
  const Seen seen = seen_by_thread(OtherProcessors());
  EXPECT_TRUE(CPU_EQUAL(&seen.confined, &only));
  EXPECT_TRUE(CPU_EQUAL(&seen.afterwards, &only));  // and no other one is taken
}

}  // namespace
}  // namespace plyroot::linux_api
