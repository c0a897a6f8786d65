#include "builds/build_results.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "buildroot/build_user.hpp"
#include "buildroot/result_directory.hpp"
#include "builds/build_directory.hpp"
#include "builds/source_package.hpp"
#include "linux/directory.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::builds {
namespace {

using linux_api::Descriptor;
using linux_api::Links;

/// What a program of the host says; nothing where there is no such program.
std::string output_of(const config::Words& arguments, const config::Config& config) {
  linux_api::ProcessPlan plan;
  plan.arguments = arguments;
  plan.environment = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8"};
  plan.user = buildroot::build_user(config);
  try {
    return linux_api::run_captured(plan).output;
  } catch (const SystemError& error) {
    return fmt::format("{}\n", error.what());
  }
}

void remove_but(int directory, const std::string& prefix, const std::vector<std::string>& kept) {
  for (const std::string& name : linux_api::list_names(directory)) {
    const std::string path = prefix + name;
    if (std::find(kept.begin(), kept.end(), path) != kept.end()) continue;
    const bool holds_kept =
        std::any_of(kept.begin(), kept.end(), [&](const std::string& other) { return other.starts_with(path + "/"); });
    const Descriptor below = holds_kept ? linux_api::open_if_directory(directory, name) : Descriptor();
    if (below) {
      remove_but(below.get(), path + "/", kept);
    } else {
      linux_api::remove_tree(directory, name);
    }
  }
}

}  // namespace

void copy_content(int from, int to) {
  std::array<char, std::size_t{1} << 18U> buffer;
  for (;;) {
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "read a package");
    if (got == 0) return;
    linux_api::write_all(to, std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  }
}

bool copy_build_result(int directory, const std::string& name, int result_directory, const config::Config& config) {
  const Descriptor known = linux_api::open_if_exists(directory, name, O_PATH | O_NOFOLLOW);
  const Descriptor from = known ? linux_api::open_if_regular(known, O_RDONLY) : Descriptor();
  if (!from) return false;
  struct stat status {};
  if (fstat(from.get(), &status) < 0) throw_errno(errno, "examine", linux_api::shown_path(from.get()));
  require_plain_name(name, "a package");
  const Descriptor to = buildroot::create_result_file(result_directory, name, config);
  copy_content(from.get(), to.get());
  const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
  if (futimens(to.get(), times.data()) < 0) throw_errno(errno, "set the time of", linux_api::shown_path(to.get()));
  return true;
}

config::Words copy_build_results(int root, int result_directory, const config::Config& config) {
  config::Words copied;
  for (const char* kind : {"RPMS", "SRPMS"}) {
    const Descriptor directory = open_in_build(root, config, kind);
    for (const std::string& name : linux_api::list_names(directory.get())) {
      if (name.ends_with(".rpm") && copy_build_result(directory.get(), name, result_directory, config))
        copied.push_back(name);
    }
  }
  return copied;
}

void write_installed_packages(int result_directory, const std::set<std::string>& packages,
                              const config::Config& config) {
  std::string text;
  for (const std::string& package : packages)
    text += package + "\n";
  linux_api::write_all(buildroot::create_result_file(result_directory, "installed_pkgs.log", config).get(), text);
}

void write_hardware_log(int result_directory, const config::Config& config) {
  const std::string text = "CPU info:\n" + output_of({"lscpu"}, config) + "\n\nMemory:\n" +
                           output_of({"free", "--human"}, config) + "\n\nStorage (chroot, cache_topdir):\n" +
                           output_of({"df", "-H", "-T", config.basedir, config.cache_topdir}, config);
  linux_api::write_all(buildroot::create_result_file(result_directory, "hw_info.log", config).get(), text);
}

void clean_home_directory(int root, const config::Config& config) {
  const Descriptor home =
      linux_api::open_in_root_if_there(root, config.chroothome, O_RDONLY | O_DIRECTORY, Links::refuse);
  if (home) remove_but(home.get(), "", config.exclude_from_homedir_cleanup);
}

}  // namespace plyroot::builds
