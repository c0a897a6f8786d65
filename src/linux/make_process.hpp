#pragma once

#include <sched.h>

#ifdef __SANITIZE_THREAD__
// The C library's other name for clone(2). What the thread sanitizer puts in its place takes each call for a fork(2),
// and no longer sees which locks the caller takes where the new process has worked in the same memory.
extern "C" int __clone(int (*body)(void*), void* stack, int flags, void* argument, ...) noexcept;
#endif

namespace plyroot::linux_api {

/// clone(2), for a process that begins in our memory.
#ifdef __SANITIZE_THREAD__
constexpr auto make_process = __clone;
#else
constexpr auto make_process = clone;
#endif

}  // namespace plyroot::linux_api
