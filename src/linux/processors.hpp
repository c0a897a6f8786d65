#pragma once

#include <sched.h>
#include <sys/types.h>

#include <optional>

namespace plyroot::linux_api {

/// The processors that a process may run on (sched_setaffinity(2)): its children begin with the same.
class Processors {
 public:
  /// Those of this process.
  static Processors own() noexcept;

  /// Takes the one that we run on from a child that has just been made, if there is another one for it. A new process
  /// is put beside its parent, three times of four, even where another processor has nothing to do (seen with Linux
  /// 6.18 on two of them), and begins there when the parent waits for something.
  void keep_off_ours(pid_t child) const noexcept;
  /// Gives this process all of them.
  void use() const noexcept;

 private:
  std::optional<cpu_set_t> set_;  // nothing where the kernel knows more than fit in: then nothing is changed
};

}  // namespace plyroot::linux_api
