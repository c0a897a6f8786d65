#include "builds/rebuild.hpp"

#include "cli/build_run.hpp"
#include "cli/command.hpp"

namespace plyroot::cli {

int run_rebuild(const Context& context) {
  const std::vector<std::string>& source_packages = context.options.arguments;
  for (const std::string& source_package : source_packages)
    builds::check_source_package(source_package, context.config);
  builds::Rebuilds rebuilds(context.config, context.log, context.options.additional_packages);
  BuildRun run(context);
  for (const std::string& source_package : source_packages) {
    run.build(source_package, [&](buildroot::Session& session, packages::PackageManager& manager) {
      rebuilds.build(session, manager, source_package);
      const bool is_last = &source_package == &source_packages.back();
      if (is_last && context.config.post_install) rebuilds.install_results(session, manager);
    });
  }
  run.finish();
  return 0;
}

}  // namespace plyroot::cli
