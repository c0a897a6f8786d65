#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/options.hpp"

namespace plyroot::cli {

/// The headings of --help, in its order.
enum class Section { roots, snapshots, sessions, packages, builds, information, configuration, running, output };

enum class Values { none, one, two };

/// The arguments that a command takes beside options.
struct Operands {
  static constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

  std::string_view synopsis;
  std::size_t least = 0;
  std::size_t most = 0;
};

/// One of mock's options, or of plyroot's own: all that parsing, --help, the completions' test and the manual's test
/// know about it. Texts are literals, so they end with a NUL.
struct OptionRow {
  using Apply = void (*)(Options&, std::string_view value);

  std::string_view name;  ///< without the dashes
  char letter = '\0';
  Section section = Section::builds;
  std::string_view help;
  bool is_command = false;  ///< says what to do rather than how

  Values values = Values::none;
  std::string_view value_name = {};
  std::span<const std::string_view> choices = {};  ///< the values allowed; empty: any

  std::optional<Mode> mode = {};  ///< what a command is; none where plyroot does not have it yet
  Operands operands = {};
  Apply apply =
      nullptr;  ///< notes the option in an Options; none where a mode says all, or plyroot does not have it yet

  /// Whether plyroot has it; what it has not is refused by its name.
  [[nodiscard]] constexpr bool supported() const { return mode.has_value() || apply != nullptr; }
  /// "--name"
  [[nodiscard]] std::string flag() const;
};

/// All of mock's options and plyroot's own, in the order of --help.
std::span<const OptionRow> option_table();

/// The row of the command that a mode is.
const OptionRow& command_row(Mode mode);

}  // namespace plyroot::cli
