#include "linux/tree_walk.hpp"

#include <fcntl.h>

#include <utility>
#include <vector>

#include "linux/directory.hpp"
#include "linux/directory_cursor.hpp"

namespace plyroot::linux_api {

void walk_tree(int top, const TreeVisitor& visit) {
  struct Level {
    std::vector<std::string> names;  // not yet told of
    std::size_t path_size;
  };
  DirectoryCursor cursor(open_at(top, ".", O_RDONLY | O_DIRECTORY));
  std::string path;
  std::vector<Level> levels{{list_names(cursor.get()), 0}};
  for (;;) {
    Level& level = levels.back();
    if (level.names.empty()) {
      if (cursor.depth() == 0) return;
      cursor.leave();
      levels.resize(cursor.depth() + 1);
      continue;
    }
    const std::string name = std::move(level.names.back());
    level.names.pop_back();
    path.resize(level.path_size);
    path.append("/").append(name);
    if (visit(cursor.get(), name, path) && cursor.enter(name))
      levels.push_back({list_names(cursor.get()), path.size()});
  }
}

}  // namespace plyroot::linux_api
