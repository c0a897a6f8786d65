#include "support/error.hpp"

#include <fmt/format.h>
#include <string.h>

#include <array>
#include <cerrno>
#include <utility>

namespace plyroot {

Error::Error(const std::string& message, std::string advice, ExitCode exit_code)
    : std::runtime_error(message), advice_(std::move(advice)), exit_code_(exit_code) {}

SystemError::SystemError(int error_number, std::string_view tried, std::string advice, ExitCode exit_code)
    : Error(fmt::format("cannot {}: {}", tried, describe_errno(error_number)),
            advice.empty() && is_want_of_room(error_number)
                ? "The file system is full: free some space (plyroot's own trash is emptied in the background), then "
                  "run the command again."
                : std::move(advice),
            exit_code),
      error_number_(error_number) {}

bool is_want_of_room(int error_number) noexcept {
  return error_number == ENOSPC || error_number == EDQUOT;
}

void throw_errno(std::string_view action, std::string_view object) {
  const int error_number = errno;
  throw_errno(error_number, action, object);
}

void throw_errno(int error_number, std::string_view action, std::string_view object) {
  throw SystemError(error_number, object.empty() ? std::string(action) : fmt::format("{} {}", action, object));
}

std::string describe_errno(int error_number) {
  std::array<char, 128> buffer{};
  return strerror_r(error_number, buffer.data(), buffer.size());
}

}  // namespace plyroot
