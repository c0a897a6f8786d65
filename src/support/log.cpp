#include "support/log.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <utility>

#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot {
namespace {

/// Appends formatted lines to a descriptor that it owns.
class DescriptorSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {}
  ~DescriptorSink() override { close(fd_); }
  DescriptorSink(const DescriptorSink&) = delete;
  DescriptorSink& operator=(const DescriptorSink&) = delete;

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string_view rest(line.data(), line.size());
    while (!rest.empty()) {
      const ssize_t written = write(fd_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw_errno("write to a log in the result directory");
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void flush_() override {}

 private:
  int fd_;
};

std::unique_ptr<spdlog::logger> file_logger(int fd, const char* pattern) {
  auto logger = std::make_unique<spdlog::logger>("file", std::make_shared<DescriptorSink>(fd));
  logger->set_pattern(pattern);
  logger->set_level(spdlog::level::debug);
  logger->set_error_handler([](const std::string& reason) { std::fprintf(stderr, "WARNING: %s\n", reason.c_str()); });
  return logger;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

/// The logs in the result directory, in the forms of mock's logging.ini: "detailed" for root.log, "state" for
/// state.log.
struct Log::Files {
  std::unique_ptr<spdlog::logger> root;
  std::unique_ptr<spdlog::logger> state;
};

struct Log::Line {
  enum class Place { root_log, both };

  Place place;
  LogLevel level;
  std::string text;
  spdlog::log_clock::time_point time = spdlog::log_clock::now();
};

Log::Log(LogLevel console_level) : console_level_(console_level) {}
Log::Log(Listener listener) : listener_(std::move(listener)) {}
Log::~Log() = default;

void Log::set_console_level(LogLevel level) {
  console_level_ = level;
}
LogLevel Log::console_level() const {
  return console_level_;
}

void Log::open_files(int root_log_fd, int state_log_fd) {
  files_ = std::make_unique<Files>(
      Files{file_logger(root_log_fd, "%l plyroot:  %v"), file_logger(state_log_fd, "%Y-%m-%d %H:%M:%S,%e - %v")});
  keeping_ = false;
  for (Line& line : std::exchange(kept_, {}))
    write_to_files(std::move(line));
}

void Log::keep_for_files() {
  keeping_ = files_ == nullptr;
}

void Log::write_to_files(Line line) {
  if (keeping_) {
    kept_.push_back(std::move(line));
    return;
  }
  if (!files_) return;
  const auto level = spdlog_level(line.level);
  if (line.place == Line::Place::both) files_->state->log(line.time, {}, level, line.text);
  files_->root->log(line.time, {}, level, line.text);
}

void Log::say(LogLevel level, std::string_view message) {
  if (listener_) return listener_(level, message);
  if (level >= console_level_) {
    static constexpr const char* prefixes[] = {"DEBUG: ", "INFO: ", "WARNING: ", "ERROR: "};
    const std::string line = fmt::format("{}{}\n", prefixes[static_cast<int>(level)], printable_lines(message));
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  write_to_files({Line::Place::root_log, level, std::string(message)});
}

void Log::root_only(std::string_view message) {
  if (listener_) return listener_(LogLevel::debug, message);
  if (tracing_) std::fprintf(stderr, "TRACE: %s\n", printable_lines(message).c_str());
  write_to_files({Line::Place::root_log, LogLevel::debug, std::string(message)});
}

void Log::state(std::string_view verb, std::string_view what) {
  const std::string line = fmt::format("{}: {}", verb, what);
  if (listener_) return listener_(LogLevel::info, line);
  if (console_level_ <= LogLevel::info) std::fprintf(stderr, "%s\n", printable_lines(line).c_str());
  write_to_files({Line::Place::both, LogLevel::info, line});
}

Log::Step::Step(Log& log, std::string what) : log_(log), what_(std::move(what)) {
  log_.state("Start", what_);
}
Log::Step::~Step() {
  log_.state("Finish", what_);
}

}  // namespace plyroot
