#include "buildroot/housekeeping.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <optional>

#include "buildroot/session.hpp"
#include "linux/lock.hpp"
#include "linux/process.hpp"

namespace plyroot::buildroot {
namespace {

/// Commands often come in bursts; what they leave is then seen to once.
constexpr timespec pause_before{1, 0};

constexpr const char* lock_path = "/heads/@housekeeping.lock";

linux_api::Descriptor open_lock(const StoreLocation& location) {
  return linux_api::open_path(location.path() + lock_path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

/// A session that is just ending is waited for; one that goes on sees to itself when it ends.
void wait_for_ending_session(const Store& store, const HeadName& head) {
  const HeadLock lock(store, head);
  if (lock.use() == HeadLock::Use::session && !Session::join(lock)) lock.wait_for_session_end();
}

}  // namespace

void sync_when_left(Store& store, const HeadName& head) {
  wait_for_ending_session(store, head);
  store.sync_head(head);
}

void keep_house(Store& store, const Store::RemovalWatch& watch) {
  for (const HeadName& head : store.heads()) {
    sync_when_left(store, head);
    store.make_upper_ready(head);
  }
  store.merge_layers();
  store.renew_views();
  store.collect_garbage(watch);
}

bool is_housekeeping_pending(const Store& store) {
  return linux_api::LockFile(open_lock(store.location())).is_held_elsewhere(0);
}

void keep_house_a_moment_later(const StoreLocation& location) {
  {
    linux_api::LockFile pending(open_lock(location));
    if (!pending.try_lock(0)) return;
    nanosleep(&pause_before, nullptr);
  }
  if (auto own = Store::open(location)) keep_house(*own);
}

void start_housekeeping_of(const Store& store) {
  if (is_housekeeping_pending(store)) return;
  linux_api::run_in_background([location = store.location()] { keep_house_a_moment_later(location); });
}

}  // namespace plyroot::buildroot
