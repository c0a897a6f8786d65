#include "linux/directory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "linux/directory_cursor.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {
namespace {

using DirectoryStream = std::unique_ptr<DIR, int (*)(DIR*)>;

DirectoryStream open_stream(int directory) {
  Descriptor own = open_at(directory, ".", O_RDONLY | O_DIRECTORY);
  DirectoryStream stream(fdopendir(own.get()), closedir);
  if (!stream) throw_errno(errno, "read the directory", shown_path(directory));
  (void)own.release();
  return stream;
}

const dirent* next_entry(DIR* stream) {
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(stream);
    if (entry == nullptr && errno != 0) throw_errno(errno, "read the directory", shown_path(dirfd(stream)));
    if (entry == nullptr) return nullptr;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return entry;
  }
}

struct statx status_of(int directory, const std::string& name, int flags) {
  struct statx status {};
  if (statx(directory, name.c_str(), flags | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MNT_ID, &status) < 0) {
    throw_errno(errno, "examine", name.empty() ? shown_path(directory) : shown_path(directory, name));
  }
  return status;
}

bool same_place(const struct statx& a, const struct statx& b) {
  return a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor && a.stx_mnt_id == b.stx_mnt_id;
}

bool unlink_name(int directory, const std::string& name, int flags) {
  return unlinkat(directory, name.c_str(), flags) == 0 || errno == ENOENT;
}

/// A directory that is to be removed; an invalid Descriptor where it has gone.
/// @param reason why it could not be unlinked, if it is none
Descriptor open_what_cannot_be_unlinked(int parent, const std::string& name, int reason) {
  for (;;) {
    Descriptor child(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (child || errno == ENOENT) return child;
    if (errno == ENOTDIR) throw_errno(reason, "remove", shown_path(parent, name));
    if (errno != EINTR) throw_errno(errno, "open the directory to be removed", shown_path(parent, name));
  }
}

/// A tree that is being removed, as deep as it likes.
class Removal {
 public:
  Removal(int parent, std::string name, Descriptor directory)
      : parent_(parent), start_(status_of(directory.get(), "", AT_EMPTY_PATH)), cursor_(std::move(directory)) {
    if (!same_place(start_, status_of(parent, "", AT_EMPTY_PATH))) refuse_to_remove_mount(name);
    levels_.push_back({std::move(name), list_entries(cursor_.get())});
  }

  void finish() {
    while (!levels_.empty()) {
      if (levels_.back().entries.empty()) {
        remove_emptied();
      } else {
        DirectoryEntry entry = std::move(levels_.back().entries.back());
        levels_.back().entries.pop_back();
        remove(std::move(entry));
      }
    }
  }

 private:
  struct Level {
    std::string name;
    std::vector<DirectoryEntry> entries;  ///< not yet removed
    int tries = 0;
  };
  static constexpr int most_tries = 100;

  void remove(DirectoryEntry entry) {
    const bool is_unlinked = !entry.may_be_directory && unlink_name(cursor_.get(), entry.name, 0);
    if (is_unlinked) return;
    if (!entry.may_be_directory && errno != EISDIR && errno != EPERM)
      throw_errno(errno, "remove", shown_path(cursor_.get(), entry.name));
    if (enter(entry.name)) {
      levels_.push_back({std::move(entry.name), list_entries(cursor_.get())});
    } else if (!unlink_name(cursor_.get(), entry.name, 0)) {
      if (errno != EISDIR || ++levels_.back().tries == most_tries)
        throw_errno(errno, "remove", shown_path(cursor_.get(), entry.name));
      levels_.back().entries.push_back({std::move(entry.name), true});  // it has just become one
    }
  }

  bool enter(const std::string& name) {
    if (!cursor_.enter(name)) return false;
    if (!same_place(status_of(cursor_.get(), "", AT_EMPTY_PATH), start_)) refuse_to_remove_mount(name);
    return true;
  }

  void remove_emptied() {
    Level emptied = std::move(levels_.back());
    levels_.pop_back();
    const bool is_top = levels_.empty();
    if (!is_top) {
      cursor_.leave();
      const bool was_moved = cursor_.depth() + 1 < levels_.size();
      levels_.resize(cursor_.depth() + 1);
      if (was_moved) return;
    }
    const int above = is_top ? parent_ : cursor_.get();
    if (unlink_name(above, emptied.name, AT_REMOVEDIR)) return;
    if (errno != ENOTEMPTY || ++emptied.tries == most_tries)
      throw_errno(errno, "remove the directory", shown_path(above, emptied.name));
    if (!is_top && !enter(emptied.name)) return;
    emptied.entries = list_entries(cursor_.get());
    levels_.push_back(std::move(emptied));
  }

  int parent_;
  struct statx start_;
  DirectoryCursor cursor_;
  std::vector<Level> levels_;  // the top, and those that the cursor is in
};

}  // namespace

bool make_directories(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0) return true;
  if (errno == EEXIST) {
    struct stat status {};
    if (stat(path.c_str(), &status) < 0) throw_errno(errno, "make the directory", printable(path));
    if (S_ISDIR(status.st_mode)) return false;
    throw_errno(ENOTDIR, "make the directory", printable(path));
  }
  if (errno != ENOENT) throw_errno(errno, "make the directory", printable(path));
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos || slash == 0) throw_errno(ENOENT, "make the directory", printable(path));
  make_directories(path.substr(0, slash), mode);
  if (mkdir(path.c_str(), mode) < 0 && errno != EEXIST) throw_errno(errno, "make the directory", printable(path));
  return true;
}

std::vector<std::string> list_names(int directory) {
  std::vector<std::string> names;
  const DirectoryStream stream = open_stream(directory);
  while (const dirent* entry = next_entry(stream.get()))
    names.emplace_back(entry->d_name);
  return names;
}

std::vector<DirectoryEntry> list_entries(int directory) {
  std::vector<DirectoryEntry> entries;
  const DirectoryStream stream = open_stream(directory);
  while (const dirent* entry = next_entry(stream.get()))
    entries.push_back({entry->d_name, entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN});
  return entries;
}

bool is_empty_directory(int directory) {
  return next_entry(open_stream(directory).get()) == nullptr;
}

void refuse_to_remove_mount(const std::string& name) {
  throw Error(fmt::format("cannot remove {}: another file system is mounted there", printable(name)),
              "Unmount it, then run the command again.");
}

void remove_tree(int directory, const std::string& name) {
  if (unlink_name(directory, name, 0)) return;
  if (errno != EISDIR && errno != EPERM) throw_errno(errno, "remove", shown_path(directory, name));
  Descriptor child = open_what_cannot_be_unlinked(directory, name, errno);
  if (child) Removal(directory, name, std::move(child)).finish();
}

void rename_at(int old_directory, const std::string& old_name, int new_directory, const std::string& new_name) {
  if (renameat2(old_directory, old_name.c_str(), new_directory, new_name.c_str(), RENAME_NOREPLACE) < 0) {
    throw_errno(errno, fmt::format("rename {} to", shown_path(old_directory, old_name)),
                shown_path(new_directory, new_name));
  }
}

}  // namespace plyroot::linux_api
