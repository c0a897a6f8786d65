#include <cstdio>
#include <string>

#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "support/error.hpp"

namespace plyroot::cli {

int run_list_snapshots(const Context& context) {
  if (!context.config.plugins.overlayfs.enable) buildroot::refuse_feature("list_snapshots");
  const std::optional<Store> store = buildroot::open_existing_store(context.config);
  if (!store) return 0;
  std::string text;
  for (const Snapshot& snapshot : store->snapshots(buildroot::head_of(context.config))) {
    text += (snapshot.is_current ? "* " : "  ") + snapshot.name + "\n";
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) throw_errno("write to standard output");
  return 0;
}

}  // namespace plyroot::cli
