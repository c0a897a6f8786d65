#pragma once

namespace plyroot::overlay {

/// Whether the kernel uses this directory as the upper of an overlay, in whatever mount namespace. Mounts nothing: asks
/// for an overlay that cannot be (its work directory is its upper) with index=on; the kernel answers EBUSY where the
/// upper is in use, and otherwise refuses it for what it is.
/// @param upper an open descriptor of the directory
/// @throws SystemError where the kernel answers anything else
bool is_upper_in_use(int upper);

}  // namespace plyroot::overlay
