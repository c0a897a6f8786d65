#pragma once

#include "plyroot/store.hpp"

namespace plyroot::buildroot {

/// What a store leaves for later: puts on the disk what sessions that have ended wrote, and removes what was dropped.
/// Grows with what was written and dropped; never needed for the next command. @throws Error
/// @param watch if given, what another process removes is waited for too
void keep_house(Store& store, const Store::RemovalWatch& watch = {});

/// Waits for a session of this head that is just ending, and puts on the disk what was written.
void sync_when_left(Store& store, const HeadName& head);

/// Keeps house in the background, a moment later, in a process of its own with the lowest priority. One process waits
/// for each store, however many commands ask: returns at once where one does already.
/// @param mount_namespace a descriptor of the one that the process is to live in, -1 for the caller's
void start_housekeeping_of(const Store& store, int mount_namespace = -1);

}  // namespace plyroot::buildroot
