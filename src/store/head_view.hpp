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

/// Views, and lists of snapshots as a head shows them, are kept in files of heads/, each with the stamp of the state
/// that it is of: while the database has not changed, a command that only reads needs no SQLite, whose start costs it
/// more than all else. A file that is torn, or of another state, says nothing, and nothing is lost with it. `heads` is
/// the directory's descriptor, -1 where there is none yet: then there are no views.

/// @param stamp nothing for a view of whatever state, which tells only what was asked for then
std::optional<HeadView> read_head_view(int heads, const HeadName& head, const std::optional<DatabaseStamp>& stamp);
std::optional<std::vector<Snapshot>> read_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp);
/// Whether one has been kept, of whatever state.
bool has_list_view(int heads, const HeadName& head);
/// What cannot be written (a full disk) is not kept.
void keep_head_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const HeadView& view);
void keep_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const std::vector<Snapshot>& view);

/// What the files begin with (support/sealed.hpp).
inline constexpr std::string_view head_view_magic = "plyroot head\n1";
inline constexpr std::string_view list_view_magic = "plyroot list\n1";

/// The form of the files. parse_... returns nothing for what written() did not write for this stamp.
std::string written(const DatabaseStamp& stamp, const HeadView& view);
std::string written(const DatabaseStamp& stamp, const std::vector<Snapshot>& view);
std::optional<HeadView> parse_head_view(std::string_view file, const std::optional<DatabaseStamp>& stamp);
std::optional<std::vector<Snapshot>> parse_list_view(std::string_view file, const std::optional<DatabaseStamp>& stamp);

}  // namespace plyroot::store
