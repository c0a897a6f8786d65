#include "buildroot/build_user.hpp"
#include "cli/command.hpp"
#include "cli/leave.hpp"
#include "cli/working_root.hpp"
#include "support/text.hpp"

namespace plyroot::cli {

int run_shell(const Context& context) {
  WorkingRoot working(context, WorkingRoot::Logs::none);
  linux_api::ExitStatus status;
  {
    buildroot::Session session = working.enter_for_program();
    buildroot::RootCommand command;
    command.arguments = {"/bin/sh", "-i", "-l"};
    if (!context.options.arguments.empty()) command.arguments = {"/bin/sh", "-c", join(context.options.arguments, " ")};
    command.environment = buildroot::environment_of(context.config);
    command.working_directory = context.options.working_directory.value_or(context.config.chroothome);
    if (context.options.unprivileged || context.config.no_root_shells)
      command.user = buildroot::build_user(context.config);
    command.network = context.config.rpmbuild_networking;
    command.personality = buildroot::personality_of(context.config);
    command.meanwhile = [&] { working.finish_entering(); };
    const auto step = context.log.step("shell");
    status = session.run(command);
  }
  working.root.start_housekeeping();
  leave(exit_code_of(status));
}

}  // namespace plyroot::cli
