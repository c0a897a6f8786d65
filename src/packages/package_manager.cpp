#include "packages/package_manager.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <utility>

#include "buildroot/backing.hpp"
#include "buildroot/root_files.hpp"
#include "buildroot/touched_files.hpp"
#include "linux/directory.hpp"
#include "packages/host_managers.hpp"
#include "packages/manager_files.hpp"
#include "packages/output_lines.hpp"
#include "packages/package_cache.hpp"
#include "packages/rpm_database.hpp"
#include "support/error.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace plyroot::packages {
namespace {

using buildroot::Session;
using config::Config;
using config::Words;

constexpr const char* host_rpm = "/usr/bin/rpm";

/// Left behind by runs that were killed: dnf's locks, which hold process ids of sessions that are gone, and the locks
/// and shared memory of Berkeley DB.
constexpr const char* stale_files[] = {"var/lib/dnf/*_lock.pid", "var/log/*_lock.pid", "var/lib/rpm/__db*"};

/// HOME is the session's to choose.
std::vector<std::string> environment_of(const Config& config) {
  std::vector<std::string> environment{"LC_MESSAGES=C.UTF-8"};
  for (const auto& [name, value] : config.environment) {
    if (value && name != "HOME" && name != "LC_MESSAGES") environment.push_back(name + "=" + *value);
  }
  return environment;
}

/// In the root, where the host cannot do the work.
buildroot::RootCommand in_root(const Config& config, const Words& arguments, const buildroot::OutputHandler& output) {
  buildroot::RootCommand command;
  command.arguments = arguments;
  command.environment = environment_of(config);
  command.environment.emplace_back("HOME=/root");
  command.output = output;
  return command;
}

/// The package manager runs elsewhere, so files get their whole path.
Words with_absolute_files(Words words) {
  for (std::string& word : words) {
    if (!word.ends_with(".rpm") || word.starts_with('/') || access(word.c_str(), F_OK) != 0) continue;
    word = std::filesystem::absolute(word).lexically_normal();
  }
  return words;
}

Words prefixed(const char* subcommand, const Words& words) {
  Words command{subcommand};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

/// What a package manager of the host opens in a root, following links as if they were the host's.
constexpr const char* opened_from_outside[] = {"var/lib/rpm",
                                               "var/lib/rpm/rpmdb.sqlite",
                                               "var/lib/rpm/Packages",
                                               "usr/lib/sysimage/rpm",
                                               "var/lib/dnf",
                                               "var/lib/dnf/history.sqlite",
                                               "var/lib/yum",
                                               "var/cache/dnf",
                                               "var/cache/libdnf5",
                                               "var/cache/yum",
                                               "var/log",
                                               "var/log/dnf.log",
                                               "var/log/dnf.rpm.log",
                                               "var/log/dnf.librepo.log",
                                               "var/log/hawkey.log",
                                               "etc/dnf",
                                               "etc/dnf/dnf.conf",
                                               "etc/dnf/vars",
                                               "etc/yum.repos.d",
                                               "etc/rpm"};

/// Links that lead out: it could change nothing out there, but it would take what it finds for the root's own. FIFOs:
/// it would wait at them.
void refuse_traps(int root) {
  for (const char* path : opened_from_outside) {
    int error_number = 0;
    const linux_api::Descriptor opened =
        linux_api::try_open_in_root(root, path, O_PATH, linux_api::Links::follow_if_beneath, 0, error_number);
    if (struct stat status{}; opened && fstat(opened.get(), &status) == 0 && S_ISFIFO(status.st_mode)) {
      throw Error(fmt::format("/{} in the build root is a FIFO, at which the host's package manager would wait", path),
                  "Clean the root, or roll it back.", ExitCode::root);
    }
    if (error_number != 0 && !linux_api::is_for_what_lies_there(error_number))
      throw_errno(error_number, "open in the build root", path);
    if (error_number != EXDEV) continue;
    throw Error(
        fmt::format("/{} in the build root is a link that leads the host's package manager out of the root", path),
        "Clean the root, or roll it back. Where the link belongs there, make it a relative one.", ExitCode::root);
  }
}

/// The stores of all roots: what lies in their layers is nobody's but theirs.
std::vector<std::string> hidden_from_managers(const Config& config) {
  if (!config.plugins.overlayfs.enable) return {};
  const StoreLocation store = buildroot::store_location(config);
  // Where somebody has roots mounted beside their layers, only these are hidden.
  const bool holds_root = config.rootdir.starts_with(store.base_directory + "/");
  return {holds_root ? store.path() + "/layers" : store.base_directory};
}

void remove_stale_files(int root) {
  for (const char* pattern : stale_files) {
    for (const std::string& path : buildroot::glob_in_root(root, pattern))
      buildroot::remove_in_root(root, path);
  }
}

void wait_seconds(int seconds) {
  timespec left{seconds, 0};
  while (nanosleep(&left, &left) < 0) {
  }
}

[[noreturn]] void fail(const Invocation& invocation, const linux_api::ExitStatus& status, const std::string& tail) {
  std::string message = fmt::format("Command failed:\n # {}", quote_for_display(invocation.arguments));
  if (!tail.empty()) message += "\n" + tail;
  if (status.signal != 0) message += fmt::format("\nIt was ended by a signal: {}", strsignal(status.signal));
  if (status.signal == SIGINT) throw Error(message, {}, ExitCode::interrupted);
  const bool no_builddep = tail.find("No such command: builddep") != std::string::npos;
  throw Error(message,
              no_builddep ? "Install the plugin that knows builddep on this host: the package dnf-plugins-core."
                          : "root.log in the result directory has all that it said.",
              ExitCode::package_manager);
}

}  // namespace

const HostManager& PackageManager::manager() {
  if (manager_) return *manager_;
  manager_ = choose_manager(*config_, real_path_on_host());
  const std::string_view name = name_of(manager_->kind);
  log_->debug(fmt::format("the package manager is {} ({})", name, manager_->program));
  if (config_->use_bootstrap) {
    log_->warning(fmt::format(
        "use_bootstrap is on, and plyroot makes no bootstrap roots yet: {} of this host ({}) is used instead", name,
        manager_->program));
  } else if (name != config_->package_manager && config_->warn_of_other_package_manager) {
    log_->warning(
        fmt::format("this root wants {}, which this host does not have: {} is used, and the root may look a "
                    "little different (config_opts['dnf_warning'] = False silences this)",
                    config_->package_manager, name));
  }
  return *manager_;
}

void PackageManager::configure(Session& session) {
  if (is_configured_) return;
  if (uses_repositories_of_host(config_->package_manager_conf) && !std::exchange(has_warned_of_repositories_, true)) {
    log_->warning(
        "config_opts['dnf.conf'] does not set reposdir, so repositories of the host are used too; "
        "reposdir=/dev/null keeps them out");
  }
  write_manager_files(session.root(), *config_, manager().kind);
  is_configured_ = true;
}

void PackageManager::forget_root() {
  is_configured_ = false;
  has_just_installed_ = false;
  database_path_.reset();
}

void PackageManager::set_up_modules(Session& session) {
  if (!config_->module_enable.empty()) {
    execute(session, prefixed("module", prefixed("enable", config_->module_enable)));
  }
  if (!config_->module_install.empty()) {
    execute(session, prefixed("module", prefixed("install", config_->module_install)));
  }
  for (const config::ModuleCommand& command : config_->module_setup_commands) {
    Words words{"module", command.action};
    for (const std::string& module : split(command.modules, ',')) {
      if (!trim(module).empty()) words.emplace_back(trim(module));
    }
    execute(session, words);
  }
}

void PackageManager::install_base(Session& session) {
  const auto step = log_->step(fmt::format("installing minimal buildroot with {}", name_of(manager().kind)));
  set_up_modules(session);
  if (!config_->chroot_setup_cmd.empty()) execute(session, config_->chroot_setup_cmd);
  if (!config_->chroot_additional_packages.empty()) install(session, config_->chroot_additional_packages);
  if (const auto own = database_path_of(session, *config_)) {
    move_database(session.root(), database_path(session), *own);
    database_path_ = own;
  }
  has_just_installed_ = true;
}

std::string PackageManager::origin() const {
  const config::PackageManagerOptions& options = options_of(*config_, manager_named(config_->package_manager));
  std::string text;
  const auto add = [&](std::string_view name, std::string_view value) {
    text += fmt::format("{} = {}\n", name, value);
  };
  add("target_arch", config_->target_arch);
  add("releasever", config_->releasever.value_or(""));
  add("forcearch", config_->forcearch.value_or(""));
  add("chroot_setup_cmd", join(config_->chroot_setup_cmd, " "));
  add("chroot_additional_packages", join(config_->chroot_additional_packages, " "));
  add("module_enable", join(config_->module_enable, " "));
  add("module_install", join(config_->module_install, " "));
  for (const config::ModuleCommand& command : config_->module_setup_commands) {
    add("module " + command.action, command.modules);
  }
  add("common_opts", join(options.common_opts, " "));
  for (const auto& [name, value] : config_->dnf_vars)
    add("dnf_vars " + name, value);
  add("dnf.conf", without_added_repositories(config_->package_manager_conf));
  return text;
}

void PackageManager::install(Session& session, const Words& packages) {
  log_->root_only(fmt::format("installing package(s): {}", join(packages, " ")));
  execute(session, prefixed("install", packages));
}

void PackageManager::update(Session& session, const Words& packages) {
  execute(session, prefixed(manager().kind == Manager::dnf5 ? "upgrade" : "update", packages));
}

void PackageManager::remove(Session& session, const Words& packages) {
  log_->root_only(fmt::format("removing package(s): {}", join(packages, " ")));
  execute(session, prefixed("remove", packages));
}

void PackageManager::builddep(Session& session, const Words& source_packages) {
  execute(session, prefixed("builddep", source_packages));
}

void PackageManager::execute(Session& session, const Words& command) {
  configure(session);
  run(session, make_invocation(*config_, manager(), with_absolute_files(command)));
}

void PackageManager::run(Session& session, const Invocation& invocation) {
  const bool on_console = config_->print_main_output || log_->console_level() == LogLevel::debug;
  log_->root_only(fmt::format("Executing command: {}", quote_for_display(invocation.arguments)));
  for (int attempt = 1;; ++attempt) {
    OutputLines lines([&](std::string_view line) { log_->root_only(line); });
    const linux_api::ExitStatus status = run_once(session, invocation, [&](std::string_view piece) {
      lines.add(piece);
      if (!on_console) return;
      std::fwrite(piece.data(), 1, piece.size(), stdout);
      std::fflush(stdout);
    });
    lines.finish();
    log_->root_only(fmt::format("Child return code was: {}", status.as_exit_code()));
    if (status.success()) return;
    if (attempt >= config_->package_manager_max_attempts || status.signal == SIGINT) {
      fail(invocation, status, lines.tail());
    }
    log_->warning(fmt::format("{} failed; attempt {} of {} follows in {} seconds", name_of(manager().kind), attempt + 1,
                              config_->package_manager_max_attempts, config_->package_manager_attempt_delay));
    wait_seconds(config_->package_manager_attempt_delay);
  }
}

linux_api::ExitStatus PackageManager::run_once(Session& session, const Invocation& invocation,
                                               const buildroot::OutputHandler& output) {
  const int root = session.root();
  const PackageCache cache(*config_, manager().kind, *log_);
  remove_stale_files(root);
  buildroot::touch_rpm_database(root);
  if (invocation.place == Invocation::Place::root) {
    buildroot::RootCommand command = in_root(*config_, invocation.arguments, output);
    command.network = true;
    return session.run(command);
  }
  refuse_traps(root);
  for (const buildroot::HostBind& bind : cache.binds())
    buildroot::make_directories_in_root(root, bind.target, 0755);
  buildroot::HostCommand command = on_host(session, invocation.arguments, output);
  command.caches = cache.binds();
  return session.run_on_host(command);
}

buildroot::HostCommand PackageManager::on_host(Session& session, const Words& arguments,
                                               const buildroot::OutputHandler& output) {
  linux_api::make_directories(config_->rootdir, 0755);
  buildroot::HostCommand command;
  command.arguments = arguments;
  command.environment = environment_of(*config_);
  command.root_path = config_->rootdir;
  command.hidden = hidden_from_managers(*config_);
  command.home_files = {{".rpmmacros", rpm_macros(database_path(session))}};
  command.output = output;
  return command;
}

const std::string& PackageManager::database_path(Session& session) {
  if (!database_path_) database_path_ = database_path_of(session, *config_).value_or(usual_database_path(*config_));
  return *database_path_;
}

std::set<std::string> PackageManager::installed_packages(Session& session, const std::string& format) {
  std::string output;
  const buildroot::OutputHandler take = [&](std::string_view piece) { output += piece; };
  const bool host_has_rpm = access(host_rpm, X_OK) == 0;
  const linux_api::ExitStatus status =
      host_has_rpm
          ? session.run_on_host(on_host(session, {host_rpm, "-qa", "--root", config_->rootdir, "--qf", format}, take))
          : session.run(in_root(*config_, {config_->rpm_command, "-qa", "--qf", format}, take));
  if (!status.success()) {
    throw Error(fmt::format("cannot list the packages of the build root, rpm says:\n{}", trim(output)), {},
                ExitCode::root);
  }
  std::set<std::string> packages;
  for (std::string& line : split(output, '\n')) {
    if (!line.empty()) packages.insert(std::move(line));
  }
  return packages;
}

}  // namespace plyroot::packages
