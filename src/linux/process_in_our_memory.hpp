#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "linux/descriptor.hpp"
#include "linux/processors.hpp"

namespace plyroot::linux_api {

/// A process that begins in our memory, as that of vfork(2) does, but while we go on: no page table is copied for it,
/// and neither side pays for the pages that it writes to afterwards. It has descriptors, a working directory, a umask
/// and signal handlers of its own, and the namespaces that it is made in. A thread of ours waits for as long as the
/// process is in our memory, and lends it what is the thread's own (errno, the allocator's arena): so it may do all
/// that a thread may, and our memory lasts as long as it does, also where we end. It leaves by executing a program, or
/// by ending. Where it is killed meanwhile, it may have held the lock of the thread's part of the allocator: we must
/// not fork afterwards, which takes all of them. Where we are killed while we fork, it waits for good when it next
/// needs more than that part has at hand.
///
/// It begins on another processor than ours (processors.hpp).
class ProcessInOurMemory {
 public:
  /// A program that the process executes, without environment.
  struct Execution {
    int program = -1;  ///< a descriptor of it (open(2), O_PATH)
    std::vector<std::string> arguments;
    std::vector<int> kept;  ///< the descriptors that it has, by the same numbers, beside 0 to 2
  };
  /// What the process does when its body has returned: it ends, with this exit code, or executes a program.
  using Next = std::variant<int, Execution>;

  /// For the process itself.
  class Inside {
   public:
    /// Until this it is kept off the processor that we ran on when it was made.
    void use_all_processors() const noexcept { processors_.take_all(); }

   private:
    OtherProcessors processors_;
    friend class ProcessInOurMemory;
  };

  /// Runs in the process, where all signals are blocked. It must not throw, and what it allocates and has not freed
  /// when it returns, nobody frees.
  /// @param connection the number of the descriptor that it was given; its copy is its own
  /// @param failed nothing; where it is called again, what it has returned and could not be executed
  using Body = std::function<Next(Inside&, int connection, const Execution* failed)>;

  /// @param namespaces CLONE_NEW...
  /// @param connection ours is closed when the process has left, so that who has the other end sees that; may be none
  /// @throws SystemError where no thread can be made
  ProcessInOurMemory(int namespaces, Descriptor connection, Body body);
  /// The process is left to itself: neither is it waited for, nor is it killed.
  ~ProcessInOurMemory() = default;
  ProcessInOurMemory(const ProcessInOurMemory&) = delete;
  ProcessInOurMemory& operator=(const ProcessInOurMemory&) = delete;

  /// Until it has executed a program, or has ended and been waited for.
  /// @return where the kernel has made no process, its errno; else 0
  int wait_until_left() noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;  // the lent thread's too
};

}  // namespace plyroot::linux_api
