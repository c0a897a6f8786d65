#include "linux/terminal.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "support/error.hpp"

namespace plyroot::linux_api {
namespace {

constexpr std::array handed_on{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/// Our terminal passes every key on as it is, as long as this lives.
class RawTerminal {
 public:
  explicit RawTerminal(bool wanted) : active_(wanted && tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!active_) return;
    termios raw = before_;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  ~RawTerminal() {
    if (active_) tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  [[nodiscard]] bool active() const { return active_; }

 private:
  termios before_{};
  bool active_;
};

/// A child that has a session of its own is no part of our group, which a key on the terminal would interrupt.
void send_to_group(const Child& child, int signal) {
  if (getpgid(child.id()) == child.id()) {
    kill(-child.id(), signal);
  } else {
    child.send_signal(signal);
  }
}

void copy_window_size(int master) {
  winsize size{};
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
      ioctl(master, TIOCSWINSZ, &size);
      return;
    }
  }
}

/// @returns false where there is nothing left to carry
bool carry(int from, int to) {
  std::array<char, 4096> buffer{};
  const ssize_t got = read(from, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  write_all(to, std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  return true;
}

}  // namespace

PseudoTerminal open_pseudo_terminal(int devpts) {
  PseudoTerminal terminal;
  terminal.master = open_at(devpts, "ptmx", O_RDWR | O_NOCTTY);
  int unlocked = 0;
  if (ioctl(terminal.master.get(), TIOCSPTLCK, &unlocked) < 0) throw_errno(errno, "unlock a pseudo-terminal");
  terminal.slave = Descriptor(ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.slave) throw_errno(errno, "open a pseudo-terminal");
  return terminal;
}

ForegroundSignals::ForegroundSignals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : handed_on)
    sigaddset(&wanted, signal);
  sigaddset(&wanted, SIGWINCH);
  sigprocmask(SIG_BLOCK, &wanted, &before_);
  queue_ = Descriptor(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!queue_) throw_errno(errno, "wait for signals");
}

ForegroundSignals::~ForegroundSignals() {
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> ForegroundSignals::next() const {
  signalfd_siginfo info{};
  if (read(queue_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

ExitStatus attend(Child& child, int master, const ForegroundSignals& signals) {
  const int output = isatty(STDOUT_FILENO) != 0 ? STDOUT_FILENO : STDERR_FILENO;
  const RawTerminal raw(master >= 0 && isatty(STDIN_FILENO) != 0);
  if (master >= 0) copy_window_size(master);
  std::array<pollfd, 4> watched{{{child.pidfd(), POLLIN, 0},
                                 {signals.descriptor(), POLLIN, 0},
                                 {master, POLLIN, 0},
                                 {raw.active() ? STDIN_FILENO : -1, POLLIN, 0}}};
  for (;;) {
    if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) throw_errno(errno, "wait for a program");
    while (const auto signal = signals.next()) {
      if (*signal == SIGWINCH) {
        if (master >= 0) copy_window_size(master);
        continue;
      }
      send_to_group(child, *signal);
    }
    if (watched[2].revents != 0 && !carry(master, output)) watched[2].fd = -1;
    if (watched[3].revents != 0 && !carry(STDIN_FILENO, master)) {
      const char end_of_file = 4;
      write_all(master, std::string_view(&end_of_file, 1));
      watched[3].fd = -1;
    }
    if (watched[0].revents == 0) continue;
    const ExitStatus status = child.wait();
    // What it wrote last may still be on its way.
    pollfd rest{master, POLLIN, 0};
    while (master >= 0 && poll(&rest, 1, 0) > 0 && (rest.revents & POLLIN) != 0 && carry(master, output)) {
    }
    return status;
  }
}

}  // namespace plyroot::linux_api
