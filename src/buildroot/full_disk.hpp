#pragma once

#include "plyroot/store.hpp"
#include "support/error.hpp"

namespace plyroot::buildroot {

/// Does something with a store. Where there is no room for it, waits until what was dropped has been removed from the
/// disk, and does it once more.
template <class Work>
auto retry_when_full(Store& store, const Work& work) {
  try {
    return work();
  } catch (const SystemError& error) {
    if (!is_want_of_room(error.error_number()) || !store.free_space()) throw;
  }
  return work();
}

}  // namespace plyroot::buildroot
