#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/layer_tree.hpp"

namespace plyroot::store {

/// A head's file in heads/: its locks (HeadLock), and what changes with each use of the head and would cost a
/// transaction of the database. It is never removed while its store is there.

/// Its name without ".lock", and with it. "@" is in no extension.
/// @param extension as HeadName::text() has it
std::string head_file_stem(std::string_view extension);
std::string head_file_name(std::string_view extension);

/// Whether it was noted that nobody has the head's upper mounted. Knows no power cut: nothing is mounted after one.
[[nodiscard]] bool is_noted_as_unmounted(int file);
void note_mount(int file);
void note_unmount(int file);

/// The upper, which was on the disk or unused, is being written to: it may be lost if the power is in this boot. As
/// Head::unsynced_since_boot, and as strong.
struct UseNote {
  LayerId upper = 0;
  std::string boot;
  /// The database has the upper as unused, and the note is in force as long as it does: a transaction that lists it as
  /// used ends the note.
  bool of_unused = false;

  bool operator==(const UseNote&) const = default;
};
/// Nothing where there is none.
std::optional<UseNote> read_use_note(int file);
std::optional<UseNote> parse_use_note(std::string_view text);
/// It is on the disk when sync_use_note() has returned: one block, written in its place.
void write_use_note(int file, const UseNote& note);
void erase_use_note(int file);
void sync_use_note(int file);
/// Whether this is what is noted, and on the disk: whoever wrote it may have been killed before, or have failed.
[[nodiscard]] bool is_use_note_on_disk(int file, const UseNote& note);

/// Adds to a head that was read from the database what its file says of it.
void apply_use_note(int file, Head& head);

}  // namespace plyroot::store
