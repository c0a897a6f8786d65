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

}  // namespace
}  // namespace plyroot::config
