#include "store/layer_content.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "linux/descriptor.hpp"
#include "linux/tree_walk.hpp"
#include "overlay/marks.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::store {
namespace {

/// Extended attributes by path: the files of a layer may be devices and FIFOs, which are not opened.
std::vector<std::string> attribute_names(const std::string& file) {
  std::vector<char> names(65536);
  const ssize_t length = llistxattr(file.c_str(), names.data(), names.size());
  if (length < 0 && (errno == ENOTSUP || errno == ENOENT || errno == EPERM)) return {};
  if (length < 0) throw_errno(errno, "list the extended attributes of", printable(file));
  std::vector<std::string> found;
  for (const char* name = names.data(); name < names.data() + length; name += std::strlen(name) + 1)
    found.emplace_back(name);
  return found;
}

std::optional<std::string> attribute_value(const std::string& file, const std::string& name) {
  std::array<char, 256> value{};
  const ssize_t size = lgetxattr(file.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) return std::nullopt;  // gone meanwhile, or longer than any mark that is looked at
  return std::string(value.data(), static_cast<std::size_t>(size));
}

class Examination {
 public:
  Examination(dev_t device, const std::function<void(ContentFault)>& report) : device_(device), report_(&report) {}

  void look_at_tree(int top, const struct stat& top_status) {
    look_at(linux_api::path_of(top) + "/.", "/", top_status);
    linux_api::walk_tree(top, [this](int directory, const std::string& name, const std::string& path) {
      struct stat status {};
      if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT) return false;
        throw_errno(errno, "examine", printable(path));
      }
      if (status.st_dev != device_) return false;
      look_at(linux_api::path_of(directory) + "/" + name, path, status);
      return S_ISDIR(status.st_mode);
    });
  }

  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  using Kind = ContentFault::Kind;

  void report(Kind kind, const std::string& path, std::string text) const { (*report_)({kind, path, std::move(text)}); }

  void look_at(const std::string& file, const std::string& path, const struct stat& status) {
    ++count_;
    if (S_ISLNK(status.st_mode)) return;  // overlayfs puts no mark that matters on a link
    const std::string_view prefix = overlay::attribute_prefix(overlay::Marks::trusted);
    for (const std::string& name : attribute_names(file)) {
      if (name.starts_with(overlay::attribute_prefix(overlay::Marks::user))) {
        report(Kind::marks_of_user, path, fmt::format("carries {}, which plyroot's mounts ignore", printable(name)));
      } else if (name.starts_with(prefix)) {
        look_at_mark(std::string_view(name).substr(prefix.size()), name, file, path, status);
      }
    }
  }

  void look_at_mark(std::string_view mark, const std::string& name, const std::string& file, const std::string& path,
                    const struct stat& status) const {
    if (mark == "opaque") {
      const auto value = attribute_value(file, name);
      if (!S_ISDIR(status.st_mode)) {
        report(Kind::mark, path, "is marked opaque, but is no directory");
      } else if (value && *value != "y" && *value != "x") {
        report(Kind::mark, path, fmt::format("is marked opaque with '{}', which means nothing", printable(*value)));
      } else if (path == "/" && value == "y") {
        report(Kind::mark, path, "is marked opaque: it hides every layer below");
      }
    } else if (mark == "whiteout") {
      if (!S_ISREG(status.st_mode) || status.st_size != 0)
        report(Kind::whiteout, path, "is marked as a whiteout, but is no empty file");
    } else if (mark == "redirect" || mark == "metacopy") {
      report(Kind::unused_mark, path,
             fmt::format("carries {}: plyroot's mounts do not use that feature, so what it stands for is not shown",
                         printable(name)));
    }
  }

  dev_t device_;
  const std::function<void(ContentFault)>* report_;
  std::size_t count_ = 0;
};

}  // namespace

std::size_t examine_layer_content(int files, const std::function<void(ContentFault)>& report) {
  struct stat status {};
  if (fstat(files, &status) < 0) throw_errno(errno, "examine", linux_api::shown_path(files));
  Examination examination(status.st_dev, report);
  examination.look_at_tree(files, status);
  return examination.count();
}

}  // namespace plyroot::store
