#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace plyroot::store {

/// What is wrong with a file of a layer, as overlayfs would understand it.
struct ContentFault {
  enum class Kind {
    whiteout,       ///< a whiteout that is none: it hides nothing, or shows as a file of its own
    mark,           ///< a mark of overlayfs that does not mean anything there
    unused_mark,    ///< a mark of a feature that plyroot's mounts do not use: what it stands for is not shown
    marks_of_user,  ///< a mark of the kind user.overlay, which plyroot's mounts ignore: harmless
  };
  Kind kind;
  std::string path;  ///< within the layer
  std::string text;  ///< what is wrong, without the path
};

/// Looks at every file of a layer, following no link and crossing no mount. Files that vanish meanwhile are none.
/// @param files descriptor of the layer's directory fs
/// @returns how many files and directories were looked at
/// @throws SystemError for what cannot be read
std::size_t examine_layer_content(int files, const std::function<void(ContentFault)>& report);

}  // namespace plyroot::store
