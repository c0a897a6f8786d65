#include "builds/rebuild.hpp"

#include "cli/command.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

int run_rebuild(const Context& context) {
  const std::string& source_package = context.options.arguments.at(0);
  builds::check_source_package(source_package, context.config);
  builds::report_build(context.config, context.log, source_package, [&] {
    WorkingRoot working(context, WorkingRoot::Logs::in_result_directory, WorkingRoot::Tree::cleaned);
    {
      buildroot::Session session = working.enter();
      builds::rebuild(session, working.package_manager, context.config, context.log, source_package);
    }
    working.root.start_housekeeping();
  });
  return 0;
}

}  // namespace plyroot::cli
