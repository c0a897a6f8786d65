#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace plyroot {

/// The name of a snapshot: one to 64 characters of [A-Za-z0-9_.-], not beginning with a dot or a dash.
class SnapshotName {
 public:
  /// @throws Error where it is not such a name
  explicit SnapshotName(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  auto operator<=>(const SnapshotName&) const = default;

 private:
  std::string text_;
};

/// The name of a head: the extension of a --uniqueext, with the same rules as a snapshot's name, or main().
class HeadName {
 public:
  static HeadName main() { return {}; }
  /// @throws Error where it is not such a name
  explicit HeadName(std::string_view unique_extension);

  [[nodiscard]] bool is_main() const { return text_.empty(); }
  /// The extension; empty for the main head.
  [[nodiscard]] const std::string& text() const { return text_; }
  auto operator<=>(const HeadName&) const = default;

 private:
  HeadName() = default;
  std::string text_;
};

}  // namespace plyroot
