#include "store/database_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "store/state.hpp"
#include "support/error.hpp"

namespace plyroot::store {
namespace {

constexpr std::string_view magic("SQLite format 3\0", 16);
constexpr std::size_t change_counter_at = 24;
constexpr std::size_t user_version_at = 60;

using Header = std::array<char, database_header_size>;

/// Of what is shorter, or something else, nothing but zeros.
Header read_header(int file) {
  Header header{};
  const ssize_t got = pread(file, header.data(), header.size(), 0);
  if (got < 0) throw_errno(errno, "read", linux_api::shown_path(file));
  if (static_cast<std::size_t>(got) != header.size() ||
      !std::string_view(header.data(), header.size()).starts_with(magic))
    return {};
  return header;
}

std::uint32_t number_at(std::string_view header, std::size_t place) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i)
    number = (number << 8U) | static_cast<unsigned char>(header[place + i]);
  return number;
}
std::string_view text_of(const Header& header) {
  return {header.data(), header.size()};
}

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::uint32_t change_counter_of(std::string_view first_page) {
  return first_page.size() < database_header_size ? 0 : number_at(first_page, change_counter_at);
}

DatabaseFile::DatabaseFile(linux_api::Descriptor file, std::string path)
    : file_(std::move(file)), path_(std::move(path)) {}

std::optional<DatabaseFile> DatabaseFile::open(int store_directory, const std::string& path) {
  linux_api::Descriptor file =
      linux_api::open_if_exists(store_directory, database_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) return std::nullopt;
  return DatabaseFile(std::move(file), path);
}

DatabaseStamp DatabaseFile::stamp() const {
  struct stat status {};
  if (fstat(file_.get(), &status) < 0) throw_errno(errno, "examine", linux_api::shown_path(file_.get()));
  return {status.st_ino, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim), change_counter_of(text_of(read_header(file_.get())))};
}

std::optional<DatabaseStamp> DatabaseFile::settled_stamp() const {
  const DatabaseStamp now = stamp();
  if (!log_) log_ = RedoLog::open(redo_log_path(path_));
  if (log_ && !log_->is_settled(now.change_counter)) return std::nullopt;
  return now;
}

std::int64_t DatabaseFile::user_version() const {
  return number_at(text_of(read_header(file_.get())), user_version_at);
}

}  // namespace plyroot::store
