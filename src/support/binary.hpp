#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// The form in which values lie in files that plyroot keeps for itself: fields in their order, numbers as the machine
/// has them, a length before what has one. For one machine and one version of plyroot, so without names and versions of
/// fields. What the fields of a type are, `fields(value, visit)` in the type's own namespace says.
namespace plyroot::binary {

template <class Value>
concept Plain = std::is_arithmetic_v<Value> || std::is_enum_v<Value>;

/// Appends values to a text.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void put(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    out_ += text;
  }
  void put(const std::string& text) { put(std::string_view(text)); }
  template <Plain Value>
  void put(Value value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof bytes);
  }
  template <class Value>
  void put(const std::optional<Value>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class Value>
  void put(const std::vector<Value>& values) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const Value& value : values)
      put(value);
  }
  template <class Key, class Value>
  void put(const std::map<Key, Value>& values) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const auto& [key, value] : values) {
      put(key);
      put(value);
    }
  }
  template <class Value>
  requires std::is_class_v<Value>
  void put(const Value& value) {
    fields(value, [this](std::string_view, const auto& field) { this->put(field); });
  }

 private:
  std::string& out_;
};

/// A text that does not hold what is to be read from it.
struct Malformed : std::runtime_error {
  Malformed() : std::runtime_error("a malformed entry in a file of plyroot's own") {}
};

/// Takes values from a text, in the order in which they were put. Each function throws Malformed.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  [[nodiscard]] bool at_end() const { return in_.empty(); }
  /// How many bytes have not been taken.
  [[nodiscard]] std::size_t left() const { return in_.size(); }

  /// A text that stays where it is.
  std::string_view text() {
    std::uint32_t size = 0;
    get(size);
    return take(size);
  }
  void get(std::string& value) { value = std::string(text()); }  // takes less than the assignment of a view
  void get(bool& value) {
    std::uint8_t byte = 0;
    get(byte);
    if (byte > 1) throw Malformed();
    value = byte == 1;
  }
  template <Plain Value>
  void get(Value& value) {
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
  }
  template <class Value>
  void get(std::optional<Value>& value) {
    bool present = false;
    get(present);
    if (!present) return;
    get(value.emplace());
  }
  template <class Value>
  void get(std::vector<Value>& values) {
    const std::uint32_t size = count();
    values.reserve(size);
    for (std::uint32_t i = 0; i < size; ++i)
      get(values.emplace_back());
  }
  template <class Key, class Value>
  void get(std::map<Key, Value>& values) {
    const std::uint32_t size = count();
    for (std::uint32_t i = 0; i < size; ++i) {
      Key key{};
      get(key);
      get(values.emplace_hint(values.end(), std::move(key), Value{})->second);
    }
  }
  template <class Value>
  requires std::is_class_v<Value>
  void get(Value& value) {
    fields(value, [this](std::string_view, auto& field) { this->get(field); });
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > in_.size()) throw Malformed();
    const std::string_view taken = in_.substr(0, size);
    in_.remove_prefix(size);
    return taken;
  }
  /// A number of values, each of which has a byte at least.
  std::uint32_t count() {
    std::uint32_t size = 0;
    get(size);
    if (size > in_.size()) throw Malformed();
    return size;
  }

  std::string_view in_;
};

}  // namespace plyroot::binary
