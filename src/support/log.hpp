#pragma once

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace plyroot {

enum class LogLevel { debug, info, warning, error };

/// What a command says while it works: one line a message on standard error, as mock prints them ("INFO: ...",
/// "Start: ..."), and into the log files of the result directory once they are open. One for a process, passed by
/// reference to whoever has something to say.
class Log {
 public:
  /// Says on standard error what is at least of this level.
  explicit Log(LogLevel console_level = LogLevel::info);
  /// Says nothing itself: hands each message to a program that has a log of its own.
  using Listener = std::function<void(LogLevel, std::string_view)>;
  explicit Log(Listener listener);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void set_console_level(LogLevel level);
  [[nodiscard]] LogLevel console_level() const;

  /// From now on what belongs into root.log only is said on standard error too (--trace).
  void set_tracing(bool on) { tracing_ = on; }

  /// What is said from now on is kept, with its time, for files that are opened later.
  void keep_for_files();
  /// From now on root.log and state.log take what is said, after what was kept for them.
  /// Takes over two descriptors open for appending. @throws Error if a log cannot be written to.
  void open_files(int root_log_fd, int state_log_fd);

  void debug(std::string_view message) { say(LogLevel::debug, message); }
  void info(std::string_view message) { say(LogLevel::info, message); }
  void warning(std::string_view message) { say(LogLevel::warning, message); }
  void error(std::string_view message) { say(LogLevel::error, message); }

  /// A line that belongs into root.log only: the output of the package manager, the commands that are run.
  void root_only(std::string_view message);

  /// "Start: what" and, when the value that it returns goes, "Finish: what": on the console, in state.log and root.log.
  class Step {
   public:
    Step(Log& log, std::string what);
    ~Step();
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Log& log_;
    std::string what_;
  };
  [[nodiscard]] Step step(std::string what) { return Step(*this, std::move(what)); }

 private:
  struct Line;
  void say(LogLevel level, std::string_view message);
  void state(std::string_view verb, std::string_view what);
  void write_to_files(Line line);

  struct Files;
  LogLevel console_level_ = LogLevel::info;
  Listener listener_;
  bool tracing_ = false;
  std::unique_ptr<Files> files_;
  bool keeping_ = false;
  std::vector<Line> kept_;
};

}  // namespace plyroot
