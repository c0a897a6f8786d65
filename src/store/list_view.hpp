#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plyroot/store.hpp"
#include "store/database_file.hpp"
#include "store/layer_tree.hpp"

namespace plyroot::store {

/// What a transaction does to a list.
struct ListChange {
  std::optional<LayerId> current;
  std::optional<Snapshot> added;
  std::optional<std::string> removed;

  bool operator==(const ListChange&) const = default;
};

/// The snapshots as a head lists them, the oldest first, in the form in which they lie in a file of heads/
/// (view_file.hpp), with what transactions have done to them since. A long list stays in that form: as values it would
/// take more memory than all else that a command touches, and that is what such a command would wait for.
class ListView {
 public:
  /// @param file as written_list() made it, and written_change() for each transaction since, one after another
  /// @param wanted the state of the database that they have to lead to
  /// @returns nothing for what does not, or is malformed anywhere: what this returns can be shown whole
  static std::optional<ListView> parse(std::string file, const DatabaseStamp& wanted);

  /// The head's layer.
  [[nodiscard]] LayerId current() const { return current_; }
  /// Throws only what `visit` throws, which must not keep a reference: each is there until it returns.
  void for_each(const std::function<void(const Snapshot&)>& visit) const;

 private:
  ListView() = default;
  bool apply(ListChange change);
  /// What was listed when the file was kept.
  template <class Visitor>
  void for_each_listed(const Visitor& visit) const;

  std::string file_;
  std::size_t listed_begin_ = 0;
  std::size_t listed_end_ = 0;
  LayerId current_ = 0;
  std::set<std::string, std::less<>> no_more_;  // of those that were listed
  std::vector<Snapshot> added_;
};

/// Lists are kept in files of heads/ (view_file.hpp), each with what transactions have done to it since.
std::optional<ListView> read_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp);
/// Whether one has been kept, of whatever state.
bool has_list_view(int heads, const HeadName& head);
/// Whether it was kept at this state, without changes that were added since.
bool is_list_view_of(int heads, const HeadName& head, const DatabaseStamp& stamp);
/// @param file from written_list()
void keep_list_view(int heads, const HeadName& head, std::string_view file);
/// Adds to a list that has been kept what led from one state to the next. Costs the same however long the list is;
/// where too much has been added already, it stays as it is, until it is kept anew.
void amend_list_view(int heads, const HeadName& head, const DatabaseStamp& before, const DatabaseStamp& after,
                     const ListChange& change);

/// A list's file has its head's name (head_file_stem), and this.
inline constexpr std::string_view list_view_suffix = ".list";
/// What the parts of a file begin with (support/sealed.hpp).
inline constexpr std::string_view list_view_magic = "plyroot list\n3";
inline constexpr std::string_view list_change_magic = "plyroot list change\n1";

/// A list's file of what the database says, within the caller's transaction: the stamp, the head's current layer, and
/// of each snapshot its name and layer.
std::string written_list(const DatabaseStamp& stamp, LayerId current, const Database& database);
/// What a transaction adds to it.
std::string written_change(const DatabaseStamp& before, const DatabaseStamp& after, const ListChange& change);

}  // namespace plyroot::store
