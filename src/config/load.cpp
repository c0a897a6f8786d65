#include "config/load.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
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

constexpr std::size_t usual_key_size = 1024;

/// Whether a path is as absolute() would have it.
bool is_absolute_and_normal(std::string_view path) {
  return path.starts_with('/') && !path.ends_with('/') && path.find("//") == std::string_view::npos &&
         path.find("/.") == std::string_view::npos;
}

std::string absolute(std::string path) {
  if (is_absolute_and_normal(path)) return path;  // std::filesystem takes as long as a system call
  std::string normal = std::filesystem::absolute(path).lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/'))
    normal.pop_back();
  return normal;
}

/// Who evaluates for a caller. Found when it is first needed: what was kept needs it seldom.
class UserOnDemand {
 public:
  explicit UserOnDemand(const Surroundings& surroundings)
      : surroundings_(&surroundings), invoking_user_(find_invoking_user()) {}

  [[nodiscard]] const InvokingUser& invoking_user() const { return invoking_user_; }

  const EvaluatingUser& get() {
    if (!user_) {
      user_ = find_evaluating_user(invoking_user_);
      if (surroundings_->home) user_->home = *surroundings_->home;
    }
    return *user_;
  }

 private:
  const Surroundings* surroundings_;
  InvokingUser invoking_user_;
  std::optional<EvaluatingUser> user_;
};

/// "~" and "~/..." in the user's own home, as a shell would have it.
std::string expand_home(const std::string& path, UserOnDemand& user) {
  return path == "~" || path.starts_with("~/") ? user.get().home + path.substr(1) : path;
}

/// The request with paths that mean the same from any directory.
Request complete(Request request, UserOnDemand& user) {
  request.config_directory = absolute(std::move(request.config_directory));
  if (request.chroot.ends_with(".cfg")) request.chroot = absolute(expand_home(request.chroot, user));
  for (auto* path : {&request.rootdir, &request.resultdir, &request.macrofile}) {
    if (*path) *path = absolute(expand_home(**path, user));
  }
  return request;
}

/// All that an answer depends on and that is known before anything is read.
std::string key_of(const Request& request, bool for_any_uniqueext, const InvokingUser& caller,
                   const Surroundings& surroundings) {
  utsname host{};
  uname(&host);
  std::string key;
  key.reserve(usual_key_size);
  binary::Writer writer(key);
  writer.put(evaluator_identity());
  writer.put(surroundings.python);
  writer.put(surroundings.home);
  writer.put(request.chroot);
  writer.put(request.config_directory);
  writer.put(request);
  writer.put(for_any_uniqueext);
  writer.put(caller.uid);
  writer.put(caller.gid);
  writer.put(caller.root_login);
  writer.put(caller.is_privileged);
  for (const char* part : {host.sysname, host.nodename, host.release, host.version, host.machine}) {
    writer.put(std::string_view(part));
  }
  return key;
}

/// The key where others than /etc/passwd tell of the user, whose changes no file shows.
std::string key_with(std::string key, const EvaluatingUser& user) {
  binary::Writer writer(key);
  writer.put(user.uid);
  writer.put(user.gid);
  writer.put(user.name);
  writer.put(user.home);
  return key;
}

std::int64_t now_in_nanoseconds() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Makes an answer depend on what tells who evaluates it. What that user alone decides needs no more looking at then.
void depend_on_the_user(Dependencies& dependencies, const EvaluatingUser& user) {
  if (user.told_by &&
      std::find(dependencies.files.begin(), dependencies.files.end(), *user.told_by) == dependencies.files.end()) {
    dependencies.files.push_back(*user.told_by);
  }
  std::erase_if(dependencies.environment, [](const VariableRecord& record) { return !is_passed_on(record.name); });
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

/// One call of load().
class Loading {
 public:
  Loading(Log& log, const Surroundings& surroundings, LoadReport& report)
      : log_(&log),
        surroundings_(&surroundings),
        report_(&report),
        user_(surroundings),
        cache_(surroundings.cache_directory) {}

  [[nodiscard]] UserOnDemand& user() { return user_; }

  /// @param for_any_uniqueext whether the request stands for all
  std::unique_ptr<Answer> find_or_evaluate(const Request& request, bool for_any_uniqueext) {
    std::string key = key_of(request, for_any_uniqueext, user_.invoking_user(), *surroundings_);
    if (auto kept = find(key)) return kept;
    const std::int64_t began = now_in_nanoseconds();
    const EvaluatingUser& user = user_.get();
    if (!user.told_by) {
      key = key_with(std::move(key), user);
      if (auto kept = find(key)) return kept;
    }
    log_->debug(fmt::format("Evaluating the configuration: {}", why_not_found_));
    report_->from_cache = false;
    auto answer = std::make_unique<Answer>(evaluate(Task::config, request, user, *surroundings_));
    depend_on_the_user(answer->dependencies, user);
    keep(key, *answer, began);
    return answer;
  }

 private:
  std::unique_ptr<Answer> find(const std::string& key) {
    auto kept = cache_.find(key, passed_on, why_not_found_);
    if (kept) report_->from_cache = true;
    return kept;
  }

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
  UserOnDemand user_;
  Cache cache_;
  std::string why_not_found_;
};

/// The answer for all uniqueexts, made one for this. Nothing where each has one of its own.
std::unique_ptr<Answer> answer_for_any(Loading& loading, const Request& request) {
  if (!request.uniqueext || !is_plain(*request.uniqueext)) return nullptr;
  Request for_any = request;
  for_any.uniqueext = any_uniqueext;
  try {
    auto answer = loading.find_or_evaluate(for_any, true);
    if (answer->computes_with_root) return nullptr;
    give_uniqueext(*answer, *request.uniqueext);
    return answer;
  } catch (const Error&) {
    return nullptr;  // with the real name there may be no error, or it is told in the user's own words
  }
}

}  // namespace

Config load(const Request& asked, Log& log, const Surroundings& surroundings, LoadReport* report) {
  LoadReport ignored;
  LoadReport& done = report != nullptr ? *report : ignored;
  done = {};
  Loading loading(log, surroundings, done);
  const Request request = complete(asked, loading.user());
  std::unique_ptr<Answer> answer = answer_for_any(loading, request);
  if (answer == nullptr) answer = loading.find_or_evaluate(request, false);
  say(answer->notices, log);
  done.dictionary = std::move(answer->dictionary);
  return std::move(answer->config);
}

std::string debug_config(const Request& request, bool expanded, Log& log, const Surroundings& surroundings) {
  UserOnDemand user(surroundings);
  const Answer answer = evaluate(expanded ? Task::debug_config_expanded : Task::debug_config, complete(request, user),
                                 user.get(), surroundings);
  say(answer.notices, log);
  return answer.text;
}

std::string list_chroots(const Request& request, Log& log, const Surroundings& surroundings) {
  UserOnDemand user(surroundings);
  const Answer answer = evaluate(Task::list_chroots, complete(request, user), user.get(), surroundings);
  say(answer.notices, log);
  return answer.text;
}

}  // namespace plyroot::config
