#include "support/text.hpp"

#include <gtest/gtest.h>

namespace plyroot {

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(split("a::b", ':'), (std::vector<std::string>{"a", "", "b"}));
}

TEST(SplitWords, KnowsNoEmptyWords) {
  EXPECT_EQ(split_words("  install  @buildsys-build\n"), (std::vector<std::string>{"install", "@buildsys-build"}));
  EXPECT_TRUE(split_words(" \t").empty());
}

TEST(QuoteForDisplay, QuotesWhatAShellWouldNotTakeAsItIs) {
  const std::vector<std::string> words{"rpmbuild", "a b", "it's", ""};
  EXPECT_EQ(quote_for_display(words), "rpmbuild 'a b' 'it'\\''s' ''");
}

TEST(Printable, LetsNothingThroughThatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable("\xc3\xa9"), "\xc3\xa9");
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "CSI in 8 bits";
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "an overlong slash";
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xae"
            "b")
      << "from right to left";
  EXPECT_EQ(printable(std::string(300, 'x'), 10), std::string(10, 'x') + "...");
}

TEST(PrintableLines, KeepTheirEnds) {
  EXPECT_EQ(printable_lines("a\n\tb\x07\n"), "a\n\tb\\x07\n");
}

}  // namespace plyroot
