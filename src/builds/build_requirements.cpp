#include "builds/build_requirements.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "builds/build_directory.hpp"
#include "builds/safe_place.hpp"
#include "support/error.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace plyroot::builds {
namespace {

using config::Words;
using linux_api::Descriptor;

constexpr const char* nevra_format = "%{nevra}\\n";

}  // namespace

BuildRequirements::BuildRequirements(buildroot::Session& session, packages::PackageManager& manager,
                                     const config::Config& config, Log& log, BuildLog& build_log, std::string spec_file)
    : session_(&session),
      manager_(&manager),
      config_(&config),
      log_(&log),
      build_log_(&build_log),
      rpmbuild_(session, config, build_log),
      spec_file_(std::move(spec_file)) {}

bool BuildRequirements::install_static(const Words& more) {
  bool has_dynamic = false;
  for (int loop = 0; loop < config_->static_buildrequires_max_loops; ++loop) {
    const auto before = installed_packages();
    has_dynamic = install_static_once(more);
    if (installed_packages() == before) break;
  }
  return has_dynamic;
}

void BuildRequirements::install_dynamic() {
  Words mode{"-br"};
  for (int loop = 0; loop < config_->dynamic_buildrequires_max_loops; ++loop) {
    const auto before = installed_packages();
    rpmbuild_.run_for_requirements(mode, spec_file_);
    build_log_->add_line("Dynamic buildrequires detected");
    build_log_->add_line("Going to install missing buildrequires. See root.log for details.");
    log_->root_only("Going to install missing dynamic buildrequires");
    install_generated();
    if (installed_packages() == before) return;
    mode = {"-br", "--noprep"};
  }
  throw Error(
      fmt::format("%generate_buildrequires asked for more in each of {} runs (\"dynamic_buildrequires_max_loops\")",
                  config_->dynamic_buildrequires_max_loops),
      "Where it would come to an end, allow more of them: --config-opts dynamic_buildrequires_max_loops=N",
      ExitCode::build_requirements);
}

std::set<std::string> BuildRequirements::installed_packages() const {
  return manager_->installed_packages(*session_, nevra_format);
}

bool BuildRequirements::install_static_once(const Words& more) {
  rpmbuild_.run({"-bs"}, spec_file_, Rpmbuild::Options::none);
  const Descriptor directory = open_in_build(session_->root(), *config_, "SRPMS");
  const std::string file = find_made_package(directory.get(), *config_, "src.rpm");
  SafePlace safe_place(session_->root());
  const std::string linked = safe_place.add(directory.get(), file);
  const SourcePackage package = read_package(safe_place.open(file).get(), file, *config_);
  const bool has_dynamic = package.has_dynamic_requirements();
  if (has_dynamic) require_support_of_dynamic();
  Words beside = more;
  const Words configured = additional_requirements(*config_, package);
  beside.insert(beside.end(), configured.begin(), configured.end());
  if (!beside.empty()) manager_->install(*session_, beside);
  manager_->builddep(*session_, {config_->rootdir + linked});
  return has_dynamic;
}

void BuildRequirements::install_generated() {
  const Descriptor directory = open_in_build(session_->root(), *config_, "SRPMS");
  const std::string file = find_made_package(directory.get(), *config_, ".buildreqs.nosrc.rpm");
  SafePlace safe_place(session_->root());
  const std::string linked = safe_place.add(directory.get(), file);
  read_package(safe_place.open(file).get(), file, *config_);  // the package manager gets no file that is no package
  manager_->builddep(*session_, {config_->rootdir + linked});
  // It is no result of the build.
  if (unlinkat(directory.get(), file.c_str(), 0) < 0) throw_errno(errno, "remove from the build root", printable(file));
}

void BuildRequirements::require_support_of_dynamic() const {
  if (config_->dynamic_buildrequires) return;
  throw Error("DynamicBuildRequires are found but support is disabled: see \"dynamic_buildrequires\" in config_opts");
}

}  // namespace plyroot::builds
