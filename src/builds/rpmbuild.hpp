#pragma once

#include <string>

#include "buildroot/session.hpp"
#include "builds/build_log.hpp"
#include "config/config.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"

namespace plyroot::builds {

/// A program that the build user runs in the root, with the network only if the configuration says so.
buildroot::RootCommand command_of_build_user(const config::Config& config, config::Words arguments);

/// What every rpm in the root opens: it would wait for a FIFO, and read a device, without an end.
/// @throws Error (root) that names it
void refuse_traps_of_rpm(int root, const config::Config& config);

/// rpmbuild, run in a root as the build user; what it says goes to build.log.
class Rpmbuild {
 public:
  /// @param session,config,build_log live longer than this
  Rpmbuild(buildroot::Session& session, const config::Config& config, BuildLog& build_log)
      : session_(&session), config_(&config), build_log_(&build_log) {}

  /// What the configuration and --rpmbuild-opts tell a build of packages, beside macros.
  enum class Options { none, of_the_build };

  /// @param mode what to do, as "-bs", and how
  /// @param spec_file its path within the root
  /// @throws Error: rpmbuild's own exit code where it fails; timed_out
  void run(const config::Words& mode, const std::string& spec_file, Options options);

  /// The same for a run after which packages may be missing, which is no failure (exit code 11).
  /// @throws Error: build_requirements where it fails; timed_out
  void run_for_requirements(const config::Words& mode, const std::string& spec_file);

 private:
  [[nodiscard]] config::Words arguments_of(const config::Words& mode, const std::string& spec_file,
                                           Options options) const;
  linux_api::ExitStatus execute(const config::Words& arguments);
  [[noreturn]] void fail(const config::Words& arguments, const linux_api::ExitStatus& status, ExitCode code) const;

  buildroot::Session* session_;
  const config::Config* config_;
  BuildLog* build_log_;
};

}  // namespace plyroot::builds
