#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace plyroot {

/// The parts of a text between separators; an empty text has one empty part.
std::vector<std::string> split(std::string_view text, char separator);

/// The words of a text, as white space separates them; none for a blank text.
std::vector<std::string> split_words(std::string_view text);

std::string join(std::span<const std::string> parts, std::string_view separator);

/// The text without the white space at its ends.
std::string_view trim(std::string_view text);

/// Words as a user would type them in a shell, quoted where a shell would need it: for messages and logs, never to be
/// given to a shell.
std::string quote_for_display(std::span<const std::string> words);

/// A text from outside (a name, a path, a file's content) fit for one line on a terminal: control characters and bytes
/// that are no UTF-8 are written as \xNN, and so is what changes a text's direction; what is longer than `limit` bytes
/// is cut.
std::string printable(std::string_view text, std::size_t limit = 200);
/// The same for a whole message: its ends of lines and tabs stay, and nothing is cut.
std::string printable_lines(std::string_view text);

}  // namespace plyroot
