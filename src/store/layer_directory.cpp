#include "store/layer_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "linux/descriptor.hpp"
#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "linux/file_copy.hpp"
#include "overlay/marks.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::store {
namespace {

using linux_api::Descriptor;

Descriptor open_directory(int parent, const std::string& name) {
  return linux_api::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/// @returns whether it was not there before
bool make_directory(int parent, const std::string& name, mode_t mode) {
  if (mkdirat(parent, name.c_str(), mode) == 0) return true;
  if (errno != EEXIST) throw_errno(errno, "make the directory", linux_api::shown_path(parent, name));
  return false;
}

/// NAME/work comes last: where it is, all else is.
void make_content_directories(int layers, const std::string& name, const std::optional<std::string>& below) {
  const Descriptor directory = open_directory(layers, name);
  make_directory(directory.get(), "fs", 0755);
  const Descriptor files = open_directory(directory.get(), "fs");
  if (fchmod(files.get(), 0755) < 0)
    throw_errno(errno, "set the mode of", linux_api::shown_path(files.get()));  // whatever the umask
  if (below) {
    linux_api::copy_attributes(
        open_directory(layers, *below + "/fs").get(), files.get(),
        [](std::string_view attribute) { return !overlay::is_mark(attribute, overlay::Marks::trusted); });
  }
  make_directory(directory.get(), "work", 0700);
}

}  // namespace

std::string new_directory_name(LayerId id) {
  std::uint32_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) throw_errno(errno, "take a random number");
  return fmt::format("{}-{:08x}", id, random);
}

void make_base_directory(int layers) {
  if (!make_directory(layers, base_directory_name, 0700)) {
    linux_api::remove_tree(layers, base_directory_name);
    make_directory(layers, base_directory_name, 0700);
  }
  make_content_directories(layers, base_directory_name, std::nullopt);
  // What was made in a directory goes to the disk with it.
  linux_api::sync_file(open_directory(layers, base_directory_name).get());
  linux_api::sync_file(layers);
}

void make_upper_directory(int layers, const std::string& name, const std::string& below) {
  require_layer_directory(layers, below);
  if (linux_api::open_if_directory(layers, name + "/work")) return;
  make_directory(layers, name, 0700);
  make_content_directories(layers, name, below);
}

void require_layer_directory(int layers, const std::string& name) {
  const Descriptor files = linux_api::open_if_exists(layers, name + "/fs", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!files) {
    throw Error(
        fmt::format("the directory of layer {} is missing from the store: something else than plyroot removed it",
                    printable(name)),
        "Roll back to a snapshot that does not need it, or make the root anew: `--scrub overlayfs`, `--init`.",
        ExitCode::root);
  }
}

}  // namespace plyroot::store
