// What the kernel says that it has mounted. The input is such a text, and also the names of a plan's upper and lowers,
// one a line, for what a kernel would say of them.

#include <fmt/format.h>

#include "fuzz.hpp"
#include "overlay/overlay_mount.hpp"
#include "support/text.hpp"

namespace {

using namespace plyroot;

/// As the layers' directories are called: nothing that the kernel would have to escape.
overlay::OverlayPlan plan_of(std::string_view text) {
  overlay::OverlayPlan plan;
  for (const std::string& name : split(text, '\n')) {
    if (name.empty() || name.find_first_of(",:\\ \t") != std::string::npos) continue;
    if (plan.upper.empty()) {
      plan.upper = name;
    } else {
      plan.lowers.push_back(name);
    }
  }
  return plan;
}

std::string as_new_kernels_say(const overlay::OverlayPlan& plan) {
  std::string text = "rw";
  for (const std::string& lower : plan.lowers)
    text += ",lowerdir+=" + lower;
  return text + ",upperdir=" + plan.upper + ",workdir=w,xino=off";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  overlay::OverlayPlan plan = plan_of(text);
  if (plan.lowers.empty()) return 0;
  overlay::is_what_was_mounted(plan, std::string(text));
  fuzz::require(overlay::is_what_was_mounted(plan, as_new_kernels_say(plan)), "what was asked for is recognized");
  fuzz::parse([&] {
    fuzz::require(overlay::is_what_was_mounted(plan, "rw," + overlay::as_mount_options(plan)),
                  "what was asked for by mount(2) is recognized");
  });
  const std::string said = as_new_kernels_say(plan);
  plan.lowers.pop_back();
  fuzz::require(!overlay::is_what_was_mounted(plan, said), "a layer too many is seen");
  return 0;
}
