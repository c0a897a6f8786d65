#include "cli/help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "cli/option_table.hpp"
#include "support/text.hpp"

namespace plyroot::cli {
namespace {

constexpr std::size_t width = 94;
constexpr std::size_t help_column = 32;

constexpr std::string_view usage = R"(Usage: plyroot [OPTION...] COMMAND [ARGUMENT...]
       plyroot [OPTION...] [--rebuild] SRPM...
       plyroot [OPTION...] {--shell | --chroot} -- PROGRAM [ARGUMENT...]

Build roots with overlayfs snapshots, for mock's configurations and with mock's options.
Options and arguments may come in any order, up to "--"; of several commands the last counts.
A command may also be the first argument, without its dashes: plyroot init.
)";

constexpr auto headings = std::to_array<std::pair<Section, std::string_view>>({
    {Section::roots, "Roots"},
    {Section::snapshots, "Snapshots"},
    {Section::sessions, "In a root"},
    {Section::packages, "Packages"},
    {Section::builds, "Building"},
    {Section::information, "Information"},
    {Section::configuration, "Configuration"},
    {Section::running, "How it runs"},
    {Section::output, "Output"},
});

/// A text broken into lines at its blanks: the first begins at the column where `out` stands, the others at `indent`.
void append_wrapped(std::string& out, std::size_t column, std::size_t indent, std::string_view text) {
  bool line_is_empty = true;
  for (const std::string& word : split_words(text)) {
    if (!line_is_empty && column + 1 + word.size() > width) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
      line_is_empty = true;
    }
    if (!line_is_empty) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    line_is_empty = false;
  }
  out += '\n';
}

/// How an option is typed: "  -i, --install PACKAGE...".
std::string spelling(const OptionRow& row) {
  std::string text = row.letter == '\0' ? "      " : fmt::format("  -{}, ", row.letter);
  text += row.flag();
  if (row.values != Values::none) text += fmt::format(" {}", row.value_name);
  if (!row.operands.synopsis.empty()) text += fmt::format(" {}", row.operands.synopsis);
  return text;
}

void append_option(std::string& out, const OptionRow& row) {
  std::string left = spelling(row);
  if (left.size() + 2 > help_column) {
    out += left + '\n';
    left.clear();
  }
  left.resize(help_column, ' ');
  out += left;
  append_wrapped(
      out, help_column, help_column,
      row.choices.empty() ? std::string(row.help) : fmt::format("{} ({})", row.help, fmt::join(row.choices, ", ")));
}

void append_not_there_yet(std::string& out) {
  std::string names;
  for (const OptionRow& row : option_table()) {
    if (row.supported()) continue;
    if (!names.empty()) names += ", ";
    names += row.flag();
  }
  if (names.empty()) return;
  out += "\nOf mock, but not there yet in plyroot, and refused:\n  ";
  append_wrapped(out, 2, 2, names);
}

}  // namespace

std::string help_text() {
  std::string out(usage);
  for (const auto& [section, heading] : headings) {
    out += fmt::format("\n{}:\n", heading);
    for (const OptionRow& row : option_table()) {
      if (row.section == section && row.supported()) append_option(out, row);
    }
  }
  append_not_there_yet(out);
  out += "\nThe manual has more: man plyroot\n";
  return out;
}

std::string version_text() {
  return "plyroot " PLYROOT_VERSION "\n";
}

}  // namespace plyroot::cli
