#pragma once

#include <sys/types.h>

#include "linux/descriptor.hpp"

namespace plyroot::linux_api {

/// Locks on single bytes of a file, each a lock of its own, held by the open file description (fcntl(2), F_OFD_SETLK):
/// the kernel lets go of them when the last descriptor of that description is closed, whatever kills its holders.
class LockFile {
 public:
  /// Takes over a descriptor of a regular file open for reading and writing.
  explicit LockFile(Descriptor file) : file_(std::move(file)) {}

  /// Waits until nobody else holds the byte, then holds it. @throws SystemError
  void lock(off_t byte);
  /// @returns false at once where somebody else holds it
  [[nodiscard]] bool try_lock(off_t byte);
  void unlock(off_t byte);
  /// Whether somebody else holds it now.
  [[nodiscard]] bool is_held_elsewhere(off_t byte) const;

  [[nodiscard]] int descriptor() const { return file_.get(); }
  /// It is the caller's from now on.
  [[nodiscard]] int release() noexcept { return file_.release(); }

 private:
  Descriptor file_;
};

/// Holds one byte of a LockFile as long as it lives. Those who wait for it get it in turn.
class HeldLock {
 public:
  HeldLock(LockFile& file, off_t byte) : file_(&file), byte_(byte), had_to_wait_(!file.try_lock(byte)) {
    if (had_to_wait_) file.lock(byte);
  }
  ~HeldLock() { release(); }
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;
  void release() {
    if (file_ != nullptr) std::exchange(file_, nullptr)->unlock(byte_);
  }
  /// Whether somebody else held it when it was asked for.
  [[nodiscard]] bool had_to_wait() const { return had_to_wait_; }

 private:
  LockFile* file_;
  off_t byte_;
  bool had_to_wait_;
};

}  // namespace plyroot::linux_api
