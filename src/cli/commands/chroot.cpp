#include <fmt/format.h>

#include "buildroot/build_user.hpp"
#include "buildroot/shell_arguments.hpp"
#include "cli/command.hpp"
#include "cli/leave.hpp"
#include "cli/working_root.hpp"
#include "support/text.hpp"

namespace plyroot::cli {

int run_chroot(const Context& context) {
  const std::vector<std::string>& arguments = context.options.arguments;
  WorkingRoot working(context, WorkingRoot::Logs::in_result_directory);
  linux_api::ExitStatus status;
  {
    buildroot::Session session = working.enter_for_program();
    buildroot::RootCommand command;
    command.arguments = arguments;
    if (arguments.size() == 1) command.arguments = buildroot::shell_arguments(session.root(), arguments.front());
    command.environment = buildroot::environment_of(context.config);
    command.working_directory = context.options.working_directory.value_or("/");
    if (context.options.unprivileged) command.user = buildroot::build_user(context.config);
    command.network = context.config.rpmbuild_networking;
    command.personality = buildroot::personality_of(context.config);
    command.meanwhile = [&] { working.finish_entering(); };
    context.log.info(fmt::format("Running in chroot: {}", quote_for_display(arguments)));
    const auto step = context.log.step(fmt::format("chroot {}", quote_for_display(arguments)));
    status = session.run(command);
  }
  working.root.start_housekeeping();
  leave(exit_code_of(status));
}

}  // namespace plyroot::cli
