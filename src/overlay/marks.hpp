#pragma once

#include <string_view>

namespace plyroot::overlay {

/// The extended attributes in which overlayfs writes what a layer's directories mean (opaque and the like). Layers that
/// carry one kind must never be mounted as if they carried the other: files that an opaque directory hides would come
/// back.
enum class Marks {
  trusted,  ///< trusted.overlay.*, needs CAP_SYS_ADMIN in the initial user namespace
  user,     ///< user.overlay.*, mounted with userxattr
};

std::string_view attribute_prefix(Marks marks);

/// Overlayfs refuses an upper whose work directory says that it was mounted volatile before. Takes that mark away;
/// allowed only where nothing that was written there can have been lost since: in the same boot, or after a sync.
/// @param work a descriptor of the overlay's work directory
void clear_volatile_mark(int work);

}  // namespace plyroot::overlay
