#pragma once

#include <sched.h>
#include <sys/types.h>

#include <optional>

namespace plyroot::linux_api {

/// Has a child that has just been made begin on another processor than the one that we run on (sched_setaffinity(2)).
/// The kernel mostly puts a new process beside its parent, even where another processor has nothing to do (seen with
/// Linux 6.18 on two of them), and there it begins when the parent waits for something. Does nothing where
/// there is one processor only, or more than a cpu_set_t holds, or where the kernel refuses.
class KeptOffOurProcessor {
 public:
  KeptOffOurProcessor() = default;
  /// @param child one of ours, of one thread, which is not waited for before give_back()
  explicit KeptOffOurProcessor(pid_t child) noexcept;

  /// The child may use all that this thread could when it was made. To be called before it has children of its own.
  void give_back() noexcept;

 private:
  pid_t child_ = -1;
  std::optional<cpu_set_t> all_;  // nothing where nothing was taken
};

}  // namespace plyroot::linux_api
