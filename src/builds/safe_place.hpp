#pragma once

#include <string>
#include <string_view>

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

/// The directory of the root in which rpmbuild leaves packages of a kind ("SRPMS"); a link in its path is refused.
/// @param build_directory its path within the root
linux_api::Descriptor open_made_packages(int root, const std::string& build_directory, std::string_view kind);

/// The package that rpmbuild left in a directory: its one file whose name ends so.
/// @param shown what to call the directory in messages
/// @throws Error (source_package) where there is none, or there are several
std::string find_made_package(int directory, const std::string& shown, std::string_view ending);

}  // namespace plyroot::builds
