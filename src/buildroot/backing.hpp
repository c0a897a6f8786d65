#pragma once

#include <memory>
#include <optional>
#include <string>

#include "buildroot/session_plan.hpp"
#include "config/config.hpp"
#include "plyroot/store.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::buildroot {

/// What a root's files are kept in: layers of a store, or a plain directory where overlayfs is turned off.
class Backing {
 public:
  virtual ~Backing() = default;
  Backing() = default;
  Backing(const Backing&) = delete;
  Backing& operator=(const Backing&) = delete;

  /// Waits until no other short operation works on the head.
  [[nodiscard]] virtual HeadLock lock() = 0;
  /// The tree for a session to mount. The head is idle, or its tree attached in the host's namespace by --mount.
  [[nodiscard]] virtual RootTree prepare_tree(const HeadLock& lock, Log& log) = 0;
  /// What prepare_tree() noted is on the disk when this returns, but for what `use_note` lets wait; before, nothing may
  /// be written to the tree.
  virtual void commit_preparation(Store::UseNoteSync use_note) = 0;
  /// Puts on the disk what Store::UseNoteSync::may_wait has left.
  virtual void sync_use_note() = 0;
  /// Drops what was done since the head's current layer; all there is, without layers.
  virtual void clean(const HeadLock& idle_head) = 0;
  /// The store, nothing without layers.
  [[nodiscard]] virtual Store* store() = 0;
  /// What mountinfo shows as the source of this head's mounts.
  [[nodiscard]] virtual std::string mount_source() const = 0;
};

/// The one that a configuration asks for. Makes what is missing. @throws Error
std::unique_ptr<Backing> make_backing(const config::Config& config);

/// The store that a configuration's root has, nothing where there is none (yet). Makes nothing.
std::optional<Store> open_existing_store(const config::Config& config);

/// The head that a configuration works on: that of its --uniqueext, or the main one.
HeadName head_of(const config::Config& config);

StoreLocation store_location(const config::Config& config);

}  // namespace plyroot::buildroot
