#include "store/head_use.hpp"

#include "linux/directory.hpp"
#include "linux/file_system.hpp"

namespace plyroot::store {
namespace {

bool is_empty(int layers, const std::string& directory) {
  const linux_api::Descriptor opened = linux_api::open_if_directory(layers, directory);
  return !opened || linux_api::is_empty_directory(opened.get());
}

}  // namespace

void look_for_use(int layers, const std::string& upper_directory, Head& head) {
  if (is_empty(layers, upper_directory + "/work") && is_empty(layers, upper_directory + "/fs")) {
    head.unsynced_since_boot.reset();
    return;
  }
  head.upper_is_unused = false;
  if (!head.unsynced_since_boot) head.unsynced_since_boot = linux_api::boot_id();
}

}  // namespace plyroot::store
