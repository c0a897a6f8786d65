#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "support/error.hpp"

namespace plyroot::cli {

int run_list_snapshots(const Context& context) {
  if (!context.config.plugins.overlayfs.enable) buildroot::refuse_feature("list_snapshots");
  const std::optional<Store> store = buildroot::open_existing_store(context.config);
  if (!store) return 0;
  const std::vector<Snapshot> snapshots = store->snapshots(buildroot::head_of(context.config));
  std::string text;
  text.reserve(std::accumulate(snapshots.begin(), snapshots.end(), std::size_t{0},
                               [](std::size_t size, const Snapshot& each) { return size + each.name.size() + 3; }));
  for (const Snapshot& snapshot : snapshots)
    text.append(snapshot.is_current ? "* " : "  ").append(snapshot.name).append("\n");
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) throw_errno("write to standard output");
  return 0;
}

}  // namespace plyroot::cli
