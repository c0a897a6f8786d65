#pragma once

#include <optional>
#include <string>

#include "buildroot/session.hpp"
#include "builds/build_log.hpp"
#include "builds/source_files.hpp"
#include "config/config.hpp"

namespace plyroot {
class Log;
}

namespace plyroot::builds {

/// Makes a source package of a spec file in a root that is set up for a build, with the root's own rpmbuild and no
/// requirements installed, and copies it to the result directory.
/// @param results the result directory @returns its name
/// @throws Error: rpmbuild's own exit code where it fails; source_package, timed_out
std::string make_source_package(buildroot::Session& session, const config::Config& config, Log& log,
                                BuildLog& build_log, int results, const SpecFile& spec,
                                const std::optional<Sources>& sources);

}  // namespace plyroot::builds
