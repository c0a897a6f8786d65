#include "packages/rpm_database.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "buildroot/build_user.hpp"
#include "buildroot/root_files.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::packages {
namespace {

using linux_api::Descriptor;

constexpr const char* sysimage_path = "/usr/lib/sysimage/rpm";
constexpr const char* traditional_path = "/var/lib/rpm";
/// A file of each kind of database that rpm has had: sqlite, ndb, Berkeley DB.
constexpr std::array database_files{"rpmdb.sqlite", "Packages.db", "Packages"};

/// The number in a distribution's tag, as 41 in "fc41"; nothing where the tag does not start with the prefix.
std::optional<int> release_in(std::string_view tag, std::string_view prefix) {
  if (!tag.starts_with(prefix)) return std::nullopt;
  tag.remove_prefix(prefix.size());
  int number = 0;
  const auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

bool holds_database(int root, const std::string& directory) {
  return std::any_of(database_files.begin(), database_files.end(),
                     [&](const char* file) { return buildroot::exists_in_root(root, directory + "/" + file); });
}

std::optional<std::string> ask_own_rpm(buildroot::Session& session, const config::Config& config) {
  if (!buildroot::exists_in_root(session.root(), config.rpm_command)) return std::nullopt;
  buildroot::RootCommand ask;
  ask.arguments = {config.rpm_command, "--eval", "%_dbpath"};
  ask.environment = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/root", "LC_ALL=C"};
  std::string output;
  ask.output = [&](std::string_view text) { output += text; };
  try {
    if (session.run(ask).success()) return parse_database_path(output);
  } catch (const Error&) {
    // A root that was broken on purpose: its rpm does not start.
  }
  return std::nullopt;
}

bool are_one_directory(int root, const std::string& one, const std::string& other) {
  std::array<struct stat, 2> found{};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Descriptor directory =
        linux_api::open_in_root_if_there(root, i == 0 ? one : other, O_PATH | O_DIRECTORY, linux_api::Links::follow);
    if (!directory || fstat(directory.get(), &found[i]) < 0) return false;
  }
  return found[0].st_dev == found[1].st_dev && found[0].st_ino == found[1].st_ino;
}

}  // namespace

std::string usual_database_path(const config::Config& config) {
  const std::string& dist = config.dist;
  const bool sysimage = dist == "rawhide" || dist == "eln" || dist == "tumbleweed" || dist.starts_with("suse") ||
                        release_in(dist, "fc").value_or(0) >= 36 || release_in(dist, "el").value_or(0) >= 10;
  return sysimage ? sysimage_path : traditional_path;
}

std::optional<std::string> parse_database_path(std::string_view output) {
  const std::string_view path = trim(output);
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
           c == '-' || c == '_';
  });
  if (!plain || !path.starts_with('/') || path.size() < 2 || path.find("..") != std::string_view::npos)
    return std::nullopt;
  return std::string(path);
}

std::optional<std::string> database_path_of(buildroot::Session& session, const config::Config& config) {
  if (auto asked = ask_own_rpm(session, config)) return asked;
  for (const char* path : {sysimage_path, traditional_path}) {
    if (holds_database(session.root(), path)) return path;
  }
  return std::nullopt;
}

void move_database(int root, const std::string& from, const std::string& to) {
  if (from == to || !holds_database(root, from) || are_one_directory(root, from, to)) return;
  if (holds_database(root, to)) {
    throw Error(fmt::format("the build root has two rpm databases, {} and {}", from, to),
                "Make the root anew: --scrub chroot, then --init.", ExitCode::root);
  }
  const buildroot::PathInRoot source = buildroot::locate_in_root(root, from, false);
  const buildroot::PathInRoot target = buildroot::locate_in_root(root, to, true);
  if (unlinkat(target.directory.get(), target.name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT) {
    throw_errno(errno, "make place for the rpm database at", to);
  }
  if (renameat(source.directory.get(), source.name.c_str(), target.directory.get(), target.name.c_str()) < 0) {
    throw_errno(errno, "move the rpm database to", to);
  }
}

std::string rpm_macros(const std::string& database_path) {
  // What is mounted in the root is the session's: rpm must not try to change it.
  return fmt::format("%_dbpath {}\n%_netsharedpath /proc:/sys:/dev\n", database_path);
}

}  // namespace plyroot::packages
