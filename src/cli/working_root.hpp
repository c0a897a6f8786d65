#pragma once

#include "buildroot/initialization.hpp"
#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "packages/package_manager.hpp"

namespace plyroot::cli {

/// A root and its package manager, for commands that work in it.
struct WorkingRoot {
  enum class Logs { in_result_directory, none };

  /// Opens the logs, says what the configuration asks for in vain.
  WorkingRoot(const Context& context, Logs logs);

  /// A session of the root, with its packages in it.
  buildroot::Session enter() { return buildroot::enter_initialized(root, package_manager); }

  buildroot::Root root;
  packages::PackageManager package_manager;
};

/// Runs a command that changes packages: in a session of the initialised root, and on the disk when this returns.
template <class Work>
void change_packages(const Context& context, const Work& work) {
  WorkingRoot working(context, WorkingRoot::Logs::in_result_directory);
  {
    buildroot::Session session = working.enter();
    work(working.package_manager, session);
  }
  working.root.make_durable();
}

/// What --wait waits for, with a progress bar on a terminal.
void finish_housekeeping(buildroot::Root& root);

/// The exit code that a program's end becomes: its own, 128 + N for signal N, mock's 7 for SIGINT.
int exit_code_of(const linux_api::ExitStatus& status);

}  // namespace plyroot::cli
