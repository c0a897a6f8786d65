#include "builds/rebuild.hpp"
#include "cli/build_run.hpp"
#include "cli/command.hpp"
#include "cli/source_files.hpp"

namespace plyroot::cli {

int run_build_source_package(const Context& context) {
  const builds::SpecFile spec = spec_file_of(context.options).value();  // the options hold one
  const std::optional<builds::Sources> sources = sources_of(context.options);
  builds::Rebuilds rebuilds(context.config, context.log, {});
  BuildRun run(context);
  run.build(spec.path, [&](buildroot::Session& session, packages::PackageManager& manager) {
    rebuilds.make_source_package(session, manager, spec, sources);
  });
  run.finish();
  return 0;
}

}  // namespace plyroot::cli
