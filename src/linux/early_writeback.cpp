#include "linux/early_writeback.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>

#include "linux/descriptor.hpp"

namespace plyroot::linux_api {
namespace {

/// Short work is over before, and pays for no sync that it does not need.
constexpr timespec pause{0, 500'000'000};

}  // namespace

EarlyWriteback::EarlyWriteback(const std::string& directory) {
  const Descriptor self = own_pidfd();
  // Opened here: of a description that is shared with who syncs at the end, that one would not be told of an error.
  const Descriptor opened = open_path(directory, O_RDONLY | O_DIRECTORY);
  writer_ = fork_child([&] {
    if (!tie_to_parent(self.get())) return 1;
    close_descriptors_except({opened.get()});  // locks among them: it may be writing for a while when it is killed
    for (;;) {
      nanosleep(&pause, nullptr);
      syncfs(opened.get());
    }
  });
}

}  // namespace plyroot::linux_api
