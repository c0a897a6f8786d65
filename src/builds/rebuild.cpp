#include "builds/rebuild.hpp"
namespace plyroot::builds {
void install_dependencies(buildroot::Session& session, packages::PackageManager& manager, const config::Config&,
                          const config::Words& source_packages) { manager.builddep(session, source_packages); }
void rebuild(buildroot::Session&, packages::PackageManager&, const config::Config&, Log&, const std::string&) {}
}
