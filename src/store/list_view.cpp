#include "store/list_view.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "linux/descriptor.hpp"
#include "store/head_file.hpp"
#include "store/view_file.hpp"
#include "support/binary.hpp"
#include "support/error.hpp"
#include "support/sealed.hpp"
#include "support/sealed_values.hpp"

namespace plyroot {

/// Whether it is the current one, its layer says.
template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, Snapshot>
void fields(Value& value, Visitor&& visit) {
  visit("name", value.name);
  visit("layer", value.layer);
}

}  // namespace plyroot

namespace plyroot::store {

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, ListView>
void fields(Value& value, Visitor&& visit) {
  visit("current", value.current);
  visit("snapshots", value.snapshots);
}

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, ListChange>
void fields(Value& value, Visitor&& visit) {
  visit("current", value.current);
  visit("added", value.added);
  visit("removed", value.removed);
}

namespace {

/// As many bytes of changes as a hundred transactions leave, about.
constexpr off_t most_changes = 16 << 10;

/// As it lies in a file: the length of its name, and its layer.
constexpr std::size_t smallest_snapshot = sizeof(std::uint32_t) + sizeof(LayerId);

std::string file_name(const HeadName& head) {
  return head_file_stem(head.text()).append(list_view_suffix);
}

/// @returns whether it could be what it says
bool apply(ListView& view, ListChange change) {
  if (change.current) view.current = *change.current;
  if (change.removed) {
    const auto found = std::find_if(view.snapshots.begin(), view.snapshots.end(),
                                    [&](const Snapshot& snapshot) { return snapshot.name == *change.removed; });
    if (found == view.snapshots.end()) return false;
    view.snapshots.erase(found);
  }
  if (change.added) view.snapshots.push_back(std::move(*change.added));
  return true;
}

}  // namespace

ListView list_view_from(const Database& database, const HeadName& head) {
  ListView view;
  view.current = read_head(database, head).current;
  Statement rows(database, "SELECT name, layer FROM refs ORDER BY sequence");
  while (rows.step())
    view.snapshots.push_back({rows.text(0), rows.integer(1) == view.current, rows.integer(1)});
  return view;
}

std::string written(const DatabaseStamp& stamp, const ListView& view) {
  return sealed_values(list_view_magic, stamp, view);
}

std::string written(const DatabaseStamp& before, const DatabaseStamp& after, const ListChange& change) {
  return sealed_values(list_change_magic, before, after, change);
}

std::optional<ListView> parse_list_view(std::string_view file, const DatabaseStamp& wanted) {
  try {
    const auto payload = take_sealed(list_view_magic, file);
    if (!payload) return std::nullopt;
    binary::Reader reader(*payload);
    DatabaseStamp stamp;
    ListView view;
    reader.get(stamp);
    if (stamp != wanted && file.empty()) return std::nullopt;
    // Room for what is added below, too, so that a long list is not moved: memory that is not touched costs nothing.
    view.snapshots.reserve((payload->size() + file.size()) / smallest_snapshot);
    reader.get(view);
    if (!reader.at_end()) return std::nullopt;
    while (stamp != wanted) {
      const auto part = take_sealed(list_change_magic, file);
      if (!part) return std::nullopt;
      binary::Reader change_reader(*part);
      DatabaseStamp before;
      ListChange change;
      change_reader.get(before);
      if (before != stamp) return std::nullopt;
      change_reader.get(stamp);
      change_reader.get(change);
      if (!change_reader.at_end() || !apply(view, std::move(change))) return std::nullopt;
    }
    for (Snapshot& snapshot : view.snapshots)
      snapshot.is_current = snapshot.layer == view.current;
    return view;
  } catch (const binary::Malformed&) {
    return std::nullopt;
  }
}

std::optional<ListView> read_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp) {
  return parse_list_view(read_view_file(heads, file_name(head)), stamp);
}

bool has_list_view(int heads, const HeadName& head) {
  return heads >= 0 && faccessat(heads, file_name(head).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool is_list_view_of(int heads, const HeadName& head, const DatabaseStamp& stamp) {
  const std::string file = read_view_file(heads, file_name(head));
  const auto size = size_of_sealed(list_view_magic, file);
  return size == file.size() && parse_list_view(file, stamp);
}

void keep_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const ListView& view) {
  keep_view_file(heads, file_name(head), written(stamp, view));
}

void amend_list_view(int heads, const HeadName& head, const DatabaseStamp& before, const DatabaseStamp& after,
                     const ListChange& change) {
  if (heads < 0) return;
  try {
    const linux_api::Descriptor file =
        linux_api::open_if_exists(heads, file_name(head), O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
    if (!file) return;
    std::array<char, 64> beginning{};
    const ssize_t got = pread(file.get(), beginning.data(), beginning.size(), 0);
    const auto list =
        size_of_sealed(list_view_magic, {beginning.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))});
    struct stat status {};
    if (!list || fstat(file.get(), &status) < 0) return;
    if (status.st_size - static_cast<off_t>(*list) > most_changes) return;
    const std::string text = written(before, after, change);
    // Whole or, where it is torn, of no use: a list that does not lead to the database's state says nothing.
    if (write(file.get(), text.data(), text.size()) < 0) return;
  } catch (const Error&) {
    // Whoever lists reads the database.
  }
}

}  // namespace plyroot::store
