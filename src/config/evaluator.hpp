#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/dependencies.hpp"
#include "config/evaluating_user.hpp"
#include "config/load.hpp"

namespace plyroot::config {

/// What is to be evaluated; see libexec/evaluate-config/mockconfig/request.py.
enum class Task { config, debug_config, debug_config_expanded, list_chroots };

/// Something that the evaluation has to say to the user.
struct Notice {
  bool warning = true;  ///< else for information
  std::string text;
};

/// The evaluator's answer.
struct Answer {
  Config config;  ///< of Task::config
  /// Of Task::config: all of `config_opts`, but for mock_run_uuid. Not kept, as no command reads it.
  JsonText dictionary;
  /// Of Task::config with uniqueext: something is made of the root's name otherwise than by putting it into a text as
  /// it is, so that another uniqueext may change more than those texts.
  bool computes_with_root = false;
  std::string text;  ///< of the other tasks
  std::vector<Notice> notices;
  Dependencies dependencies;
  std::vector<std::string> uncacheable;  ///< why the answer must not be kept, if it must not
};

/// Whether a configuration reads this variable of the caller's environment: LANG, TERM and the proxies. What else it
/// reads there is said by who evaluates it.
bool is_passed_on(std::string_view variable);
/// The value of such a variable; nothing where it is not set, or not passed on.
std::optional<std::string_view> passed_on(std::string_view variable);

/// Says which evaluator this is: changes with its code, and with the form in which its answers are kept.
std::string_view evaluator_identity();

/// Runs the evaluator as `user` and waits for its answer.
/// @param request with absolute paths
/// @throws Error with the exit code that mock has for it: what is wrong with the configuration, or with the evaluation
///   itself (no Python, no Jinja2, no end, an answer too long)
Answer evaluate(Task task, const Request& request, const EvaluatingUser& user, const Surroundings& surroundings);

}  // namespace plyroot::config
