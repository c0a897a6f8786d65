#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/command.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

/// The builds of one command, one after the other on one root.
class BuildRun {
 public:
  using Work = std::function<void(buildroot::Session&, packages::PackageManager&)>;

  /// @param context lives longer than this
  explicit BuildRun(const Context& context) : context_(&context) {}

  /// Does one in a root that was cleaned for it, unless the configuration says otherwise, and says how it went.
  /// Where it fails, and `cleanup_on_failure` is on, the root is cleaned after it; its exception is let through.
  /// @param what to call it: the path of a source package
  void build(const std::string& what, const Work& work);

  /// All went well: cleans the root where `cleanup_on_success` is on.
  void finish();

 private:
  void work_in_root(const Work& work);
  void clean_up(std::string_view setting);

  const Context* context_;
  std::optional<WorkingRoot> working_;  ///< made by the first build
};

}  // namespace plyroot::cli
