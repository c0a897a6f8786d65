#include "config/load.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "config/cache.hpp"
#include "config/cache_fields.hpp"
#include "config/evaluator.hpp"
#include "support/error.hpp"
#include "support/log.hpp"

namespace plyroot::config {
namespace {

std::string absolute(const std::string& path) {
  std::string normal = std::filesystem::absolute(path).lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/'))
    normal.pop_back();
  return normal;
}

/// "~" and "~/..." in the user's own home, as a shell would have it.
std::string expand_home(const std::string& path, const EvaluatingUser& user) {
  return path == "~" || path.starts_with("~/") ? user.home + path.substr(1) : path;
}

/// The request with paths that mean the same from any directory.
Request complete(Request request, const EvaluatingUser& user) {
  request.config_directory = absolute(request.config_directory);
  if (request.chroot.ends_with(".cfg")) request.chroot = absolute(expand_home(request.chroot, user));
  for (auto* path : {&request.rootdir, &request.resultdir}) {
    if (*path) *path = absolute(expand_home(**path, user));
  }
  return request;
}

EvaluatingUser evaluating_user(const Surroundings& surroundings) {
  EvaluatingUser user = find_evaluating_user();
  if (surroundings.home) user.home = *surroundings.home;
  return user;
}

/// All that an answer depends on and that is known before anything is read.
std::string key_of(const Request& request, const EvaluatingUser& user, const Surroundings& surroundings) {
  utsname host{};
  uname(&host);
  std::string key;
  binary::Writer writer(key);
  writer.put(evaluator_identity());
  writer.put(surroundings.python);
  writer.put(request.chroot);
  writer.put(request.config_directory);
  writer.put(request);
  writer.put(user.uid);
  writer.put(user.gid);
  writer.put(user.name);
  writer.put(user.home);
  writer.put(user.for_root_login);
  writer.put(user.chroot_uid);
  writer.put(user.chroot_gid);
  for (const char* part : {host.sysname, host.nodename, host.release, host.version, host.machine}) {
    writer.put(std::string_view(part));
  }
  return key;
}

VariableLookup lookup_in(const std::vector<std::string>& environment) {
  return [&environment](std::string_view name) -> std::optional<std::string_view> {
    for (const std::string_view variable : environment) {
      if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=') {
        return variable.substr(name.size() + 1);
      }
    }
    return std::nullopt;
  };
}

std::int64_t now_in_nanoseconds() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

void say(const std::vector<Notice>& notices, Log& log) {
  for (const Notice& notice : notices)
    notice.warning ? log.warning(notice.text) : log.info(notice.text);
}

/// Why an answer is not kept; nothing if it may be.
std::vector<std::string> reasons_not_to_keep(const Answer& answer, std::int64_t began,
                                             const Surroundings& surroundings) {
  std::vector<std::string> reasons = answer.uncacheable;
  const std::int64_t settling = std::chrono::nanoseconds(surroundings.settling_time).count();
  if (const auto path = find_unsettled(answer.dependencies, began - settling)) {
    reasons.push_back(*path + " has only just changed");
  }
  if (geteuid() != 0) reasons.emplace_back("only root may write the cache");
  return reasons;
}

}  // namespace

Config load(const Request& asked, Log& log, const Surroundings& surroundings, LoadReport* report) {
  LoadReport ignored;
  LoadReport& done = report != nullptr ? *report : ignored;
  done = {};
  const EvaluatingUser user = evaluating_user(surroundings);
  const Request request = complete(asked, user);
  const std::vector<std::string> environment = evaluator_environment(user);
  const std::string key = key_of(request, user, surroundings);
  const Cache cache(surroundings.cache_directory);

  std::string why;
  if (auto kept = cache.find(key, lookup_in(environment), why)) {
    done.from_cache = true;
    say(kept->notices, log);
    return std::move(kept->config);
  }
  log.debug(fmt::format("Evaluating the configuration: {}", why));
  const std::int64_t began = now_in_nanoseconds();
  Answer answer = evaluate(Task::config, request, user, surroundings);
  say(answer.notices, log);
  done.dictionary = std::move(answer.dictionary);
  done.not_kept_because = reasons_not_to_keep(answer, began, surroundings);
  if (done.not_kept_because.empty()) {
    try {
      cache.keep(key, answer);
      done.kept = true;
    } catch (const Error& error) {
      done.not_kept_because.emplace_back(error.what());
    }
  }
  for (const std::string& reason : done.not_kept_because) {
    log.debug(fmt::format("The evaluated configuration is not kept for the next time: {}", reason));
  }
  return std::move(answer.config);
}

std::string debug_config(const Request& request, bool expanded, Log& log, const Surroundings& surroundings) {
  const EvaluatingUser user = evaluating_user(surroundings);
  const Answer answer = evaluate(expanded ? Task::debug_config_expanded : Task::debug_config, complete(request, user),
                                 user, surroundings);
  say(answer.notices, log);
  return answer.text;
}

std::string list_chroots(const Request& request, Log& log, const Surroundings& surroundings) {
  const EvaluatingUser user = evaluating_user(surroundings);
  const Answer answer = evaluate(Task::list_chroots, complete(request, user), user, surroundings);
  say(answer.notices, log);
  return answer.text;
}

}  // namespace plyroot::config
