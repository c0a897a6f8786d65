#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "buildroot/root.hpp"
#include "config/config.hpp"
#include "linux/descriptor.hpp"
#include "support/log.hpp"

namespace plyroot::mock_plugin {

/// What mock's hooks do to a root; a function for each hook. Between two of them there may be hours: nothing is kept
/// open meanwhile, and what is so is asked of the kernel and the store each time.
///
/// mock runs in a copy of the host's mount namespace, which is where its commands want the root mounted. Their mounts
/// need no lock: the kernel tells everybody that the upper is in use, and mock's own lock, which the kernel frees with
/// mock, tells that they are no leftovers.
class MockRoot {
 public:
  /// What has to be done by mock meanwhile. These may throw.
  struct Mock {
    std::function<void()> unmount_managed;  ///< /proc and the like, below the root
    std::function<void()> mount_managed;
    std::function<void()> check_signals;  ///< throws where the user has interrupted mock
    std::string python;                   ///< the program that runs mock
  };

  /// In the host's mount namespace: mock has not left it yet.
  MockRoot(config::Config config, Log::Listener listener, Mock mock);

  /// mount_root. Waits for whoever initialises the root for the first time: the head then starts from what was made.
  void mount();
  /// preinit: the root was mounted for a command, and not by `mock --mount`.
  void begin_command();
  /// postinit: the implicit snapshot, if there is none yet. The root is mounted as before when this returns.
  void finish_initialization();
  /// postumount: a root that was mounted for a command is unmounted, one that was mounted by `mock --mount` stays.
  /// @param is_failing an exception ends mock
  void finish_command(bool is_failing);
  /// umount_root, of whatever mounted it.
  void unmount();
  /// preyum
  void touch_rpm_database();
  /// postclean
  void clean();
  /// scrub. @param what one word of mock's --scrub
  void scrub(const std::string& what);

  void take_snapshot(const std::string& name);
  void roll_back(const std::string& name);
  void remove_snapshot(const std::string& name);
  /// What --list-snapshots prints, line by line.
  [[nodiscard]] std::vector<std::string> list_snapshots();

 private:
  /// Of the time in which it is not known yet what the root is mounted for: nobody else may touch the head.
  struct Pending {
    buildroot::Root root;
    HeadLock lock;
  };
  enum class MountedFor { nothing, command_or_user, command, user };

  [[nodiscard]] buildroot::Root open();
  void wait_for_initialization(buildroot::Root& root);
  void let_others_work();
  void trace(std::string_view hook);

  config::Config config_;
  Log log_;
  Mock mock_;
  linux_api::Descriptor host_namespace_;
  buildroot::Caller caller_;
  std::optional<InitializationLock> initialization_;
  std::optional<Pending> pending_;
  MountedFor mounted_for_ = MountedFor::nothing;
  bool mount_failed_ = false;
};

}  // namespace plyroot::mock_plugin
