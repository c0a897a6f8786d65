#pragma once

#include <string>

#include "linux/process.hpp"

namespace plyroot::linux_api {

/// While this value lives, what is dirty in a file system is written to the disk again and again, beside a program that
/// makes much of it: the sync at its end then waits for little. It promises nothing: who needs the data on the disk
/// syncs, and is told of errors there, also of those that were met here (syncfs(2): each open file is told).
class EarlyWriteback {
 public:
  /// @param directory a directory of the file system
  /// @throws SystemError
  explicit EarlyWriteback(const std::string& directory);

 private:
  Child writer_;
};

}  // namespace plyroot::linux_api
