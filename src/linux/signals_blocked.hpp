#pragma once

#include <signal.h>

namespace plyroot::linux_api {

/// No signal is handled in this thread while this lives, nor in what it starts meanwhile until that says otherwise: a
/// handler must not run in a child that shares our memory.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace plyroot::linux_api
