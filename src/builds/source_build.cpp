#include "builds/source_build.hpp"

#include "builds/build_directory.hpp"
#include "builds/build_results.hpp"
#include "builds/rpmbuild.hpp"
#include "support/error.hpp"
#include "support/log.hpp"

namespace plyroot::builds {

std::string make_source_package(buildroot::Session& session, const config::Config& config, Log& log,
                                BuildLog& build_log, int results, const SpecFile& spec,
                                const std::optional<Sources>& sources) {
  const auto step = log.step("buildsrpm");
  const std::string spec_file = put_spec_file(session.root(), config, spec, "SPECS");
  if (sources) put_sources(session.root(), config, *sources);
  {
    const auto rpmbuild = log.step("rpmbuild -bs");
    Rpmbuild(session, config, build_log).run({"-bs"}, spec_file, Rpmbuild::Options::none);
  }
  const linux_api::Descriptor made = open_in_build(session.root(), config, "SRPMS");
  std::string name = find_made_package(made.get(), config, "src.rpm");
  if (!copy_build_result(made.get(), name, results, config))
    throw Error(name + " in the build root is no regular file", {}, ExitCode::source_package);
  return name;
}

}  // namespace plyroot::builds
