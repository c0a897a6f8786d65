#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include <nlohmann/json.hpp>

#include "config/json.hpp"
#include "configurations.hpp"
#include "support/error.hpp"

namespace plyroot::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class Load : public Configurations {
 protected:
  /// What load() throws.
  Error error() {
    try {
      load();
    } catch (const Error& caught) {
      return caught;
    }
    throw std::logic_error("the configuration was loaded");
  }
};

TEST_F(Load, GivesEveryKindOfValueItsType) {
  configure(R"(
config_opts['releasever'] = '42'
config_opts['root'] = 'r-{{ releasever }}'
config_opts['chroot_setup_cmd'] = 'install bash make'
config_opts['package_manager'] = 'dnf'
config_opts['dnf.conf'] = '[main]\nreleasever={{ releasever }}\n'
config_opts['dnf4_avoid_opts'] = {'remove': ['--allowerasing']}
config_opts['module_setup_commands'] = [('enable', 'a:1, b')]
config_opts['macros']['dist'] = '.x'
config_opts['macros']['%none'] = None
config_opts['more_buildreqs'] = {'a': 'one', 'b': ['two', 'three']}
config_opts['files']['etc/motd'] = 'hello {{ releasever }}'
config_opts['rpmbuild_timeout'] = 90
config_opts['isolation'] = 'simple'
config_opts['hostname'] = 'builder'
config_opts['plugin_conf']['overlayfs_opts']['touch_rpmdb'] = True
config_opts['plugin_conf']['overlayfs_opts']['touch_files'] = ['/var/db/*']
config_opts['plugin_conf']['mount_opts']['dirs'] = [('dev', '/m', 'ext4', 'ro')]
)");
  request_.enable_disable_repos = {"--enablerepo", "a", "--disablerepo", "b"};
  const Config config = load();
  EXPECT_EQ(config.root, "r-42");
  EXPECT_EQ(config.rootdir, "/var/lib/mock/r-42/root");
  EXPECT_THAT(config.chroot_setup_cmd, ElementsAre("install", "bash", "make"));
  EXPECT_EQ(config.package_manager, "dnf4");
  EXPECT_EQ(config.package_manager_conf, "[main]\nreleasever=42\n");
  EXPECT_THAT(config.package_managers.at("dnf4").avoid_opts,
              ElementsAre(Pair("remove", ElementsAre("--allowerasing"))));
  EXPECT_EQ(config.package_managers.at("dnf5").command, "/usr/bin/dnf5");
  ASSERT_EQ(config.module_setup_commands.size(), 1U);
  EXPECT_EQ(config.module_setup_commands[0].modules, "a:1, b");
  EXPECT_EQ(config.macros.at("%dist"), ".x");
  EXPECT_EQ(config.macros.at("%none"), std::nullopt);
  EXPECT_THAT(config.more_buildreqs,
              ElementsAre(Pair("a", ElementsAre("one")), Pair("b", ElementsAre("two", "three"))));
  EXPECT_THAT(config.files, ElementsAre(Pair("etc/motd", "hello 42")));
  EXPECT_EQ(config.rpmbuild_timeout, 90);
  EXPECT_EQ(config.isolation, Isolation::simple);
  EXPECT_EQ(config.hostname, "builder");
  EXPECT_EQ(config.forcearch, std::nullopt);
  EXPECT_THAT(config.enable_disable_repos, ElementsAre("--enablerepo", "a", "--disablerepo", "b"));
  EXPECT_TRUE(config.plugins.overlayfs.enable);
  EXPECT_EQ(config.plugins.overlayfs.base_dir, "/var/lib/plyroot");
  EXPECT_TRUE(config.plugins.overlayfs.touch_rpmdb);
  EXPECT_THAT(config.plugins.overlayfs.touch_files, ElementsAre("/var/db/*"));
  EXPECT_EQ(config.plugins.mount.dirs.at(0).type, "ext4");
  EXPECT_FALSE(config.plugins.enabled.at("ccache"));
  const auto dictionary = nlohmann::json::parse(report_.dictionary.text);
  EXPECT_EQ(dictionary.at("hostname"), "builder");
  EXPECT_TRUE(dictionary.at("plugin_conf").contains("sign_opts"));
}

TEST_F(Load, FindsAConfigurationByARelativePath) {
  write("elsewhere/own.cfg", "config_opts['root'] = 'own'");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory_);
  request_.chroot = "./elsewhere/own.cfg";
  const Config config = load();
  std::filesystem::current_path(before);
  EXPECT_EQ(config.root, "own");
  EXPECT_EQ(config.config_file, path("elsewhere/own.cfg"));
}

TEST_F(Load, FindsAMacroFileByAPathRelativeToHereOrToTheHomeDirectory) {
  configure("config_opts['root'] = 'r'");
  request_.macrofile = "macros";
  EXPECT_EQ(load().macrofile, std::filesystem::current_path() / "macros");
  request_.macrofile = "~/macros";
  EXPECT_EQ(load().macrofile, *surroundings_.home + "/macros");
}

TEST_F(Load, NamesTheFileAndTheLineOfAnError) {
  write("etc/templates/t.tpl", "a = 1\nb = nothing\n");
  configure("\ninclude('templates/t.tpl')");
  const Error caught = error();
  EXPECT_EQ(caught.exit_code(), ExitCode::configuration);
  EXPECT_EQ(caught.what(), "Config error: " + etc("templates/t.tpl") +
                               ":2: NameError: name 'nothing' is not defined, included by " + etc("x.cfg") + ":3");
}

TEST_F(Load, SaysWhatToDoAboutAnUnknownConfiguration) {
  request_.chroot = "nosuchcfg";
  const Error caught = error();
  EXPECT_EQ(caught.exit_code(), ExitCode::configuration);
  EXPECT_STREQ(caught.what(), "Non-existing Mock config 'nosuchcfg'");
  EXPECT_THAT(caught.advice(), HasSubstr("-r ./target.cfg"));
}

TEST_F(Load, RefusesANameOfARootThatLeadsElsewhere) {
  for (const char* name : {"../elsewhere", "a/b", "..", ""}) {
    configure(std::string("config_opts['root'] = '") + name + "'");
    EXPECT_EQ(error().exit_code(), ExitCode::configuration) << name;
  }
}

TEST_F(Load, RefusesANumberThatItsFieldCannotHold) {
  for (const char* number : {"2**31", "-2**31 - 1", "10**60"}) {
    const auto line = fmt::format("config_opts['rpmbuild_timeout'] = {}", number);
    configure("config_opts['root'] = 'r'\n" + line);
    const Error caught = error();
    EXPECT_EQ(caught.exit_code(), ExitCode::configuration) << line;
    EXPECT_THAT(caught.what(), HasSubstr("out of range")) << line;
  }
}

TEST(AnswerFromJson, DoesNotTakeAFileTimeThatIsNoWholeNumber) {
  EXPECT_THROW(answer_from_json(R"({"notices": [], "result": {"text": "x"}, "depends_on": {"files": [
      {"path": "/a", "kind": "file", "device": 5, "inode": 2, "size": 3, "modified": 88888888888888888888888888, "changed": 5}
      ], "environment": [], "processors": [], "uncacheable": []}})"),
               Error);
}

TEST_F(Load, TellsABadOptionFromABadConfiguration) {
  configure("");
  request_.plugin_options = {"nosuch:key=value"};
  EXPECT_EQ(error().exit_code(), ExitCode::usage);
}

TEST_F(Load, SaysWhatToInstallWherePythonIsMissing) {
  configure("");
  surroundings_.python = path("no-python");
  const Error caught = error();
  EXPECT_EQ(caught.exit_code(), ExitCode::configuration);
  EXPECT_THAT(caught.advice(), HasSubstr("python3-jinja2"));
}

TEST_F(Load, SaysWhatToInstallWhereJinjaIsMissing) {
  configure("");
  surroundings_.python = write("python-without-jinja", "#!/bin/sh\nexit 2\n", 0755);
  const Error caught = error();
  EXPECT_THAT(caught.what(), HasSubstr("jinja2 is missing"));
  EXPECT_THAT(caught.advice(), HasSubstr("python3-jinja2"));
}

TEST_F(Load, StopsAConfigurationThatDoesNotEndAndWhatItHasStarted) {
  const std::string lock = write("lock", "", 0666);
  configure("import fcntl, signal\nlock = open('" + lock + "')\nfcntl.flock(lock, fcntl.LOCK_EX)\n" +
            "os.fork()\nsignal.pause()");
  surroundings_.timeout = std::chrono::milliseconds(1500);
  EXPECT_THAT(error().what(), HasSubstr("did not end within 2 s"));
  // Both processes have the lock, so it is to be had when both have gone.
  const int file = open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(flock(file, LOCK_EX), 0);
  close(file);
}

TEST_F(Load, DoesNotWaitForAProgramThatAConfigurationLeftBehind) {
  configure("if os.fork() == 0:\n    import time\n    time.sleep(20)\n    os._exit(0)");
  surroundings_.timeout = std::chrono::seconds(10);
  EXPECT_EQ(load().root, "r");
}

TEST_F(Load, BoundsTheAnswer) {
  configure("config_opts['long'] = 'x' * (20 << 20)");
  EXPECT_THAT(error().what(), HasSubstr("longer than 16 MiB"));
}

TEST_F(Load, SaysThatAConfigurationEndedTheEvaluation) {
  configure("os._exit(7)");
  EXPECT_THAT(error().what(), HasSubstr("status 7"));
}

TEST_F(Load, WarnsOfAFileIncludedTwiceEachTime) {
  write("etc/t.tpl", "");
  configure("include('t.tpl')\ninclude('t.tpl')");
  Log warnings(LogLevel::warning);
  for (const bool from_cache : {false, true}) {
    testing::internal::CaptureStderr();
    config::load(request_, warnings, surroundings_, &report_);
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("Multiple inclusion"));
    EXPECT_EQ(report_.from_cache, from_cache);
  }
}

TEST_F(Load, PrintsWhatDiffersFromTheDefaults) {
  configure("config_opts['description'] = 'of {{ root }}'");
  EXPECT_THAT(debug_config(request_, false, log_, surroundings_), HasSubstr("['description'] = 'of {{ root }}'\n"));
  EXPECT_THAT(debug_config(request_, true, log_, surroundings_), HasSubstr("['description'] = 'of r'\n"));
}

}  // namespace
}  // namespace plyroot::config
