#include "store/merge_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace plyroot::store {
namespace {

/// How much larger than what has been taken the next one may be. With less, so few lowers would force many merges (48
/// times 10,000 equal layers with 1, 14 with 2, 12 with 3); with more, large ones would be merged too often.
constexpr std::uint64_t most_times_larger = 3;

/// What a chain is mounted from at one place, and what comes under it.
struct Lower {
  Merge::Source source;
  LayerId below;
  std::uint64_t entries;
};

Lower lower_at(const LayerTree& tree, LayerId id) {
  if (const auto cover = tree.covers.find(id); cover != tree.covers.end()) {
    return {{id, cover->second.directory}, cover->second.below, cover->second.entries};
  }
  const LayerTree::Node& layer = tree.layers.at(id);
  return {{id, layer.directory}, layer.parent.value(), layer.entries.value_or(0)};
}

bool is_base(const LayerTree& tree, LayerId id) {
  return !tree.layers.at(id).parent;
}

/// How many lowers each layer's chain is mounted from, base not counted.
std::map<LayerId, std::size_t> lowers_of_all(const LayerTree& tree) {
  std::map<LayerId, std::size_t> lowers;
  for (const auto& [id, layer] : tree.layers) {
    lowers[id] = is_base(tree, id) ? 0 : 1 + lowers.at(lower_at(tree, id).below);
  }
  return lowers;
}

Merge make_merge(const LayerTree& tree, Merge::Purpose purpose, const std::vector<Lower>& taken) {
  Merge merge{purpose, taken.front().source.layer, taken.back().below, !is_base(tree, taken.back().below), {}, {}};
  for (const Lower& lower : taken)
    merge.sources.push_back(lower.source);
  // Ids are never used twice. The same layers can be covered once more, but only after the first cover was retired.
  merge.directory = fmt::format("{}{}-{}-{}", purpose == Merge::Purpose::absorb ? 'a' : 'c', merge.layer, merge.below,
                                tree.last_retired);
  return merge;
}

/// The layers that their only child can take in.
std::set<LayerId> absorbable_layers(const LayerTree& tree) {
  std::set<LayerId> absorbable;
  for (const auto& [id, layer] : tree.layers) {
    if (!layer.committed || !layer.parent) continue;
    const LayerTree::Node& below = tree.layers.at(*layer.parent);
    if (below.parent && !below.wanted && below.children == 1) absorbable.insert(*layer.parent);
  }
  return absorbable;
}

}  // namespace

LayerTree read_layer_tree(const Database& database) {
  LayerTree tree;
  tree.last_retired = last_retired(database);
  Statement layers(
      database,
      "SELECT id, directory, parent, committed, entries,"
      " EXISTS (SELECT 1 FROM refs WHERE layer = id) OR EXISTS (SELECT 1 FROM heads WHERE current = id OR upper = id)"
      " FROM layers ORDER BY id");
  while (layers.step()) {
    LayerTree::Node node{layers.text(1), layers.integer_or_null(2), layers.integer(3) != 0, layers.integer(5) != 0, 0,
                         std::nullopt};
    if (!layers.is_null(4)) node.entries = static_cast<std::uint64_t>(layers.integer(4));
    if (node.parent) ++tree.layers.at(*node.parent).children;
    tree.layers.emplace(layers.integer(0), std::move(node));
  }
  Statement covers(database, "SELECT layer, directory, below, entries FROM covers");
  while (covers.step()) {
    tree.covers[covers.integer(0)] = {covers.text(1), covers.integer(2), static_cast<std::uint64_t>(covers.integer(3))};
  }
  return tree;
}

bool needs_merging(const LayerTree& tree) {
  if (!absorbable_layers(tree).empty()) return true;
  const auto lowers = lowers_of_all(tree);
  return std::any_of(lowers.begin(), lowers.end(),
                     [&](const auto& one) { return one.second > aimed_lowers && tree.layers.at(one.first).committed; });
}

std::vector<LayerId> uncounted_layers(const LayerTree& tree) {
  std::set<LayerId> in_long_chains;
  for (const auto& [id, lowers] : lowers_of_all(tree)) {
    if (lowers <= aimed_lowers || !tree.layers.at(id).committed) continue;
    for (LayerId at = id; !is_base(tree, at) && in_long_chains.insert(at).second;)
      at = tree.layers.at(at).parent.value();
  }
  std::vector<LayerId> uncounted;
  std::copy_if(in_long_chains.begin(), in_long_chains.end(), std::back_inserter(uncounted),
               [&](LayerId id) { return !tree.layers.at(id).entries; });
  return uncounted;
}

std::vector<Merge> plan_absorptions(const LayerTree& tree) {
  const std::set<LayerId> absorbable = absorbable_layers(tree);
  std::vector<Merge> merges;
  for (const auto& [id, layer] : tree.layers) {
    if (!layer.committed || absorbable.contains(id) || is_base(tree, id)) continue;
    // From here down, in pieces: what is taken in first is taken in again only as a part of its piece.
    std::vector<Lower> taken;
    for (LayerId at = id;;) {
      const LayerTree::Node& node = tree.layers.at(at);
      taken.push_back({{at, node.directory}, node.parent.value(), 0});
      const bool goes_on = absorbable.contains(*node.parent);
      if (taken.size() == most_merged_at_once || !goes_on) {
        if (taken.size() > 1) merges.push_back(make_merge(tree, Merge::Purpose::absorb, taken));
        taken.clear();
      }
      if (!goes_on) break;
      at = *node.parent;
    }
  }
  return merges;
}

CoverPlanner::CoverPlanner(LayerTree tree) : tree_(std::move(tree)) {}

std::optional<Merge> CoverPlanner::next() {
  auto at = lowers_.empty() ? tree_.layers.begin() : tree_.layers.upper_bound(lowers_.rbegin()->first);
  for (; at != tree_.layers.end(); ++at) {
    const auto& [id, layer] = *at;
    const std::size_t lowers = layer.parent ? 1 + lowers_.at(lower_at(tree_, id).below) : 0;
    if (lowers > aimed_lowers && layer.committed) return cover(id);
    lowers_[id] = lowers;
  }
  return std::nullopt;
}

Merge CoverPlanner::cover(LayerId layer) const {
  std::vector<Lower> taken;
  std::uint64_t entries = 0;
  for (LayerId at = layer; !is_base(tree_, at) && taken.size() < most_merged_at_once;) {
    const Lower lower = lower_at(tree_, at);
    if (taken.size() > 1 && lower.entries > most_times_larger * entries) break;
    taken.push_back(lower);
    entries += lower.entries + 1;  // so that empty layers count too
    at = lower.below;
  }
  return make_merge(tree_, Merge::Purpose::cover, taken);
}

void CoverPlanner::made(const Merge& merge, std::uint64_t entries) {
  tree_.covers[merge.layer] = {merge.directory, merge.below, entries};
}

}  // namespace plyroot::store
