#include "buildroot/initialization.hpp"

#include <fmt/format.h>

#include "buildroot/build_user.hpp"
#include "buildroot/root_files.hpp"
#include "buildroot/rpm_macros.hpp"
#include "linux/file.hpp"
#include "support/error.hpp"
#include "support/log.hpp"

namespace plyroot::buildroot {
namespace {

/// Directories that programs of a package manager expect before any package has made them.
constexpr const char* first_directories[] = {"etc/dnf/vars",  "etc/yum.repos.d", "var/cache/dnf",
                                             "var/cache/yum", "var/log",         "var/lib/dnf"};

void write_first_files(const config::Config& config, int root) {
  for (const char* directory : first_directories)
    make_directories_in_root(root, directory, 0755);
  make_directories_in_root(root, "tmp", 01777);
  make_directories_in_root(root, "var/tmp", 01777);
  for (const std::string& directory : config.extra_chroot_dirs)
    make_directories_in_root(root, directory, 0755);
}

/// Files that a configuration gives (config_opts['files']) and that name resolution needs.
void write_configured_files(const config::Config& config, int root) {
  for (const auto& [path, content] : config.files)
    write_file_in_root(root, path, content);
  if (config.use_host_resolv) {
    if (const auto content = linux_api::read_file_if_exists("/etc/resolv.conf"))
      write_file_in_root(root, "etc/resolv.conf", *content);
  }
  if (!exists_in_root(root, "etc/hosts")) {
    write_file_in_root(root, "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
  }
}

void install(Root& root, Installer& installer) {
  rpm_macros_of(root.config());  // says what is wrong with them before anything is installed
  const auto writeback = root.write_early();
  Session session = root.enter();
  Root::mark_unfinished(session.root());
  write_first_files(root.config(), session.root());
  write_configured_files(root.config(), session.root());
  installer.configure(session);
  installer.install_base(session);
  set_up_build_user(session, root.config());
  Root::mark_initialized(session.root());
}

void take_postinit(Root& root, const Installer& installer) {
  if (root.store() == nullptr) return;
  const SnapshotName postinit(postinit_name);
  if (!root.store()->has_snapshot(postinit)) {
    root.take_snapshot(postinit, installer.origin());
    root.log().info("made the snapshot postinit");
  }
}

/// For a head that stands below the postinit that another one has made meanwhile.
bool start_from_postinit(Root& root) {
  if (root.store() == nullptr || !root.store()->has_snapshot(SnapshotName(postinit_name))) return false;
  root.roll_back(SnapshotName(postinit_name));
  return root.is_initialized();
}

/// What the snapshot postinit was made from; empty where there is none.
std::string origin_of_postinit(Root& root) {
  if (root.store() == nullptr) return {};
  return root.store()->origin_of(SnapshotName(postinit_name)).value_or("");
}

void warn_of_changed_configuration(const Root& root, const Installer& installer, const std::string& made_from) {
  if (!made_from.empty() && made_from != installer.origin()) {
    root.log().warning(
        "the configuration has changed since the snapshot postinit was made from it; --scrub overlayfs and --init make "
        "the root anew");
  }
}

void install_first_time(Root& root, Installer& installer) {
  std::optional<InitializationLock> one_installs;
  if (root.store() != nullptr) {
    one_installs.emplace(*root.store(),
                         [&] { root.log().info("another command initialises this root; waiting for it"); });
  }
  if (root.is_initialized() || start_from_postinit(root)) return;
  // What a command that was killed has left is no root to install into.
  if (root.is_unfinished()) root.clean_tree();
  try {
    install(root, installer);
    take_postinit(root, installer);
  } catch (const std::exception&) {
    try {
      root.clean_tree();
    } catch (const Error& error) {
      root.log().warning(fmt::format("the unfinished root could not be dropped: {}", error.what()));
    }
    throw;
  }
}

}  // namespace

Session enter_initialized(Root& root, Installer& installer, const BeforeWork& before, Store::UseNoteSync use_note) {
  const auto step = root.log().step("chroot init");
  Session session = [&] {
    if (root.is_initialized()) {
      const auto before_return = [&, made_from = origin_of_postinit(root)] {
        before.while_entering();
        warn_of_changed_configuration(root, installer, made_from);
      };
      return root.enter(before_return, use_note);
    }
    before.installing();
    install_first_time(root, installer);
    return root.enter();
  }();
  if (root.config().use_host_resolv) write_configured_files(root.config(), session.root());
  return session;
}

}  // namespace plyroot::buildroot
