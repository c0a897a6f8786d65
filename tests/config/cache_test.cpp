#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>

#include <functional>
#include <map>
#include <string>

#include "config/fields.hpp"
#include "configurations.hpp"
#include "support/binary.hpp"
#include "support/error.hpp"

namespace plyroot::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class Cached : public Configurations {
 protected:
  void SetUp() override {
    Configurations::SetUp();
    unsetenv("http_proxy");
    write("etc/templates/t.tpl", "config_opts['description'] = 'first'");
    configure("include('templates/t.tpl')\nconfig_opts['looked'] = os.path.exists('" + path("looked-for") + "')");
  }

  /// Fills the cache, and proves that it is used.
  void fill() {
    load();
    ASSERT_TRUE(report_.kept) << report_.not_kept_because.size();
    load();
    ASSERT_TRUE(report_.from_cache);
  }

  [[nodiscard]] std::filesystem::path entry() const {
    return std::filesystem::directory_iterator(surroundings_.cache_directory)->path();
  }

  /// Expects that this makes the cache's answer useless.
  void expect_evaluation_after(const std::function<void()>& change) {
    fill();
    const int before = starts();
    change();
    load();
    EXPECT_FALSE(report_.from_cache);
    EXPECT_EQ(starts(), before + 1);
  }
};

TEST_F(Cached, ConfigurationStartsNoProcessAndIsTheSame) {
  const Config evaluated = load();
  EXPECT_EQ(starts(), 1);
  const Config kept = load();
  EXPECT_EQ(starts(), 1);
  EXPECT_TRUE(report_.from_cache);
  EXPECT_EQ(kept.description, "first");
  EXPECT_EQ(kept.config_paths, evaluated.config_paths);
  EXPECT_EQ(kept.environment, evaluated.environment);
  EXPECT_EQ(kept.package_managers.at("dnf4").common_opts, evaluated.package_managers.at("dnf4").common_opts);
  EXPECT_EQ(kept.plugins.enabled, evaluated.plugins.enabled);
}

TEST_F(Cached, IsEvaluatedAgainWhenAnIncludedFileHasChanged) {
  expect_evaluation_after([this] { write("etc/templates/t.tpl", "config_opts['description'] = 'again'"); });
  EXPECT_EQ(load().description, "again");
}

TEST_F(Cached, IsEvaluatedAgainWhenAFileWasReplacedByOneOfTheSameSizeAndTime) {
  expect_evaluation_after([this] {
    const std::filesystem::path file = etc("templates/t.tpl");
    const auto time = std::filesystem::last_write_time(file);
    write("etc/templates/new", "config_opts['description'] = 'fir5t'");
    std::filesystem::last_write_time(etc("templates/new"), time);
    std::filesystem::rename(etc("templates/new"), file);
  });
}

TEST_F(Cached, IsEvaluatedAgainWhenAFileThatWasLookedForAppears) {
  expect_evaluation_after([this] { write("looked-for", ""); });
}

TEST_F(Cached, IsEvaluatedAgainWhenTheUsersOwnConfigurationAppears) {
  expect_evaluation_after([this] { write("home/.config/mock.cfg", ""); });
}

TEST_F(Cached, IsEvaluatedAgainWhenALinkLeadsElsewhere) {
  write("etc/other.cfg", "config_opts['root'] = 'other'");
  std::filesystem::create_symlink("x.cfg", etc("link.cfg"));
  request_.chroot = "link";
  expect_evaluation_after([this] {
    std::filesystem::remove(etc("link.cfg"));
    std::filesystem::create_symlink("other.cfg", etc("link.cfg"));
  });
  EXPECT_EQ(load().root, "other");
}

TEST_F(Cached, IsEvaluatedAgainWhenAVariableOfTheEnvironmentThatWasReadHasChanged) {
  expect_evaluation_after([] { setenv("http_proxy", "http://proxy:1", 1); });
  EXPECT_EQ(load().environment.at("http_proxy"), "http://proxy:1");
  unsetenv("http_proxy");
}

TEST_F(Cached, IsEvaluatedAgainForOtherOptions) {
  expect_evaluation_after([this] { request_.config_opts = {"description=of the command line"}; });
  request_.config_opts.clear();
  load();
  EXPECT_TRUE(report_.from_cache);
}

/// All of it, in the form in which it lies in the cache.
std::string whole(const Config& config) {
  std::string text;
  binary::Writer(text).put(config);
  return text;
}

TEST_F(Cached, IsTheSameForEveryUniqueextButForItsName) {
  configure(
      "config_opts['hostname'] = 'h-{{ root }}'\n"
      "config_opts['environment']['WHERE'] = '{{ rootdir }}:{{ hostname }}'\n"
      "config_opts['resultdir'] = '/results/{{ root }}/x'\n"
      "config_opts['files'] = {'etc/name': '{{ root }}, {% if check %}checked{% endif %}'}\n");
  const auto load_for = [&](const std::string& uniqueext) {
    request_.uniqueext = uniqueext;
    return load();
  };
  load_for("one");
  EXPECT_TRUE(report_.kept);
  const Config two = load_for("two.2_-");
  EXPECT_TRUE(report_.from_cache);
  EXPECT_EQ(starts(), 1);
  EXPECT_EQ(two.root, "r-two.2_-");
  EXPECT_EQ(two.shared_root, "r");
  EXPECT_EQ(two.environment.at("WHERE"), "/var/lib/mock/r-two.2_-/root:h-r-two.2_-");
  EXPECT_EQ(two.files.at("etc/name"), "r-two.2_-, checked");
  surroundings_.cache_directory = path("another-cache");
  EXPECT_EQ(whole(load_for("two.2_-")), whole(two));
  EXPECT_EQ(starts(), 2);
  request_.uniqueext.reset();
  EXPECT_EQ(load().root, "r");
}

TEST_F(Cached, IsOfOneUniqueextWhereItComputesWithTheRootsName) {
  const auto compute = [](const std::string& expression) { return "config_opts['hostname'] = '" + expression + "'\n"; };
  const std::map<std::string, std::string> configurations = {
      {compute("{{ root | upper }}"), "R-X"},
      {compute("{{ root ~ 1 }}"), "r-x1"},
      {compute("{% if root == \"r-x\" %}x{% else %}another{% endif %}"), "x"},
      {compute("{% set name = root %}{{ name | length }}"), "3"},
      {compute("{% filter upper %}{{ root }}{% endfilter %}"), "R-X"},
      {compute("{{ files[\"f\"] | upper }}") + "config_opts['files'] = {'f': '{{ root }}'}\n", "R-X"},
      {compute("{{ asked() }}") + "config_opts['asked'] = lambda: config_opts['root'].upper()\n", "R-X"},
      {compute("{{ asked() }}") + "config_opts['asked'] = lambda: config_opts['unique-ext'].upper()\n", "X"},
      {compute("{{ asked() }}") + "config_opts['asked'] = lambda: config_opts['rootdir'].upper()\n",
       "/VAR/LIB/MOCK/R-X/ROOT"},
      {compute("{{ asked() }}") + "opts = config_opts['environment']\nopts['NAME'] = '{{ root }}'\n"
                                  "config_opts['asked'] = lambda: opts['NAME'].upper()\n",
       "R-X"},
      {compute("{{ asked(\"NAME\") | upper }}") + "config_opts['environment']['NAME'] = '{{ root }}'\n"
                                                  "config_opts['asked'] = config_opts['environment'].get\n",
       "R-X"},
      {compute("{{ helpers.asked() }}") + "config_opts['helpers'] = {'asked': lambda: config_opts['root'].upper()}\n",
       "R-X"},
      {compute("{{ environment.HOME | upper }}") + "config_opts['chroothome'] = '/b/{{ root }}'\n", "/B/R-X"},
      {compute("{{ dnf5_common_opts[0] | upper }}") +
           "config_opts['dnf4_common_opts'] = config_opts['dnf5_common_opts'] = ['{{ root }}']\n",
       "R-X"},
      {compute("{% raw %}{{ \"{% endraw %}{{ root }}{% raw %}\" | upper }}{% endraw %}"), "R-X"},
      {compute("{{ names[root] }}") + "config_opts['names'] = {'r-x': 'found', 'r-any': 'another'}\n", "found"},
  };
  for (const auto& [text, hostname] : configurations) {
    SCOPED_TRACE(text);
    configure(text);
    request_.uniqueext = "any";
    EXPECT_NE(load().hostname, hostname);
    EXPECT_TRUE(report_.kept);
    const int before = starts();
    request_.uniqueext = "x";
    EXPECT_EQ(load().hostname, hostname);
    EXPECT_TRUE(report_.kept);
    EXPECT_LE(starts(), before + (hostname == "found" ? 2 : 1));  // an error is not kept
    EXPECT_EQ(load().hostname, hostname);
    EXPECT_TRUE(report_.from_cache);
  }
  configure("config_opts['resultdir'] = '/results/%(root).3s'\n");
  EXPECT_EQ(load().resultdir, "/results/r-x");
}

TEST_F(Cached, IsNotMistakenForThatOfTheNameWhichStandsForAll) {
  configure("config_opts['hostname'] = '{{ root | upper }}'\n");
  request_.uniqueext = "any-uniqueext.c2c7f25f";
  EXPECT_EQ(load().hostname, "R-ANY-UNIQUEEXT.C2C7F25F");
  request_.uniqueext = "x";
  EXPECT_EQ(load().hostname, "R-X");
}

TEST_F(Cached, SaysWhatChangedForAnyUniqueext) {
  request_.uniqueext = "x";
  fill();
  write("etc/templates/t.tpl", "config_opts['description'] = 'again'");
  std::string told;
  log_.set_console_level(LogLevel::debug);
  testing::internal::CaptureStderr();
  load();
  told = testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, HasSubstr("t.tpl has changed"));
}

TEST_F(Cached, NamesTheUniqueextThatWasAskedForInAnError) {
  configure("config_opts['resultdir'] = 'not-absolute/and/much/longer/than/what/is/shown/{{ root }}'\n");
  request_.uniqueext = "mine";
  try {
    load();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("not-absolute"));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("any-")));
  }
}

TEST_F(Cached, IsEvaluatedAgainForAnotherConfiguration) {
  write("etc/other.cfg", "config_opts['root'] = 'other'");
  expect_evaluation_after([this] { request_.chroot = "other"; });
  EXPECT_EQ(load().root, "other");
}

TEST_F(Cached, IsEvaluatedAgainForAnotherConfigurationDirectory) {
  write("elsewhere/x.cfg", "config_opts['root'] = 'other'");
  expect_evaluation_after([this] { request_.config_directory = path("elsewhere"); });
  EXPECT_EQ(load().root, "other");
}

TEST_F(Cached, IsEvaluatedAgainForAnotherUser) {
  expect_evaluation_after([] { setenv("SUDO_UID", "12345", 1); });
  unsetenv("SUDO_UID");
}

/// A list of users in the place of the host's, for this process alone.
class OwnPasswd {
 public:
  explicit OwnPasswd(const std::string& file) {
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        mount(file.c_str(), "/etc/passwd", nullptr, MS_BIND, nullptr) < 0) {
      throw std::system_error(errno, std::generic_category(), "bind " + file);
    }
  }
  ~OwnPasswd() { umount2("/etc/passwd", MNT_DETACH); }
  OwnPasswd(const OwnPasswd&) = delete;
  OwnPasswd& operator=(const OwnPasswd&) = delete;
};

TEST_F(Cached, IsEvaluatedAgainWhenTheListOfUsersHasChanged) {
  configure("config_opts['description'] = str(os.getuid())");
  const std::string users = write("passwd", "root:x:0:0:root:/root:/bin/sh\n");
  const OwnPasswd passwd(users);
  expect_evaluation_after([] { std::ofstream("/etc/passwd", std::ios::app) << "plyroot:x:4711:4711::/:/bin/false\n"; });
  EXPECT_EQ(load().description, "4711");
}

TEST_F(Cached, IsEvaluatedAgainForAnotherHomeOfTheUser) {
  expect_evaluation_after([this] { surroundings_.home = path("another-home"); });
}

TEST_F(Cached, ConfigurationOfAUserWhomOnlyTheNameServicesCouldKnowIsKept) {
  setenv("SUDO_UID", "12345", 1);
  fill();
  unsetenv("SUDO_UID");
}

TEST_F(Cached, ConfigurationThatAsksTheTimeIsNotKept) {
  configure("import time\nconfig_opts['now'] = time.time()");
  load();
  EXPECT_FALSE(report_.kept);
  EXPECT_THAT(report_.not_kept_because, ElementsAre("it asks the time"));
  load();
  EXPECT_FALSE(report_.from_cache);
}

TEST_F(Cached, ConfigurationOfAFileThatHasOnlyJustChangedIsNotKept) {
  surroundings_.settling_time = std::chrono::hours(1);
  load();
  EXPECT_FALSE(report_.kept);
  EXPECT_THAT(report_.not_kept_because, Contains(HasSubstr("has only just changed")));
}

TEST_F(Cached, EntryInADirectoryThatOthersCanWriteToIsNotRead) {
  expect_evaluation_after([this] { chmod(surroundings_.cache_directory.c_str(), 0770); });
  EXPECT_THAT(report_.not_kept_because, Contains(HasSubstr("only root can write")));
}

TEST_F(Cached, EntryInADirectoryOfAnotherUserIsNotRead) {
  expect_evaluation_after([this] { ASSERT_EQ(chown(surroundings_.cache_directory.c_str(), 12345, 12345), 0); });
}

TEST_F(Cached, EntryOfAnotherUserIsNotRead) {
  expect_evaluation_after([this] { ASSERT_EQ(chown(entry().c_str(), 12345, 12345), 0); });
}

TEST_F(Cached, EntryBehindALinkIsNotRead) {
  expect_evaluation_after([this] {
    const std::filesystem::path name = entry();
    std::filesystem::rename(name, path("moved"));
    std::filesystem::create_symlink(path("moved"), name);
  });
}

TEST_F(Cached, EntryInADirectoryBehindALinkIsNotRead) {
  expect_evaluation_after([this] {
    std::filesystem::rename(surroundings_.cache_directory, path("moved"));
    std::filesystem::create_directory_symlink(path("moved"), surroundings_.cache_directory);
  });
}

TEST_F(Cached, TornEntryIsIgnoredAndReplaced) {
  expect_evaluation_after([this] { std::filesystem::resize_file(entry(), std::filesystem::file_size(entry()) - 9); });
  EXPECT_TRUE(report_.kept);
  load();
  EXPECT_TRUE(report_.from_cache);
}

TEST_F(Cached, DamagedEntryIsIgnored) {
  expect_evaluation_after([this] {
    std::fstream file(entry(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2000);
    file.put('\xff');
  });
}

TEST_F(Cached, ConfigurationIsEvaluatedEachTimeWhereTheCacheCannotBeWritten) {
  surroundings_.cache_directory = write("a-file", "") + "/cache";
  for (int time = 1; time <= 2; ++time) {
    EXPECT_EQ(load().root, "r");
    EXPECT_EQ(starts(), time);
    EXPECT_FALSE(report_.not_kept_because.empty());
  }
}

}  // namespace
}  // namespace plyroot::config
