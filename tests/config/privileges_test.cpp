#include <gmock/gmock.h>
#include <pwd.h>

#include <nlohmann/json.hpp>

#include "config/evaluating_user.hpp"
#include "configurations.hpp"
#include "support/error.hpp"

namespace plyroot::config {
namespace {

using testing::HasSubstr;
using testing::Not;

class Privileges : public Configurations {
 protected:
  nlohmann::json dictionary() {
    load();
    return nlohmann::json::parse(report_.dictionary.text);
  }

  void close_to_others(const std::string& name) const { ASSERT_EQ(chmod(path(name).c_str(), 0700), 0); }
};

TEST_F(Privileges, AreGivenUpForAConfigurationOfRoot) {
  configure(R"(
config_opts['ids'] = [os.getuid(), os.geteuid(), os.getgid(), os.getegid()]
config_opts['groups'] = os.getgroups()
lines = [line.split() for line in open('/proc/self/status')]
config_opts['status'] = {line[0]: line[1] for line in lines if line[0] in ('CapEff:', 'CapPrm:', 'CapAmb:', 'NoNewPrivs:')}
)");
  const passwd* own = getpwnam("plyroot");
  const uid_t uid = own != nullptr ? own->pw_uid : fallback_id;
  const gid_t gid = own != nullptr ? own->pw_gid : fallback_id;
  const auto values = dictionary();
  EXPECT_EQ(values.at("ids"), (nlohmann::json{uid, uid, gid, gid}));
  EXPECT_EQ(values.at("groups"), nlohmann::json::array());
  for (const char* set : {"CapEff:", "CapPrm:", "CapAmb:"})
    EXPECT_EQ(values.at("status").at(set), "0000000000000000");
  EXPECT_EQ(values.at("status").at("NoNewPrivs:"), "1");
}

TEST_F(Privileges, OfTheUserWhoCalledSudoAreThoseOfTheEvaluation) {
  configure("config_opts['ids'] = [os.getuid(), os.getgid()]");
  setenv("SUDO_UID", "12345", 1);
  setenv("SUDO_GID", "12346", 1);
  const Config config = load();
  unsetenv("SUDO_UID");
  unsetenv("SUDO_GID");
  EXPECT_EQ(nlohmann::json::parse(report_.dictionary.text).at("ids"), (nlohmann::json{12345, 12346}));
  EXPECT_EQ(config.chrootuid, 12345U);
}

TEST_F(Privileges, AreRefusedToASudoUserThatIsNoNumber) {
  configure("");
  setenv("SUDO_UID", "0x10", 1);
  EXPECT_THROW(load(), Error);
  unsetenv("SUDO_UID");
}

TEST_F(Privileges, OfTheBuildUserAreNeverRootsByDefault) {
  configure("");
  const Config config = load();
  EXPECT_EQ(config.chrootuid, first_ordinary_id);
  EXPECT_NE(config.chrootgid, 0U);
}

TEST_F(Privileges, DoNotLetAConfigurationReadWhatOnlyRootMay) {
  configure("open('/etc/shadow').read()");
  try {
    load();
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.cfg:2: PermissionError"));
  }
}

TEST_F(Privileges, AreNotNeededForTheConfigurationFilesOfRoot) {
  configure("");
  write("home/.config/mock.cfg", "config_opts['description'] = 'of root'", 0600);
  write("home/.mock/user.cfg", "config_opts['dist'] = 'of root too'", 0600);
  close_to_others("home");
  EXPECT_EQ(load().description, "of root");
  const Config kept = load();
  EXPECT_TRUE(report_.from_cache);
  EXPECT_EQ(kept.dist, "of root too");
  write("home/.config/mock.cfg", "config_opts['description'] = 'changed'", 0600);
  EXPECT_EQ(load().description, "changed");
}

TEST_F(Privileges, AreNotNeededForRootsOwnChrootAndItsTemplates) {
  write("home/.config/mock/x.cfg",
        "config_opts['root'] = 'mine'\ninclude('" + path("home/.config/mock/templates/t.tpl") + "')", 0600);
  write("home/.config/mock/templates/t.tpl", "config_opts['dist'] = 'd'", 0600);
  close_to_others("home");
  const Config config = load();
  EXPECT_EQ(config.root, "mine");
  EXPECT_EQ(config.dist, "d");
}

TEST_F(Privileges, AreNotNeededForADirectoryOfConfigurationsThatIsClosedToOthers) {
  write("etc/templates/t.tpl", "config_opts['dist'] = 'closed'", 0600);
  configure("include('templates/t.tpl')");
  close_to_others("etc");
  EXPECT_EQ(load().dist, "closed");
  EXPECT_THAT(list_chroots(request_, log_, surroundings_), HasSubstr("\nx "));
}

TEST_F(Privileges, AreNotNeededForAFileThatRootNames) {
  request_.chroot = write("closed/own.cfg", "config_opts['root'] = 'own'", 0600);
  close_to_others("closed");
  EXPECT_EQ(load().root, "own");
}

TEST_F(Privileges, MissingForAnIncludeAreExplained) {
  configure("include('" + write("closed/t.tpl", "", 0600) + "')");
  try {
    load();
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("Cannot read"));
    EXPECT_THAT(error.advice(), HasSubstr("chmod a+r"));
  }
}

TEST_F(Privileges, DoNotPassOnTheCallersEnvironmentAndDescriptors) {
  configure(
      "config_opts['names'] = list(os.environ)\n"
      "config_opts['descriptors'] = [int(name) for name in os.listdir('/proc/self/fd')]");
  setenv("PLYROOT_TEST_SECRET", "secret", 1);
  setenv("LANG", "C.UTF-8", 1);
  const int open_for_all = open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as a careless caller leaves it
  const int leaked = fcntl(open_for_all, F_DUPFD, 100);
  const auto values = dictionary();
  close(open_for_all);
  close(leaked);
  unsetenv("PLYROOT_TEST_SECRET");
  EXPECT_THAT(values.at("names").get<std::vector<std::string>>(), testing::IsSupersetOf({"HOME", "PATH", "LANG"}));
  EXPECT_THAT(values.at("names").get<std::vector<std::string>>(), Not(testing::Contains("PLYROOT_TEST_SECRET")));
  for (const int descriptor : values.at("descriptors"))
    EXPECT_LT(descriptor, 10);
}

}  // namespace
}  // namespace plyroot::config
