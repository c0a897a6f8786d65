#include "packages/invocation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::packages {
namespace {

using config::Config;
using config::PackageManagerOptions;
using config::Words;

constexpr std::array<std::pair<Manager, std::string_view>, 4> manager_names{
    {{Manager::dnf4, "dnf4"}, {Manager::dnf5, "dnf5"}, {Manager::yum, "yum"}, {Manager::microdnf, "microdnf"}}};

bool is_one_of(const std::string& word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

void append(Words& words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
}

/// The options that every subcommand gets, but for those that this one does not take.
Words common_options(const Config& config, const PackageManagerOptions& options, const std::string& subcommand) {
  Words common = options.common_opts;
  for (const std::string& plugin : options.disable_plugins)
    common.push_back("--disableplugin=" + plugin);
  if (config.forcearch) append(common, {"--forcearch", *config.forcearch});
  if (const auto avoided = options.avoid_opts.find(subcommand); avoided != options.avoid_opts.end()) {
    std::erase_if(common, [&](const std::string& option) {
      return std::find(avoided->second.begin(), avoided->second.end(), option) != avoided->second.end();
    });
  }
  return common;
}

/// The program, and `builddep` where that is a subcommand of it: yum's is a program of its own.
Words program_of(const PackageManagerOptions& options, const HostManager& manager, const std::string& program,
                 const std::string& subcommand) {
  if (subcommand != "builddep") return {program};
  if (manager.kind == Manager::yum) return {options.builddep_command.value_or("/usr/bin/yum-builddep")};
  return {options.builddep_command.value_or(program), "builddep"};
}

}  // namespace

std::string_view name_of(Manager manager) {
  return std::find_if(manager_names.begin(), manager_names.end(),
                      [&](const auto& entry) { return entry.first == manager; })
      ->second;
}

Manager manager_named(std::string_view name) {
  for (const auto& [manager, its_name] : manager_names) {
    if (its_name == name) return manager;
  }
  throw Error(fmt::format("config_opts['package_manager'] is '{}', which is no package manager", printable(name)),
              "It can be dnf4, dnf5, yum or microdnf.", ExitCode::configuration);
}

const PackageManagerOptions& options_of(const Config& config, Manager manager) {
  static const PackageManagerOptions none;
  const auto found = config.package_managers.find(std::string(name_of(manager)));
  return found == config.package_managers.end() ? none : found->second;
}

Invocation make_invocation(const Config& config, const HostManager& manager, const Words& command) {
  const PackageManagerOptions& options = options_of(config, manager.kind);
  const bool microdnf = manager.kind == Manager::microdnf;
  const bool in_root = microdnf && is_one_of(command.at(0), {"install", "update", "remove"});
  // What configurations for microdnf call their first installation, which only the host's dnf can do.
  const std::string subcommand = command.at(0) == "dnf-install" ? "install" : command.at(0);
  const std::string& program = microdnf && !in_root ? manager.dnf_program : manager.program;

  Words all = program_of(options, manager, program, subcommand);
  if (!in_root) append(all, {"--installroot", config.rootdir});
  if (is_one_of(subcommand, {"upgrade", "update", "module"})) all.emplace_back("-y");
  if (config.releasever && !in_root) append(all, {"--releasever", *config.releasever});
  if (!config.online) all.emplace_back("-C");
  append(all, config.enable_disable_repos);

  Words common = common_options(config, options, subcommand);
  Words arguments;
  if (subcommand == "builddep") {
    append(common, options.builddep_opts);
  } else {
    arguments.push_back(subcommand);
  }
  arguments.insert(arguments.end(), command.begin() + 1, command.end());
  // dnf5 takes these options only after the subcommand.
  if (manager.kind == Manager::dnf5) std::swap(common, arguments);
  append(all, common);
  append(all, arguments);
  return {std::move(all), in_root ? Invocation::Place::root : Invocation::Place::host};
}

}  // namespace plyroot::packages
