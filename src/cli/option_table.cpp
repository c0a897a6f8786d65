#include "cli/option_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <vector>

#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::cli {
namespace {

/// In the order of ScrubType.
constexpr std::array<std::string_view, 10> scrub_choices = {"all",     "chroot",    "bootstrap", "cache", "root-cache",
                                                            "c-cache", "yum-cache", "dnf-cache", "lvm",   "overlayfs"};

constexpr std::array<std::string_view, 2> isolation_choices = {"auto", "simple"};

template <auto field>
void keep(Options& options, std::string_view value) {
  auto& kept = options.*field;
  if constexpr (requires { kept.emplace_back(value); }) {
    kept.emplace_back(value);
  } else {
    kept = std::string(value);
  }
}

template <auto field, auto value>
void set(Options& options, std::string_view) {
  options.*field = value;
}

void keep_scrub_type(Options& options, std::string_view value) {
  const auto choice = std::find(scrub_choices.begin(), scrub_choices.end(), value);
  if (choice == scrub_choices.end()) {
    throw Error(fmt::format("--scrub does not know '{}'", printable(value)),
                fmt::format("It takes one of {}.", fmt::join(scrub_choices, ", ")), ExitCode::usage);
  }
  options.scrub_types.push_back(static_cast<ScrubType>(choice - scrub_choices.begin()));
}

void keep_isolation(Options& options, std::string_view value) {
  if (value == "nspawn") {
    throw Error("--isolation=nspawn is not there yet in plyroot",
                "Leave it out: plyroot isolates with namespaces of its own.", ExitCode::usage);
  }
  if (std::find(isolation_choices.begin(), isolation_choices.end(), value) == isolation_choices.end()) {
    throw Error(fmt::format("--isolation does not know '{}'", printable(value)),
                fmt::format("It takes one of {}.", fmt::join(isolation_choices, ", ")), ExitCode::usage);
  }
  options.isolation = value;
}

void keep_enabled_repository(Options& options, std::string_view value) {
  options.enable_disable_repos.insert(options.enable_disable_repos.end(), {"--enablerepo", std::string(value)});
}

void keep_disabled_repository(Options& options, std::string_view value) {
  options.enable_disable_repos.insert(options.enable_disable_repos.end(), {"--disablerepo", std::string(value)});
}

/// A conditional's name becomes part of a macro's.
template <auto field>
void keep_conditional(Options& options, std::string_view value) {
  if (split_words(value) != std::vector<std::string>{std::string(value)}) {
    throw Error(fmt::format("'{}' is no name of a conditional", printable(value)),
                "--with and --without take one name, as in --with tests, and may be given several times.",
                ExitCode::usage);
  }
  keep<field>(options, value);
}

void keep_target(Options& options, std::string_view value) {
  if (value.empty() || value.find(',') != std::string_view::npos) {
    throw Error(fmt::format("--target option accepts only one arch. Invalid: {}", printable(value)),
                "Build for one after the other, each with a --target of its own.", ExitCode::usage);
  }
  options.rpmbuild_arch = value;
}

void keep_timeout(Options& options, std::string_view value) {
  int seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc() || end != value.data() + value.size() || seconds < 0) {
    throw Error(fmt::format("--rpmbuild_timeout takes a whole number of seconds, but was given '{}'", printable(value)),
                "0 means no limit.", ExitCode::usage);
  }
  options.rpmbuild_timeout = seconds;
}

void keep_macro_file(Options& options, std::string_view value) {
  if (value.empty()) throw Error("--macro-file needs the name of a file", "Leave it out for none.", ExitCode::usage);
  options.macrofile = value;
}

void keep_spec(Options& options, std::string_view value) {
  if (value.empty()) throw Error("--spec needs the name of a file", {}, ExitCode::usage);
  options.spec = value;
}

void keep_sources(Options& options, std::string_view value) {
  if (value.empty()) {
    throw Error("--sources needs the name of a file or directory", "Leave it out for none.", ExitCode::usage);
  }
  options.sources = value;
}

void keep_additional_package(Options& options, std::string_view value) {
  if (value.empty() || value.front() == '-') {
    throw Error(fmt::format("'{}' is no package to install", printable(value)),
                "--additional-package takes one package, and may be given several times.", ExitCode::usage);
  }
  options.additional_packages.emplace_back(value);
}

void keep_dnf(Options& options, std::string_view) {
  options.package_manager = "dnf";
}
void keep_yum(Options& options, std::string_view) {
  options.package_manager = "yum";
}

constexpr Operands no_operands{};
constexpr Operands package_names{"PACKAGE...", 1, Operands::any_number};
constexpr Operands maybe_package_names{"[PACKAGE...]", 0, Operands::any_number};
constexpr Operands command_line{"COMMAND [ARGUMENT...]", 1, Operands::any_number};
constexpr Operands maybe_command_line{"[COMMAND [ARGUMENT...]]", 0, Operands::any_number};
constexpr Operands source_packages{"SRPM...", 1, Operands::any_number};
constexpr Operands paths{"PATH... DESTINATION", 2, Operands::any_number};
constexpr Operands snapshot_name{"NAME", 1, 1};
constexpr Operands manager_arguments{"ARGUMENT...", 1, Operands::any_number};

struct Name {
  std::string_view text;
  char letter = '\0';

  constexpr Name(const char* name) : text(name) {}
  constexpr Name(char short_letter, const char* name) : text(name), letter(short_letter) {}
};

constexpr OptionRow command(Section section, Name name, Mode mode, Operands operands, std::string_view help) {
  return {.name = name.text,
          .letter = name.letter,
          .section = section,
          .help = help,
          .is_command = true,
          .mode = mode,
          .operands = operands};
}

constexpr OptionRow flag(Section section, Name name, OptionRow::Apply apply, std::string_view help) {
  return {.name = name.text, .letter = name.letter, .section = section, .help = help, .apply = apply};
}

constexpr OptionRow valued(Section section, Name name, std::string_view value_name, OptionRow::Apply apply,
                           std::string_view help) {
  return {.name = name.text,
          .letter = name.letter,
          .section = section,
          .help = help,
          .values = Values::one,
          .value_name = value_name,
          .apply = apply};
}

constexpr OptionRow chosen(OptionRow row, std::span<const std::string_view> choices) {
  row.choices = choices;
  return row;
}

/// --scrub: a command that takes its types as the values of an option.
constexpr OptionRow scrub(std::string_view help) {
  OptionRow row = chosen(valued(Section::roots, "scrub", "TYPE", keep_scrub_type, help), scrub_choices);
  row.is_command = true;
  row.mode = Mode::scrub;
  return row;
}

// What mock has and plyroot does not have yet.
constexpr OptionRow later_command(Section section, Name name, std::string_view help) {
  return {.name = name.text, .letter = name.letter, .section = section, .help = help, .is_command = true};
}

constexpr OptionRow later_flag(Section section, Name name, std::string_view help) {
  return flag(section, name, nullptr, help);
}

constexpr OptionRow later_valued(Section section, Name name, std::string_view value_name, std::string_view help) {
  return valued(section, name, value_name, nullptr, help);
}

constexpr OptionRow later_two_valued(Section section, Name name, std::string_view value_names, std::string_view help) {
  OptionRow row = valued(section, name, value_names, nullptr, help);
  row.values = Values::two;
  return row;
}

using enum Section;

constexpr auto rows = std::to_array<OptionRow>({
    command(roots, "init", Mode::init, no_operands,
            "clean the root, and install its packages where no snapshot has them"),
    command(roots, "clean", Mode::clean, no_operands, "drop what was done in the root since its current snapshot"),
    scrub("remove for good what TYPE names; may be given several times"),
    later_command(roots, "scrub-all-chroots", "scrub every root that was ever used on this machine"),
    command(roots, "mount", Mode::mount, no_operands, "make the root visible on the host, until --umount"),
    command(roots, "umount", Mode::umount, no_operands, "end what --mount did"),
    command(roots, {'p', "print-root-path"}, Mode::print_root_path, no_operands, "print where the root is on the host"),
    command(roots, "orphanskill", Mode::orphans_kill, no_operands, "end every process of the session in the root"),
    command(roots, "fsck", Mode::fsck, no_operands, "look whether all that is kept for the configuration is well"),
    flag(roots, "repair", set<&Options::repair, true>, "with --fsck: mend what can be mended without guessing"),
    flag(roots, "json", set<&Options::json, true>, "with --fsck: print what was found as JSON"),

    command(snapshots, "snapshot", Mode::snapshot, snapshot_name,
            "keep the root as it is now under NAME, and let --clean return to it"),
    command(snapshots, "rollback-to", Mode::rollback, snapshot_name,
            "put the root back to the snapshot NAME, and let --clean return to it"),
    command(snapshots, {'l', "list-snapshots"}, Mode::list_snapshots, no_operands,
            "print the names of the snapshots, the current ones marked with *"),
    command(snapshots, "remove-snapshot", Mode::remove_snapshot, snapshot_name, "remove the snapshot NAME"),

    command(sessions, "shell", Mode::shell, maybe_command_line,
            "run an interactive shell in the root, or have it run COMMAND"),
    command(sessions, "chroot", Mode::chroot, command_line,
            "run COMMAND in the root; a single argument goes through the root's shell"),
    command(sessions, "copyin", Mode::copy_in, paths, "copy files or directories from the host into the root"),
    command(sessions, "copyout", Mode::copy_out, paths, "copy files or directories from the root to the host"),
    flag(sessions, "unpriv", set<&Options::unprivileged, true>,
         "run the command as the unprivileged build user instead of root"),
    valued(sessions, "cwd", "DIR", keep<&Options::working_directory>,
           "run the command in DIR, a directory in the root"),

    command(packages, {'i', "install"}, Mode::install, package_names, "install packages into the root"),
    command(packages, "update", Mode::update, maybe_package_names, "update packages, or all that are installed"),
    command(packages, "remove", Mode::remove, package_names, "remove packages from the root"),
    command(packages, "installdeps", Mode::install_dependencies, source_packages,
            "install what source packages need to be built"),
    command(packages, "pm-cmd", Mode::package_manager_command, manager_arguments,
            "run the configuration's package manager on the root; its own options come after --"),
    command(packages, "dnf-cmd", Mode::dnf_command, manager_arguments, "the same with dnf"),
    command(packages, "yum-cmd", Mode::yum_command, manager_arguments, "the same with yum"),
    flag(packages, "dnf", keep_dnf, "use dnf as the package manager"),
    flag(packages, "yum", keep_yum, "use yum as the package manager"),
    valued(packages, {'a', "addrepo"}, "URL", keep<&Options::repositories>,
           "use the repository at URL too; may be given several times"),
    valued(packages, "enablerepo", "REPO", keep_enabled_repository, "have the package manager use REPO"),
    valued(packages, "disablerepo", "REPO", keep_disabled_repository, "have the package manager not use REPO"),
    flag(packages, "offline", set<&Options::offline, true>, "have the package manager do with what is cached"),
    valued(packages, "additional-package", "PACKAGE", keep_additional_package,
           "with --rebuild: install PACKAGE before the build; may be given several times"),
    later_flag(packages, "cache-alterations", "keep changes to the root in the root cache"),

    command(builds, "rebuild", Mode::rebuild, source_packages,
            "build source packages one after the other; what is done where no command is given"),
    later_command(builds, "calculate-build-dependencies",
                  "install the build dependencies of a source package, generated ones included"),
    later_command(builds, "chain", "build source packages that need one another, in order"),
    command(builds, "buildsrpm", Mode::build_source_package, no_operands,
            "make a source package of --spec and --sources"),
    flag(builds, {'n', "no-clean"}, set<&Options::no_clean, true>,
         "keep what is in the root: no clean before the work"),
    flag(builds, "cleanup-after", set<&Options::cleanup_after, true>, "clean the root after the build"),
    flag(builds, {'N', "no-cleanup-after"}, set<&Options::cleanup_after, false>,
         "leave the root as it is after the build"),
    flag(builds, "nocheck", set<&Options::no_check, true>, "leave out the %check of packages"),
    valued(builds, "target", "ARCH", keep_target, "the architecture that rpmbuild builds for"),
    valued(builds, {'D', "define"}, "'MACRO EXPRESSION'", keep<&Options::macros>,
           "define an RPM macro; may be given several times"),
    valued(builds, "macro-file", "FILE", keep_macro_file, "take RPM macros from FILE too"),
    valued(builds, "with", "OPTION", keep_conditional<&Options::rpm_with>,
           "build with a conditional of the package on; may be given several times"),
    valued(builds, "without", "OPTION", keep_conditional<&Options::rpm_without>,
           "build with a conditional of the package off; may be given several times"),
    valued(builds, "rpmbuild_timeout", "SECONDS", keep_timeout, "give up on an rpmbuild that takes longer"),
    valued(builds, "rpmbuild-opts", "OPTIONS", keep<&Options::rpmbuild_opts>, "more options for rpmbuild"),
    later_valued(builds, "short-circuit", "STAGE", "begin the build at a later stage"),
    flag(builds, "postinstall", set<&Options::post_install, true>, "install what was built into the root"),
    valued(builds, "spec", "FILE", keep_spec,
           "the spec file for --buildsrpm; with --rebuild, in place of the source package's own"),
    valued(builds, "sources", "PATH", keep_sources,
           "the sources for --buildsrpm, a file or a directory; with --rebuild, build the source package first"),
    flag(builds, "symlink-dereference", set<&Options::dereference_links, true>, "follow links among --sources"),
    later_flag(builds, "scm-enable", "build from a version control system"),
    later_valued(builds, "scm-option", "KEY=VALUE", "a setting for --scm-enable"),
    later_valued(builds, "localrepo", "DIR", "where --chain keeps its results"),
    later_flag(builds, {'c', "continue"}, "have --chain go on after a failed build"),
    later_flag(builds, "recurse", "have --chain try failed builds again"),
    later_valued(builds, "tmp_prefix", "PREFIX", "a prefix for the temporary directories of --chain"),
    later_two_valued(builds, "hermetic-build", "LOCKFILE REPO", "build from a lock file and its packages alone"),

    command(information, "list-chroots", Mode::list_chroots, no_operands, "print the configurations that there are"),
    command(information, "debug-config", Mode::debug_config, no_operands,
            "print the settings that differ from the defaults"),
    command(information, "debug-config-expanded", Mode::debug_config_expanded, no_operands,
            "the same with templates expanded"),
    command(information, "version", Mode::version, no_operands, "print plyroot's version"),
    command(information, {'h', "help"}, Mode::help, no_operands, "print this help"),

    valued(configuration, {'r', "root"}, "CONFIG", keep<&Options::chroot>,
           "the configuration: a name, or the path of a file that ends in .cfg (default: default)"),
    valued(configuration, "configdir", "DIR", keep<&Options::config_directory>,
           "where configurations are looked for (default: /etc/mock)"),
    valued(configuration, "config-opts", "KEY=VALUE", keep<&Options::config_opts>,
           "override a setting; the same key again makes a list"),
    valued(configuration, "plugin-option", "PLUGIN:KEY=VALUE", keep<&Options::plugin_options>,
           "override a setting of a plugin, as in overlayfs:base_dir=DIR"),
    valued(configuration, "enable-plugin", "PLUGIN", keep<&Options::enable_plugins>, "turn a plugin on"),
    valued(configuration, "disable-plugin", "PLUGIN", keep<&Options::disable_plugins>, "turn a plugin off"),
    valued(configuration, "rootdir", "DIR", keep<&Options::rootdir>, "where the root is to be"),
    valued(configuration, "resultdir", "DIR", keep<&Options::resultdir>, "where logs and built packages go"),
    valued(configuration, "uniqueext", "NAME", keep<&Options::uniqueext>,
           "work on a root of its own over the same snapshots, beside the others"),
    valued(configuration, "arch", "ARCH", keep<&Options::arch>, "the architecture that the root sees (personality)"),
    valued(configuration, "forcearch", "ARCH", keep<&Options::forcearch>,
           "have dnf install packages of a foreign architecture"),
    flag(configuration, "bootstrap-chroot", set<&Options::use_bootstrap, true>, "ask for a bootstrap root"),
    flag(configuration, "no-bootstrap-chroot", set<&Options::use_bootstrap, false>, "use the host's package manager"),
    later_flag(configuration, "use-bootstrap-image", "make the bootstrap root from a container image"),
    later_flag(configuration, "no-bootstrap-image", "make the bootstrap root without a container image"),
    later_valued(configuration, "buildroot-image", "IMAGE", "make the root from an OCI image"),

    chosen(valued(running, "isolation", "KIND", keep_isolation, "how the root is kept apart from the host"),
           isolation_choices),
    flag(running, "enable-network", set<&Options::enable_network, true>, "give what runs in the root a network"),
    flag(running, "wait", set<&Options::wait, true>,
         "with --clean and --scrub: return when what was dropped is off the disk"),
    later_flag(running, "old-chroot", "mock's old name for --isolation=simple"),
    later_flag(running, "new-chroot", "mock's old name for --isolation=nspawn"),

    flag(output, {'v', "verbose"}, set<&Options::verbosity, 2>, "say more"),
    flag(output, {'q', "quiet"}, set<&Options::verbosity, 0>, "say only warnings and errors"),
    flag(output, "trace", set<&Options::trace, true>, "say what plyroot does inside, step by step"),
});

}  // namespace

std::string OptionRow::flag() const {
  return fmt::format("--{}", name);
}

std::span<const OptionRow> option_table() {
  return rows;
}

const OptionRow& command_row(Mode mode) {
  return *std::find_if(rows.begin(), rows.end(), [mode](const OptionRow& row) { return row.mode == mode; });
}

std::string_view scrub_type_name(ScrubType type) {
  return scrub_choices.at(static_cast<std::size_t>(type));
}

}  // namespace plyroot::cli
