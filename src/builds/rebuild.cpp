#include "builds/rebuild.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>

#include "buildroot/build_user.hpp"
#include "buildroot/result_directory.hpp"
#include "buildroot/root_files.hpp"
#include "builds/build_log.hpp"
#include "builds/build_results.hpp"
#include "builds/source_package.hpp"
#include "linux/directory.hpp"
#include "support/error.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace plyroot::builds {
namespace {

using buildroot::Session;
using config::Config;
using config::Words;
using linux_api::Descriptor;
using linux_api::Links;

constexpr const char* nevra_format = "%{nevra}\\n";
/// mock's package_state plugin.
constexpr const char* package_state_format = "%{nevra} %{buildtime} %{size} installed\\n";

bool is_on(const Config& config, const std::string& plugin) {
  const auto found = config.plugins.enabled.find(plugin);
  return found != config.plugins.enabled.end() && found->second;
}

/// A place in the root that the build user cannot reach. A package that it made is linked into it, so that the package
/// manager, which runs as root and follows links, is given a file that nobody can exchange for something else.
class SafePlace {
 public:
  explicit SafePlace(int root) : root_(root) {
    buildroot::remove_in_root(root, name);  // left by a command that was killed
    if (mkdirat(root, name, 0700) < 0) throw_errno(errno, "make a directory in the build root");
    directory_ = linux_api::open_in_root(root, name, O_RDONLY | O_DIRECTORY, Links::refuse);
  }
  ~SafePlace() {
    try {
      linux_api::remove_tree(root_, name);
    } catch (const Error&) {
      // The next build removes it.
    }
  }
  SafePlace(const SafePlace&) = delete;
  SafePlace& operator=(const SafePlace&) = delete;

  /// @returns its path within the root
  std::string add(int directory, const std::string& file) {
    if (linkat(directory, file.c_str(), directory_.get(), file.c_str(), 0) < 0)
      throw_errno(errno, "link", printable(file));
    struct stat status {};
    if (fstatat(directory_.get(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode)) {
      throw Error(fmt::format("{} in the build root is no regular file", printable(file)), {},
                  ExitCode::source_package);
    }
    return fmt::format("/{}/{}", name, file);
  }
  [[nodiscard]] Descriptor open(const std::string& file) const {
    return linux_api::open_at(directory_.get(), file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  }

 private:
  static constexpr const char* name = ".plyroot-srpm";
  int root_;
  Descriptor directory_;
};

/// One build of one source package.
class Build {
 public:
  /// @param results the result directory
  Build(Session& session, packages::PackageManager& manager, const Config& config, Log& log, const std::string& path,
        const Words& additional_packages, int results, BuildLog& build_log)
      : session_(session),
        manager_(manager),
        config_(config),
        log_(log),
        path_(path),
        name_(std::filesystem::path(path).filename()),
        build_directory_(config.chroothome + "/build"),
        additional_packages_(additional_packages),
        results_(results),
        build_log_(build_log) {}

  /// @returns the names of what was built
  Words run() {
    prepare_root();
    const auto phase = log_.step("build phase for " + name_);
    const std::string spec = set_up();
    build_packages(spec);
    Words built = copy_build_results(session_.root(), results_, config_);
    if (built.empty()) {
      throw Error("No build results found", "build.log in the result directory tells what rpmbuild did.",
                  ExitCode::source_package);
    }
    return built;
  }

 private:
  /// What mock does at the start of a build with a root that was initialised before.
  void prepare_root() {
    if (is_on(config_, "hw_info")) write_hardware_log(results_, config_);
    if (config_.online && config_.update_before_build && config_.clean && !manager_.has_just_installed()) {
      const auto step = log_.step(fmt::format("{} update", packages::name_of(manager_.manager().kind)));
      manager_.update(session_, {});
    }
    clean_home_directory(session_.root(), config_);
    buildroot::set_up_build_directories(session_.root(), config_);
  }

  /// @returns the path of the spec file within the root
  std::string set_up() {
    const auto step = log_.step("build setup for " + name_);
    install_source_package();
    const SourcePackage original = read_package(open_package(path_).get(), path_, config_);
    if (original.spec_file.empty()) {
      throw Error("No specfile found in srpm: " + printable(name_), {}, ExitCode::source_package);
    }
    require_plain_name(original.spec_file, "a spec file");
    std::string spec = fmt::format("{}/SPECS/{}", build_directory_, original.spec_file);
    // What is installed may change what the spec file asks for.
    for (int loop = 0; loop < config_.static_buildrequires_max_loops; ++loop) {
      const auto before = manager_.installed_packages(session_, nevra_format);
      install_requirements(spec);
      if (manager_.installed_packages(session_, nevra_format) == before) break;
    }
    return spec;
  }

  /// What every rpm in the root opens: it would wait for a FIFO, and read a device, without an end.
  void refuse_traps() const {
    for (const std::string& path : {std::string("etc/passwd"), std::string("etc/group"),
                                    std::string("var/lib/rpm/rpmdb.sqlite"), config_.chroothome + "/.rpmmacros"}) {
      if (!buildroot::is_special_in_root(session_.root(), path)) continue;
      throw Error(fmt::format("{} in the build root is no regular file", printable(path)),
                  "Clean the root, or roll it back.", ExitCode::root);
    }
  }

  void install_source_package() {
    require_plain_name(name_, "a source package");
    refuse_traps();
    const std::string copy = copy_into_root();
    buildroot::RootCommand command = as_build_user({config_.rpm_command, "-Uvh", "--nodeps", copy});
    packages::OutputLines lines([&](std::string_view line) { log_.root_only(line); });
    command.output = [&](std::string_view piece) { lines.add(piece); };
    const bool success = session_.run(command).success();
    lines.finish();
    if (!success) {
      throw Error(fmt::format("Source RPM is not installable:\n{}", lines.tail()), {}, ExitCode::source_package);
    }
  }

  std::string copy_into_root() {
    const Descriptor from = open_package(path_);
    std::string copy = fmt::format("{}/originals/{}", build_directory_, name_);
    const Descriptor directory = linux_api::open_in_root(session_.root(), build_directory_ + "/originals",
                                                         O_RDONLY | O_DIRECTORY, Links::refuse);
    const Descriptor to = linux_api::open_at(directory.get(), name_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
    copy_content(from.get(), to.get());
    if (fchown(to.get(), config_.chrootuid, config_.chrootgid) < 0) throw_errno(errno, "change the owner of", copy);
    return copy;
  }

  void install_requirements(const std::string& spec) {
    run_rpmbuild({"-bs"}, spec);
    const Descriptor directory =
        linux_api::open_in_root(session_.root(), build_directory_ + "/SRPMS", O_RDONLY | O_DIRECTORY, Links::refuse);
    const std::string file = only_source_package(directory.get());
    SafePlace safe_place(session_.root());
    const std::string linked = safe_place.add(directory.get(), file);
    const SourcePackage package = read_package(safe_place.open(file).get(), file, config_);
    refuse_dynamic_requirements(package);
    Words more = additional_packages_;
    const Words configured = additional_requirements(config_, package);
    more.insert(more.end(), configured.begin(), configured.end());
    if (!more.empty()) manager_.install(session_, more);
    manager_.builddep(session_, {config_.rootdir + linked});
  }

  [[nodiscard]] std::string only_source_package(int directory) const {
    std::vector<std::string> names = linux_api::list_names(directory);
    std::erase_if(names, [](const std::string& name) { return !name.ends_with("src.rpm"); });
    if (names.size() != 1) {
      throw Error(
          fmt::format("Expected to find single rebuilt srpm, found {} in {}/SRPMS", names.size(), build_directory_), {},
          ExitCode::source_package);
    }
    require_plain_name(names.front(), "a source package");
    return names.front();
  }

  void refuse_dynamic_requirements(const SourcePackage& package) const {
    if (!package.has_dynamic_requirements()) return;
    if (!config_.dynamic_buildrequires) {
      throw Error(
          "DynamicBuildRequires are found but support is disabled: see \"dynamic_buildrequires\" in config_opts");
    }
    throw Error(fmt::format("{} has dynamic BuildRequires (%generate_buildrequires), which plyroot cannot install yet",
                            printable(name_)),
                "Build it with mock, or list what it requires in its spec file.");
  }

  void build_packages(const std::string& spec) {
    const auto step = log_.step("rpmbuild " + name_);
    if (is_on(config_, "package_state")) {
      const auto listing = log_.step("Outputting list of installed packages");
      write_installed_packages(results_, manager_.installed_packages(session_, package_state_format), config_);
    }
    Words options{"-bb"};
    if (!config_.check) options.emplace_back("--nocheck");
    run_rpmbuild(options, spec);
  }

  void run_rpmbuild(const Words& mode, const std::string& spec) {
    Words rpmbuild{config_.rpmbuild_command};
    rpmbuild.insert(rpmbuild.end(), mode.begin(), mode.end());
    rpmbuild.insert(rpmbuild.end(), {"--noclean", "--target", config_.rpmbuild_arch, "--nodeps", spec});
    if (mode.front() == "-bb") {
      rpmbuild.insert(rpmbuild.end(), config_.rpmbuild_opts.begin(), config_.rpmbuild_opts.end());
    }
    // A login shell, because packages (compilers, say) put what their users need into /etc/profile.d.
    Words shell{"bash", "--login", "-c", "exec \"$@\"", "bash"};
    shell.insert(shell.end(), rpmbuild.begin(), rpmbuild.end());
    buildroot::RootCommand command = as_build_user(shell);
    command.output = [&](std::string_view piece) { build_log_.add(piece); };
    if (config_.rpmbuild_timeout > 0) command.timeout = std::chrono::seconds(config_.rpmbuild_timeout);
    refuse_traps();
    build_log_.begin_command(rpmbuild);
    const linux_api::ExitStatus status = session_.run(command);
    build_log_.end_command(status);
    if (!status.success()) fail(rpmbuild, status);
  }

  [[noreturn]] void fail(const Words& rpmbuild, const linux_api::ExitStatus& status) const {
    const auto code = status.signal == SIGINT ? ExitCode::interrupted : static_cast<ExitCode>(status.as_exit_code());
    throw Error(fmt::format("Command failed:\n # {}\n{}", quote_for_display(rpmbuild), build_log_.tail()),
                fmt::format("{}/build.log has all that it said.", config_.resultdir), code);
  }

  [[nodiscard]] buildroot::RootCommand as_build_user(Words arguments) const {
    buildroot::RootCommand command;
    command.arguments = std::move(arguments);
    command.environment = buildroot::environment_of(config_);
    command.user = buildroot::build_user(config_);
    command.network = config_.rpmbuild_networking;
    command.personality = buildroot::personality_of(config_);
    return command;
  }

  Session& session_;
  packages::PackageManager& manager_;
  const Config& config_;
  Log& log_;
  std::string path_;
  std::string name_;
  std::string build_directory_;  // within the root
  const Words& additional_packages_;
  int results_;
  BuildLog& build_log_;
};

}  // namespace

void check_source_package(const std::string& path, const Config& config) {
  if (!read_package(open_package(path).get(), path, config).is_source) {
    throw Error(fmt::format("File is not an srpm: {}.", printable(path)), {}, ExitCode::source_package);
  }
}

void report_build(const Config& config, Log& log, const std::string& source_package,
                  const std::function<void()>& build) {
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start).count();
    return fmt::format("{} minutes {} seconds", seconds / 60, seconds % 60);
  };
  const std::string results = "Results and/or logs in: " + config.resultdir;
  log.info(fmt::format("Start({})  Config({})", source_package, config.shared_root));
  try {
    build();
  } catch (const std::exception&) {
    log.error(fmt::format("Exception({}) Config({}) {}", source_package, config.shared_root, elapsed()));
    log.info(results);
    throw;
  }
  log.info(fmt::format("Done({}) Config({}) {}", source_package, config.chroot_name, elapsed()));
  log.info(results);
}

void Rebuilds::build(Session& session, packages::PackageManager& manager, const std::string& source_package) {
  check_source_package(source_package, *config_);
  const Descriptor results = buildroot::open_result_directory(*config_);
  if (!build_log_) build_log_.emplace(results.get(), *config_, *log_);
  Build build(session, manager, *config_, *log_, source_package, additional_packages_, results.get(), *build_log_);
  for (const std::string& name : build.run())
    results_.push_back(fmt::format("{}/{}", config_->resultdir, name));
}

void Rebuilds::install_results(Session& session, packages::PackageManager& manager) {
  Words packages = results_;
  std::erase_if(packages, [](const std::string& path) { return path.ends_with("src.rpm"); });
  if (packages.empty()) return;
  const auto step = log_->step("installing built packages");
  try {
    manager.install(session, packages);
  } catch (const Error&) {
    log_->error("Installation of built packages failed");
    throw;
  }
}

void install_dependencies(Session& session, packages::PackageManager& manager, const Config& config,
                          const Words& source_packages) {
  Words paths;
  Words more;
  for (const std::string& path : source_packages) {
    if (path.ends_with(".spec")) {
      throw Error(
          fmt::format("--installdeps takes source packages; spec files as {} are not there yet", printable(path)),
          "Make a source package of it: rpmbuild -bs.", ExitCode::usage);
    }
    const SourcePackage package = read_package(open_package(path).get(), path, config);
    const Words additional = additional_requirements(config, package);
    more.insert(more.end(), additional.begin(), additional.end());
    paths.push_back(std::filesystem::absolute(path).lexically_normal());
  }
  if (!more.empty()) manager.install(session, more);
  manager.builddep(session, paths);
}

}  // namespace plyroot::builds
