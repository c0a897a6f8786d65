#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include "store/database_file.hpp"

namespace plyroot::store {

/// Files of heads/ that repeat what the database says: while the database has not changed, a command that only reads
/// needs no SQLite, whose start costs it more than all else. Each has the stamp of the state that it is of. A file that
/// is torn, or of another state, says nothing, and nothing is lost with it. `heads` is the directory's descriptor, -1
/// where there is none yet: then there are no such files.

/// Empty where there is none that can be read: the database says it too.
std::string read_view_file(int heads, const std::string& name);
/// What cannot be written (a full disk) is not kept.
void keep_view_file(int heads, const std::string& name, std::string_view content);

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, DatabaseStamp>
void fields(Value& value, Visitor&& visit) {
  visit("inode", value.inode);
  visit("size", value.size);
  visit("modified", value.modified);
  visit("changed", value.changed);
  visit("change_counter", value.change_counter);
}

}  // namespace plyroot::store
