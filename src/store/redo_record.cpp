#include "store/redo_record.hpp"

#include <concepts>
#include <type_traits>

#include "support/binary.hpp"
#include "support/sealed.hpp"

namespace plyroot::store {

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, PageCache>
void fields(Value& value, Visitor&& visit) {
  visit("boot", value.boot);
  visit("mount", value.mount);
}

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, RedoState>
void fields(Value& value, Visitor&& visit) {
  visit("page_cache", value.page_cache);
  visit("sequence", value.sequence);
  visit("change_counter", value.change_counter);
  visit("end", value.end);
  visit("is_busy", value.is_busy);
}

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, Changes>
void fields(Value& value, Visitor&& visit) {
  visit("writes", value.writes);
  visit("size", value.size);
}

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, RedoRecord>
void fields(Value& value, Visitor&& visit) {
  visit("sequence", value.sequence);
  visit("change_counter_before", value.change_counter_before);
  visit("change_counter", value.change_counter);
  visit("changes", value.changes);
}

namespace {

template <class Value>
std::string sealed_value(std::string_view magic, const Value& value, std::size_t about) {
  return sealed_in_place(magic, about, [&](std::string& text) { binary::Writer(text).put(value); });
}

/// Of a text that may go on with something else.
template <class Value>
std::optional<Value> parse(std::string_view magic, std::string_view text) {
  const auto payload = take_sealed(magic, text);
  if (!payload) return std::nullopt;
  try {
    binary::Reader reader(*payload);
    Value value;
    reader.get(value);
    if (!reader.at_end()) return std::nullopt;
    return value;
  } catch (const binary::Malformed&) {
    return std::nullopt;
  }
}

}  // namespace

std::string written(const RedoRecord& record) {
  std::size_t size = 2 * sizeof(RedoRecord);
  for (const auto& [place, data] : record.changes.writes)
    size += data.size() + sizeof place + sizeof(std::uint32_t);
  return sealed_value(redo_record_magic, record, size);
}
std::string written(const RedoState& state) {
  return sealed_value(redo_state_magic, state, longest_redo_state);
}
std::optional<RedoState> parse_redo_state(std::string_view text) {
  return parse<RedoState>(redo_state_magic, text);
}
std::optional<RedoRecord> parse_redo_record(std::string_view text) {
  return parse<RedoRecord>(redo_record_magic, text);
}

std::size_t redo_record_beginning() {
  return seal_size(redo_record_magic);
}
std::optional<std::uint64_t> redo_record_size(std::string_view beginning) {
  return size_of_sealed(redo_record_magic, beginning);
}

}  // namespace plyroot::store
