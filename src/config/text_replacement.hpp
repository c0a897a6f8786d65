#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace plyroot::config {

/// Puts a text in the place of another one wherever that occurs in a value: in its texts, and those of what it consists
/// of, as `fields(value, visit)` in its type's namespace has them. The keys of maps stay as they are.
class TextReplacement {
 public:
  /// @param from not empty. Both outlive this
  TextReplacement(std::string_view from, std::string_view to) : from_(from), to_(to) {}

  void in(std::string& text) const {
    for (std::size_t at = text.find(from_); at != std::string::npos; at = text.find(from_, at + to_.size()))
      text.replace(at, from_.size(), to_);
  }
  template <class Value>
  requires std::is_arithmetic_v<Value> || std::is_enum_v<Value>
  void in(Value& /*has no text*/) const {}
  template <class Value>
  void in(std::optional<Value>& value) const {
    if (value) in(*value);
  }
  template <class Value>
  void in(std::vector<Value>& values) const {
    for (Value& value : values)
      in(value);
  }
  template <class Key, class Value>
  void in(std::map<Key, Value>& values) const {
    for (auto& [key, value] : values)
      in(value);
  }
  template <class Value>
  requires std::is_class_v<Value>
  void in(Value& value) const {
    fields(value, [this](std::string_view, auto& field) { this->in(field); });
  }

 private:
  std::string_view from_;
  std::string_view to_;
};

}  // namespace plyroot::config
