#include "store/view_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "linux/descriptor.hpp"
#include "linux/uninterrupted.hpp"
#include "support/error.hpp"

namespace plyroot::store {

std::string read_view_file(int heads, const std::string& name) {
  if (heads < 0) return {};
  try {
    const linux_api::Descriptor file = linux_api::open_if_exists(heads, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    return file ? linux_api::read_all(file.get()) : std::string();
  } catch (const Error&) {
    return {};
  }
}

void keep_view_file(int heads, const std::string& name, std::string_view content) {
  if (heads < 0) return;
  try {
    // In its place, which takes a tenth of what a new file and a rename do: what is read half-written is no view.
    const linux_api::Descriptor file =
        linux_api::open_at(heads, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
    linux_api::write_all_at(file.get(), content, 0);
    struct stat status {};
    const auto size = static_cast<off_t>(content.size());
    if (fstat(file.get(), &status) < 0 ||
        (status.st_size > size && linux_api::uninterrupted([&] { return ftruncate(file.get(), size); }) < 0))
      throw_errno(errno, "shorten", linux_api::shown_path(file.get()));
  } catch (const Error&) {
    // The next command reads the database once more.
  }
}

}  // namespace plyroot::store
