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
  for (const HeadName& head : store.heads())
    sync_when_left(store, head);
  store.merge_layers();
  store.collect_garbage(watch);
}

void start_housekeeping_of(const Store& store, int mount_namespace) {
  const std::string path = store.location().path() + lock_path;
  {
    const linux_api::LockFile pending(linux_api::open_path(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (pending.is_held_elsewhere(0)) return;
  }
  const auto work = [location = store.location(), path] {
    {
      linux_api::LockFile pending(linux_api::open_path(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
      if (!pending.try_lock(0)) return;
      nanosleep(&pause_before, nullptr);
    }
    if (auto own = Store::open(location)) keep_house(*own);
  };
  linux_api::run_in_background(work, mount_namespace);
}

}  // namespace plyroot::buildroot
