#include "packages/rpm_database.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "buildroot/root_files.hpp"
#include "linux/directory.hpp"
#include "packages/sample_config.hpp"
#include "support/error.hpp"

namespace plyroot::packages {
namespace {

std::string usual_path(const std::string& dist) {
  config::Config config = sample_config();
  config.dist = dist;
  return usual_database_path(config);
}

TEST(RpmDatabase, NewDistributionsKeepItInTheSystemImage) {
  for (const char* dist : {"fc36", "fc41", "rawhide", "eln", "el10", "el10.alma", "tumbleweed", "suse.lp156"}) {
    EXPECT_EQ(usual_path(dist), "/usr/lib/sysimage/rpm") << dist;
  }
}

TEST(RpmDatabase, OldDistributionsAndUnknownOnesKeepItInVar) {
  for (const char* dist : {"fc35", "el9", "el9.alma", "amzn2023", "mga9", "fc", "", "plyroot12"}) {
    EXPECT_EQ(usual_path(dist), "/var/lib/rpm") << dist;
  }
}

TEST(RpmDatabase, OnlyAPlainPathIsBelieved) {
  EXPECT_EQ(parse_database_path("/usr/lib/sysimage/rpm\n"), "/usr/lib/sysimage/rpm");
  for (const char* output : {"", "/", "%_dbpath", "%{_var}/lib/rpm", "/var/lib/../../etc", "/var/lib/rpm\nerror: x",
                             "/tmp/%(id)", "var/lib/rpm"}) {
    EXPECT_EQ(parse_database_path(output), std::nullopt) << output;
  }
}

TEST(RpmDatabase, ThePackageManagerIsToldWhereItIs) {
  EXPECT_EQ(rpm_macros("/var/lib/rpm"), "%_dbpath /var/lib/rpm\n%_netsharedpath /proc:/sys:/dev\n");
}

class MovedDatabase : public testing::Test {
 protected:
  MovedDatabase() : path_(mkdtemp(path_template_)), root_(linux_api::open_path(path_, O_RDONLY | O_DIRECTORY)) {}
  ~MovedDatabase() override {
    const linux_api::Descriptor parent = linux_api::open_path("/tmp", O_RDONLY | O_DIRECTORY);
    linux_api::remove_tree(parent.get(), path_.substr(5));
  }
  MovedDatabase(const MovedDatabase&) = delete;
  MovedDatabase& operator=(const MovedDatabase&) = delete;

  void write(const std::string& path) const { buildroot::write_file_in_root(root_.get(), path, path); }
  [[nodiscard]] bool exists(const std::string& path) const { return buildroot::exists_in_root(root_.get(), path); }
  void move(const std::string& from, const std::string& to) const { move_database(root_.get(), from, to); }

 private:
  char path_template_[32] = "/tmp/plyroot-test-XXXXXX";
  std::string path_;

 protected:
  linux_api::Descriptor root_;
};

TEST_F(MovedDatabase, GoesToWhereTheRootsOwnRpmLooksForIt) {
  write("var/lib/rpm/rpmdb.sqlite");
  buildroot::make_directories_in_root(root_.get(), "usr/lib/sysimage/rpm", 0755);
  move("/var/lib/rpm", "/usr/lib/sysimage/rpm");
  EXPECT_TRUE(exists("usr/lib/sysimage/rpm/rpmdb.sqlite"));
  EXPECT_FALSE(exists("var/lib/rpm"));
}

TEST_F(MovedDatabase, StaysWhereBothPathsLeadToIt) {
  write("usr/lib/sysimage/rpm/rpmdb.sqlite");
  buildroot::make_directories_in_root(root_.get(), "var/lib", 0755);
  ASSERT_EQ(symlinkat("../../usr/lib/sysimage/rpm", root_.get(), "var/lib/rpm"), 0);
  move("/var/lib/rpm", "/usr/lib/sysimage/rpm");
  EXPECT_TRUE(exists("usr/lib/sysimage/rpm/rpmdb.sqlite"));
  EXPECT_TRUE(exists("var/lib/rpm/rpmdb.sqlite"));
}

TEST_F(MovedDatabase, IsNeverPutOverAnotherOne) {
  write("var/lib/rpm/rpmdb.sqlite");
  write("usr/lib/sysimage/rpm/rpmdb.sqlite");
  EXPECT_THROW(move("/var/lib/rpm", "/usr/lib/sysimage/rpm"), Error);
  EXPECT_TRUE(exists("var/lib/rpm/rpmdb.sqlite"));
}

}  // namespace
}  // namespace plyroot::packages
