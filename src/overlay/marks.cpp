#include "overlay/marks.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "support/error.hpp"

namespace plyroot::overlay {

std::string_view attribute_prefix(Marks marks) {
  return marks == Marks::trusted ? "trusted.overlay." : "user.overlay.";
}

void clear_volatile_mark(int work) {
  static constexpr struct {
    const char* path;
    int flags;
  } steps[] = {
      {"work/incompat/volatile/dirty", 0}, {"work/incompat/volatile", AT_REMOVEDIR}, {"work/incompat", AT_REMOVEDIR}};
  for (const auto& step : steps) {
    if (unlinkat(work, step.path, step.flags) < 0 && errno != ENOENT && errno != ENOTDIR) {
      throw_errno(errno, "clear the mark of a volatile mount", step.path);
    }
  }
}

}  // namespace plyroot::overlay
