#include "linux/emptying.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "linux/directory.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {
namespace {

/// A small tree is gone before a thread has begun.
constexpr std::size_t names_worth_help = 1000;
constexpr auto watch_interval = std::chrono::milliseconds(100);

bool is_directory_errno(int error_number) {
  return error_number == EISDIR || error_number == EPERM;  // Linux says the one, POSIX the other
}

class Emptying {
 public:
  explicit Emptying(int directory) : top_(directory) {
    for (std::string& name : list_names(directory))
      add(std::move(name));
  }

  /// Brings all directories to the top, and counts all names.
  void flatten() {
    std::size_t next = 0;
    while (next < names_.size()) {  // which grows meanwhile
      const std::string name = names_[next++];
      ++all_;
      const Descriptor directory = open_directory(name);
      if (!directory) continue;
      for (const DirectoryEntry& entry : list_entries(directory.get()))
        if (!entry.may_be_directory || !bring_to_top(directory.get(), entry.name)) ++all_;
    }
  }

  void remove_all(const RemovalWatch& watch) {
    watch_ = watch;
    work(true);
    helpers_.clear();  // waits for them
    if (watch) watch(removed_, all_);
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void add(std::string name) {
    {
      const std::lock_guard lock(mutex_);
      names_.push_back(std::move(name));
      ++unfinished_;
    }
    changed_.notify_one();
  }

  void work(bool is_caller) {
    std::unique_lock lock(mutex_);
    while (unfinished_ > 0) {
      if (names_.empty()) {
        changed_.wait_for(lock, watch_interval);
        if (is_caller) tell();
        continue;
      }
      const std::string name = std::move(names_.front());
      names_.pop_front();
      lock.unlock();
      std::exception_ptr failure;
      try {
        remove(name, is_caller);
      } catch (const std::exception&) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure && !failure_) failure_ = failure;
      if (--unfinished_ == 0) changed_.notify_all();
    }
  }

  /// What the caller's thread sees to between two names.
  void between_names() {
    if (!has_asked_for_help_ && removed_ >= names_worth_help) {
      has_asked_for_help_ = true;
      try {
        for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i)
          helpers_.emplace_back([this] { work(false); });
      } catch (const std::system_error&) {
        return;  // then with those there are
      }
    }
    tell();
  }

  void tell() {
    const auto now = std::chrono::steady_clock::now();
    if (!watch_ || now - told_ < watch_interval) return;
    told_ = now;
    watch_(removed_, all_);
  }

  /// An invalid Descriptor where the name is none of a directory (any more).
  Descriptor open_directory(const std::string& name) const {
    int error_number = 0;
    Descriptor directory =
        try_open_in_root(top_, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, Links::follow_on_this_mount, 0, error_number);
    if (!directory && error_number == EXDEV) refuse_to_remove_mount(name);
    if (!directory && error_number != ENOENT && error_number != ENOTDIR && error_number != ELOOP)
      throw_errno(error_number, "open the directory to be removed", shown_path(top_, name));
    return directory;
  }

  /// @returns false where it is no directory
  bool bring_to_top(int parent, const std::string& name) {
    for (;;) {
      const std::string at_top = fmt::format("moved-{}-{}", getpid(), next_number_++);
      const Descriptor directory(openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!directory) return errno == ENOENT;
      if (renameat2(parent, name.c_str(), top_, at_top.c_str(), RENAME_NOREPLACE) == 0) {
        add(at_top);
        return true;
      }
      if (errno == ENOENT) return true;
      if (errno == EBUSY || errno == EXDEV) refuse_to_remove_mount(name);
      if (is_want_of_room(errno)) {  // a full disk has no room for a name either
        remove_tree(parent, name);
        return true;
      }
      if (errno != EEXIST) throw_errno(errno, "rename the directory to be removed", shown_path(parent, name));
    }
  }

  void remove(const std::string& name, bool is_caller) {
    if (unlinkat(top_, name.c_str(), 0) == 0) {
      ++removed_;
      return;
    }
    if (errno == ENOENT) return;
    if (!is_directory_errno(errno)) throw_errno(errno, "remove", shown_path(top_, name));
    const Descriptor directory = open_directory(name);
    if (!directory) return;
    std::exception_ptr failure;
    for (const std::string& inner : list_names(directory.get())) {
      try {
        remove_in(directory.get(), inner);
      } catch (const std::exception&) {
        if (!failure) failure = std::current_exception();
      }
      if (is_caller) between_names();
    }
    if (failure) std::rethrow_exception(failure);
    if (unlinkat(top_, name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
      throw_errno(errno, "remove the directory", shown_path(top_, name));
    ++removed_;
  }

  void remove_in(int parent, const std::string& name) {
    if (unlinkat(parent, name.c_str(), 0) == 0) {
      ++removed_;
    } else if (is_directory_errno(errno)) {
      const int error_number = errno;
      if (!bring_to_top(parent, name)) throw_errno(error_number, "remove", shown_path(parent, name));
    } else if (errno != ENOENT) {
      throw_errno(errno, "remove", shown_path(parent, name));
    }
  }

  int top_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> names_;  // at the top, not yet begun
  std::size_t unfinished_ = 0;     // those, and those that a worker has in hand
  std::exception_ptr failure_;     // the first one
  std::atomic<std::size_t> next_number_ = 0;
  std::atomic<std::size_t> removed_ = 0;
  std::size_t all_ = 0;
  RemovalWatch watch_;
  std::chrono::steady_clock::time_point told_;
  bool has_asked_for_help_ = false;
  std::vector<std::jthread> helpers_;  // last: they use all the others
};

}  // namespace

void empty_directory(int directory, const RemovalWatch& watch) {
  Emptying emptying(directory);
  if (watch) emptying.flatten();
  emptying.remove_all(watch);
}

}  // namespace plyroot::linux_api
