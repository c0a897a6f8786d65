#include "overlay/overlay_mount.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "linux/thread.hpp"
#include "linux/uninterrupted.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::overlay {
namespace {

constexpr std::size_t mount_options_limit = 4095;

/// Features that change what a layer's files mean; their defaults differ between distributions' kernels.
constexpr const char* fixed_options[][2] = {
    {"index", "off"}, {"metacopy", "off"}, {"redirect_dir", "off"}, {"xino", "auto"}};

void require_lowers(const OverlayPlan& plan) {
  if (plan.lowers.empty()) throw Error("an overlay without any lower layer was asked for");
}

/// The plan's names are relative to the working directory, as long as this lives.
class Inside {
 public:
  explicit Inside(const std::string& layers_directory) : before_(linux_api::open_path(".", O_PATH | O_DIRECTORY)) {
    if (chdir(layers_directory.c_str()) < 0) {
      const int error_number = errno;
      throw SystemError(error_number, fmt::format("enter the directory {}", printable(layers_directory)), {},
                        ExitCode::root);
    }
  }
  ~Inside() {
    if (fchdir(before_.get()) < 0) return;  // of what can be done about it nothing is better than to stay
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  linux_api::Descriptor before_;
};

}  // namespace

linux_api::FileSystemMount as_file_system_mount(const OverlayPlan& plan) {
  require_lowers(plan);
  linux_api::FileSystemMount mount{"overlay", {}, 0};
  const auto set = [&](const char* key, const std::string& value) { mount.parameters.push_back({key, value}); };
  set("source", plan.source);
  for (const std::string& lower : plan.lowers)
    set("lowerdir+", lower);
  set("upperdir", plan.upper);
  set("workdir", plan.work);
  for (const auto& [key, value] : fixed_options)
    set(key, value);
  if (plan.is_volatile) mount.parameters.push_back({"volatile", {}});
  if (plan.marks == Marks::user) mount.parameters.push_back({"userxattr", {}});
  return mount;
}

std::string as_mount_options(const OverlayPlan& plan) {
  require_lowers(plan);
  std::string options =
      fmt::format("lowerdir={},upperdir={},workdir={}", fmt::join(plan.lowers, ":"), plan.upper, plan.work);
  for (const auto& [key, value] : fixed_options)
    options += fmt::format(",{}={}", key, value);
  if (plan.is_volatile) options += ",volatile";
  if (plan.marks == Marks::user) options += ",userxattr";
  if (options.size() > mount_options_limit) {
    throw Error(
        fmt::format("cannot mount {} layers at once: this kernel takes {} bytes of mount options, and {} are needed",
                    plan.lowers.size(), mount_options_limit, options.size()),
        "Remove snapshots that you no longer need, or use kernel 6.8 or later.", ExitCode::root);
  }
  return options;
}

bool is_what_was_mounted(const OverlayPlan& plan, const std::string& reported_options) {
  std::vector<std::string> lowers;
  std::string upper;
  for (const std::string& option : split(reported_options, ',')) {
    const std::string_view text = option;
    if (text.starts_with("lowerdir+=")) lowers.emplace_back(text.substr(10));
    if (text.starts_with("lowerdir=")) lowers = split(text.substr(9), ':');
    if (text.starts_with("upperdir=")) upper = text.substr(9);
  }
  return lowers == plan.lowers && upper == plan.upper;
}

namespace {

/// Where overlayfs cannot make its work directory, it mounts read-only: an error here, for which the reason is asked.
void require_writable(const linux_api::Descriptor& mounted, const OverlayPlan& plan,
                      const std::string& layers_directory) {
  struct statvfs status {};
  if (fstatvfs(mounted.get(), &status) < 0)
    throw_errno(errno, "examine the overlay of", layers_directory + "/" + plan.upper);
  if ((status.f_flag & ST_RDONLY) == 0) return;
  const std::string probe = fmt::format("{}/{}/probe", layers_directory, plan.work);
  const int error_number = mkdir(probe.c_str(), 0700) < 0 ? errno : EROFS;
  rmdir(probe.c_str());
  throw SystemError(error_number, fmt::format("mount the overlay of {}/{} for writing", layers_directory, plan.upper),
                    {}, ExitCode::root);
}

}  // namespace

linux_api::Descriptor mount_overlay(const OverlayPlan& plan, const std::string& layers_directory) {
  const Inside layers(layers_directory);
  try {
    linux_api::FileSystemMount mount = as_file_system_mount(plan);
    mount.called = fmt::format("the overlay of {}/{}", layers_directory, plan.upper);
    linux_api::Descriptor mounted = linux_api::mount_detached(mount);
    require_writable(mounted, plan, layers_directory);
    return mounted;
  } catch (const SystemError& error) {
    const bool has_no_lowerdir_plus = error.error_number() == EINVAL &&
                                      std::string_view(error.what()).find("set lowerdir+") != std::string_view::npos;
    if (!has_no_lowerdir_plus) throw;
  }
  return mount_overlay_by_options(plan, layers_directory);
}

linux_api::Descriptor mount_overlay_by_options(const OverlayPlan& plan, const std::string& layers_directory) {
  const std::string options = as_mount_options(plan);
  linux_api::Descriptor detached;
  linux_api::run_in_own_mount_namespace([&] {
    const Inside layers(layers_directory);
    const auto try_to_mount = [&] {
      return mount(plan.source.c_str(), layers_directory.c_str(), "overlay", 0, options.c_str());
    };
    if (linux_api::uninterrupted(try_to_mount) < 0) {
      const int error_number = errno;
      throw SystemError(error_number, fmt::format("mount the overlay of {}/{}", layers_directory, plan.upper), {},
                        ExitCode::root);
    }
    detached = linux_api::clone_mount(AT_FDCWD, layers_directory, false);
    require_writable(detached, plan, layers_directory);
  });
  return detached;
}

void verify_overlay(const OverlayPlan& plan, int mounted_directory) {
  const std::string reported = linux_api::mounted_options(mounted_directory);
  if (!is_what_was_mounted(plan, reported)) {
    throw Error(fmt::format("the kernel mounted something else than the {} layers it was asked for: {}",
                            plan.lowers.size(), printable(reported, 1000)),
                {}, ExitCode::root);
  }
}

}  // namespace plyroot::overlay
