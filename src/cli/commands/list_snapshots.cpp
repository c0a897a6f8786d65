#include <cstddef>
#include <cstdio>
#include <string>

#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "support/error.hpp"

namespace plyroot::cli {

namespace {

constexpr std::size_t most_at_once = 32 << 10;

void write_out(std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw_errno("write to standard output");
  text.clear();
}

}  // namespace

int run_list_snapshots(const Context& context) {
  if (!context.config.plugins.overlayfs.enable) buildroot::refuse_feature("list_snapshots");
  const std::optional<Store> store = buildroot::open_existing_store(context.config);
  if (!store) return 0;
  std::string text;
  store->for_each_snapshot(buildroot::head_of(context.config), [&](const Snapshot& snapshot) {
    text.append(snapshot.is_current ? "* " : "  ").append(snapshot.name).append("\n");
    if (text.size() >= most_at_once) write_out(text);
  });
  write_out(text);
  return 0;
}

}  // namespace plyroot::cli
