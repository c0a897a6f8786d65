#include "config/handed_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "linux/directory.hpp"

namespace plyroot::config {
namespace {

constexpr std::size_t most_files = 400;  // each needs two descriptors for a moment, and a process may have 1024
constexpr int deepest_directory = 2;     // below the configuration directory: eol/templates

bool is_configuration(std::string_view name) {
  return name.ends_with(".cfg") || name.ends_with(".tpl");
}

bool is_regular(const linux_api::Descriptor& file) {
  struct stat status {};
  return fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

bool open_to_all(const std::string& path) {
  struct stat status {};
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    if (stat(path.substr(0, end).c_str(), &status) < 0 || (status.st_mode & S_IXOTH) == 0) return false;
  }
  if (stat(path.c_str(), &status) < 0) return true;
  const mode_t needed = S_ISDIR(status.st_mode) ? S_IROTH | S_IXOTH : S_IROTH;
  return (status.st_mode & needed) == needed;
}

HandedFiles::HandedFiles(const EvaluatingUser& user, const std::string& config_directory, const std::string& chroot,
                         bool all_of_the_user) {
  if (!user.for_root_login || !user.must_change) return;
  const std::string own = user.home + "/.config/mock";
  for (const char* name : {"/.mock/user.cfg", "/.config/mock.cfg"})
    add(user.home + name, Which::all);
  if (chroot.ends_with(".cfg")) {
    add(chroot, Which::closed);
  } else {
    add(own + "/" + chroot + ".cfg", Which::all);
    add(config_directory + "/" + chroot + ".cfg", Which::closed);
  }
  for (const char* name : {"/site-defaults.cfg", "/chroot-aliases.cfg"})
    add(config_directory + name, Which::closed);
  add_directory(own + "/templates", 1, Which::all);
  if (all_of_the_user) add_directory(own, 0, Which::all);
  add_directory(config_directory + "/templates", 1, Which::closed);
  add_directory(config_directory, 0, Which::closed);
}

std::vector<std::string> HandedFiles::configurations_in(const std::string& directory) const {
  std::vector<std::string> paths;
  for (const HandedFile& handed : files_) {
    const std::size_t slash = handed.path.rfind('/');
    if (handed.file && handed.path.ends_with(".cfg") && std::string_view(handed.path).substr(0, slash) == directory) {
      paths.push_back(handed.path);
    }
  }
  return paths;
}

void HandedFiles::add(const std::string& path, Which which) {
  if (which == Which::closed && open_to_all(path)) return;
  const auto same_path = [&](const HandedFile& handed) { return handed.path == path; };
  if (files_.size() >= most_files || std::any_of(files_.begin(), files_.end(), same_path)) return;
  // Without O_NONBLOCK a FIFO would stop us here.
  linux_api::Descriptor file = linux_api::open_if_exists(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (file && !is_regular(file)) return;
  files_.push_back({path, std::move(file)});
}

void HandedFiles::add_directory(const std::string& directory, int depth, Which which) {
  const linux_api::Descriptor listing = linux_api::open_if_exists(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  if (!listing) return;
  std::vector<std::string> names = linux_api::list_names(listing.get());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string path = directory + "/" + name;
    if (is_configuration(name)) {
      add(path, which);
    } else if (depth < deepest_directory && is_directory(path)) {
      add_directory(path, depth + 1, which);
    }
  }
}

}  // namespace plyroot::config
