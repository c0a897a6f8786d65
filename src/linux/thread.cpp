#include "linux/thread.hpp"

#include <sched.h>
#include <signal.h>

#include <cerrno>
#include <exception>
#include <thread>

#include "support/error.hpp"

namespace plyroot::linux_api {
namespace {

void run_apart(int shared_no_more, const std::function<void()>& body) {
  std::exception_ptr thrown;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the thread begins with it
  std::thread thread([&] {
    try {
      if (unshare(shared_no_more) < 0) throw_errno(errno, "part a thread from its process");
      body();
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  thread.join();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace

void run_in_mount_namespace(int mount_namespace, const std::function<void()>& body) {
  run_apart(CLONE_FS, [&] {
    if (setns(mount_namespace, CLONE_NEWNS) < 0) throw_errno(errno, "enter another mount namespace");
    body();
  });
}

void run_with_own_descriptors(const std::function<void()>& body) {
  run_apart(CLONE_FILES, body);
}

}  // namespace plyroot::linux_api
