#include "packages/output_lines.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace plyroot::packages {
namespace {

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
  std::vector<std::string> taken;
  OutputLines lines([&](std::string_view line) { taken.emplace_back(line); });
  for (const std::string& piece : pieces)
    lines.add(piece);
  lines.finish();
  return taken;
}

using Lines = std::vector<std::string>;

TEST(OutputLines, ArePutTogetherFromPieces) {
  EXPECT_EQ(lines_of({"Instal", "ling\nComp", "lete!\n", "\n  \nno end"}),
            (Lines{"Installing", "Complete!", "no end"}));
}

TEST(OutputLines, ShowWhatATerminalWouldShowInTheEnd) {
  EXPECT_EQ(lines_of({"10%\r50%\r100%\r\n"}), (Lines{"100%"}));
  EXPECT_EQ(lines_of({"\x1b[01;31m\x1b[Kerror:\x1b[m no \x1b[2Jclearing\n"}), (Lines{"error: no \x1b[2Jclearing"}));
}

TEST(OutputLines, KeepTheLastOnesForAMessage) {
  OutputLines lines([](std::string_view) {});
  for (int i = 0; i < 100; ++i)
    lines.add(std::to_string(i) + "\n");
  EXPECT_TRUE(lines.tail().starts_with("60\n"));
  EXPECT_TRUE(lines.tail().ends_with("\n99"));
}

}  // namespace
}  // namespace plyroot::packages
