#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "config/json.hpp"
#include "linux/file.hpp"
#include "support/error.hpp"

namespace plyroot::config {
namespace {

/// What the evaluator says of a small configuration, one of whose settings is a list.
std::string answer_with(std::string_view list) {
  std::string text = linux_api::read_file(PLYROOT_SOURCE "/tests/fuzz/corpus/evaluator_answer/config");
  constexpr std::string_view small = R"([1,null,"x"])";
  return text.replace(text.find(small), small.size(), list);
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

/// @return what the user reads of an error that the evaluator says in these words
std::string said_of_error(std::string_view message) {
  try {
    answer_from_json(
        fmt::format(R"({{"notices": [], "error": {{"exit_code": 3, "message": "{}", "hints": []}}}})", message));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(AnswerOfTheEvaluator, HasItsSettings) {
  const std::string list = R"(["[[",{"a\\\"[":[]}])";
  EXPECT_NE(answer_from_json(answer_with(list)).dictionary.text.find(list), std::string::npos);
}

TEST(AnswerOfTheEvaluator, MayBeNestedAsDeepAsPythonWritesIt) {
  EXPECT_NE(answer_from_json(answer_with(nested(900))).dictionary.text.find(nested(900)), std::string::npos);
}

TEST(AnswerOfTheEvaluator, IsRefusedWhereItsNestingWouldTakeTheWholeStack) {
  EXPECT_THROW(answer_from_json(answer_with(nested(4'000'000))), Error);
}

TEST(AnswerOfTheEvaluator, SaysItsErrorInWholeWhateverCharactersItHas) {
  EXPECT_EQ(said_of_error(R"(a setting\nis \u0000 here)"), "a setting\nis \\x00 here");
}

TEST(AnswerOfTheEvaluator, IsRefusedInWordsWhereItsErrorHasNone) {
  EXPECT_NE(said_of_error("").find("cannot be understood"), std::string::npos);
}

}  // namespace
}  // namespace plyroot::config
