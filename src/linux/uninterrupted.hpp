#pragma once

#include <cerrno>

namespace plyroot::linux_api {

/// Does a system call that gives -1 where it fails, and once more where a signal interrupted it (EINTR, signal(7)).
template <class Call>
auto uninterrupted(const Call& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace plyroot::linux_api
