#include "model/file_operations.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>

#include "fixtures/file_systems.hpp"
#include "linux/descriptor.hpp"
#include "support/error.hpp"

namespace plyroot::test {
namespace fs = std::filesystem;
namespace {

int result_of(int returned) {
  return returned < 0 ? errno : 0;
}

std::string content_of(const Operation& operation) {
  const std::size_t size = operation.number % 7 == 0 ? 0 : operation.number % 5000;
  std::string content(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    content[i] = static_cast<char>('a' + (operation.number + i * i) % 26);
  return content;
}

/// Both sides write at different moments, so each writing is followed by this.
std::array<timespec, 2> time_of(const Operation& operation) {
  const timespec time{static_cast<time_t>(1'000'000'000 + operation.number), operation.number * 900L};
  return {time, time};
}

int write_at(const std::string& place, const Operation& operation, int flags, off_t offset) {
  const linux_api::Descriptor file(open(place.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags, 0644));
  if (!file) return errno;
  if (offset > 0 && lseek(file.get(), offset, SEEK_SET) < 0) return errno;
  linux_api::write_all(file.get(), content_of(operation));
  return result_of(futimens(file.get(), time_of(operation).data()));
}

bool is_directory(const std::string& place) {
  struct stat status {};
  return lstat(place.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

int remove_all(const std::string& place) {
  struct stat status {};
  if (lstat(place.c_str(), &status) < 0) return errno;
  std::error_code error;
  fs::remove_all(place, error);
  return error.value();
}

struct FileOperation {
  std::function<int(const std::string& place, const std::string& other, const Operation&)> apply;
  enum class CopiesUp { nothing, target, name } copies_up;
};

using CopiesUp = FileOperation::CopiesUp;

const std::map<std::string, FileOperation>& file_operations() {
  static const std::map<std::string, FileOperation> table{
      {"write",
       {[](const auto& place, const auto&, const auto& it) { return write_at(place, it, O_CREAT | O_TRUNC, 0); },
        CopiesUp::target}},
      {"append",
       {[](const auto& place, const auto&, const auto& it) { return write_at(place, it, O_APPEND, 0); },
        CopiesUp::target}},
      {"write-sparse",
       {[](const auto& place, const auto&, const auto& it) {
          return write_at(place, it, O_CREAT, static_cast<off_t>(it.number % 200'000));
        },
        CopiesUp::target}},
      {"truncate",
       {[](const auto& place, const auto&, const auto& it) {
          if (truncate(place.c_str(), static_cast<off_t>(it.number % 8000)) < 0) return errno;
          return result_of(utimensat(AT_FDCWD, place.c_str(), time_of(it).data(), 0));
        },
        CopiesUp::target}},
      {"unlink",
       {[](const auto& place, const auto&, const auto&) { return result_of(unlink(place.c_str())); },
        CopiesUp::nothing}},
      {"remove-tree",
       {[](const auto& place, const auto&, const auto&) { return remove_all(place); }, CopiesUp::nothing}},
      {"mkdir",
       {[](const auto& place, const auto&, const auto&) { return result_of(mkdir(place.c_str(), 0755)); },
        CopiesUp::nothing}},
      {"rmdir",
       {[](const auto& place, const auto&, const auto&) { return result_of(rmdir(place.c_str())); },
        CopiesUp::nothing}},
      {"rename",
       {[](const auto& place, const auto& other, const auto&) {
          return result_of(rename(place.c_str(), other.c_str()));
        },
        CopiesUp::name}},
      {"link",
       {[](const auto& place, const auto& other, const auto&) { return result_of(link(place.c_str(), other.c_str())); },
        CopiesUp::name}},
      {"symlink",
       {[](const auto& place, const auto&, const auto& it) {
          return result_of(symlink(it.other.c_str(), place.c_str()));
        },
        CopiesUp::nothing}},
      {"make-fifo",
       {[](const auto& place, const auto&, const auto&) { return result_of(mkfifo(place.c_str(), 0640)); },
        CopiesUp::nothing}},
      {"make-device",
       {[](const auto& place, const auto&, const auto&) {
          return result_of(mknod(place.c_str(), S_IFCHR | 0640, makedev(1, 3)));
        },
        CopiesUp::nothing}},
      {"file-over-directory",
       {[](const auto& place, const auto&, const auto& it) {
          if (!is_directory(place)) return ENOTDIR;
          const int error = remove_all(place);
          return error != 0 ? error : write_at(place, it, O_CREAT | O_EXCL, 0);
        },
        CopiesUp::nothing}},
      {"directory-over-file",
       {[](const auto& place, const auto&, const auto& it) {
          if (is_directory(place)) return EISDIR;
          if (unlink(place.c_str()) < 0) return errno;
          if (mkdir(place.c_str(), 0750) < 0) return errno;
          return write_at(place + "/a", it, O_CREAT | O_EXCL, 0);
        },
        CopiesUp::nothing}},
      {"chmod",
       {[](const auto& place, const auto&, const auto& it) {
          return result_of(chmod(place.c_str(), static_cast<mode_t>(it.number & 07777U)));
        },
        CopiesUp::target}},
      {"chown",
       {[](const auto& place, const auto&, const auto& it) {
          return result_of(lchown(place.c_str(), it.number % 5, it.number / 5 % 5));
        },
        CopiesUp::name}},
      {"set-time",
       {[](const auto& place, const auto&, const auto& it) {
          return result_of(utimensat(AT_FDCWD, place.c_str(), time_of(it).data(), AT_SYMLINK_NOFOLLOW));
        },
        CopiesUp::name}},
      {"set-attribute",
       {[](const auto& place, const auto&, const auto& it) {
          const std::string value(it.number % 200, 'v');
          return result_of(lsetxattr(place.c_str(), it.other.c_str(), value.data(), value.size(), 0));
        },
        CopiesUp::name}},
      {"remove-attribute",
       {[](const auto& place, const auto&, const auto& it) {
          return result_of(lremovexattr(place.c_str(), it.other.c_str()));
        },
        CopiesUp::name}},
  };
  return table;
}

}  // namespace

int apply_to_files(const std::string& root, const Operation& operation) {
  const auto found = file_operations().find(operation.name);
  if (found == file_operations().end()) throw std::runtime_error("no such operation: " + operation.name);
  // The root itself stays: it can only be changed.
  const bool removes = found->second.copies_up == CopiesUp::nothing || operation.name == "rename";
  if (removes && (operation.path == "." || operation.other == ".")) return EBUSY;
  return found->second.apply(root + "/" + operation.path, root + "/" + operation.other, operation);
}

std::string copied_up_by(const std::string& root, const Operation& operation) {
  const CopiesUp what = file_operations().at(operation.name).copies_up;
  std::string place = root + "/" + operation.path;
  if (what == CopiesUp::nothing) return {};
  if (operation.name == "rename" && operation.path == operation.other) return {};  // the kernel asks no file system
  if (what == CopiesUp::name) return place;
  std::array<char, PATH_MAX> target{};
  return realpath(place.c_str(), target.data()) != nullptr ? target.data() : std::string();
}

void copy_tree(const std::string& from, const std::string& to) {
  run_program({"cp", "-a", "--reflink=auto", "-T", from, to});
}

void move_by_copying(const std::string& from, const std::string& to) {
  if (rmdir(to.c_str()) < 0 && errno != ENOENT) throw_errno("make place at", to);
  copy_tree(from, to);
  fs::remove_all(from);
}

}  // namespace plyroot::test
