#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "linux/descriptor.hpp"
#include "linux/process.hpp"

namespace plyroot::linux_api {

/// A file that is written beside its place and appears there whole when commit() says so; a destructor before that
/// discards it.
class AtomicFile {
 public:
  /// @param directory stays open as long as this value is used
  AtomicFile(int directory, std::string name, mode_t mode = 0644);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view data);
  /// Renames it into its place. Survives a crash of the machine only if `durable`: then it is synced before and the
  /// directory after.
  void commit(bool durable);

 private:
  int directory_;
  std::string name_;
  std::string temporary_;
  Descriptor file_;
};

/// The whole content of a file; nothing where it does not exist.
std::optional<std::string> read_file_if_exists(const std::string& path);
std::string read_file(const std::string& path);
/// The content of a regular file of the host.
/// @param as_user with whose rights it is opened; our own if not set
/// @throws SystemError; EINVAL where it is no regular file
std::string read_regular_file(const std::string& path, const std::optional<User>& as_user);

void sync_file(int fd);
/// The same without what is not needed to read its content back (fdatasync(2)).
void sync_data(int fd);
/// Makes names made, renamed or removed in a directory durable.
void sync_directory(int directory);

}  // namespace plyroot::linux_api
