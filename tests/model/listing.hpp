#pragma once

#include <map>
#include <string>

namespace plyroot::test {

/// All that a tree shows of each of its names, as lines that can be compared: type, mode, owner, extended attributes
/// (without overlayfs's own), and, but for directories, content, link target or device number, time of the last change
/// of files, and which names are links of one file.
using Listing = std::map<std::string, std::string>;

Listing list_tree(int root);

/// What differs between two listings, in words; empty where nothing does.
std::string differences(const Listing& expected, const Listing& found);

}  // namespace plyroot::test
