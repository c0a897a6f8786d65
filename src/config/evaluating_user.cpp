#include "config/evaluating_user.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "linux/file.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::config {
namespace {

std::optional<unsigned> parse_id(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == ~0U) return std::nullopt;
  return number;
}

/// passwd(5), one line: name, password, uid, gid, comment, home, shell.
std::optional<PasswdEntry> parse_line(std::string_view line) {
  std::array<std::string_view, 7> columns;
  for (std::string_view& column : columns) {
    const std::size_t end = line.find(':');
    column = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  const auto uid = parse_id(columns[2]);
  const auto gid = parse_id(columns[3]);
  if (!uid || !gid) return std::nullopt;
  return PasswdEntry{std::string(columns[0]), *uid, *gid, std::string(columns[5])};
}

constexpr const char* passwd_file = "/etc/passwd";

class Passwd {
 public:
  std::optional<PasswdEntry> find(uid_t uid) {
    if (auto entry = find_in_passwd(text_, [uid](const PasswdEntry& candidate) { return candidate.uid == uid; })) {
      return entry;
    }
    asked_others_ = true;
    return ask_name_services(uid);
  }

  [[nodiscard]] std::optional<PasswdEntry> find(std::string_view name) const {
    return find_in_passwd(text_, [name](const PasswdEntry& candidate) { return candidate.name == name; });
  }

  /// The file, where all that was found was found in it.
  [[nodiscard]] std::optional<FileRecord> told_all() const {
    if (asked_others_ || !before_reading_) return std::nullopt;
    return FileRecord{.path = passwd_file, .identity = *before_reading_};
  }

 private:
  /// A user that /etc/passwd does not have. By getent(1): the C library's own name services are shared objects, and
  /// the program is linked statically.
  static std::optional<PasswdEntry> ask_name_services(uid_t uid) {
    linux_api::ProcessPlan plan;
    plan.arguments = {"/usr/bin/getent", "passwd", std::to_string(uid)};
    const linux_api::Captured answer = linux_api::run_captured(std::move(plan));
    if (!answer.status.success()) return std::nullopt;  // nobody knows it
    return parse_line(trim(answer.output));
  }

  std::optional<FileIdentity> before_reading_ = look_at(passwd_file);
  std::string text_ = linux_api::read_file_if_exists(passwd_file).value_or("");
  bool asked_others_ = false;
};

/// The user of a uid; one that nobody knows has no name and no home.
EvaluatingUser known_user(Passwd& passwd, uid_t uid, std::optional<gid_t> gid) {
  const auto entry = passwd.find(uid).value_or(PasswdEntry{"", uid, uid, "/"});
  EvaluatingUser user;
  user.uid = uid;
  user.gid = gid.value_or(entry.gid);
  user.name = entry.name;
  user.home = entry.home;
  return user;
}

std::optional<uid_t> id_from_sudo(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const auto id = parse_id(text);
  if (!id) {
    throw Error(
        fmt::format("The environment variable {} is '{}', which is no user or group id", variable, printable(text)),
        fmt::format("sudo sets it; unset {} if you are not using sudo.", variable));
  }
  return id;
}

}  // namespace

std::optional<PasswdEntry> find_in_passwd(std::string_view text,
                                          const std::function<bool(const PasswdEntry&)>& wanted) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (auto entry = parse_line(text.substr(0, end)); entry && wanted(*entry)) return entry;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return std::nullopt;
}

std::vector<gid_t> parse_group_ids(std::string_view output) {
  std::vector<gid_t> groups;
  for (const std::string& word : split_words(output)) {
    const auto id = parse_id(word);
    if (!id) throw Error(fmt::format("id(1) says '{}', which is no group id", printable(word)));
    groups.push_back(*id);
  }
  return groups;
}

InvokingUser find_invoking_user() {
  InvokingUser caller{.uid = getuid(), .gid = getgid(), .root_login = false, .is_privileged = geteuid() == 0};
  if (caller.uid != 0) return caller;
  const auto sudo_user = id_from_sudo("SUDO_UID");
  caller.root_login = sudo_user.value_or(0) == 0;
  if (caller.root_login) return caller;
  caller.uid = *sudo_user;
  caller.gid = id_from_sudo("SUDO_GID");
  return caller;
}

EvaluatingUser find_evaluating_user(const InvokingUser& caller) {
  Passwd passwd;
  EvaluatingUser user;
  if (!caller.root_login) {
    user = known_user(passwd, caller.uid, caller.gid);
  } else {
    const auto own = passwd.find("plyroot");
    const auto root = passwd.find(uid_t{0});
    const bool usable = own && own->uid != 0 && own->gid != 0;
    user.uid = usable ? own->uid : fallback_id;
    user.gid = usable ? own->gid : fallback_id;
    user.name = "plyroot";
    user.home = root ? root->home : "/root";
    user.for_root_login = true;
  }
  user.must_change = caller.is_privileged;
  user.chroot_uid = user.for_root_login ? first_ordinary_id : user.uid;
  user.chroot_gid = user.for_root_login || user.gid == 0 ? first_ordinary_id : user.gid;
  user.told_by = passwd.told_all();
  return user;
}

}  // namespace plyroot::config
