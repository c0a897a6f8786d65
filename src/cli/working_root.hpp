#pragma once

#include <optional>

#include "buildroot/initialization.hpp"
#include "buildroot/result_directory.hpp"
#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "packages/package_manager.hpp"

namespace plyroot::cli {

/// The logs in the result directory, of a command that makes them, and writes them, while it would only wait. What is
/// said before is kept for them. Where the command fails before, its end opens them: they tell why.
class DeferredLogs {
 public:
  enum class Wanted { in_result_directory, none };
  DeferredLogs(const Context& context, Wanted wanted);
  ~DeferredLogs();
  DeferredLogs(const DeferredLogs&) = delete;
  DeferredLogs& operator=(const DeferredLogs&) = delete;
  /// Makes the files, and writes nothing yet. @throws Error (result_directory)
  void create();
  /// From now on they take what is said, after what was kept for them. @throws Error as create(), and where one cannot
  ///   be written
  void open();

 private:
  const Context* context_;
  bool are_due_;
  std::optional<buildroot::LogFiles> created_;
};

/// A root and its package manager, for commands that work in it.
class WorkingRoot {
 public:
  using Logs = DeferredLogs::Wanted;
  enum class Tree { as_it_is, cleaned };

  /// Says what the configuration asks for in vain.
  /// @param tree cleaned: what was done since the current snapshot is dropped first, unless the configuration says
  ///   otherwise (--no-clean); nothing is logged in the result directory before, which may be another command's
  WorkingRoot(const Context& context, Logs logs, Tree tree = Tree::as_it_is);

  /// A session of the root, with its packages in it, and the logs open.
  /// @param use_note as buildroot::Root::enter()
  buildroot::Session enter(Store::UseNoteSync use_note = Store::UseNoteSync::at_once);

  /// The same for a command that runs one program in it and has nothing else to do meanwhile: there it calls
  /// finish_entering(), which opens the logs and puts on the disk what entering may leave to be put there.
  buildroot::Session enter_for_program();
  void finish_entering();

  /// For the next piece of work on the same root: drops what the last one did, unless the configuration says otherwise.
  /// What is in the result directory stays, and its logs go on. No session of ours is open.
  void clean_again();
  /// The same whatever the configuration says. @throws Error (in_use) where others are in the root
  void clean_tree();

 private:
  std::optional<DeferredLogs> logs_;

 public:
  buildroot::Root root;
  packages::PackageManager package_manager;
};

/// Runs a command that changes packages: in a session of the initialised root, and on the disk when this returns.
template <class Work>
void change_packages(const Context& context, const Work& work) {
  WorkingRoot working(context, WorkingRoot::Logs::in_result_directory);
  {
    buildroot::Session session = working.enter();
    const auto writeback = working.root.write_early();
    work(working.package_manager, session);
  }
  working.root.make_durable();
}

/// What --wait waits for, with a progress bar on a terminal.
void finish_housekeeping(buildroot::Root& root);

/// The exit code that a program's end becomes: its own, 128 + N for signal N, mock's 7 for SIGINT.
int exit_code_of(const linux_api::ExitStatus& status);

}  // namespace plyroot::cli
