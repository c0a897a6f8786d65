#include "packages/host_managers.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::packages {
namespace {

using config::Config;

/// Who is looked for when this one is wanted, in mock's order.
std::vector<Manager> candidates_for(Manager wanted) {
  switch (wanted) {
    case Manager::dnf4:
      return {Manager::dnf4, Manager::dnf5, Manager::yum};
    case Manager::dnf5:
      return {Manager::dnf5, Manager::dnf4, Manager::yum};
    case Manager::yum:
      return {Manager::yum, Manager::dnf4, Manager::dnf5};
    case Manager::microdnf:
      return {Manager::microdnf, Manager::dnf4, Manager::dnf5, Manager::yum};
  }
  return {};
}

/// Where a manager may be: where the configuration says, and where distributions put it.
std::vector<std::string> places_of(const Config& config, Manager manager) {
  std::vector<std::string> places;
  const std::string& configured = options_of(config, manager).command;
  if (!configured.empty()) places.push_back(configured);
  switch (manager) {
    case Manager::dnf4:
      places.insert(places.end(), {"/usr/bin/dnf-3", "/usr/bin/dnf4", "/usr/bin/dnf"});
      break;
    case Manager::dnf5:
      places.insert(places.end(), {"/usr/bin/dnf5", "/usr/bin/dnf"});
      break;
    case Manager::yum:
      places.emplace_back("/usr/bin/yum");
      break;
    case Manager::microdnf:
      places.emplace_back("/usr/bin/microdnf");
      break;
  }
  return places;
}

/// Whose program this is, by its file's name; nothing for a name that tells nothing, as a wrapper's.
std::optional<Manager> owner_of(const std::string& real_path) {
  const std::string name = real_path.substr(real_path.find_last_of('/') + 1);
  if (name.starts_with("microdnf")) return Manager::microdnf;
  if (name.starts_with("dnf5")) return Manager::dnf5;
  if (name.starts_with("dnf")) return Manager::dnf4;
  if (name.starts_with("yum")) return Manager::yum;
  return std::nullopt;
}

std::optional<std::string> find_program(const Config& config, Manager manager, const RealPath& real_path) {
  for (const std::string& place : places_of(config, manager)) {
    const auto leads_to = real_path(place);
    if (leads_to && owner_of(*leads_to).value_or(manager) == manager) return place;
  }
  return std::nullopt;
}

std::optional<HostManager> find(const Config& config, Manager manager, const RealPath& real_path) {
  const auto program = find_program(config, manager, real_path);
  if (!program) return std::nullopt;
  if (manager != Manager::microdnf) return HostManager{manager, *program, {}};
  const auto dnf = find_program(config, Manager::dnf4, real_path);
  return dnf ? std::optional(HostManager{manager, *program, *dnf}) : std::nullopt;
}

}  // namespace

RealPath real_path_on_host() {
  return [](const std::string& path) -> std::optional<std::string> {
    const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(path.c_str(), nullptr), &std::free);
    struct stat status {};
    if (!resolved || stat(resolved.get(), &status) < 0 || !S_ISREG(status.st_mode) ||
        access(resolved.get(), X_OK) < 0) {
      return std::nullopt;
    }
    return std::string(resolved.get());
  };
}

HostManager choose_manager(const Config& config, const RealPath& real_path) {
  const Manager wanted = manager_named(config.package_manager);
  std::vector<std::string> looked_for;
  for (const Manager manager : candidates_for(wanted)) {
    if (auto found = find(config, manager, real_path)) return *found;
    looked_for.emplace_back(name_of(manager));
  }
  throw Error(fmt::format("this host has no package manager that can fill the build root: looked for {}",
                          join(looked_for, ", ")),
              "Install one: apt-get install dnf dnf-plugins-core on Debian, dnf install dnf5 dnf5-plugins on Fedora.",
              ExitCode::package_manager);
}

}  // namespace plyroot::packages
