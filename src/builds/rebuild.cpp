#include "builds/rebuild.hpp"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "buildroot/result_directory.hpp"
#include "builds/build_directory.hpp"
#include "builds/build_log.hpp"
#include "builds/build_requirements.hpp"
#include "builds/build_results.hpp"
#include "builds/build_setup.hpp"
#include "builds/rpmbuild.hpp"
#include "builds/source_build.hpp"
#include "builds/source_package.hpp"
#include "support/error.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace plyroot::builds {
namespace {

using buildroot::Session;
using config::Config;
using config::Words;
using linux_api::Descriptor;

/// mock's package_state plugin.
constexpr const char* package_state_format = "%{nevra} %{buildtime} %{size} installed\\n";

/// One build of one source package.
class Build {
 public:
  /// @param results the result directory
  Build(Session& session, packages::PackageManager& manager, const Config& config, Log& log, const std::string& path,
        const std::optional<SpecFile>& spec, const Words& additional_packages, int results, BuildLog& build_log)
      : session_(session),
        manager_(manager),
        config_(config),
        log_(log),
        path_(path),
        name_(std::filesystem::path(path).filename()),
        spec_(spec),
        additional_packages_(additional_packages),
        results_(results),
        build_log_(build_log) {}

  /// @returns the names of what was built
  Words run() {
    set_up_build(session_, manager_, config_, log_, results_);
    const auto phase = log_.step("build phase for " + name_);
    set_up();
    build_packages();
    Words built = copy_build_results(session_.root(), results_, config_);
    if (built.empty()) {
      throw Error("No build results found", "build.log in the result directory tells what rpmbuild did.",
                  ExitCode::source_package);
    }
    return built;
  }

 private:
  /// Finds the spec file, and installs what it says that the build requires.
  void set_up() {
    const auto step = log_.step("build setup for " + name_);
    install_source_package();
    spec_file_ = spec_ ? put_spec_file(session_.root(), config_, *spec_, "originals") : installed_spec_file();
    has_dynamic_requirements_ = requirements().install_static(additional_packages_);
  }

  [[nodiscard]] std::string installed_spec_file() const {
    const SourcePackage original = read_package(open_package(path_).get(), path_, config_);
    if (original.spec_file.empty()) {
      throw Error("No specfile found in srpm: " + printable(name_), {}, ExitCode::source_package);
    }
    require_plain_name(original.spec_file, "a spec file");
    return fmt::format("{}/{}", path_in_build(config_, "SPECS"), original.spec_file);
  }

  [[nodiscard]] BuildRequirements requirements() const {
    return {session_, manager_, config_, log_, build_log_, spec_file_};
  }

  void install_source_package() {
    require_plain_name(name_, "a source package");
    refuse_traps_of_rpm(session_.root(), config_);
    const std::string copy = copy_into_root();
    buildroot::RootCommand command = command_of_build_user(config_, {config_.rpm_command, "-Uvh", "--nodeps", copy});
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
    const Descriptor directory = open_in_build(session_.root(), config_, "originals");
    copy_content(from.get(), create_for_build(directory.get(), name_, config_).get());
    return fmt::format("{}/{}", path_in_build(config_, "originals"), name_);
  }

  void build_packages() {
    const auto step = log_.step("rpmbuild " + name_);
    Words mode{"-bb"};
    if (has_dynamic_requirements_) {
      requirements().install_dynamic();
      // The sources are prepared; the source package is written again, with the requirements that were found out.
      mode = {"-ba", "--noprep"};
    }
    if (is_plugin_on(config_, "package_state")) {
      const auto listing = log_.step("Outputting list of installed packages");
      write_installed_packages(results_, manager_.installed_packages(session_, package_state_format), config_);
    }
    Rpmbuild(session_, config_, build_log_).run(mode, spec_file_, Rpmbuild::Options::of_the_build);
  }

  Session& session_;
  packages::PackageManager& manager_;
  const Config& config_;
  Log& log_;
  std::string path_;
  std::string name_;
  const std::optional<SpecFile>& spec_;
  std::string spec_file_;  // within the root; known when the source package is installed
  bool has_dynamic_requirements_ = false;
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

std::string Rebuilds::make_source_package(Session& session, packages::PackageManager& manager, const SpecFile& spec,
                                          const std::optional<Sources>& sources) {
  const Descriptor results = begin_build();
  set_up_build(session, manager, *config_, *log_, results.get());
  return fmt::format("{}/{}", config_->resultdir,
                     builds::make_source_package(session, *config_, *log_, *build_log_, results.get(), spec, sources));
}

void Rebuilds::build(Session& session, packages::PackageManager& manager, const std::string& source_package,
                     const std::optional<SpecFile>& spec) {
  check_source_package(source_package, *config_);
  const Descriptor results = begin_build();
  Build build(session, manager, *config_, *log_, source_package, spec, additional_packages_, results.get(),
              *build_log_);
  for (const std::string& name : build.run())
    results_.push_back(fmt::format("{}/{}", config_->resultdir, name));
}

Descriptor Rebuilds::begin_build() {
  Descriptor results = buildroot::open_result_directory(*config_);
  if (!build_log_) build_log_.emplace(results.get(), *config_, *log_);
  return results;
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
