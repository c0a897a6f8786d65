#include "linux/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>

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

namespace {

Descriptor open_regular_file(const std::string& path) {
  Descriptor file = open_if_regular(open_path(path, O_PATH), O_RDONLY);
  if (!file) throw_errno(EINVAL, "read as a regular file", printable(path));
  return file;
}

/// @returns 0, or the errno of what failed
int copy_as(const User& user, const std::string& path, int to) {
  try {
    become(user);
    write_all(to, read_all(open_regular_file(path).get()));
    return 0;
  } catch (const SystemError& error) {
    return error.error_number();
  } catch (const std::exception&) {
    return EFBIG;
  }
}

}  // namespace

std::string read_regular_file(const std::string& path, const std::optional<User>& as_user) {
  if (!as_user) return read_all(open_regular_file(path).get());
  Pipe content = make_pipe();
  Child reader = fork_child([&] { return copy_as(*as_user, path, content.writing.get()); });
  content.writing.reset();
  std::string text = read_all(content.reading.get());
  const ExitStatus status = reader.wait();
  if (!status.success()) throw_errno(status.signal != 0 ? EIO : status.code, "read", printable(path));
  return text;
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
