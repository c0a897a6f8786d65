#include "config/json.hpp"

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "config/fields.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::config {
namespace {

using nlohmann::json;

template <class Value>
void read(const json& document, Value& value);

template <std::integral Value>
bool fits(const json& number) {
  if (number.is_number_float()) return false;  // the evaluator sends none for a whole number
  if (number.is_number_unsigned()) return std::in_range<Value>(number.get<std::uint64_t>());
  return !number.is_number() || std::in_range<Value>(number.get<std::int64_t>());
}

/// The library itself would cut off what does not fit, or not define what becomes of it.
template <std::integral Value>
requires(!std::same_as<Value, bool>) void read(const json& document, Value& value) {
  if (!fits<Value>(document)) {
    throw Error(fmt::format("Config error: the number {} is out of range", printable(document.dump())), {},
                ExitCode::configuration);
  }
  document.get_to(value);
}

void read(const json& document, JsonText& value) {
  value.text = document.dump();
}

void read(const json& document, Isolation& value) {
  const auto& name = document.get_ref<const std::string&>();
  value = name == "nspawn" ? Isolation::nspawn : name == "simple" ? Isolation::simple : Isolation::automatic;
}

template <class Value>
void read(const json& document, std::optional<Value>& value) {
  if (document.is_null()) return;
  read(document, value.emplace());
}

template <class Value>
void read(const json& document, std::vector<Value>& values) {
  for (const json& item : document)
    read(item, values.emplace_back());
}

template <class Value>
void read(const json& document, std::map<std::string, Value>& values) {
  for (const auto& [key, item] : document.items())
    read(item, values[key]);
}

template <class Value>
void read(const json& document, Value& value) {
  if constexpr (requires { document.get_to(value); }) {
    document.get_to(value);
  } else {
    fields(value, [&](const char* name, auto& field) { read(document.at(name), field); });
  }
}

FileRecord file_record(const json& record) {
  FileRecord result{.path = record.at("path"), .follow_link = record.at("kind") == "file", .identity = {}};
  if (record.value("absent", false)) {
    result.identity.absent = true;
    return result;
  }
  read(record.at("device"), result.identity.device);
  read(record.at("inode"), result.identity.inode);
  read(record.at("size"), result.identity.size);
  read(record.at("modified"), result.identity.modified);
  read(record.at("changed"), result.identity.changed);
  return result;
}

void read_dependencies(const json& document, Answer& answer) {
  for (const json& record : document.at("files"))
    answer.dependencies.files.push_back(file_record(record));
  for (const json& record : document.at("environment")) {
    VariableRecord& variable = answer.dependencies.environment.emplace_back();
    read(record.at("name"), variable.name);
    read(record.at("value"), variable.value);
  }
  for (const json& record : document.at("processors")) {
    ProcessorRecord& processors = answer.dependencies.processors.emplace_back();
    processors.online = record.at("kind") == "online";
    read(record.at("count"), processors.count);
  }
  read(document.at("uncacheable"), answer.uncacheable);
}

[[noreturn]] void throw_no_answer(std::string_view why) {
  throw Error(fmt::format("The evaluation of the configuration gave an answer that cannot be understood: {}", why),
              "Please report this with the configuration.", ExitCode::configuration);
}

[[noreturn]] void throw_configuration_error(const json& error) {
  const std::string message = printable_lines(error.at("message").get<std::string>());
  if (message.empty()) throw_no_answer("an error that says nothing");
  const bool usage = error.at("exit_code") == static_cast<int>(ExitCode::usage);
  throw Error(message, join(error.at("hints").get<std::vector<std::string>>(), "\n"),
              usage ? ExitCode::usage : ExitCode::configuration);
}

/// The library reads a text that is nested as deep as it is long, and writes it by recursion until the stack is used
/// up. Python writes none that is deeper than this.
void check_nesting(std::string_view text) {
  constexpr int deepest = 1000;
  int depth = 0;
  bool is_quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      is_quoted = !is_quoted;
    } else if (is_quoted) {
      if (c == '\\') ++at;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest)
        throw Error("Config error: the settings are nested too deeply", {}, ExitCode::configuration);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

/// A root's name becomes the name of directories that plyroot makes and removes as root.
void check_root_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    throw Error(
        fmt::format("Config error: config_opts['root'] is '{}', which is no name for a directory", printable(name)), {},
        ExitCode::configuration);
  }
}

const char* name_of(Task task) {
  switch (task) {
    case Task::config:
      return "config";
    case Task::debug_config:
      return "debug_config";
    case Task::debug_config_expanded:
      return "debug_config_expanded";
    case Task::list_chroots:
      break;
  }
  return "list_chroots";
}

template <class Value>
json to_json(const Value& value) {
  return value;
}

template <class Value>
json to_json(const std::optional<Value>& value) {
  return value ? json(*value) : json(nullptr);
}

}  // namespace

std::string request_to_json(Task task, const Request& request, const EvaluatingUser& user, const HandedFiles& handed,
                            int first_descriptor) {
  json document{
      {"task", name_of(task)},   {"chroot", request.chroot},      {"config_directory", request.config_directory},
      {"home", user.home},       {"chroot_uid", user.chroot_uid}, {"chroot_gid", user.chroot_gid},
      {"handed", json::object()}};
  json& command_line = document["command_line"];
  fields(request, [&](const char* name, const auto& field) { command_line[name] = to_json(field); });
  int descriptor = first_descriptor;
  for (const HandedFile& file : handed.files()) {
    document["handed"][file.path] = file.file ? json(descriptor++) : json(nullptr);
  }
  if (task == Task::list_chroots && user.for_root_login) {
    document["user_configs"] = handed.configurations_in(user.home + "/.config/mock");
    if (!open_to_all(request.config_directory)) {
      document["global_configs"] = handed.configurations_in(request.config_directory);
    }
  }
  try {
    return document.dump();
  } catch (const json::type_error&) {
    // Another name put in its place would be another directory.
    throw Error("a name or an option's value is no text in UTF-8, and configurations hold nothing else", {},
                ExitCode::usage);
  }
}

Answer answer_from_json(std::string_view text) {
  check_nesting(text);
  Answer answer;
  try {
    const json document = json::parse(text);
    for (const json& notice : document.at("notices")) {
      answer.notices.push_back({notice.at("level") == "warning", notice.at("text")});
    }
    if (document.contains("error")) throw_configuration_error(document["error"]);
    const json& result = document.at("result");
    if (result.contains("text")) {
      read(result["text"], answer.text);
    } else {
      read(result.at("config"), answer.config);
      read(result.at("dictionary"), answer.dictionary);
      read(result.at("computes_with_root"), answer.computes_with_root);
      check_root_name(answer.config.root);
      check_root_name(answer.config.shared_root);
    }
    read_dependencies(document.at("depends_on"), answer);
  } catch (const json::exception& error) {
    throw_no_answer(error.what());
  }
  return answer;
}

}  // namespace plyroot::config
