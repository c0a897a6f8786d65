#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plyroot/store.hpp"
#include "store/database_file.hpp"
#include "store/layer_tree.hpp"

namespace plyroot::store {

/// The snapshots as a head lists them.
struct ListView {
  LayerId current = 0;              ///< the head's
  std::vector<Snapshot> snapshots;  ///< the oldest first

  bool operator==(const ListView&) const = default;
};

/// What a transaction does to it.
struct ListChange {
  std::optional<LayerId> current;
  std::optional<Snapshot> added;
  std::optional<std::string> removed;

  bool operator==(const ListChange&) const = default;
};

/// Asks the database, within the caller's transaction.
ListView list_view_from(const Database& database, const HeadName& head);

/// Lists are kept in files of heads/ (view_file.hpp), each with what transactions have done to it since.
std::optional<ListView> read_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp);
/// Whether one has been kept, of whatever state.
bool has_list_view(int heads, const HeadName& head);
/// Whether it was kept at this state, without changes that were added since.
bool is_list_view_of(int heads, const HeadName& head, const DatabaseStamp& stamp);
void keep_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const ListView& view);
/// Adds to a list that has been kept what led from one state to the next. Costs the same however long the list is;
/// where too much has been added already, it stays as it is, until it is kept anew.
void amend_list_view(int heads, const HeadName& head, const DatabaseStamp& before, const DatabaseStamp& after,
                     const ListChange& change);

/// A list's file has its head's name (head_file_stem), and this.
inline constexpr std::string_view list_view_suffix = ".list";
/// What the parts of a file begin with (support/sealed.hpp).
inline constexpr std::string_view list_view_magic = "plyroot list\n2";
inline constexpr std::string_view list_change_magic = "plyroot list change\n1";

/// The form of the file. parse_list_view() returns nothing for what does not lead to the stamp.
std::string written(const DatabaseStamp& stamp, const ListView& view);
std::string written(const DatabaseStamp& before, const DatabaseStamp& after, const ListChange& change);
std::optional<ListView> parse_list_view(std::string_view file, const DatabaseStamp& wanted);

}  // namespace plyroot::store
