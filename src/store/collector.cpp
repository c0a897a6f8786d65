#include "store/collector.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "linux/directory.hpp"
#include "linux/emptying.hpp"
#include "linux/lock.hpp"
#include "store/database.hpp"
#include "store/state.hpp"
#include "support/error.hpp"

namespace plyroot {
namespace store {
namespace {

constexpr const char* lock_name = "@collector.lock";

/// Directories in layers/ that the database does not list. Within a transaction: whoever makes a directory makes it
/// within one too, or after it was listed, so what is not listed now never will be.
std::vector<std::string> unlisted(const Database& database, int layers) {
  std::set<std::string> listed;
  Statement rows(database,
                 "SELECT directory FROM layers UNION ALL SELECT directory FROM covers"
                 " UNION ALL SELECT directory FROM retired");
  while (rows.step())
    listed.insert(rows.text(0));
  std::vector<std::string> names = linux_api::list_names(layers);
  std::erase_if(names, [&](const std::string& name) { return listed.contains(name); });
  return names;
}

}  // namespace

void move_to_trash(int store_directory, int layers, const std::vector<std::string>& directories) noexcept {
  if (directories.empty()) return;
  try {
    const linux_api::Descriptor trash = open_or_make_directory(store_directory, trash_name);
    for (const std::string& name : directories) {
      renameat2(layers, name.c_str(), trash.get(), name.c_str(), RENAME_NOREPLACE);
    }
  } catch (const std::exception&) {
    return;
  }
}

}  // namespace store

bool Store::has_garbage() const {
  const linux_api::Descriptor trash = linux_api::open_if_directory(state_->directory.get(), store::trash_name);
  return trash && !linux_api::is_empty_directory(trash.get());
}

bool Store::free_space() noexcept {
  state_->preparation
      .reset();  // of a mount that has failed: it would lock us out, and whoever tries again prepares anew
  bool freed = false;
  try {
    // Waits for no lock: the caller holds a head, and a collector may be waiting for that. Two may remove the same
    // tree.
    const linux_api::Descriptor trash = store::open_or_make_directory(state_->directory.get(), store::trash_name);
    const auto empty_trash = [&] {
      if (linux_api::is_empty_directory(trash.get())) return;
      linux_api::empty_directory(trash.get());
      freed = true;
    };
    empty_trash();  // first: where the disk copies on write and is full, a transaction has no room
    {
      const store::Transaction no_layer_is_made(state_->database());
      store::move_to_trash(state_->directory.get(), state_->layers.get(),
                           store::unlisted(state_->database(), state_->layers.get()));
    }
    empty_trash();
  } catch (const std::exception&) {
    return freed;  // why there was no room in the first place is what is to be told
  }
  return freed;
}

void Store::collect_garbage(const RemovalWatch& watch) {
  const linux_api::Descriptor heads = store::open_or_make_directory(state_->directory.get(), store::heads_name);
  const linux_api::Descriptor trash = store::open_or_make_directory(state_->directory.get(), store::trash_name);
  // Who comes while another process collects leaves it to that one, which looks once more after it has let go; unless
  // somebody watches.
  do {
    linux_api::LockFile lock(linux_api::open_at(heads.get(), store::lock_name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (watch) {
      lock.lock(0);
    } else if (!lock.try_lock(0)) {
      return;
    }
    trash_retired_directories();
    {
      const store::Transaction no_layer_is_made(state_->database());
      store::move_to_trash(state_->directory.get(), state_->layers.get(),
                           store::unlisted(state_->database(), state_->layers.get()));
    }
    linux_api::empty_directory(trash.get(), watch);
  } while (has_garbage());
}

}  // namespace plyroot
