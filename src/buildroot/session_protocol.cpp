#include "buildroot/session_protocol.hpp"

#include <charconv>

#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

constexpr char separator = '\0';  // the only byte that is in no path
constexpr const char* overlay_tag = "overlay";
constexpr const char* existing_tag = "existing";
constexpr const char* yes = "yes";
constexpr const char* no = "no";

std::optional<bool> read_flag(const std::string& word) {
  if (word == yes) return true;
  if (word == no) return false;
  return std::nullopt;
}

}  // namespace

std::string written(const RootTree& tree) {
  std::string text;
  const auto add = [&text](std::string_view word) { text.append(word).push_back(separator); };
  if (const auto* existing = std::get_if<ExistingTree>(&tree)) {
    add(existing_tag);
    add(existing->directory);
    return text;
  }
  const auto& [overlay, layers_directory] = std::get<OverlayTree>(tree);
  add(overlay_tag);
  add(layers_directory);
  add(overlay.source);
  add(overlay.upper);
  add(overlay.work);
  add(overlay.marks == overlay::Marks::user ? yes : no);
  add(overlay.is_volatile ? yes : no);
  for (const std::string& lower : overlay.lowers)
    add(lower);
  return text;
}

std::optional<RootTree> read_tree(std::string_view text) {
  if (text.empty() || text.back() != separator) return std::nullopt;
  text.remove_suffix(1);
  const std::vector<std::string> words = split(text, separator);
  if (words.size() == 2 && words[0] == existing_tag) return ExistingTree{words[1]};
  constexpr std::size_t fixed = 7;
  if (words.size() <= fixed || words[0] != overlay_tag) return std::nullopt;
  const auto has_user_marks = read_flag(words[5]);
  const auto is_volatile = read_flag(words[6]);
  if (!has_user_marks || !is_volatile) return std::nullopt;
  return OverlayTree{{words[2],
                      {words.begin() + fixed, words.end()},
                      words[3],
                      words[4],
                      *has_user_marks ? overlay::Marks::user : overlay::Marks::trusted,
                      *is_volatile},
                     words[1]};
}

std::string written(const std::exception& error) {
  constexpr std::size_t longest = 2000;
  const auto* ours = dynamic_cast<const Error*>(&error);
  const bool has_code = ours != nullptr && ours->exit_code() != ExitCode::failure;
  return std::to_string(static_cast<int>(has_code ? ours->exit_code() : ExitCode::root)) + separator +
         std::string(error.what()).substr(0, longest) + separator +
         (ours != nullptr ? ours->advice().substr(0, longest) : std::string());
}

Error read_error(std::string_view text) {
  const std::vector<std::string> words = split(text, separator);
  int code = static_cast<int>(ExitCode::root);
  if (words.size() != 3) return Error(std::string(text), {}, ExitCode::root);
  std::from_chars(words[0].data(), words[0].data() + words[0].size(), code);
  return Error(words[1], words[2], static_cast<ExitCode>(code));
}

}  // namespace plyroot::buildroot
