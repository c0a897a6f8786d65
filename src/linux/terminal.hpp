#pragma once

#include <signal.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "linux/descriptor.hpp"
#include "linux/process.hpp"

namespace plyroot::linux_api {

/// Both ends of a pseudo-terminal (pty(7)).
struct PseudoTerminal {
  Descriptor master;
  Descriptor slave;
};

/// Makes a pseudo-terminal of the devpts file system whose root directory this is, so that it has its name inside.
PseudoTerminal open_pseudo_terminal(int devpts);

/// While it lives, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 and SIGWINCH do nothing but queue here. Made
/// before a program is started, so that none is lost between its start and attend().
class ForegroundSignals {
 public:
  ForegroundSignals();
  ~ForegroundSignals();
  ForegroundSignals(const ForegroundSignals&) = delete;
  ForegroundSignals& operator=(const ForegroundSignals&) = delete;

  /// Readable where one has come.
  [[nodiscard]] int descriptor() const { return queue_.get(); }
  /// The number of the next one; nothing where none has come.
  [[nodiscard]] std::optional<int> next() const;

 private:
  Descriptor queue_;
  sigset_t before_{};
};

/// Waits for a program that runs in the foreground on our behalf: hands SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and
/// SIGUSR2 that reach us on to it (and to its group where it leads one), and, where `master` is valid, carries what is
/// typed on our terminal to it and what it writes to our output, in raw mode, with the size of our window, until it
/// ends.
ExitStatus attend(Child& child, int master, const ForegroundSignals& signals);

}  // namespace plyroot::linux_api
