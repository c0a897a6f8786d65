#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "cli/help.hpp"
#include "cli/option_table.hpp"

namespace plyroot::cli {
namespace {

using Names = std::set<std::string>;

std::string path_of(const std::string& file) {
  return PLYROOT_REPOSITORY "/" + file;
}

std::string contents(const std::string& file) {
  std::ifstream stream(path_of(file));
  EXPECT_TRUE(stream) << file;
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// The options, as "--name" and "-n", that plyroot has.
Names supported_options() {
  Names names;
  for (const OptionRow& row : option_table()) {
    if (!row.supported()) continue;
    names.insert(row.flag());
    if (row.letter != '\0') names.insert(std::string("-") + row.letter);
  }
  return names;
}

/// The options that stand in a text, each matched by the first group of the pattern.
Names options_in(const std::string& text, const char* pattern, const std::string& prefix = "") {
  Names names;
  const std::regex regex(pattern);
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match) {
    names.insert(prefix + (*match)[1].str());
  }
  return names;
}

Names operator+(Names names, const Names& more) {
  names.insert(more.begin(), more.end());
  return names;
}

/// The lines of a text that the filter takes.
template <typename Filter>
std::string lines_that(const std::string& text, Filter filter) {
  std::istringstream stream(text);
  std::string kept;
  for (std::string line; std::getline(stream, line);) {
    if (filter(line)) kept += line + '\n';
  }
  return kept;
}

TEST(Help, NamesEverySupportedOptionOnce) {
  const std::string help = help_text();
  for (const OptionRow& row : option_table()) {
    const std::string left = (row.letter == '\0' ? "\n      " : std::string("\n  -") + row.letter + ", ") + row.flag();
    const std::regex spelled(left + "[ \n]");
    EXPECT_EQ(std::distance(std::sregex_iterator(help.begin(), help.end(), spelled), std::sregex_iterator()),
              row.supported() ? 1 : 0)
        << row.name;
  }
}

TEST(Help, NamesWhatIsNotThereYet) {
  const std::string help = help_text();
  const std::string last_part = help.substr(help.find("not there yet"));
  for (const OptionRow& row : option_table()) {
    const bool is_named = std::regex_search(last_part, std::regex(row.flag() + "[,\n]"));
    EXPECT_NE(row.supported(), is_named) << row.name;
  }
}

TEST(Help, FitsAPlainTerminal) {
  std::istringstream help(help_text());
  for (std::string line; std::getline(help, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; })) << line;
  }
}

TEST(Manual, DescribesEverySupportedOptionAndNoOther) {
  std::string manual = contents("docs/man/plyroot.1");
  std::erase(manual, '\\');
  const std::string entries = lines_that(manual, [](const std::string& line) { return line.starts_with(".It Fl "); });
  EXPECT_EQ(options_in(entries, "Fl ([a-zA-Z]|-[a-z_-]+)(?=[ \n])", "-"), supported_options());
}

TEST(Completions, OfBashOfferEverySupportedOptionAndNoOther) {
  const std::string script = contents("completions/plyroot.bash");
  const auto begin = script.find("local commands=");
  const std::string offered = script.substr(begin, script.find("COMPREPLY=()") - begin);
  EXPECT_EQ(options_in(offered, "(--?[a-zA-Z][a-z_-]*)"), supported_options());
}

TEST(Completions, OfZshOfferEverySupportedOptionAndNoOther) {
  const std::string script = contents("completions/_plyroot");
  const std::string offered = lines_that(script.substr(script.find("_arguments -s")),
                                         [](const std::string& line) { return line.find('[') != std::string::npos; });
  const std::regex descriptions(R"(\[[^\]]*\].*)");
  EXPECT_EQ(options_in(std::regex_replace(offered, descriptions, ""), "(--?[a-zA-Z][a-z_-]*)"), supported_options());
}

TEST(Completions, OfFishOfferEverySupportedOptionAndNoOther) {
  const std::string offered = lines_that(contents("completions/plyroot.fish"), [](const std::string& line) {
    return line.starts_with("complete ") && line.find(" -n ") == std::string::npos;
  });
  EXPECT_EQ(options_in(offered, " -l ([a-z_-]+)", "--") + options_in(offered, " -s ([a-zA-Z])", "-"),
            supported_options());
}

/// What bash offers for a command line whose last word is being typed.
std::string completed(const std::string& words) {
  const std::string script = "source '" + path_of("completions/plyroot.bash") + "'; COMP_WORDS=(" + words +
                             "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _plyroot; echo \"${COMPREPLY[*]}\"";
  setenv("PLYROOT_TEST_SCRIPT", script.c_str(), 1);
  FILE* output = popen("bash -c \"$PLYROOT_TEST_SCRIPT\" 2>&1", "r");
  EXPECT_NE(output, nullptr);
  std::string text;
  std::array<char, 256> part{};
  while (fgets(part.data(), static_cast<int>(part.size()), output) != nullptr) {
    text += part.data();
  }
  EXPECT_EQ(pclose(output), 0);
  return text;
}

TEST(Completions, OfBashComplete) {
  EXPECT_EQ(completed("plyroot --roll"), "--rollback-to\n");
  EXPECT_EQ(completed("plyroot roll"), "rollback-to\n");
  EXPECT_EQ(completed("plyroot --init --isolation = s"), "simple\n");
  EXPECT_EQ(completed("plyroot --scrub over"), "overlayfs\n");
}

}  // namespace
}  // namespace plyroot::cli
