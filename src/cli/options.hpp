#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plyroot::cli {

/// What a command line asks for: exactly one of these.
enum class Mode {
  rebuild,
  build_source_package,
  install_dependencies,
  init,
  install,
  update,
  remove,
  shell,
  chroot,
  clean,
  scrub,
  snapshot,
  rollback,
  list_snapshots,
  remove_snapshot,
  mount,
  umount,
  print_root_path,
  package_manager_command,
  dnf_command,
  yum_command,
  copy_in,
  copy_out,
  orphans_kill,
  fsck,
  list_chroots,
  debug_config,
  debug_config_expanded,
  version,
  help,
};

/// What --scrub removes.
enum class ScrubType { all, chroot, bootstrap, cache, root_cache, c_cache, yum_cache, dnf_cache, lvm, overlayfs };

/// A command line, understood. Values are as the user typed them; names of fields are those of config::Request where
/// the configuration takes them.
struct Options {
  Mode mode = Mode::rebuild;
  std::vector<std::string> arguments;  ///< what is no option: packages, a command and its words, a snapshot's name

  std::vector<ScrubType> scrub_types;  ///< with Mode::scrub: at least one
  bool wait = false;                   ///< --wait: until what was dropped is off the disk
  bool repair = false;                 ///< with Mode::fsck: mend what needs no guessing
  bool json = false;                   ///< with Mode::fsck: print JSON

  std::string chroot = "default";
  std::string config_directory = "/etc/mock";
  std::vector<std::string> config_opts;
  std::vector<std::string> plugin_options;
  std::vector<std::string> enable_plugins;
  std::vector<std::string> disable_plugins;
  std::vector<std::string> repositories;
  std::vector<std::string> enable_disable_repos;  ///< "--enablerepo", NAME, "--disablerepo", NAME, ... in their order
  std::vector<std::string> macros;                ///< --define
  std::vector<std::string> rpm_with;              ///< --with
  std::vector<std::string> rpm_without;           ///< --without
  std::vector<std::string> additional_packages;   ///< with Mode::rebuild only: installed before each build

  std::optional<std::string> spec;     ///< with Mode::rebuild and build_source_package: a file of the host
  std::optional<std::string> sources;  ///< with `spec`: a file or directory of the host
  bool dereference_links = false;      ///< --symlink-dereference, with `sources`

  std::optional<std::string> rootdir;
  std::optional<std::string> resultdir;
  std::optional<std::string> uniqueext;
  std::optional<std::string> arch;
  std::optional<std::string> forcearch;
  std::optional<std::string> rpmbuild_arch;  ///< --target: one architecture
  std::optional<int> rpmbuild_timeout;       ///< seconds; 0: none
  std::optional<std::string> rpmbuild_opts;
  std::optional<std::string> macrofile;
  std::optional<std::string> isolation;        ///< "auto" or "simple"
  std::optional<std::string> package_manager;  ///< "dnf" or "yum": by --dnf and --yum, --dnf-cmd and --yum-cmd
  std::optional<bool> use_bootstrap;

  bool offline = false;
  bool no_clean = false;
  bool no_check = false;
  bool post_install = false;
  std::optional<bool> cleanup_after;  ///< --cleanup-after, --no-cleanup-after: the last counts
  bool enable_network = false;

  bool unprivileged = false;                     ///< --unpriv
  std::optional<std::string> working_directory;  ///< --cwd, within the root

  int verbosity = 1;  ///< 0 with -q, and where only the answer counts (-p, -l); 2 with -v
  bool trace = false;

  bool operator==(const Options&) const = default;
};

/// Understands a command line as mock does (argparse's rules: options and arguments in any order up to "--", long
/// options abbreviated as long as that is unambiguous, the last command counts). --help and --version end it where they
/// stand: what comes after them is not looked at.
/// @param argv the program's name first, as main() gets it; not thread-safe, as getopt_long(3) is not
/// @throws Error with ExitCode::usage for an option that is unknown, ambiguous, not there yet or badly given, and for
/// arguments that the command does not take; with ExitCode::missing_argument where it lacks some
Options parse_options(int argc, char* const* argv);

/// How --scrub spells it.
std::string_view scrub_type_name(ScrubType type);

}  // namespace plyroot::cli
