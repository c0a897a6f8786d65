#include "builds/build_setup.hpp"

#include <fmt/format.h>

#include "buildroot/build_user.hpp"
#include "builds/build_results.hpp"
#include "support/log.hpp"

namespace plyroot::builds {

bool is_plugin_on(const config::Config& config, const char* plugin) {
  const auto found = config.plugins.enabled.find(plugin);
  return found != config.plugins.enabled.end() && found->second;
}

void set_up_build(buildroot::Session& session, packages::PackageManager& manager, const config::Config& config,
                  Log& log, int results) {
  if (is_plugin_on(config, "hw_info")) write_hardware_log(results, config);
  if (config.online && config.update_before_build && config.clean && !manager.has_just_installed()) {
    const auto step = log.step(fmt::format("{} update", packages::name_of(manager.manager().kind)));
    manager.update(session, {});
  }
  clean_home_directory(session.root(), config);
  buildroot::set_up_build_directories(session.root(), config);
}

}  // namespace plyroot::builds
