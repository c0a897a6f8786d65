#include "cli/source_files.hpp"

namespace plyroot::cli {

std::optional<builds::SpecFile> spec_file_of(const Options& options) {
  if (!options.spec) return std::nullopt;
  return builds::read_spec_file(*options.spec);
}

std::optional<builds::Sources> sources_of(const Options& options) {
  if (!options.sources) return std::nullopt;
  return builds::find_sources(
      *options.sources, options.dereference_links ? buildroot::HostLinks::followed : buildroot::HostLinks::copied);
}

}  // namespace plyroot::cli
