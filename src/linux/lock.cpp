#include "linux/lock.hpp"

#include <cerrno>

#include "linux/uninterrupted.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace {

struct flock range(short type, off_t byte) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

int try_fcntl(int file, int command, struct flock& wanted) {
  return uninterrupted([&] { return fcntl(file, command, &wanted); });
}

}  // namespace

void LockFile::lock(off_t byte) {
  struct flock wanted = range(F_WRLCK, byte);
  if (try_fcntl(file_.get(), F_OFD_SETLKW, wanted) < 0) throw_errno(errno, "lock", shown_path(file_.get()));
}

bool LockFile::try_lock(off_t byte) {
  struct flock wanted = range(F_WRLCK, byte);
  if (try_fcntl(file_.get(), F_OFD_SETLK, wanted) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  throw_errno(errno, "lock", shown_path(file_.get()));
}

void LockFile::unlock(off_t byte) {
  struct flock wanted = range(F_UNLCK, byte);
  if (try_fcntl(file_.get(), F_OFD_SETLK, wanted) < 0) throw_errno(errno, "unlock", shown_path(file_.get()));
}

bool LockFile::is_held_elsewhere(off_t byte) const {
  struct flock wanted = range(F_WRLCK, byte);
  if (try_fcntl(file_.get(), F_OFD_GETLK, wanted) < 0) throw_errno(errno, "ask for a lock of", shown_path(file_.get()));
  return wanted.l_type != F_UNLCK;
}

}  // namespace plyroot::linux_api
