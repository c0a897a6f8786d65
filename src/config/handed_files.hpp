#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "config/evaluating_user.hpp"
#include "linux/descriptor.hpp"

namespace plyroot::config {

/// A file that root has opened for the evaluation; an invalid descriptor where there is none.
struct HandedFile {
  std::string path;
  linux_api::Descriptor file;
};

/// The files that belong to root and that the evaluating user cannot open, after a login as root: the user's own
/// configuration files below `home`, and the file that -r names and those of the configuration directory as far as they
/// are closed to others. None for any other user: those read with their own rights.
class HandedFiles {
 public:
  /// @param chroot a name, or the absolute path of a file
  /// @param all_of_the_user the user's files for any configuration, not only for `chroot`
  HandedFiles(const EvaluatingUser& user, const std::string& config_directory, const std::string& chroot,
              bool all_of_the_user);

  [[nodiscard]] const std::vector<HandedFile>& files() const { return files_; }
  /// The paths handed that lie directly in a directory and end in ".cfg".
  [[nodiscard]] std::vector<std::string> configurations_in(const std::string& directory) const;

 private:
  enum class Which { all, closed };  ///< all files, or those that are not open to all
  void add(const std::string& path, Which which);
  void add_directory(const std::string& directory, int depth, Which which);

  std::vector<HandedFile> files_;
};

/// Whether anybody may read this file, or list this directory, as far as permission bits tell.
bool open_to_all(const std::string& path);

}  // namespace plyroot::config
