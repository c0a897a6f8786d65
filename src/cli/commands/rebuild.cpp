#include "builds/rebuild.hpp"

#include <optional>

#include "cli/command.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

int run_rebuild(const Context& context) {
  const std::vector<std::string>& source_packages = context.options.arguments;
  for (const std::string& source_package : source_packages)
    builds::check_source_package(source_package, context.config);
  builds::Rebuilds rebuilds(context.config, context.log, context.options.additional_packages);
  std::optional<WorkingRoot> working;
  for (const std::string& source_package : source_packages) {
    builds::report_build(context.config, context.log, source_package, [&] {
      if (working) {
        working->clean_again();
      } else {
        working.emplace(context, WorkingRoot::Logs::in_result_directory, WorkingRoot::Tree::cleaned);
      }
      buildroot::Session session = working->enter();
      rebuilds.build(session, working->package_manager, source_package);
      const bool is_last = &source_package == &source_packages.back();
      if (is_last && context.config.post_install) rebuilds.install_results(session, working->package_manager);
    });
    working->root.start_housekeeping();
  }
  return 0;
}

}  // namespace plyroot::cli
