#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "linux/descriptor.hpp"

namespace plyroot::linux_api {

/// A place in a tree of directories, from which it goes down by name and up again. Holds no more descriptors however
/// deep it is, as the way up is "..": a tree may be deeper than there are descriptors, or room on a stack.
class DirectoryCursor {
 public:
  explicit DirectoryCursor(Descriptor top);

  [[nodiscard]] int get() const { return levels_.empty() ? top_.get() : here_.get(); }
  /// How many directories it is below the top.
  [[nodiscard]] std::size_t depth() const { return levels_.size(); }

  /// Goes into a directory; a link to one is none. @returns false where there is none of that name: it stays then.
  /// @throws SystemError
  bool enter(const std::string& name);
  /// The same through a link, wherever it leads. Keeps a descriptor until it is left.
  /// @throws SystemError, also where there is none
  void enter_through_links(const std::string& name);
  /// Whether it is where it has come through already: a link has led back, and would do so without an end.
  [[nodiscard]] bool has_come_back() const;

  /// Goes up to where it was entered from. Where somebody has moved a directory meanwhile, which is noticed by what it
  /// lies in, to the lowest that is still where it was: depth() tells. Not at the top. @throws SystemError
  void leave();
  /// The same where nobody may move anything. @throws Error where somebody has
  void leave_what_stays();

 private:
  struct Identity {
    dev_t device;
    ino_t inode;
    bool operator==(const Identity&) const = default;
  };
  struct Level {
    std::string name;
    Identity above;         ///< what it was entered from
    Descriptor kept_above;  ///< that, where ".." does not lead there
  };
  static Identity identity_of(int directory);
  /// From the top towards what the levels lead to, as far as that is still there.
  void go_down_again(const Identity& goal);

  Descriptor top_;
  Descriptor here_;  // nothing at the top
  std::vector<Level> levels_;
};

}  // namespace plyroot::linux_api
