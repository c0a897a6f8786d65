#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace plyroot {

/// The exit codes of a command. They are mock's (mockbuild/exception.py), and stable: users' scripts know them.
enum class ExitCode : int {
  success = 0,
  failure = 1,              ///< anything without a code of its own; also: a build failed
  configuration = 3,        ///< a configuration that is not there or cannot be evaluated
  usage = 5,                ///< a wrong option, or one of mock's that plyroot does not have yet
  architecture = 6,         ///< a package cannot be built for this architecture
  interrupted = 7,          ///< SIGINT
  build_requirements = 10,  ///< what a package needs to be built cannot be found out
  timed_out = 11,           ///< a command that was given so much time needed more
  root = 20,                ///< the build root cannot be made or entered
  package_manager = 30,     ///< the package manager failed
  source_package = 40,      ///< a source package that cannot be read
  missing_argument = 50,    ///< a command without the arguments that it needs
  in_use = 60,              ///< the build root is in use by somebody else
  result_directory = 70,    ///< the result directory cannot be made
  namespaces = 80,          ///< the kernel refused the namespaces
};

/// What went wrong, in the words of a helpful person: what was tried, on what, why it failed (what()), and what to do
/// about it (advice(), may be empty). Thrown where the reason is known, printed once, by main.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::string advice = {}, ExitCode exit_code = ExitCode::failure);

  [[nodiscard]] const std::string& advice() const noexcept { return advice_; }
  [[nodiscard]] ExitCode exit_code() const noexcept { return exit_code_; }

 private:
  std::string advice_;
  ExitCode exit_code_;
};

/// A system call that failed: keeps the errno that it set.
class SystemError : public Error {
 public:
  /// @param error_number the errno, taken before anything else could change it
  /// @param tried what was tried and on what, as in "open /etc/mock/default.cfg"
  SystemError(int error_number, std::string_view tried, std::string advice = {},
              ExitCode exit_code = ExitCode::failure);

  [[nodiscard]] int error_number() const noexcept { return error_number_; }

 private:
  int error_number_;
};

/// Whether something fails with this errno because there is no room: the disk is full, or a quota is used up.
bool is_want_of_room(int error_number) noexcept;

/// Throws SystemError with the errno of now. The arguments are evaluated by the caller before this reads errno, so pass
/// strings that exist already, or use throw_system_error(errno, ...) with the errno captured first.
[[noreturn]] void throw_errno(std::string_view action, std::string_view object = {});
[[noreturn]] void throw_errno(int error_number, std::string_view action, std::string_view object = {});

/// The kernel's words for an errno ("No such file or directory"), as strerror(3) has them; safe in threads.
std::string describe_errno(int error_number);

}  // namespace plyroot
