#include "store/head_view.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <concepts>
#include <utility>

#include "linux/descriptor.hpp"
#include "store/head_file.hpp"
#include "support/checksum.hpp"
#include "support/error.hpp"

namespace plyroot::store {
namespace {

constexpr char separator = '\0';  // the only byte that is in no name
constexpr std::string_view head_magic = "plyroot head view 1";
constexpr std::string_view list_magic = "plyroot list view 1";
constexpr std::string_view yes = "y";
constexpr std::string_view no = "n";

std::string head_view_name(const HeadName& head) {
  return head_file_stem(head.text()) + ".view";
}
std::string list_view_name(const HeadName& head) {
  return head_file_stem(head.text()) + ".list";
}

/// Words, each with a separator after it, and their checksum.
class Writer {
 public:
  Writer(std::string_view magic, const DatabaseStamp& stamp) {
    put(magic);
    put(stamp.inode);
    put(stamp.size);
    put(stamp.modified);
    put(stamp.changed);
    put(stamp.change_counter);
  }
  void put(std::string_view word) { text_.append(word).push_back(separator); }
  void put(bool flag) { put(flag ? yes : no); }
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) void put(Number number) {
    put(std::string_view(fmt::format_int(number).c_str()));
  }
  std::string finish() && { return std::move(text_) + fmt::format("{:016x}", checksum(text_)); }

 private:
  std::string text_;
};

/// Takes apart what a Writer wrote. After a word that is missing or malformed, nothing is good any more.
class Reader {
 public:
  Reader(std::string_view file, std::string_view magic, const std::optional<DatabaseStamp>& wanted) {
    constexpr std::size_t digits = 16;
    if (file.size() < digits) return;
    rest_ = file.substr(0, file.size() - digits);
    is_good_ = true;
    const bool has_magic = word() == magic;
    DatabaseStamp stamp;
    stamp.inode = number<std::uint64_t>();
    stamp.size = number<std::uint64_t>();
    stamp.modified = number<std::int64_t>();
    stamp.changed = number<std::int64_t>();
    stamp.change_counter = number<std::uint32_t>();
    const bool is_wanted = has_magic && (!wanted || *wanted == stamp);
    is_good_ =
        is_good_ && is_wanted &&
        file.substr(file.size() - digits) == fmt::format("{:016x}", checksum(file.substr(0, file.size() - digits)));
  }

  std::string_view word() {
    const std::size_t end = rest_.find(separator);
    if (end == std::string_view::npos) {
      is_good_ = false;
      return {};
    }
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return found;
  }
  template <std::integral Number>
  Number number() {
    const std::string_view digits = word();
    Number value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) is_good_ = false;
    return value;
  }
  bool flag() {
    const std::string_view found = word();
    if (found != yes && found != no) is_good_ = false;
    return found == yes;
  }
  [[nodiscard]] bool is_good() const { return is_good_; }
  [[nodiscard]] bool is_good_to_the_end() const { return is_good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool is_good_ = false;
};

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
  Writer writer(head_magic, stamp);
  writer.put(view.head.current);
  writer.put(view.head.upper.has_value());
  writer.put(view.head.upper.value_or(0));
  writer.put(view.head.unsynced_since_boot.has_value());
  writer.put(view.head.unsynced_since_boot.value_or(""));
  writer.put(view.head.retired_before_mount);
  writer.put(view.last_retired);
  writer.put(view.upper_directory);
  writer.put(view.below.size());
  for (const std::string& directory : view.below)
    writer.put(directory);
  writer.put(view.origins.size());
  for (const auto& [name, origin] : view.origins) {
    writer.put(name);
    writer.put(origin.has_value());
    writer.put(origin.value_or(""));
  }
  return std::move(writer).finish();
}

std::optional<HeadView> parse_head_view(std::string_view file, const std::optional<DatabaseStamp>& stamp) {
  Reader reader(file, head_magic, stamp);
  HeadView view;
  view.head.current = reader.number<LayerId>();
  const bool has_upper = reader.flag();
  const auto upper = reader.number<LayerId>();
  if (has_upper) view.head.upper = upper;
  const bool is_unsynced = reader.flag();
  const std::string_view boot = reader.word();
  if (is_unsynced) view.head.unsynced_since_boot = boot;
  view.head.retired_before_mount = reader.number<std::int64_t>();
  view.last_retired = reader.number<std::int64_t>();
  view.upper_directory = reader.word();
  for (auto left = reader.number<std::size_t>(); reader.is_good() && left > 0; --left)
    view.below.emplace_back(reader.word());
  for (auto left = reader.number<std::size_t>(); reader.is_good() && left > 0; --left) {
    const std::string_view name = reader.word();
    const bool exists = reader.flag();
    const std::string_view origin = reader.word();
    view.origins.emplace(name, exists ? std::optional(std::string(origin)) : std::nullopt);
  }
  if (!reader.is_good_to_the_end()) return std::nullopt;
  return view;
}

std::string written(const DatabaseStamp& stamp, const ListView& view) {
  Writer writer(list_magic, stamp);
  writer.put(view.entries.size());
  for (const ListView::Entry& entry : view.entries) {
    writer.put(entry.is_current);
    writer.put(entry.name);
  }
  return std::move(writer).finish();
}

std::optional<ListView> parse_list_view(std::string_view file, const DatabaseStamp& stamp) {
  Reader reader(file, list_magic, stamp);
  ListView view;
  for (auto left = reader.number<std::size_t>(); reader.is_good() && left > 0; --left) {
    const bool is_current = reader.flag();
    view.entries.push_back({std::string(reader.word()), is_current});
  }
  if (!reader.is_good_to_the_end()) return std::nullopt;
  return view;
}

std::optional<HeadView> read_head_view(int heads, const HeadName& head, const std::optional<DatabaseStamp>& stamp) {
  return parse_head_view(read_file_at(heads, head_view_name(head)), stamp);
}
std::optional<ListView> read_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp) {
  return parse_list_view(read_file_at(heads, list_view_name(head)), stamp);
}
void keep_head_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const HeadView& view) {
  keep(heads, head_view_name(head), written(stamp, view));
}
void keep_list_view(int heads, const HeadName& head, const DatabaseStamp& stamp, const ListView& view) {
  keep(heads, list_view_name(head), written(stamp, view));
}

}  // namespace plyroot::store
