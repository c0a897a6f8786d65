#pragma once

#include "cli/options.hpp"
#include "support/log.hpp"

namespace plyroot::cli {

/// Loads the configuration that the command needs and runs it. @returns the exit code @throws Error
int dispatch(const Options& options, Log& log);

}  // namespace plyroot::cli
