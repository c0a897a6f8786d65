#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "linux/descriptor.hpp"

namespace plyroot::store {

/// A file in the page cache: the log's, and the database's, as the log reads it and brings it up to date. Its functions
/// throw SystemError.
class CachedFile {
 public:
  virtual ~CachedFile() = default;
  /// @returns fewer bytes where the file ends
  virtual std::string read(std::uint64_t place, std::size_t size) = 0;
  virtual void write(std::uint64_t place, std::string_view data) = 0;
  virtual void truncate(std::uint64_t size) = 0;
  virtual std::uint64_t size() = 0;
  /// All of it is on the disk when this returns. If it throws, parts are, and another one may return without.
  virtual void sync() = 0;
};

/// A file of the system's.
std::unique_ptr<CachedFile> cached_file(linux_api::Descriptor file);

}  // namespace plyroot::store
