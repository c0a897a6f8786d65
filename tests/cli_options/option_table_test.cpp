#include "cli/option_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "command_line.hpp"
#include "mock_options.hpp"

namespace plyroot::cli {
namespace {

using Words = std::vector<std::string>;

constexpr std::array plyroots_own = {std::string_view("wait"), std::string_view("fsck"), std::string_view("repair"),
                                     std::string_view("json")};

const OptionRow* find_row(std::string_view name) {
  const auto table = option_table();
  const auto row = std::find_if(table.begin(), table.end(), [&](const OptionRow& each) { return each.name == name; });
  return row == table.end() ? nullptr : &*row;
}

/// A command line without the option, on which it can show what it does.
Words line_without(const OptionRow& row) {
  if (row.name == "wait") return {"--clean"};
  if (row.name == "repair" || row.name == "json") return {"--fsck"};
  if (row.name == "additional-package" || row.name == "spec") return {"--rebuild", "a.src.rpm"};
  if (row.name == "sources") return {"--buildsrpm", "--spec", "a.spec"};
  if (row.name == "symlink-dereference") return {"--buildsrpm", "--spec", "a.spec", "--sources", "directory"};
  return {row.mode == Mode::init ? "--clean" : "--init"};
}

Words arguments_for(const OptionRow& row) {
  if (row.mode == Mode::build_source_package) return {"--spec", "a.spec"};
  return Words(row.operands.least, "argument");
}

std::string value_for(const OptionRow& row) {
  if (row.value_name == "SECONDS") return "60";
  return row.choices.empty() ? "a-value-of-" + std::string(row.name) : std::string(row.choices.front());
}

/// The option as a user would give it, by this spelling of its name.
Words spelled(const OptionRow& row, const std::string& spelling) {
  Words words = {spelling};
  if (row.values != Values::none) words.push_back(value_for(row));
  if (row.values == Values::two) words.push_back(value_for(row));
  return words;
}

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<std::string> spellings(const OptionRow& row) {
  std::vector<std::string> all = {row.flag()};
  if (row.letter != '\0') all.push_back(std::string("-") + row.letter);
  return all;
}

TEST(OptionTable, HasAllOfMocksOptionsAsMockHasThem) {
  for (const MockOption& option : mock_options) {
    const OptionRow* row = find_row(option.name);
    ASSERT_NE(row, nullptr) << option.name;
    EXPECT_EQ(row->letter, option.letter) << option.name;
    EXPECT_EQ(static_cast<int>(row->values), option.values) << option.name;
  }
}

TEST(OptionTable, HasNothingElseButPlyrootsOwn) {
  for (const OptionRow& row : option_table()) {
    const bool is_mocks = std::any_of(mock_options.begin(), mock_options.end(),
                                      [&](const MockOption& option) { return option.name == row.name; });
    const bool is_own = std::find(plyroots_own.begin(), plyroots_own.end(), row.name) != plyroots_own.end();
    EXPECT_NE(is_mocks, is_own) << row.name;
  }
}

TEST(OptionTable, NamesAndLettersAreUnique) {
  std::set<std::string_view> names;
  std::set<char> letters;
  for (const OptionRow& row : option_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(row.letter == '\0' || letters.insert(row.letter).second) << row.name;
  }
}

TEST(OptionTable, EveryRowExplainsItself) {
  for (const OptionRow& row : option_table()) {
    EXPECT_FALSE(row.help.empty()) << row.name;
    EXPECT_EQ(row.values == Values::none, row.value_name.empty()) << row.name;
    EXPECT_EQ(row.name.data()[row.name.size()], '\0') << row.name;
  }
}

TEST(OptionTable, EveryModeIsACommand) {
  for (int mode = 0; mode <= static_cast<int>(Mode::help); ++mode) {
    const auto table = option_table();
    EXPECT_EQ(std::count_if(table.begin(), table.end(),
                            [&](const OptionRow& row) { return row.mode == static_cast<Mode>(mode); }),
              1)
        << mode;
  }
}

TEST(CommandLineWalk, EverySupportedOptionChangesWhatIsUnderstood) {
  std::map<std::string, Options> understood;
  for (const OptionRow& row : option_table()) {
    if (!row.supported()) continue;
    const Options without = parse(line_without(row));
    for (const std::string& spelling : spellings(row)) {
      const Options with = parse(line_without(row) + spelled(row, spelling) + arguments_for(row));
      EXPECT_NE(with, without) << spelling << " is accepted and ignored";
      if (row.mode) {
        EXPECT_EQ(with.mode, *row.mode) << spelling;
      }
      understood.emplace(std::string(row.name), with);
    }
  }
  for (const auto& [name, options] : understood) {
    for (const auto& [other_name, other_options] : understood) {
      EXPECT_TRUE(name == other_name || options != other_options) << name << " does the same as " << other_name;
    }
  }
}

TEST(CommandLineWalk, BothSpellingsOfAnOptionMeanTheSame) {
  for (const OptionRow& row : option_table()) {
    if (!row.supported()) continue;
    const Options by_name = parse(line_without(row) + spelled(row, row.flag()) + arguments_for(row));
    for (const std::string& spelling : spellings(row)) {
      EXPECT_EQ(parse(line_without(row) + spelled(row, spelling) + arguments_for(row)), by_name) << spelling;
    }
    if (row.values == Values::one) {
      EXPECT_EQ(parse(line_without(row) + Words{row.flag() + "=" + value_for(row)}), by_name) << row.name;
    }
  }
}

TEST(CommandLineWalk, EverySupportedCommandMayBeAWord) {
  for (const OptionRow& row : option_table()) {
    if (!row.mode) continue;
    const Words arguments = row.values == Values::none ? arguments_for(row) : Words{value_for(row)};
    const Words as_option = spelled(row, row.flag()) + (row.values == Values::none ? arguments : Words{});
    EXPECT_EQ(parse(Words{std::string(row.name)} + arguments), parse(as_option)) << row.name;
  }
}

TEST(CommandLineWalk, WhatIsNotThereYetIsRefusedByName) {
  for (const OptionRow& row : option_table()) {
    if (row.supported()) continue;
    auto all = spellings(row);
    if (row.is_command) all.emplace_back(row.name);
    for (const std::string& spelling : all) {
      const auto error = refusal(spelled(row, spelling));
      ASSERT_TRUE(error.has_value()) << spelling << " is accepted";
      EXPECT_EQ(error->exit_code(), ExitCode::usage) << spelling;
      EXPECT_EQ(error->what(), row.flag() + " is not there yet in plyroot");
    }
  }
}

TEST(CommandLineWalk, EveryChoiceIsTakenAndNoOther) {
  for (const OptionRow& row : option_table()) {
    if (row.choices.empty()) continue;
    for (const std::string_view choice : row.choices) {
      EXPECT_FALSE(refusal({"--init", row.flag(), std::string(choice)})) << row.name << ' ' << choice;
    }
    const auto error = refusal({"--init", row.flag(), "no-such-choice"});
    ASSERT_TRUE(error.has_value()) << row.name;
    EXPECT_EQ(error->exit_code(), ExitCode::usage) << row.name;
  }
}

TEST(CommandLineWalk, EveryCommandCountsItsArguments) {
  for (const OptionRow& row : option_table()) {
    if (!row.mode || row.mode == Mode::help || row.mode == Mode::version) continue;
    const Words command = spelled(row, row.flag());
    if (row.operands.least > 0) {
      const auto error = refusal(command + Words(row.operands.least - 1, "argument"));
      ASSERT_TRUE(error.has_value()) << row.name;
      EXPECT_EQ(error->exit_code(), ExitCode::missing_argument) << row.name;
    }
    if (row.operands.most != Operands::any_number) {
      const auto error = refusal(command + Words(row.operands.most + 1, "argument"));
      ASSERT_TRUE(error.has_value()) << row.name;
      EXPECT_EQ(error->exit_code(), ExitCode::usage) << row.name;
    }
  }
}

}  // namespace
}  // namespace plyroot::cli
