#pragma once

#include <optional>

#include "builds/source_files.hpp"
#include "cli/options.hpp"

namespace plyroot::cli {

/// What --spec and --sources name, read and found before anything is done for it. @throws Error (usage)
std::optional<builds::SpecFile> spec_file_of(const Options& options);
std::optional<builds::Sources> sources_of(const Options& options);

}  // namespace plyroot::cli
