#include "store/view_check.hpp"

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>

#include "linux/descriptor.hpp"
#include "linux/directory.hpp"
#include "store/head_file.hpp"
#include "store/head_view.hpp"
#include "store/list_view.hpp"
#include "support/error.hpp"

namespace plyroot::store {
namespace {

/// Nothing where no head's file is called so.
std::optional<HeadName> head_of(std::string_view file, std::string_view suffix) {
  if (!file.ends_with(suffix)) return std::nullopt;
  file.remove_suffix(suffix.size());
  if (file == head_file_stem("")) return HeadName::main();
  try {
    return HeadName(std::string(file));
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool is_true(const HeadView& view, const Database& database, const HeadName& head) {
  HeadView asked = head_view_from(database, head);
  for (const auto& [name, origin] : view.origins)
    asked.origins[name] = find_origin(database, name);
  return view == asked;
}

std::vector<Snapshot> snapshots_of(const ListView& view) {
  std::vector<Snapshot> snapshots;
  view.for_each([&](const Snapshot& snapshot) { snapshots.push_back(snapshot); });
  return snapshots;
}

bool is_true(const ListView& view, const DatabaseStamp& stamp, const Database& database, const HeadName& head) {
  const auto asked = ListView::parse(written_list(stamp, read_head(database, head).current, database), stamp);
  return view.current() == asked->current() && snapshots_of(view) == snapshots_of(*asked);
}

}  // namespace

std::vector<UntrueView> untrue_views(const Database& database, const DatabaseStamp& stamp, int heads) {
  std::vector<UntrueView> untrue;
  for (const std::string& file : linux_api::list_names(heads)) {
    if (const auto head = head_of(file, head_view_suffix)) {
      const auto view = read_head_view(heads, *head, stamp);
      if (view && !is_true(*view, database, *head)) untrue.push_back({file, *head, true});
    } else if (const auto listing_head = head_of(file, list_view_suffix)) {
      const auto view = read_list_view(heads, *listing_head, stamp);
      if (view && !is_true(*view, stamp, database, *listing_head)) untrue.push_back({file, *listing_head, false});
    }
  }
  return untrue;
}

void remove_views(int heads) {
  for (const std::string& file : linux_api::list_names(heads)) {
    const bool is_view = head_of(file, head_view_suffix) || head_of(file, list_view_suffix);
    if (is_view && unlinkat(heads, file.c_str(), 0) < 0 && errno != ENOENT)
      throw_errno(errno, "remove", linux_api::shown_path(heads, file));
  }
}

}  // namespace plyroot::store
