#pragma once

#include <exception>
#include <functional>
#include <thread>

namespace plyroot::linux_api {

/// Threads that part from their process in one thing and have everything else in common with it. They do what else a
/// process of its own would be needed for; but a fork of a large process, mock's, costs it the memory that it writes to
/// afterwards. The caller waits for them; no signal is handled in them; what `body` throws is thrown to the caller.
/// "/proc/thread-self" is what they see of themselves: "/proc/self" is the process's first thread.

/// Runs `body` in another mount namespace, its root and working directory being that one's (setns(2)).
/// @param mount_namespace a descriptor of it (/proc/PID/ns/mnt)
void run_in_mount_namespace(int mount_namespace, const std::function<void()>& body);

/// The same in a copy of the caller's mount namespace: nobody else sees what is mounted there, and it goes with it
/// (unshare(2), CLONE_NEWNS).
void run_in_own_mount_namespace(const std::function<void()>& body);

/// Runs `body` with descriptors of its own, copies of the process's at the beginning (unshare(2), CLONE_FILES). POSIX
/// locks belong to a table of descriptors: those of the process are others' there, and are not lost when `body` closes
/// a file that has them (fcntl(2), "Advisory record locking").
void run_with_own_descriptors(const std::function<void()>& body);

/// Work that waits, for the disk say, while the caller goes on: in a thread, in which no signal is handled.
class Meanwhile {
 public:
  /// Where there can be no thread, the work is done when this returns.
  explicit Meanwhile(std::function<void()> work);
  /// Waits for the work to be done. What it threw is lost with an exception that ended the caller before wait().
  ~Meanwhile();
  Meanwhile(const Meanwhile&) = delete;
  Meanwhile& operator=(const Meanwhile&) = delete;

  /// Waits for the work to be done. @throws what it threw, once
  void wait();

 private:
  std::function<void()> work_;
  std::exception_ptr thrown_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace plyroot::linux_api
