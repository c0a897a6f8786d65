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

class Passwd {
 public:
  [[nodiscard]] std::optional<PasswdEntry> find(uid_t uid) const {
    if (auto entry = find_in_passwd(text_, [uid](const PasswdEntry& candidate) { return candidate.uid == uid; })) {
      return entry;
    }
    return ask_name_services(uid);
  }

  [[nodiscard]] std::optional<PasswdEntry> find(std::string_view name) const {
    return find_in_passwd(text_, [name](const PasswdEntry& candidate) { return candidate.name == name; });
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

  std::string text_ = linux_api::read_file_if_exists("/etc/passwd").value_or("");
};

/// The user of a uid; one that nobody knows has no name and no home.
EvaluatingUser known_user(const Passwd& passwd, uid_t uid, std::optional<gid_t> gid) {
  const auto entry = passwd.find(uid).value_or(PasswdEntry{"", uid, uid, "/"});
  return {.uid = uid, .gid = gid.value_or(entry.gid), .name = entry.name, .home = entry.home};
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

EvaluatingUser find_evaluating_user() {
  const Passwd passwd;
  const uid_t real = getuid();
  const auto sudo_user = real == 0 ? id_from_sudo("SUDO_UID") : std::nullopt;
  EvaluatingUser user;
  if (real != 0) {
    user = known_user(passwd, real, getgid());
  } else if (sudo_user.value_or(0) != 0) {
    user = known_user(passwd, *sudo_user, id_from_sudo("SUDO_GID"));
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
  user.must_change = geteuid() == 0;
  user.chroot_uid = user.for_root_login ? first_ordinary_id : user.uid;
  user.chroot_gid = user.for_root_login || user.gid == 0 ? first_ordinary_id : user.gid;
  return user;
}

}  // namespace plyroot::config
