#pragma once

#include <string>

#include "linux/descriptor.hpp"

namespace plyroot::builds {

/// A place in the root that the build user cannot reach. A package that it made is linked into it, so that the package
/// manager, which runs as root and follows links, is given a file that nobody can exchange for something else.
class SafePlace {
 public:
  /// @param root stays open as long as this lives @throws Error
  explicit SafePlace(int root);
  ~SafePlace();
  SafePlace(const SafePlace&) = delete;
  SafePlace& operator=(const SafePlace&) = delete;

  /// Links a file of a directory into it. @returns its path within the root
  /// @throws Error (source_package) where it is no regular file
  std::string add(int directory, const std::string& file);
  [[nodiscard]] linux_api::Descriptor open(const std::string& file) const;

 private:
  static constexpr const char* name = ".plyroot-srpm";
  int root_;
  linux_api::Descriptor directory_;
};

}  // namespace plyroot::builds
