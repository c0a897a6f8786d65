#pragma once

#include <sys/stat.h>

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

/// Whether an extended attribute is overlayfs's own. Those that an overlay within a root has set are content: the
/// kernel keeps them under a longer name (PREFIX"overlay.").
bool is_mark(std::string_view attribute, Marks marks);

/// Whether this is what hides a name of the layers below: a character device 0/0.
bool is_whiteout(const struct stat& status);

/// Whether a layer's directory hides what the layers below have there.
/// @throws Error where it carries a mark that plyroot's mounts never make, so that nobody guesses what it means
bool is_opaque(int directory, Marks marks);
void make_opaque(int directory, Marks marks);

/// Overlayfs refuses an upper whose work directory says that it was mounted volatile before. Takes that mark away;
/// allowed only where nothing that was written there can have been lost since: in the same boot, or after a sync.
/// @param work a descriptor of the overlay's work directory
void clear_volatile_mark(int work);

}  // namespace plyroot::overlay
