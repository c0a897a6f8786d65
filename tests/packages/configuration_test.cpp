#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "linux/directory.hpp"
#include "packages/manager_files.hpp"
#include "packages/package_cache.hpp"
#include "packages/package_manager.hpp"
#include "packages/sample_config.hpp"
#include "support/log.hpp"

namespace plyroot::packages {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::string origin_of(const config::Config& config) {
  Log log(LogLevel::error);
  return PackageManager(config, log).origin();
}

TEST(Origin, ChangesWithWhatTheFirstPackagesDependOn) {
  const std::string before = origin_of(sample_config());
  EXPECT_EQ(origin_of(sample_config()), before);
  const auto change = [&](const auto& edit) {
    config::Config config = sample_config();
    edit(config);
    return origin_of(config) != before;
  };
  EXPECT_TRUE(change([](config::Config& config) { config.chroot_setup_cmd.emplace_back("git"); }));
  EXPECT_TRUE(change([](config::Config& config) { config.chroot_additional_packages.emplace_back("git"); }));
  EXPECT_TRUE(change([](config::Config& config) { config.releasever = "42"; }));
  EXPECT_TRUE(change([](config::Config& config) { config.package_manager_conf += "exclude=git\n"; }));
  EXPECT_TRUE(change([](config::Config& config) { config.dnf_vars["stream"] = "9"; }));
  EXPECT_TRUE(change([](config::Config& config) { config.module_setup_commands.push_back({"enable", "perl:5.36"}); }));
}

TEST(Origin, StaysWithWhatHoldsForOneCommand) {
  config::Config config = sample_config();
  config.online = false;
  config.enable_disable_repos = {"--enablerepo", "updates"};
  config.package_manager = "dnf4";
  config.resultdir = "/elsewhere";
  config.package_manager_conf += "\n\n[tmprepo]\nname=/tmp/repo\nbaseurl=/tmp/repo\nenabled=1\ncost=1\n";
  EXPECT_EQ(origin_of(config), origin_of(sample_config()));
}

TEST(ManagerFiles, DnfReadsItsConfigurationAndVariablesInTheRoot) {
  config::Config config = sample_config();
  config.dnf_vars["stream"] = "10-stream";
  EXPECT_THAT(manager_files(config, Manager::dnf5), ElementsAre(Pair("etc/dnf/dnf.conf", config.package_manager_conf),
                                                                Pair("etc/dnf/vars/stream", "10-stream")));
}

TEST(ManagerFiles, YumFindsItsPluginsInTheRootToo) {
  config::Config config = sample_config();
  config.package_manager_conf = "[main]\nplugins=1\n";
  config.priorities_conf = "[main]\nenabled=0";
  const std::string conf =
      "[main]\nplugins=1\npluginconfpath=/var/lib/mock/fedora-41-x86_64/root/etc/yum/pluginconf.d\n";
  EXPECT_THAT(manager_files(config, Manager::yum),
              ElementsAre(Pair("etc/yum/yum.conf", conf), Pair("etc/dnf/dnf.conf", conf),
                          Pair("etc/yum/pluginconf.d/priorities.conf", "[main]\nenabled=0"),
                          Pair("etc/yum/pluginconf.d/rhnplugin.conf", "")));
}

TEST(ManagerFiles, AConfigurationWithoutReposdirUsesTheHosts) {
  EXPECT_FALSE(uses_repositories_of_host(sample_config().package_manager_conf));
  EXPECT_TRUE(uses_repositories_of_host("[main]\n# reposdir\n"));
}

TEST(PackageCache, LiesInMocksPlacesUnlessItIsTurnedOff) {
  config::Config config = sample_config();
  EXPECT_EQ(cache_binds(config, Manager::dnf4).at(0),
            (buildroot::HostBind{"/var/cache/mock/fedora-41-x86_64/dnf_cache", "var/cache/dnf"}));
  EXPECT_EQ(cache_binds(config, Manager::yum).at(0),
            (buildroot::HostBind{"/var/cache/mock/fedora-41-x86_64/yum_cache", "var/cache/yum"}));
  config.plugins.yum_cache.enable = false;
  EXPECT_TRUE(cache_binds(config, Manager::dnf4).empty());
}

TEST(PackageCache, LosesWhatIsOldAndFollowsNoLinkOnTheWay) {
  char path[] = "/tmp/plyroot-test-XXXXXX";
  const linux_api::Descriptor directory = linux_api::open_path(mkdtemp(path), O_RDONLY | O_DIRECTORY);
  const auto make = [&](const std::string& name) {
    linux_api::open_at(directory.get(), name, O_WRONLY | O_CREAT, 0644);
  };
  ASSERT_EQ(mkdirat(directory.get(), "repo", 0755), 0);
  for (const char* name : {"repo/a.rpm", "repo/primary.xml.gz", "base.solv"})
    make(name);
  ASSERT_EQ(symlinkat("/etc", directory.get(), "link"), 0);
  config::YumCacheOptions options;
  options.max_metadata_age_days = 2;
  constexpr std::time_t day = std::time_t{24} * 60 * 60;

  remove_old_files(directory.get(), options, std::time(nullptr) + 3 * day);
  EXPECT_EQ(faccessat(directory.get(), "repo/a.rpm", F_OK, 0), 0);
  EXPECT_NE(faccessat(directory.get(), "repo/primary.xml.gz", F_OK, 0), 0);
  EXPECT_NE(faccessat(directory.get(), "base.solv", F_OK, 0), 0);
  remove_old_files(directory.get(), options, std::time(nullptr) + 31 * day);
  EXPECT_NE(faccessat(directory.get(), "repo/a.rpm", F_OK, 0), 0);
  EXPECT_EQ(access("/etc/passwd", F_OK), 0);

  const linux_api::Descriptor parent = linux_api::open_path("/tmp", O_RDONLY | O_DIRECTORY);
  linux_api::remove_tree(parent.get(), std::string(path).substr(5));
}

}  // namespace
}  // namespace plyroot::packages
