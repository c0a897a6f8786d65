#include "packages/invocation.hpp"

#include <gtest/gtest.h>

#include "packages/sample_config.hpp"
#include "support/error.hpp"

namespace plyroot::packages {
namespace {

using config::Words;

const HostManager dnf4{Manager::dnf4, "/usr/bin/dnf-3", {}};
const HostManager dnf5{Manager::dnf5, "/usr/bin/dnf5", {}};
const HostManager yum{Manager::yum, "/usr/bin/yum", {}};
const HostManager microdnf{Manager::microdnf, "/usr/bin/microdnf", "/usr/bin/dnf-3"};
const std::string root = "/var/lib/mock/fedora-41-x86_64/root";

Words arguments(const config::Config& config, const HostManager& manager, const Words& command) {
  return make_invocation(config, manager, command).arguments;
}

TEST(Invocation, Dnf4TakesItsOptionsBeforeTheSubcommand) {
  EXPECT_EQ(arguments(sample_config(), dnf4, {"install", "make"}),
            (Words{"/usr/bin/dnf-3", "--installroot", root, "--releasever", "41", "--setopt=deltarpm=False",
                   "--allowerasing", "--disableplugin=local", "install", "make"}));
}

TEST(Invocation, Dnf5TakesItsOptionsAfterTheSubcommand) {
  EXPECT_EQ(arguments(sample_config(), dnf5, {"install", "make"}),
            (Words{"/usr/bin/dnf5", "--installroot", root, "--releasever", "41", "install", "make",
                   "--setopt=deltarpm=False", "--allowerasing"}));
}

TEST(Invocation, OptionsThatASubcommandDoesNotKnowAreLeftOut) {
  EXPECT_EQ(arguments(sample_config(), dnf5, {"remove", "make"}),
            (Words{"/usr/bin/dnf5", "--installroot", root, "--releasever", "41", "remove", "make",
                   "--setopt=deltarpm=False"}));
}

TEST(Invocation, UpdatesAndModulesAreAgreedToBeforehand) {
  for (const char* subcommand : {"update", "upgrade", "module"}) {
    EXPECT_EQ(arguments(sample_config(), dnf4, {subcommand})[3], "-y") << subcommand;
  }
}

TEST(Invocation, BuilddepIsASubcommandOfDnfWithOptionsOfItsOwn) {
  config::Config config = sample_config();
  config.package_managers["dnf4"].builddep_opts = {"--skip-unavailable"};
  EXPECT_EQ(arguments(config, dnf4, {"builddep", "/a.src.rpm"}),
            (Words{"/usr/bin/dnf-3", "builddep", "--installroot", root, "--releasever", "41", "--setopt=deltarpm=False",
                   "--allowerasing", "--disableplugin=local", "--skip-unavailable", "/a.src.rpm"}));
  EXPECT_EQ(arguments(config, dnf5, {"builddep", "/a.src.rpm"}),
            (Words{"/usr/bin/dnf5", "builddep", "--installroot", root, "--releasever", "41", "/a.src.rpm",
                   "--setopt=deltarpm=False", "--allowerasing"}));
}

TEST(Invocation, BuilddepIsAProgramOfItsOwnWithYum) {
  EXPECT_EQ(arguments(sample_config(), yum, {"builddep", "/a.src.rpm"}),
            (Words{"/usr/bin/yum-builddep", "--installroot", root, "--releasever", "41", "/a.src.rpm"}));
  EXPECT_EQ(arguments(sample_config(), yum, {"groupinstall", "buildsys-build"}),
            (Words{"/usr/bin/yum", "--installroot", root, "--releasever", "41", "groupinstall", "buildsys-build"}));
}

TEST(Invocation, MicrodnfRunsInTheRootAndLeavesTheRestToDnf) {
  EXPECT_EQ(make_invocation(sample_config(), microdnf, {"install", "make"}),
            (Invocation{{"/usr/bin/microdnf", "install", "make"}, Invocation::Place::root}));
  EXPECT_EQ(make_invocation(sample_config(), microdnf, {"dnf-install", "bash"}),
            (Invocation{{"/usr/bin/dnf-3", "--installroot", root, "--releasever", "41", "install", "bash"},
                        Invocation::Place::host}));
  EXPECT_EQ(arguments(sample_config(), microdnf, {"builddep", "/a.src.rpm"}),
            (Words{"/usr/bin/dnf", "builddep", "--installroot", root, "--releasever", "41", "/a.src.rpm"}));
}

TEST(Invocation, TheCommandLineSaysWhichRepositoriesCountAndWhetherToDownload) {
  config::Config config = sample_config();
  config.online = false;
  config.enable_disable_repos = {"--enablerepo", "updates", "--disablerepo", "fedora"};
  config.forcearch = "aarch64";
  config.package_managers["dnf4"].common_opts.clear();
  EXPECT_EQ(arguments(config, dnf4, {"install", "make"}),
            (Words{"/usr/bin/dnf-3", "--installroot", root, "--releasever", "41", "-C", "--enablerepo", "updates",
                   "--disablerepo", "fedora", "--disableplugin=local", "--forcearch", "aarch64", "install", "make"}));
}

TEST(Invocation, AnUnknownPackageManagerIsRefusedByName) {
  EXPECT_EQ(manager_named("microdnf"), Manager::microdnf);
  EXPECT_THROW(manager_named("apt"), Error);
}

}  // namespace
}  // namespace plyroot::packages
