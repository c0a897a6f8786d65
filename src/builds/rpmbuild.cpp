#include "builds/rpmbuild.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <utility>

#include "buildroot/build_user.hpp"
#include "buildroot/root_files.hpp"
#include "support/text.hpp"

namespace plyroot::builds {
namespace {

using config::Config;
using config::Words;

/// What rpmbuild -br returns where it has written down what the package requires.
constexpr int requirements_written = 11;

void append(Words& words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
}

}  // namespace

buildroot::RootCommand command_of_build_user(const Config& config, Words arguments) {
  buildroot::RootCommand command;
  command.arguments = std::move(arguments);
  command.environment = buildroot::environment_of(config);
  command.user = buildroot::build_user(config);
  command.network = config.rpmbuild_networking;
  command.personality = buildroot::personality_of(config);
  return command;
}

void refuse_traps_of_rpm(int root, const Config& config) {
  for (const std::string& path : {std::string("etc/passwd"), std::string("etc/group"),
                                  std::string("var/lib/rpm/rpmdb.sqlite"), config.chroothome + "/.rpmmacros"}) {
    if (!buildroot::is_special_in_root(root, path)) continue;
    throw Error(fmt::format("{} in the build root is no regular file", printable(path)),
                "Clean the root, or roll it back.", ExitCode::root);
  }
}

void Rpmbuild::run(const Words& mode, const std::string& spec_file, Options options) {
  const Words arguments = arguments_of(mode, spec_file, options);
  const linux_api::ExitStatus status = execute(arguments);
  if (!status.success()) fail(arguments, status, static_cast<ExitCode>(status.as_exit_code()));
}

void Rpmbuild::run_for_requirements(const Words& mode, const std::string& spec_file) {
  const Words arguments = arguments_of(mode, spec_file, Options::of_the_build);
  const linux_api::ExitStatus status = execute(arguments);
  if (!status.success() && status.as_exit_code() != requirements_written)
    fail(arguments, status, ExitCode::build_requirements);
}

Words Rpmbuild::arguments_of(const Words& mode, const std::string& spec_file, Options options) const {
  Words arguments{config_->rpmbuild_command};
  append(arguments, mode);
  append(arguments, {"--noclean", "--target", config_->rpmbuild_arch, "--nodeps"});
  const bool of_the_build = options == Options::of_the_build;
  if (of_the_build && !config_->check) arguments.emplace_back("--nocheck");
  arguments.push_back(spec_file);
  if (of_the_build) append(arguments, config_->rpmbuild_opts);
  return arguments;
}

linux_api::ExitStatus Rpmbuild::execute(const Words& arguments) {
  // A login shell, because packages (compilers, say) put what their users need into /etc/profile.d.
  Words shell{"bash", "--login", "-c", "exec \"$@\"", "bash"};
  append(shell, arguments);
  buildroot::RootCommand command = command_of_build_user(*config_, std::move(shell));
  command.output = [&](std::string_view piece) { build_log_->add(piece); };
  if (config_->rpmbuild_timeout > 0) command.timeout = std::chrono::seconds(config_->rpmbuild_timeout);
  refuse_traps_of_rpm(session_->root(), *config_);
  build_log_->begin_command(arguments);
  const linux_api::ExitStatus status = session_->run(command);
  build_log_->end_command(status);
  return status;
}

void Rpmbuild::fail(const Words& arguments, const linux_api::ExitStatus& status, ExitCode code) const {
  throw Error(fmt::format("Command failed:\n # {}\n{}", quote_for_display(arguments), build_log_->tail()),
              fmt::format("{}/build.log has all that it said.", config_->resultdir),
              status.signal == SIGINT ? ExitCode::interrupted : code);
}

}  // namespace plyroot::builds
