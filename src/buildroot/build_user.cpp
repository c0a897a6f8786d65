#include "buildroot/build_user.hpp"

#include <fmt/format.h>
#include <sys/personality.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "buildroot/root_files.hpp"
#include "buildroot/rpm_macros.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

constexpr const char* build_directories[] = {"RPMS", "SPECS", "SRPMS", "SOURCES", "BUILD", "BUILDROOT", "originals"};

void remove_old(int root, const std::string& file, const std::string& name) {
  const auto content = read_file_in_root(root, file);
  if (!content) {
    if (!exists_in_root(root, file)) return;
    // groupadd and useradd would wait for a FIFO, and read a device, without an end.
    throw Error(fmt::format("{} in the build root is no regular file", file),
                "The root's packages must leave one there: look at what they install.", ExitCode::root);
  }
  std::string kept = without_name(*content, name);
  if (kept != *content) write_file_in_root(root, file, kept, file.ends_with("shadow") ? 0600 : 0644);
}

void run_in_root(Session& session, const config::Config& config, std::vector<std::string> arguments) {
  RootCommand command;
  command.arguments = std::move(arguments);
  command.environment = environment_of(config);
  std::string output;
  command.output = [&](std::string_view text) { output += text; };
  const linux_api::ExitStatus status = session.run(command);
  if (!status.success()) {
    throw Error(
        fmt::format("Command failed in the build root: {}\n{}", quote_for_display(command.arguments), trim(output)),
        "The root needs groupadd and useradd (shadow-utils) among its first packages.", ExitCode::root);
  }
}

}  // namespace

std::string without_name(std::string_view content, std::string_view name) {
  const std::string beginning = std::string(name) + ":";
  std::string result;
  for (const std::string& line : split(content, '\n')) {
    if (!line.empty() && !line.starts_with(beginning)) result += line + "\n";
  }
  return result;
}

void set_up_build_user(Session& session, const config::Config& config) {
  for (const char* file : {"etc/passwd", "etc/shadow"})
    remove_old(session.root(), file, config.chrootuser);
  for (const char* file : {"etc/group", "etc/gshadow"})
    remove_old(session.root(), file, config.chrootgroup);
  const std::string gid = std::to_string(config.chrootgid);
  run_in_root(session, config, {"groupadd", "-o", "-g", gid, config.chrootgroup});
  run_in_root(session, config,
              {"useradd", "-o", "-M", "-N", "-u", std::to_string(config.chrootuid), "-g", gid, "-d", config.chroothome,
               config.chrootuser});
  set_up_build_directories(session.root(), config);
}

void set_up_build_directories(int root, const config::Config& config) {
  make_directories_in_root(root, config.chroothome, 0755);
  for (const char* name : build_directories) {
    make_directories_in_root(root, fmt::format("{}/build/{}", config.chroothome, name), 0755);
  }
  write_file_in_root(root, config.chroothome + "/.rpmmacros", rpm_macros_of(config));
  change_owner_in_root(root, config.chroothome, config.chrootuid, config.chrootgid, true);
}

linux_api::User build_user(const config::Config& config) {
  return {config.chrootuid, config.chrootgid, {}};
}

std::vector<std::string> environment_of(const config::Config& config) {
  std::vector<std::string> environment;
  for (const auto& [name, value] : config.environment) {
    if (value && name != "HOME") environment.push_back(name + "=" + *value);
  }
  environment.push_back("HOME=" + config.chroothome);
  return environment;
}

std::optional<unsigned long> personality_of(const config::Config& config) {
  constexpr std::array<std::string_view, 9> of_32_bits{"i386",   "i486", "i586", "i686",   "armv7",
                                                       "armv8l", "ppc",  "s390", "riscv32"};
  const bool wanted = std::any_of(of_32_bits.begin(), of_32_bits.end(), [&](std::string_view arch) {
    return config.target_arch == arch || (arch == "armv7" && config.target_arch.starts_with(arch));
  });
  return wanted ? std::optional<unsigned long>(PER_LINUX32) : std::nullopt;
}

}  // namespace plyroot::buildroot
