#include "config/load.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "config/cache.hpp"
#include "config/cache_fields.hpp"
#include "config/evaluator.hpp"
#include "config/text_replacement.hpp"
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
  for (auto* path : {&request.rootdir, &request.resultdir, &request.macrofile}) {
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
std::string key_of(const Request& request, bool for_any_uniqueext, const EvaluatingUser& user,
                   const Surroundings& surroundings) {
  utsname host{};
  uname(&host);
  std::string key;
  binary::Writer writer(key);
  writer.put(evaluator_identity());
  writer.put(surroundings.python);
  writer.put(request.chroot);
  writer.put(request.config_directory);
  writer.put(request);
  writer.put(for_any_uniqueext);
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

/// Stands for whichever uniqueext: what is evaluated with it, and kept, serves them all.
constexpr std::string_view any_uniqueext = "any-uniqueext.c2c7f25f";

/// Whether a template or a path is the same with this extension as with any other, but for the extension itself.
bool is_plain(std::string_view uniqueext) {
  const auto is_plain_character = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  };
  return !uniqueext.empty() && uniqueext.front() != '.' &&
         std::all_of(uniqueext.begin(), uniqueext.end(), is_plain_character);
}

/// An answer for any uniqueext becomes one for this.
void give_uniqueext(Answer& answer, const std::string& uniqueext) {
  const TextReplacement replacement(any_uniqueext, uniqueext);
  replacement.in(answer.config);
  replacement.in(answer.dictionary.text);
  for (Notice& notice : answer.notices)
    replacement.in(notice.text);
}

/// A request, and whether it stands for all uniqueexts.
struct Question {
  Request request;
  bool for_any_uniqueext = false;
};

/// One call of load().
class Loading {
 public:
  Loading(Log& log, const Surroundings& surroundings, LoadReport& report)
      : log_(&log),
        surroundings_(&surroundings),
        report_(&report),
        user_(evaluating_user(surroundings)),
        cache_(surroundings.cache_directory) {}

  [[nodiscard]] const EvaluatingUser& user() const { return user_; }

  Answer find_or_evaluate(const Question& question) {
    const std::vector<std::string> environment = evaluator_environment(user_);
    const std::string key = key_of(question.request, question.for_any_uniqueext, user_, *surroundings_);
    std::string why;
    if (auto kept = cache_.find(key, lookup_in(environment), why)) {
      report_->from_cache = true;
      return std::move(*kept);
    }
    log_->debug(fmt::format("Evaluating the configuration: {}", why));
    report_->from_cache = false;
    const std::int64_t began = now_in_nanoseconds();
    Answer answer = evaluate(Task::config, question.request, user_, *surroundings_);
    keep(key, answer, began);
    return answer;
  }

 private:
  void keep(const std::string& key, const Answer& answer, std::int64_t began) {
    report_->not_kept_because = reasons_not_to_keep(answer, began, *surroundings_);
    report_->kept = false;
    if (report_->not_kept_because.empty()) {
      try {
        cache_.keep(key, answer);
        report_->kept = true;
      } catch (const Error& error) {
        report_->not_kept_because.emplace_back(error.what());
      }
    }
    for (const std::string& reason : report_->not_kept_because)
      log_->debug(fmt::format("The evaluated configuration is not kept for the next time: {}", reason));
  }

  Log* log_;
  const Surroundings* surroundings_;
  LoadReport* report_;
  EvaluatingUser user_;
  Cache cache_;
};

/// The answer for all uniqueexts, made one for this. Nothing where each has one of its own.
std::optional<Answer> answer_for_any(Loading& loading, const Request& request) {
  if (!request.uniqueext || !is_plain(*request.uniqueext)) return std::nullopt;
  Question question{request, true};
  question.request.uniqueext = any_uniqueext;
  try {
    Answer answer = loading.find_or_evaluate(question);
    if (answer.computes_with_root) return std::nullopt;
    give_uniqueext(answer, *request.uniqueext);
    return answer;
  } catch (const Error&) {
    return std::nullopt;  // with the real name there may be no error, or it is told in the user's own words
  }
}

}  // namespace

Config load(const Request& asked, Log& log, const Surroundings& surroundings, LoadReport* report) {
  LoadReport ignored;
  LoadReport& done = report != nullptr ? *report : ignored;
  done = {};
  Loading loading(log, surroundings, done);
  const Request request = complete(asked, loading.user());
  std::optional<Answer> for_any = answer_for_any(loading, request);
  Answer answer = for_any ? std::move(*for_any) : loading.find_or_evaluate({request});
  say(answer.notices, log);
  done.dictionary = std::move(answer.dictionary);
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
