// Lists of users: the host's passwd, what getent(1) and id(1) say, and the passwd and group of a root, in which
// anything may stand.

#include "buildroot/build_user.hpp"
#include "config/evaluating_user.hpp"
#include "fuzz.hpp"
#include "support/text.hpp"

namespace {

using namespace plyroot;

constexpr unsigned no_id = ~0U;  // chown(2) and setuid(2) take it for "as it is"

void look_at_entries(std::string_view text) {
  config::find_in_passwd(text, [](const config::PasswdEntry& entry) {
    fuzz::require(entry.uid != no_id && entry.gid != no_id, "an entry has ids");
    for (const std::string& column : {entry.name, entry.home})
      fuzz::require(column.find_first_of(":\n") == std::string::npos, "a column is one");
    return false;
  });
}

/// The first line is the name, the others are the file.
void remove_name(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == 0 || end == std::string_view::npos) return;
  const std::string_view name = text.substr(0, end);
  const std::string kept = buildroot::without_name(text.substr(end + 1), name);
  for (const std::string& line : split(kept, '\n'))
    fuzz::require(!line.starts_with(std::string(name) + ":"), "a name that was removed is gone");
  fuzz::require(buildroot::without_name(kept, name) == kept, "nothing else is removed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  look_at_entries(text);
  remove_name(text);
  fuzz::parse([&] {
    for (const gid_t group : config::parse_group_ids(text))
      fuzz::require(group != no_id, "a group has an id");
  });
  return 0;
}
