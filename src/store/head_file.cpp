#include "store/head_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "linux/descriptor.hpp"
#include "linux/file.hpp"
#include "support/error.hpp"

namespace plyroot::store {
namespace {

constexpr off_t mount_mark_at = 0;
constexpr char maybe_mounted = 'm';
constexpr char not_mounted = '-';

/// A disk writes a sector as a whole or not at all, so the note must not reach beyond the first one, in which its mark
/// is too.
constexpr off_t synced_mark_at = 1;
constexpr char synced = 's';
constexpr off_t use_note_at = 16;
constexpr std::size_t use_note_size = 128;
constexpr std::string_view of_unused_mark = " unused";

void write_mark(int file, off_t place, char mark) {
  linux_api::write_all_at(file, {&mark, 1}, place);
}

/// With it goes the mark of the one before.
void write_text_of_use_note(int file, const std::string& text) {
  std::string written(use_note_at - synced_mark_at, '\0');
  written += text;
  written.resize(use_note_at - synced_mark_at + use_note_size);
  linux_api::write_all_at(file, written, synced_mark_at);
}

}  // namespace

std::string head_file_stem(std::string_view extension) {
  return extension.empty() ? "@main" : std::string(extension);
}
std::string head_file_name(std::string_view extension) {
  return head_file_stem(extension) + ".lock";
}

bool is_noted_as_unmounted(int file) {
  char mark = maybe_mounted;
  return pread(file, &mark, 1, mount_mark_at) == 1 && mark == not_mounted;
}
void note_mount(int file) {
  write_mark(file, mount_mark_at, maybe_mounted);
}
void note_unmount(int file) {
  write_mark(file, mount_mark_at, not_mounted);
}

std::optional<UseNote> read_use_note(int file) {
  std::array<char, use_note_size> buffer{};
  const ssize_t got = pread(file, buffer.data(), buffer.size(), use_note_at);
  if (got < 0) throw_errno(errno, "read", linux_api::shown_path(file));
  return parse_use_note({buffer.data(), static_cast<std::size_t>(got)});
}

std::optional<UseNote> parse_use_note(std::string_view text) {
  UseNote note;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), note.upper);
  const std::size_t end = text.find('\n');
  if (error != std::errc() || end == std::string_view::npos) return std::nullopt;
  const auto boot_at = static_cast<std::size_t>(rest - text.data()) + 1;
  if (boot_at >= end) return std::nullopt;
  note.boot = text.substr(boot_at, end - boot_at);
  note.of_unused = note.boot.ends_with(of_unused_mark);
  if (note.of_unused) note.boot.resize(note.boot.size() - of_unused_mark.size());
  if (note.boot.empty()) return std::nullopt;
  return note;
}

void write_use_note(int file, const UseNote& note) {
  const std::string text = fmt::format("{} {}{}\n", note.upper, note.boot, note.of_unused ? of_unused_mark : "");
  if (text.size() > use_note_size) throw Error(fmt::format("the boot id '{}' is too long", note.boot));
  write_text_of_use_note(file, text);
}
void erase_use_note(int file) {
  write_text_of_use_note(file, {});
}
void sync_use_note(int file) {
  linux_api::sync_data(file);
  write_mark(file, synced_mark_at, synced);
}
bool is_use_note_on_disk(int file, const UseNote& note) {
  char mark = 0;
  return pread(file, &mark, 1, synced_mark_at) == 1 && mark == synced && read_use_note(file) == note;
}

void apply_use_note(int file, Head& head) {
  const auto note = read_use_note(file);
  if (!note || head.upper != note->upper || head.upper_is_unused != note->of_unused) return;
  head.unsynced_since_boot = note->boot;
  head.upper_is_unused = false;
}

}  // namespace plyroot::store
