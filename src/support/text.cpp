#include "support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace plyroot {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool needs_no_quotes(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("@%+=:,./-_").find(c) != std::string_view::npos;
}

/// A character of UTF-8; none (length 0) where there is none that is well formed.
struct Character {
  char32_t code = 0;
  std::size_t length = 0;
};

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80         ? 1
                             : (byte(0) >> 5) == 6  ? 2
                             : (byte(0) >> 4) == 14 ? 3
                             : (byte(0) >> 3) == 30 ? 4
                                                    : 0;
  if (length == 0 || length > text.size()) return {};
  char32_t code = length == 1 ? byte(0) : byte(0) & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) >> 6) != 2) return {};
    code = code << 6U | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};  // of each length: else it is overlong
  const bool is_one = code >= least[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return is_one ? Character{code, length} : Character{};
}

/// What a terminal obeys or shows as something else: control characters, also those beyond ASCII; what changes the
/// direction of a text or has no width; separators of lines.
bool is_unsafe(char32_t code) {
  constexpr std::array<std::pair<char32_t, char32_t>, 6> ranges{
      {{0x00, 0x1f}, {0x7f, 0x9f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}}};
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return code >= range.first && code <= range.second; });
}

/// Takes the first character of a text, in a form that is safe to be shown.
std::string take_safe(std::string_view& text) {
  const Character character = first_character(text);
  const std::string_view taken = text.substr(0, std::max<std::size_t>(character.length, 1));
  text.remove_prefix(taken.size());
  if (character.length != 0 && !is_unsafe(character.code)) return std::string(taken);
  std::string escaped;
  for (const char byte : taken)
    escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  return escaped;
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = trim(text)).empty()) {
    const auto end = static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_space) - text.begin());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

std::string quote_for_display(std::span<const std::string> words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && std::all_of(word.begin(), word.end(), needs_no_quotes)) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) {
      if (c == '\'') {
        line += "'\\''";
      } else {
        line += c;
      }
    }
    line += '\'';
  }
  return line;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string result;
  while (!text.empty() && result.size() < limit)
    result += take_safe(text);
  return text.empty() ? result : result + "...";
}

std::string printable_lines(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (text.front() == '\n' || text.front() == '\t') {
      result += text.front();
      text.remove_prefix(1);
    } else {
      result += take_safe(text);
    }
  }
  return result;
}

}  // namespace plyroot
