#include "cli/dispatch.hpp"

#include <unistd.h>

#include "cli/command.hpp"
#include "cli/configuration.hpp"
#include "cli/help.hpp"
#include "cli/standard_output.hpp"
#include "config/load.hpp"
#include "support/error.hpp"

namespace plyroot::cli {
namespace {

struct Entry {
  Mode mode;
  Command command;
  bool needs_root;
};

constexpr Entry commands[] = {
    {Mode::rebuild, run_rebuild, true},
    {Mode::build_source_package, run_build_source_package, true},
    {Mode::install_dependencies, run_install_dependencies, true},
    {Mode::init, run_init, true},
    {Mode::install, run_install, true},
    {Mode::update, run_update, true},
    {Mode::remove, run_remove, true},
    {Mode::shell, run_shell, true},
    {Mode::chroot, run_chroot, true},
    {Mode::clean, run_clean, true},
    {Mode::scrub, run_scrub, true},
    {Mode::snapshot, run_snapshot, true},
    {Mode::rollback, run_rollback, true},
    {Mode::list_snapshots, run_list_snapshots, true},
    {Mode::remove_snapshot, run_remove_snapshot, true},
    {Mode::mount, run_mount, true},
    {Mode::umount, run_umount, true},
    {Mode::print_root_path, run_print_root_path, false},
    {Mode::package_manager_command, run_package_manager_command, true},
    {Mode::dnf_command, run_package_manager_command, true},
    {Mode::yum_command, run_package_manager_command, true},
    {Mode::copy_in, run_copy_in, true},
    {Mode::copy_out, run_copy_out, true},
    {Mode::orphans_kill, run_orphans_kill, true},
    {Mode::fsck, run_fsck, true},
};

void require_root() {
  if (geteuid() != 0) throw Error("plyroot makes and mounts build roots, which only root may do", "Run it with sudo.");
}

}  // namespace

int dispatch(const Options& options, Log& log) {
  switch (options.mode) {
    case Mode::help:
      print(help_text());
      return 0;
    case Mode::version:
      print(version_text());
      return 0;
    case Mode::list_chroots:
      print(config::list_chroots(request_of(options), log));
      return 0;
    case Mode::debug_config:
    case Mode::debug_config_expanded:
      print(config::debug_config(request_of(options), options.mode == Mode::debug_config_expanded, log));
      return 0;
    default:
      break;
  }
  for (const Entry& entry : commands) {
    if (entry.mode != options.mode) continue;
    if (entry.needs_root) require_root();
    const config::Config config = load_configuration(options, log);
    return entry.command({options, config, log});
  }
  throw Error("this command has no code");  // a mode without an entry; the command-line walk would find it
}

}  // namespace plyroot::cli
