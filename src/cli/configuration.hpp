#pragma once

#include "cli/options.hpp"
#include "config/config.hpp"
#include "config/request.hpp"
#include "support/log.hpp"

namespace plyroot::cli {

/// What the command line asks of the configuration.
config::Request request_of(const Options& options);

/// The configuration for a command, checked for what plyroot cannot do. @throws Error
config::Config load_configuration(const Options& options, Log& log);

/// Says, once for each, what the configuration asks for and plyroot does otherwise or not yet.
void warn_of_differences(const config::Config& config, Log& log);

}  // namespace plyroot::cli
