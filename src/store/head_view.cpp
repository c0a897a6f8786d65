#include "store/head_view.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <concepts>
#include <type_traits>

#include "store/head_file.hpp"
#include "store/view_file.hpp"
#include "support/binary.hpp"
#include "support/sealed.hpp"
#include "support/sealed_values.hpp"

namespace plyroot::store {

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, Head>
void fields(Value& value, Visitor&& visit) {
  visit("current", value.current);
  visit("upper", value.upper);
  visit("upper_is_unused", value.upper_is_unused);
  visit("unsynced_since_boot", value.unsynced_since_boot);
  visit("retired_before_mount", value.retired_before_mount);
}

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, HeadView>
void fields(Value& value, Visitor&& visit) {
  visit("head", value.head);
  visit("upper_directory", value.upper_directory);
  visit("below", value.below);
  visit("last_retired", value.last_retired);
  visit("origins", value.origins);
}

namespace {

std::string head_view_name(const HeadName& head) {
  return head_file_stem(head.text()).append(head_view_suffix);
}

}  // namespace

HeadView head_view_from(const Database& database, const HeadName& head) {
  HeadView view;
  view.head = read_head(database, head);
  view.last_retired = last_retired(database);
  if (view.head.upper) {
    const Layer upper = read_layer(database, *view.head.upper);
    view.upper_directory = upper.directory;
    view.below = chain_of(database, upper.parent.value());
  } else {
    view.below = chain_of(database, view.head.current);
  }
  return view;
}

std::string written(const DatabaseStamp& stamp, const HeadView& view) {
  return sealed_values(head_view_magic, stamp, view);
}

std::optional<HeadView> parse_head_view(std::string_view file, const std::optional<DatabaseStamp>& wanted) {
  const auto payload = unsealed(head_view_magic, file);
  if (!payload) return std::nullopt;
  try {
    binary::Reader reader(*payload);
    DatabaseStamp stamp;
    reader.get(stamp);
    if (wanted && stamp != *wanted) return std::nullopt;
    HeadView view;
    reader.get(view);
    if (!reader.at_end()) return std::nullopt;
    return view;
  } catch (const binary::Malformed&) {
    return std::nullopt;
  }
}

std::optional<HeadView> read_head_view(int heads, const HeadName& head, const std::optional<DatabaseStamp>& stamp) {
  return parse_head_view(read_view_file(heads, head_view_name(head)), stamp);
}
bool has_head_view(int heads, const HeadName& head) {
  return heads >= 0 && faccessat(heads, head_view_name(head).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
void keep_head_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const HeadView& view) {
  keep_view_file(heads, head_view_name(head), written(stamp, view));
}

}  // namespace plyroot::store
