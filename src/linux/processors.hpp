#pragma once

#include <pthread.h>
#include <sched.h>

namespace plyroot::linux_api {

/// The processors but the one that we run on (sched_setaffinity(2)), for a process that begins while we go on. The
/// kernel mostly puts a new one beside its parent, even where another processor has nothing to do (seen with
/// Linux 6.18 on two of them), and there it begins when the parent waits for something. Does nothing where
/// there is one processor only, or more than a cpu_set_t holds, or where the kernel refuses.
class OtherProcessors {
 public:
  OtherProcessors() noexcept;
  /// A thread of ours, and what it makes from now on, has these only.
  void confine(pthread_t thread) const noexcept;
  /// The caller may use again all that could be used when this was made.
  void take_all() const noexcept;

 private:
  cpu_set_t all_{};
  cpu_set_t others_{};
  bool exist_ = false;
};

}  // namespace plyroot::linux_api
