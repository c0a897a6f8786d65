#include "packages/output_lines.hpp"

#include "support/text.hpp"

namespace plyroot::packages {

std::string without_colours(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at, 2) != "\x1b[") {
      plain += text[at++];
      continue;
    }
    std::size_t end = at + 2;
    while (end < text.size() && (text[end] == ';' || (text[end] >= '0' && text[end] <= '9')))
      ++end;
    const bool is_code = end < text.size() && (text[end] == 'm' || text[end] == 'K');
    if (!is_code) plain += text[at];
    at = is_code ? end + 1 : at + 1;
  }
  return plain;
}

void OutputLines::add(std::string_view piece) {
  for (std::size_t end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
    unfinished_ += piece.substr(0, end);
    take(unfinished_);
    unfinished_.clear();
    piece.remove_prefix(end + 1);
  }
  unfinished_ += piece;
  if (unfinished_.size() > longest_line) finish();
}

void OutputLines::finish() {
  take(unfinished_);
  unfinished_.clear();
}

void OutputLines::take(std::string_view line) {
  while (line.ends_with('\r'))
    line.remove_suffix(1);
  line.remove_prefix(line.find_last_of('\r') + 1);  // npos + 1 is 0: none
  const std::string plain = without_colours(line);
  if (trim(plain).empty()) return;
  handle_(plain);
  tail_.push_back(plain);
  if (tail_.size() > tail_length) tail_.pop_front();
}

std::string OutputLines::tail() const {
  std::string text;
  for (const std::string& line : tail_) {
    if (!text.empty()) text += '\n';
    text += line;
  }
  return text;
}

}  // namespace plyroot::packages
