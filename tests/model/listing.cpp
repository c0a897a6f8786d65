#include "model/listing.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <functional>
#include <set>
#include <vector>

#include "linux/descriptor.hpp"
#include "linux/directory.hpp"
#include "support/error.hpp"

namespace plyroot::test {
namespace {

std::string attributes_of(const std::string& path) {
  std::array<char, 65536> names{};
  const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
  if (length < 0) throw_errno("list the attributes of", path);
  std::set<std::string> lines;
  for (const char* name = names.data(); name < names.data() + length;
       name += std::char_traits<char>::length(name) + 1) {
    std::array<char, 65536> value{};
    const ssize_t size = lgetxattr(path.c_str(), name, value.data(), value.size());
    if (size < 0) throw_errno("read the attribute of", path);
    lines.insert(fmt::format(" {}={}", name, std::string_view(value.data(), static_cast<std::size_t>(size))));
  }
  std::string text;
  for (const std::string& line : lines)
    text += line;
  return text;
}

class Lister {
 public:
  explicit Lister(int root) : prefix_(linux_api::path_of(root) + "/") {}

  Listing list() {
    add(".");
    visit(".");
    for (auto& [path, line] : listing_) {
      if (const auto links = links_.find(path); links != links_.end())
        line += fmt::format(" link-of={}", first_name_.at(links->second));
    }
    return std::move(listing_);
  }

 private:
  void visit(const std::string& directory) {
    const linux_api::Descriptor opened = linux_api::open_path(prefix_ + directory, O_RDONLY | O_DIRECTORY);
    std::vector<std::string> names = linux_api::list_names(opened.get());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      const std::string path = directory == "." ? name : directory + "/" + name;
      if (add(path)) visit(path);
    }
  }

  /// @returns whether it is a directory
  bool add(const std::string& path) {
    const std::string place = prefix_ + path;
    struct stat status {};
    if (lstat(place.c_str(), &status) < 0) throw_errno("examine", place);
    std::string line = fmt::format("{:o} {}:{}{}", status.st_mode, status.st_uid, status.st_gid, attributes_of(place));
    if (S_ISLNK(status.st_mode)) {
      std::array<char, PATH_MAX> target{};
      if (readlink(place.c_str(), target.data(), target.size()) < 0) throw_errno("read the link", place);
      line += fmt::format(" -> {}", target.data());
    } else if (S_ISREG(status.st_mode)) {
      const std::string content = linux_api::read_all(linux_api::open_path(place, O_RDONLY).get());
      line += fmt::format(" size={} content={:x} time={}.{:09}", status.st_size, std::hash<std::string>()(content),
                          status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
      const auto inode = std::pair(status.st_dev, status.st_ino);
      first_name_.emplace(inode, path);
      links_.emplace(path, inode);
    } else if (!S_ISDIR(status.st_mode)) {
      line += fmt::format(" device={}", status.st_rdev);
    }
    listing_.emplace(path, std::move(line));
    return S_ISDIR(status.st_mode);
  }

  std::string prefix_;
  Listing listing_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_name_;
  std::map<std::string, std::pair<dev_t, ino_t>> links_;
};

}  // namespace

Listing list_tree(int root) {
  return Lister(root).list();
}

std::string differences(const Listing& expected, const Listing& found) {
  std::string text;
  for (const auto& [path, line] : expected) {
    const auto there = found.find(path);
    if (there == found.end()) {
      text += fmt::format("missing: {} {}\n", path, line);
    } else if (there->second != line) {
      text += fmt::format("expected: {} {}\n   found: {} {}\n", path, line, path, there->second);
    }
  }
  for (const auto& [path, line] : found) {
    if (!expected.contains(path)) text += fmt::format("not expected: {} {}\n", path, line);
  }
  return text;
}

}  // namespace plyroot::test
