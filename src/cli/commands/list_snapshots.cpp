#include <cstddef>
#include <string>

#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "cli/leave.hpp"
#include "cli/standard_output.hpp"

namespace plyroot::cli {

int run_list_snapshots(const Context& context) {
  if (!context.config.plugins.overlayfs.enable) buildroot::refuse_feature("list_snapshots");
  const std::optional<Store> store = buildroot::open_existing_store(context.config);
  if (!store) return 0;
  constexpr std::size_t most_at_once = 32 << 10;
  std::string text;
  store->for_each_snapshot(buildroot::head_of(context.config), [&](const Snapshot& snapshot) {
    text.append(snapshot.is_current ? "* " : "  ").append(snapshot.name).append("\n");
    if (text.size() < most_at_once) return;
    print(text);
    text.clear();
  });
  print(text);
  leave(0);
}

}  // namespace plyroot::cli
