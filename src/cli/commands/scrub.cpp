#include <fmt/format.h>

#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "cli/leave.hpp"
#include "cli/working_root.hpp"
#include "linux/descriptor.hpp"
#include "linux/directory.hpp"

namespace plyroot::cli {
namespace {

void remove_cache(const config::Config& config, const std::string& name) {
  const linux_api::Descriptor caches = linux_api::open_if_exists(AT_FDCWD, config.cachedir, O_RDONLY | O_DIRECTORY);
  if (caches) linux_api::remove_tree(caches.get(), name);
}

void remove_all_caches(const config::Config& config) {
  const linux_api::Descriptor top = linux_api::open_if_exists(AT_FDCWD, config.cache_topdir, O_RDONLY | O_DIRECTORY);
  if (top) linux_api::remove_tree(top.get(), config.shared_root);
}

void scrub(ScrubType type, buildroot::Root& root, const Context& context) {
  switch (type) {
    case ScrubType::all:
      root.scrub_layers();
      root.clean();
      remove_all_caches(context.config);
      return;
    case ScrubType::chroot:
      root.clean();
      return;
    case ScrubType::overlayfs:
      root.scrub_layers();
      return;
    case ScrubType::cache:
      remove_all_caches(context.config);
      return;
    case ScrubType::root_cache:
      remove_cache(context.config, "root_cache");
      return;
    case ScrubType::c_cache:
      remove_cache(context.config, "ccache");
      return;
    case ScrubType::yum_cache:
    case ScrubType::dnf_cache:
      remove_cache(context.config, "yum_cache");
      remove_cache(context.config, "dnf_cache");
      return;
    case ScrubType::bootstrap:
    case ScrubType::lvm:
      context.log.info(fmt::format("nothing to scrub: plyroot keeps no {}", scrub_type_name(type)));
      return;
  }
}

}  // namespace

int run_scrub(const Context& context) {
  buildroot::Root root(context.config, context.log);
  for (const ScrubType type : context.options.scrub_types) {
    const auto step = context.log.step(fmt::format("scrub {}", scrub_type_name(type)));
    scrub(type, root, context);
  }
  if (context.options.wait) finish_housekeeping(root);
  leave(0);
}

}  // namespace plyroot::cli
