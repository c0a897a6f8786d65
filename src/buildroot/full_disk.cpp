#include "buildroot/full_disk.hpp"

#include <cerrno>

namespace plyroot::buildroot {

bool is_want_of_room(const SystemError& error) {
  return error.error_number() == ENOSPC || error.error_number() == EDQUOT;
}

}  // namespace plyroot::buildroot
