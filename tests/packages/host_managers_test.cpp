#include "packages/host_managers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "packages/sample_config.hpp"
#include "support/error.hpp"

namespace plyroot::packages {
namespace {

/// A host that has these files, and what they lead to.
RealPath host_with(std::map<std::string, std::string> files) {
  return [files = std::move(files)](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
}

HostManager chosen(const std::string& wanted, std::map<std::string, std::string> files) {
  config::Config config = sample_config();
  config.package_manager = wanted;
  return choose_manager(config, host_with(std::move(files)));
}

TEST(HostManagers, TheConfiguredOneIsUsedWhereTheHostHasIt) {
  EXPECT_EQ(chosen("dnf5", {{"/usr/bin/dnf5", "/usr/bin/dnf5"}, {"/usr/bin/dnf-3", "/usr/bin/dnf-3"}}),
            (HostManager{Manager::dnf5, "/usr/bin/dnf5", {}}));
}

TEST(HostManagers, AnotherOneStandsInInMocksOrder) {
  EXPECT_EQ(chosen("dnf5", {{"/usr/bin/dnf-3", "/usr/bin/dnf-3"}, {"/usr/bin/yum", "/usr/bin/yum"}}).kind,
            Manager::dnf4);
  EXPECT_EQ(chosen("yum", {{"/usr/bin/dnf5", "/usr/bin/dnf5"}, {"/usr/bin/dnf-3", "/usr/bin/dnf-3"}}).kind,
            Manager::dnf4);
  EXPECT_EQ(chosen("microdnf", {{"/usr/bin/dnf5", "/usr/bin/dnf5"}}).kind, Manager::dnf5);
}

TEST(HostManagers, WhatANameLeadsToCounts) {
  EXPECT_EQ(chosen("yum", {{"/usr/bin/yum", "/usr/bin/dnf-3"}, {"/usr/bin/dnf-3", "/usr/bin/dnf-3"}}),
            (HostManager{Manager::dnf4, "/usr/bin/dnf-3", {}}));
  EXPECT_EQ(chosen("dnf4", {{"/usr/bin/dnf", "/usr/bin/dnf5"}}), (HostManager{Manager::dnf5, "/usr/bin/dnf", {}}));
}

TEST(HostManagers, APlaceThatTheConfigurationDoesNotKnowIsFound) {
  EXPECT_EQ(chosen("dnf4", {{"/usr/bin/dnf", "/usr/bin/dnf-3"}}), (HostManager{Manager::dnf4, "/usr/bin/dnf", {}}));
}

TEST(HostManagers, AConfiguredWrapperIsTaken) {
  config::Config config = sample_config();
  config.package_managers["dnf5"].command = "/opt/site/package-manager";
  EXPECT_EQ(choose_manager(config, host_with({{"/opt/site/package-manager", "/opt/site/wrapper.sh"}})),
            (HostManager{Manager::dnf5, "/opt/site/package-manager", {}}));
}

TEST(HostManagers, MicrodnfNeedsADnfBesideIt) {
  EXPECT_EQ(chosen("microdnf", {{"/usr/bin/microdnf", "/usr/bin/microdnf"}, {"/usr/bin/dnf-3", "/usr/bin/dnf-3"}}),
            (HostManager{Manager::microdnf, "/usr/bin/microdnf", "/usr/bin/dnf-3"}));
}

TEST(HostManagers, AHostWithoutAnyIsToldWhatToInstall) {
  try {
    chosen("dnf5", {});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::package_manager);
    EXPECT_THAT(error.what(), testing::HasSubstr("dnf5, dnf4, yum"));
    EXPECT_THAT(error.advice(), testing::HasSubstr("apt-get install dnf"));
  }
}

}  // namespace
}  // namespace plyroot::packages
