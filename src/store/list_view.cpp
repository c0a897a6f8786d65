#include "store/list_view.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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
requires std::same_as<std::remove_const_t<Value>, ListChange>
void fields(Value& value, Visitor&& visit) {
  visit("current", value.current);
  visit("added", value.added);
  visit("removed", value.removed);
}

namespace {

/// As many bytes of changes as a hundred transactions leave, about.
constexpr off_t most_changes = 16 << 10;

std::string file_name(const HeadName& head) {
  return head_file_stem(head.text()).append(list_view_suffix);
}

}  // namespace

std::string written_list(const DatabaseStamp& stamp, LayerId current, const Database& database) {
  return sealed_in_place(list_view_magic, 0, [&](std::string& text) {
    binary::Writer payload(text);
    payload.put(stamp);
    payload.put(current);
    Statement rows(database, "SELECT name, layer FROM refs ORDER BY sequence");
    while (rows.step()) {
      payload.put(rows.text(0));
      payload.put(LayerId{rows.integer(1)});
    }
  });
}

std::string written_change(const DatabaseStamp& before, const DatabaseStamp& after, const ListChange& change) {
  return sealed_values(list_change_magic, before, after, change);
}

template <class Visitor>
void ListView::for_each_listed(const Visitor& visit) const {
  binary::Reader listed(std::string_view(file_).substr(listed_begin_, listed_end_ - listed_begin_));
  while (!listed.at_end()) {
    const std::string_view name = listed.text();
    LayerId layer = 0;
    listed.get(layer);
    if (no_more_.empty() || !no_more_.contains(name)) visit(name, layer);
  }
}

void ListView::for_each(const std::function<void(const Snapshot&)>& visit) const {
  Snapshot each;
  const auto visit_with = [&](std::string_view name, LayerId layer) {
    each.name = name;
    each.layer = layer;
    each.is_current = layer == current_;
    visit(each);
  };
  for_each_listed(visit_with);
  for (const Snapshot& added : added_)
    visit_with(added.name, added.layer);
}

/// @returns whether it could be what it says; whether a removed name was listed at all, parse() sees
bool ListView::apply(ListChange change) {
  if (change.current) current_ = *change.current;
  if (change.removed) {
    const auto found = std::find_if(added_.begin(), added_.end(),
                                    [&](const Snapshot& snapshot) { return snapshot.name == *change.removed; });
    if (found != added_.end())
      added_.erase(found);
    else if (!no_more_.insert(std::move(*change.removed)).second)
      return false;
  }
  if (change.added) added_.push_back(std::move(*change.added));
  return true;
}

std::optional<ListView> ListView::parse(std::string file, const DatabaseStamp& wanted) {
  try {
    ListView view;
    view.file_ = std::move(file);
    std::string_view rest = view.file_;
    const auto payload = take_sealed(list_view_magic, rest);
    if (!payload) return std::nullopt;
    binary::Reader reader(*payload);
    DatabaseStamp stamp;
    reader.get(stamp);
    if (stamp != wanted && rest.empty()) return std::nullopt;
    reader.get(view.current_);
    view.listed_end_ = view.file_.size() - rest.size();
    view.listed_begin_ = view.listed_end_ - reader.left();
    std::size_t listed = 0;
    view.for_each_listed([&](std::string_view, LayerId) { ++listed; });
    while (stamp != wanted) {
      const auto part = take_sealed(list_change_magic, rest);
      if (!part) return std::nullopt;
      binary::Reader change_reader(*part);
      DatabaseStamp before;
      ListChange change;
      change_reader.get(before);
      if (before != stamp) return std::nullopt;
      change_reader.get(stamp);
      change_reader.get(change);
      if (!change_reader.at_end() || !view.apply(std::move(change))) return std::nullopt;
    }
    if (!view.no_more_.empty()) {
      std::size_t left = 0;
      view.for_each_listed([&](std::string_view, LayerId) { ++left; });
      if (listed - left != view.no_more_.size()) return std::nullopt;
    }
    return view;
  } catch (const binary::Malformed&) {
    return std::nullopt;
  }
}

std::optional<ListView> read_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp) {
  return ListView::parse(read_view_file(heads, file_name(head)), stamp);
}

bool has_list_view(int heads, const HeadName& head) {
  return heads >= 0 && faccessat(heads, file_name(head).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool is_list_view_of(int heads, const HeadName& head, const DatabaseStamp& stamp) {
  std::string file = read_view_file(heads, file_name(head));
  const auto size = size_of_sealed(list_view_magic, file);
  return size == file.size() && ListView::parse(std::move(file), stamp);
}

void keep_list_view(int heads, const HeadName& head, std::string_view file) {
  keep_view_file(heads, file_name(head), file);
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
    const std::string text = written_change(before, after, change);
    // Whole or, where it is torn, of no use: a list that does not lead to the database's state says nothing.
    if (write(file.get(), text.data(), text.size()) < 0) return;
  } catch (const Error&) {
    // Whoever lists reads the database.
  }
}

}  // namespace plyroot::store
