#include "buildroot/caller.hpp"

#include "config/evaluating_user.hpp"

namespace plyroot::buildroot {

std::optional<linux_api::User> reader_of_host_files() {
  const config::EvaluatingUser user = config::find_evaluating_user();
  if (!user.must_change || user.for_root_login) return std::nullopt;
  return linux_api::User{user.uid, user.gid, {}};
}

}  // namespace plyroot::buildroot
