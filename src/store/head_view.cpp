#include "store/head_view.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <type_traits>

#include "linux/descriptor.hpp"
#include "store/head_file.hpp"
#include "support/binary.hpp"
#include "support/error.hpp"
#include "support/sealed.hpp"

namespace plyroot {

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, Snapshot>
void fields(Value& value, Visitor&& visit) {
  visit("name", value.name);
  visit("is_current", value.is_current);
}

}  // namespace plyroot

namespace plyroot::store {

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, DatabaseStamp>
void fields(Value& value, Visitor&& visit) {
  visit("inode", value.inode);
  visit("size", value.size);
  visit("modified", value.modified);
  visit("changed", value.changed);
  visit("change_counter", value.change_counter);
}

template <class Value, class Visitor>
requires std::same_as<std::remove_const_t<Value>, Head>
void fields(Value& value, Visitor&& visit) {
  visit("current", value.current);
  visit("upper", value.upper);
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
  return head_file_stem(head.text()) + ".view";
}
std::string list_view_name(const HeadName& head) {
  return head_file_stem(head.text()) + ".list";
}

template <class View>
std::string written(std::string_view magic, const DatabaseStamp& stamp, const View& view) {
  std::string payload;
  binary::Writer writer(payload);
  writer.put(stamp);
  writer.put(view);
  return sealed(magic, payload);
}

template <class View>
std::optional<View> parse(std::string_view magic, std::string_view file, const std::optional<DatabaseStamp>& wanted) {
  const auto payload = unsealed(magic, file);
  if (!payload) return std::nullopt;
  try {
    binary::Reader reader(*payload);
    DatabaseStamp stamp;
    reader.get(stamp);
    if (wanted && stamp != *wanted) return std::nullopt;
    View view;
    reader.get(view);
    if (!reader.at_end()) return std::nullopt;
    return view;
  } catch (const binary::Malformed&) {
    return std::nullopt;
  }
}

/// Empty where there is none that can be read: the database says it too.
std::string read_file_at(int directory, const std::string& name) {
  if (directory < 0) return {};
  try {
    const linux_api::Descriptor file = linux_api::open_if_exists(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    return file ? linux_api::read_all(file.get()) : std::string();
  } catch (const Error&) {
    return {};
  }
}

void keep(int heads, const std::string& name, const std::string& content) {
  if (heads < 0) return;
  try {
    // In its place, which takes a tenth of what a new file and a rename do: what is read half-written is no view.
    const linux_api::Descriptor file =
        linux_api::open_at(heads, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
    linux_api::write_all_at(file.get(), content, 0);
    struct stat status {};
    const auto size = static_cast<off_t>(content.size());
    if (fstat(file.get(), &status) < 0 || (status.st_size > size && ftruncate(file.get(), size) < 0))
      throw_errno(errno, "shorten", linux_api::shown_path(file.get()));
  } catch (const Error&) {
    // The next command reads the database once more.
  }
}

}  // namespace

std::string written(const DatabaseStamp& stamp, const HeadView& view) {
  return written(head_view_magic, stamp, view);
}
std::string written(const DatabaseStamp& stamp, const std::vector<Snapshot>& view) {
  return written(list_view_magic, stamp, view);
}
std::optional<HeadView> parse_head_view(std::string_view file, const std::optional<DatabaseStamp>& stamp) {
  return parse<HeadView>(head_view_magic, file, stamp);
}
std::optional<std::vector<Snapshot>> parse_list_view(std::string_view file, const std::optional<DatabaseStamp>& stamp) {
  return parse<std::vector<Snapshot>>(list_view_magic, file, stamp);
}

std::optional<HeadView> read_head_view(int heads, const HeadName& head, const std::optional<DatabaseStamp>& stamp) {
  return parse_head_view(read_file_at(heads, head_view_name(head)), stamp);
}
std::optional<std::vector<Snapshot>> read_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp) {
  return parse_list_view(read_file_at(heads, list_view_name(head)), stamp);
}
bool has_list_view(int heads, const HeadName& head) {
  return heads >= 0 && faccessat(heads, list_view_name(head).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
void keep_head_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const HeadView& view) {
  keep(heads, head_view_name(head), written(stamp, view));
}
void keep_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const std::vector<Snapshot>& view) {
  keep(heads, list_view_name(head), written(stamp, view));
}

}  // namespace plyroot::store
