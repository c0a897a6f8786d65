#pragma once

#include <functional>
#include <string>

#include "linux/descriptor.hpp"

namespace plyroot::linux_api {

/// Is told of a name.
/// @param path of it from the top, "/a/b"
/// @returns whether to go into it, if it is a directory
using TreeVisitor = std::function<bool(int directory, const std::string& name, const std::string& path)>;

/// Tells of every name below a directory, each before those below it, in no order. Follows no link. A tree may be as
/// deep as it likes, and may change meanwhile: what is moved may be told of or not. @throws SystemError, and what the
/// visitor does
void walk_tree(int top, const TreeVisitor& visit);

}  // namespace plyroot::linux_api
