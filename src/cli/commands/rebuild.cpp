#include "builds/rebuild.hpp"

#include "cli/build_run.hpp"
#include "cli/command.hpp"
#include "cli/source_files.hpp"

namespace plyroot::cli {

int run_rebuild(const Context& context) {
  std::vector<std::string> source_packages = context.options.arguments;
  for (const std::string& source_package : source_packages)
    builds::check_source_package(source_package, context.config);
  std::optional<builds::SpecFile> spec = spec_file_of(context.options);
  const std::optional<builds::Sources> sources = sources_of(context.options);
  builds::Rebuilds rebuilds(context.config, context.log, context.options.additional_packages);
  BuildRun run(context);
  if (sources) {
    run.build(spec->path, [&](buildroot::Session& session, packages::PackageManager& manager) {
      source_packages.push_back(rebuilds.make_source_package(session, manager, *spec, sources));
    });
    spec.reset();  // it is in the source package now
  }
  for (const std::string& source_package : source_packages) {
    run.build(source_package, [&](buildroot::Session& session, packages::PackageManager& manager) {
      rebuilds.build(session, manager, source_package, spec);
      const bool is_last = &source_package == &source_packages.back();
      if (is_last && context.config.post_install) rebuilds.install_results(session, manager);
    });
  }
  run.finish();
  return 0;
}

}  // namespace plyroot::cli
