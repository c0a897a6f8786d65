#include "linux/thread.hpp"

#include <sched.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "linux/mount.hpp"
#include "linux/signals_blocked.hpp"
#include "support/error.hpp"

namespace plyroot::linux_api {
namespace {

std::thread start_thread(const std::function<void()>& body) {
  const SignalsBlocked for_the_thread_too;
  try {
    return std::thread(body);
  } catch (const std::system_error& error) {
    throw_errno(error.code().value(), "start a thread");
  }
}

void run_apart(int shared_no_more, const std::function<void()>& body) {
  std::exception_ptr thrown;
  start_thread([&] {
    try {
      if (unshare(shared_no_more) < 0) throw_errno(errno, "part a thread from its process");
      body();
    } catch (...) {
      thrown = std::current_exception();
    }
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace

void run_in_mount_namespace(int mount_namespace, const std::function<void()>& body) {
  run_apart(CLONE_FS, [&] {
    if (setns(mount_namespace, CLONE_NEWNS) < 0) throw_errno(errno, "enter another mount namespace");
    body();
  });
}

void run_in_own_mount_namespace(const std::function<void()>& body) {
  run_apart(CLONE_NEWNS, [&] {
    stop_mount_propagation(false);
    body();
  });
}

void run_with_own_descriptors(const std::function<void()>& body) {
  run_apart(CLONE_FILES, body);
}

Meanwhile::Meanwhile(std::function<void()> work) : work_(std::move(work)) {
  const auto run = [this] {
    try {
      work_();
    } catch (...) {
      thrown_ = std::current_exception();
    }
  };
  try {
    thread_ = start_thread(run);
  } catch (const SystemError&) {
    run();
  }
}

Meanwhile::~Meanwhile() {
  if (thread_.joinable()) thread_.join();
}

void Meanwhile::wait() {
  if (thread_.joinable()) thread_.join();
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

}  // namespace plyroot::linux_api
