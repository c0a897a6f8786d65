#include "buildroot/housekeeping.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <ctime>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "buildroot/session.hpp"
#include "linux/lock.hpp"
#include "linux/process.hpp"

namespace plyroot::buildroot {
namespace {

/// Commands often come in bursts; what they leave is then seen to once.
constexpr timespec pause_before{1, 0};

constexpr const char* lock_path = "/heads/@housekeeping.lock";

/// What /proc shows, with the store that it is for.
constexpr const char* housekeeper_name = "plyroot-keeper";

linux_api::Descriptor open_lock(const StoreLocation& location) {
  return linux_api::open_path(location.path() + lock_path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

/// A session that is just ending is waited for; one that goes on sees to itself when it ends.
void wait_for_ending_session(const Store& store, const HeadName& head) {
  const HeadLock lock(store, head);
  if (lock.use() == HeadLock::Use::session && !Session::join(lock)) lock.wait_for_session_end();
}

/// Whoever asks meanwhile is served by this.
void keep_house_a_moment_later(const StoreLocation& location, linux_api::LockFile pending) {
  nanosleep(&pause_before, nullptr);
  pending.unlock(0);
  if (auto store = Store::open(location)) keep_house(*store);
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
  linux_api::LockFile pending(open_lock(location));
  if (pending.try_lock(0)) keep_house_a_moment_later(location, std::move(pending));
}

void start_housekeeping_of(const Store& store) {
  const StoreLocation& location = store.location();
  linux_api::LockFile pending(open_lock(location));
  if (!pending.try_lock(0)) return;
  linux_api::start_in_background("/proc/self/exe", {housekeeper_name, location.base_directory, location.root},
                                 pending.descriptor());
}

std::optional<int> keep_house_if_asked(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[0]) != housekeeper_name) return std::nullopt;
  prctl(PR_SET_NAME, housekeeper_name, 0, 0, 0);
  try {
    linux_api::LockFile pending(linux_api::kept_in_background());
    keep_house_a_moment_later({argv[1], argv[2]}, std::move(pending));
    return 0;
  } catch (const std::exception&) {  // nobody is there to be told; the next command that leaves something tries again
    return 1;
  }
}

}  // namespace plyroot::buildroot
