#pragma once

#include "cli/options.hpp"
#include "config/config.hpp"
#include "support/log.hpp"

namespace plyroot::cli {

/// What a command works with.
struct Context {
  const Options& options;
  const config::Config& config;
  Log& log;
};

/// A command: does its work and returns its exit code. One file each in commands/. @throws Error
using Command = int (*)(const Context&);

int run_build_source_package(const Context& context);
int run_chroot(const Context& context);
int run_clean(const Context& context);
int run_copy_in(const Context& context);
int run_copy_out(const Context& context);
int run_fsck(const Context& context);
int run_init(const Context& context);
int run_install(const Context& context);
int run_install_dependencies(const Context& context);
int run_list_snapshots(const Context& context);
int run_mount(const Context& context);
int run_orphans_kill(const Context& context);
int run_package_manager_command(const Context& context);
int run_print_root_path(const Context& context);
int run_rebuild(const Context& context);
int run_remove(const Context& context);
int run_remove_snapshot(const Context& context);
int run_rollback(const Context& context);
int run_scrub(const Context& context);
int run_shell(const Context& context);
int run_snapshot(const Context& context);
int run_umount(const Context& context);
int run_update(const Context& context);

}  // namespace plyroot::cli
