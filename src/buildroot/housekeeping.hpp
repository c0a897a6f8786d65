#pragma once

#include <optional>

#include "plyroot/store.hpp"

namespace plyroot::buildroot {

/// What a store leaves for later: puts on the disk what sessions that have ended wrote, merges layers, keeps lists for
/// commands to come, and removes what was dropped. Grows with what was written and dropped; never needed for the next
/// command. @throws Error
/// @param watch if given, what another process removes is waited for too
void keep_house(Store& store, const Store::RemovalWatch& watch = {});

/// Waits for a session of this head that is just ending, and puts on the disk what was written.
void sync_when_left(Store& store, const HeadName& head);

/// Keeps house in the background, a moment later, with the lowest priority. One process waits for each store, however
/// many commands ask: returns at once where one does already. The process executes this program (/proc/self/exe) anew,
/// which is to call keep_house_if_asked(). @throws SystemError
void start_housekeeping_of(const Store& store);

/// To be called first in a program that calls start_housekeeping_of(): keeps house where it was executed for that.
/// @returns the exit code then
std::optional<int> keep_house_if_asked(int argc, char** argv);

/// The parts of it, for a program that is not to be executed anew. Whether a process waits already:
bool is_housekeeping_pending(const Store& store);
/// What that process does; nothing where another one waits.
void keep_house_a_moment_later(const StoreLocation& location);

}  // namespace plyroot::buildroot
