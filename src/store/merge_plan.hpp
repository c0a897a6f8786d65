#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/layer_tree.hpp"

namespace plyroot::store {

/// How many lowers a mount is to have at most, once the background has caught up. Look-ups of names grow with it, what
/// covers cost shrinks with it.
inline constexpr std::size_t aimed_lowers = 5;

/// The most layers that are merged at once.
inline constexpr std::size_t most_merged_at_once = 16;

/// The tree of a store's layers, with what decides over merging, as a value.
struct LayerTree {
  struct Node {
    std::string directory;
    std::optional<LayerId> parent;
    bool committed = false;
    bool wanted = false;  ///< a ref or a head names it
    std::size_t children = 0;
    std::optional<std::uint64_t> entries;  ///< how many names its directory has; not known until it was counted

    bool operator==(const Node&) const = default;
  };
  struct Cover {
    std::string directory;
    LayerId below;
    std::uint64_t entries;

    bool operator==(const Cover&) const = default;
  };

  std::map<LayerId, Node> layers;  ///< parents have smaller ids than their children
  std::map<LayerId, Cover> covers;
  std::int64_t last_retired = 0;  ///< last_retired() of the store
};

LayerTree read_layer_tree(const Database& database);

/// Whether there is anything to be absorbed or covered.
bool needs_merging(const LayerTree& tree);

/// Layers whose names must be counted before covers can be planned: those of chains that need one.
std::vector<LayerId> uncounted_layers(const LayerTree& tree);

/// One merged directory that is to be made.
struct Merge {
  enum class Purpose {
    absorb,  ///< `layer` takes in what lies below it and is wanted by nobody: one layer in place of several
    cover,   ///< `layer` and those below it stay; a mount takes the merged directory in their place
  };
  struct Source {
    LayerId layer;          ///< the directory's own, or the one that it covers
    std::string directory;  ///< its name in layers/

    bool operator==(const Source&) const = default;
  };
  Purpose purpose;
  LayerId layer;
  LayerId below;                ///< what comes under the merged directory
  bool something_below;         ///< whether that is another layer than base
  std::vector<Source> sources;  ///< the topmost first
  std::string directory;        ///< the new one's name; no directory of the store ever had it

  bool operator==(const Merge&) const = default;
};

/// Which layers take in those below them that nobody wants. No merge needs the result of another one; there may be more
/// to do when they have been made.
std::vector<Merge> plan_absorptions(const LayerTree& tree);

/// Which covers are to be made so that no chain has more lowers than are aimed at; one after the other, because later
/// ones use what earlier ones made. The directories that a chain is mounted from are merged from the top down as long
/// as the next one is at most three times as large as what has been taken so far: so a name is merged again only into
/// something at least a third larger, log4/3(all names) times at most, apart from the few merges that the number of
/// lowers forces. In a chain of 10,000 equal layers each name is in 12 covers.
class CoverPlanner {
 public:
  /// @param tree with the layers counted that uncounted_layers() names
  explicit CoverPlanner(LayerTree tree);
  /// The next cover, nothing where no chain needs one.
  std::optional<Merge> next();
  /// Tells that it has been made, and how many names it has.
  void made(const Merge& merge, std::uint64_t entries);

 private:
  [[nodiscard]] Merge cover(LayerId layer) const;

  LayerTree tree_;
  std::map<LayerId, std::size_t> lowers_;  // of the layers that have been looked at
};

}  // namespace plyroot::store
