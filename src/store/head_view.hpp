#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plyroot/store.hpp"
#include "store/database_file.hpp"
#include "store/layer_tree.hpp"

namespace plyroot::store {

/// What a command reads of the database to enter a head: all of one state of it.
struct HeadView {
  Head head;                    ///< one that nobody has used yet stands where the main head stands
  std::string upper_directory;  ///< empty where it has no upper
  /// The directories below its upper, or where it has none those that it would be made upon (chain_of).
  std::vector<std::string> below;
  std::int64_t last_retired = 0;
  /// What the snapshots that were asked about were made from, nothing where there is no such snapshot.
  std::map<std::string, std::optional<std::string>> origins;

  bool operator==(const HeadView&) const = default;
};

/// Asks the database, within the caller's transaction; not about origins.
HeadView head_view_from(const Database& database, const HeadName& head);

/// Views are kept in files of heads/ (view_file.hpp).
/// @param stamp nothing for a view of whatever state, which tells only what was asked for then
std::optional<HeadView> read_head_view(int heads, const HeadName& head, const std::optional<DatabaseStamp>& stamp);
/// Whether one has been kept, of whatever state.
bool has_head_view(int heads, const HeadName& head);
void keep_head_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const HeadView& view);

/// A view's file has its head's name (head_file_stem), and this.
inline constexpr std::string_view head_view_suffix = ".view";
/// What the file begins with (support/sealed.hpp).
inline constexpr std::string_view head_view_magic = "plyroot head\n2";

/// The form of the file. parse_head_view() returns nothing for what written() did not write for the stamp.
std::string written(const DatabaseStamp& stamp, const HeadView& view);
std::optional<HeadView> parse_head_view(std::string_view file, const std::optional<DatabaseStamp>& wanted);

}  // namespace plyroot::store
