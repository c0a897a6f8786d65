#include "builds/source_package.hpp"

#include <gtest/gtest.h>

#include "packages/sample_config.hpp"
#include "support/error.hpp"

namespace plyroot::builds {
namespace {

constexpr const char* answer =
    "name hello\nversion 1.0\nrelease 2\nsource 1\nrequires gcc\nrequires rpmlib(FileDigests)\n"
    "file hello.c\nfile hello.spec\nfile other.spec\n";

TEST(SourcePackage, IsReadFromWhatRpmSays) {
  const SourcePackage expected{"hello", "1.0", "2", true, {"gcc", "rpmlib(FileDigests)"}, "hello.spec"};
  EXPECT_EQ(parse_header(answer), expected);
  EXPECT_FALSE(parse_header("name bash\nsource (none)\n").is_source);
}

TEST(SourcePackage, SaysWhetherItsRequirementsAreFoundOutWhileItIsBuilt) {
  EXPECT_FALSE(parse_header(answer).has_dynamic_requirements());
  EXPECT_TRUE(parse_header("name x\nrequires rpmlib(DynamicBuildRequires)\n").has_dynamic_requirements());
}

TEST(SourcePackage, GetsMoreRequirementsFromTheConfigurationByItsLongestName) {
  config::Config config = sample_config();
  EXPECT_EQ(additional_requirements(config, parse_header(answer)), config::Words{});
  config.more_buildreqs = {{"hello", {"a"}}, {"hello-1.0", {"b", "c"}}, {"hello-1.1-2", {"d"}}};
  EXPECT_EQ(additional_requirements(config, parse_header(answer)), (config::Words{"b", "c"}));
}

TEST(SourcePackage, NamesThatCouldMeanAnotherFileOrAnOptionAreRefused) {
  EXPECT_NO_THROW(require_plain_name("hello-1.0~rc1+git.spec", "a spec file"));
  for (const char* name : {"", "../x.spec", "/etc/x.spec", "-x.spec", ".spec", "a b.spec", "a\n.spec"}) {
    EXPECT_THROW(require_plain_name(name, "a spec file"), Error) << name;
  }
}

}  // namespace
}  // namespace plyroot::builds
