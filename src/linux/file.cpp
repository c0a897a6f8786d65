#include "linux/file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "linux/uninterrupted.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {

AtomicFile::AtomicFile(int directory, std::string name, mode_t mode)
    : directory_(directory), name_(std::move(name)), temporary_(fmt::format(".{}.{}.new", name_, getpid())) {
  if (unlinkat(directory_, temporary_.c_str(), 0) < 0 && errno != ENOENT) {
    throw_errno(errno, "remove the left-over", shown_path(directory_, temporary_));
  }
  file_ = open_at(directory_, temporary_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

AtomicFile::~AtomicFile() {
  if (file_) unlinkat(directory_, temporary_.c_str(), 0);
}

void AtomicFile::write(std::string_view data) {
  write_all(file_.get(), data);
}

void AtomicFile::commit(bool durable) {
  if (durable) sync_file(file_.get());
  if (renameat(directory_, temporary_.c_str(), directory_, name_.c_str()) < 0) {
    throw_errno(errno, "rename a new file to", shown_path(directory_, name_));
  }
  file_.reset();
  if (durable) sync_directory(directory_);
}

std::optional<std::string> read_file_if_exists(const std::string& path) {
  const Descriptor file = open_if_exists(AT_FDCWD, path, O_RDONLY);
  if (!file) return std::nullopt;
  return read_all(file.get());
}

std::string read_file(const std::string& path) {
  return read_all(open_path(path, O_RDONLY).get());
}

void sync_file(int fd) {
  if (uninterrupted([&] { return fsync(fd); }) < 0) throw_errno(errno, "write to the disk", shown_path(fd));
}

void sync_data(int fd) {
  if (uninterrupted([&] { return fdatasync(fd); }) < 0) throw_errno(errno, "write to the disk", shown_path(fd));
}

void sync_directory(int directory) {
  sync_file(open_at(directory, ".", O_RDONLY | O_DIRECTORY).get());
}

}  // namespace plyroot::linux_api
