#include "store/mock_takeover.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "linux/file_system.hpp"
#include "overlay/upper_use.hpp"
#include "store/layer_tree.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::store {
namespace {

using linux_api::Descriptor;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(fmt::format("cannot take over what mock's overlayfs plugin left in {}: {}", printable(path), why),
              "Nothing was changed. Remove that directory to begin anew; its snapshots go with it.");
}

Descriptor open_directory(int parent, const char* name) {
  return linux_api::open_if_directory(parent, name);
}

/// The layer's name that a file of mock's holds; a name of a directory, nothing that leads elsewhere.
std::string read_layer_name(int directory, const std::string& file, const std::string& path) {
  const Descriptor opened = linux_api::open_if_exists(directory, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!opened) return {};
  std::string name(trim(linux_api::read_all(opened.get(), 4096)));
  const auto is_uuid_character = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
  };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), is_uuid_character)) {
    refuse(path, fmt::format("{} does not hold the name of a layer", printable(file)));
  }
  return name;
}

timespec modification_time(int directory, const std::string& name) {
  struct stat status {};
  if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
    throw_errno(errno, "examine", linux_api::shown_path(directory, name));
  return status.st_mtim;
}

void read_refs(MockStore& mock, int refs, const std::string& path) {
  std::vector<std::pair<timespec, MockStore::MockRef>> dated;
  for (const std::string& name : linux_api::list_names(refs)) {
    if (name.starts_with(".")) continue;
    dated.push_back({modification_time(refs, name), {SnapshotName(name).text(), read_layer_name(refs, name, path)}});
  }
  std::sort(dated.begin(), dated.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.tv_sec, a.first.tv_nsec, a.second.name) <
           std::tie(b.first.tv_sec, b.first.tv_nsec, b.second.name);
  });
  for (auto& [time, ref] : dated)
    mock.refs.push_back(std::move(ref));
  mock.base = read_layer_name(refs, ".base", path);
  mock.current = read_layer_name(refs, ".current", path);
  mock.upper = read_layer_name(refs, ".upper", path);
}

/// All layers that a name reaches, parents first.
void read_layers(MockStore& mock, int layers, const std::string& path) {
  std::set<std::string> known;
  const auto read_chain = [&](std::string name) {
    std::vector<std::pair<std::string, MockStore::MockLayer>> chain;
    while (!known.contains(name)) {
      const Descriptor directory = open_directory(layers, name.c_str());
      if (!directory || !open_directory(directory.get(), "fs"))
        refuse(path, fmt::format("the layer {} is missing", name));
      MockStore::MockLayer layer;
      layer.parent = read_layer_name(directory.get(), "parent", path);
      layer.committed = faccessat(directory.get(), "immutable", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
      chain.emplace_back(name, layer);
      known.insert(name);
      if (layer.parent.empty()) {
        if (name != mock.base) refuse(path, fmt::format("the layer {} has no parent, and is not the base", name));
        break;
      }
      name = layer.parent;
      if (std::any_of(chain.begin(), chain.end(), [&](const auto& link) { return link.first == name; }))
        refuse(path, fmt::format("the layer {} stands on itself", name));
    }
    mock.layers.insert(mock.layers.end(), std::make_move_iterator(chain.rbegin()),
                       std::make_move_iterator(chain.rend()));
  };
  read_chain(mock.base);
  for (const auto& ref : mock.refs)
    read_chain(ref.layer);
  read_chain(mock.current);
  if (!mock.upper.empty()) read_chain(mock.upper);
}

void leave_locks_for_mock(int store_directory) {
  for (const char* name : {"locks", "locks/snapshot.lock", "locks/mount.lock"}) {
    if (mkdirat(store_directory, name, 0755) < 0 && errno != EEXIST)
      throw_errno(errno, "make mock's lock directory", linux_api::shown_path(store_directory, name));
  }
  linux_api::sync_directory(open_directory(store_directory, "locks").get());
}

}  // namespace

bool is_mock_store(int store_directory) {
  return faccessat(store_directory, "refs/.base", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

MockStore read_mock_store(int store_directory, const std::string& path) {
  MockStore mock;
  const Descriptor refs = open_directory(store_directory, "refs");
  const Descriptor layers = open_directory(store_directory, "layers");
  if (!refs || !layers) refuse(path, "its refs or layers directory is missing");
  read_refs(mock, refs.get(), path);
  if (mock.base.empty()) refuse(path, "it has no base layer");
  if (mock.current.empty()) mock.current = mock.base;
  read_layers(mock, layers.get(), path);
  if (!mock.upper.empty()) {
    const Descriptor upper = linux_api::open_at(layers.get(), mock.upper + "/fs", O_PATH | O_DIRECTORY);
    if (overlay::is_upper_in_use(upper.get())) refuse(path, "its root is mounted; unmount it first (`mock --umount`)");
  }
  return mock;
}

void take_over(const MockStore& mock, const Database& database, int store_directory, int layers) {
  std::map<std::string, LayerId> ids;
  for (const auto& [name, layer] : mock.layers) {
    const auto parent = layer.parent.empty() ? std::nullopt : std::optional(ids.at(layer.parent));
    const bool committed = layer.committed || name != mock.upper;
    ids[name] = add_layer(database, name, parent, committed);
    // mock shares one work directory among all layers; plyroot gives each its own.
    const std::string work = name + "/work";
    if (mkdirat(layers, work.c_str(), 0700) < 0 && errno != EEXIST)
      throw_errno(errno, "make the directory", linux_api::shown_path(layers, work));
  }
  for (const auto& ref : mock.refs)
    add_ref(database, SnapshotName(ref.name), ids.at(ref.layer), "");
  Head head = head_on(ids.at(mock.current));
  // An upper that was committed meanwhile is no upper any more: the next mount makes a new one on top of current.
  if (!mock.upper.empty() && !read_layer(database, ids.at(mock.upper)).committed) head.upper = ids.at(mock.upper);
  write_head(database, HeadName::main(), head);
  leave_locks_for_mock(store_directory);
  linux_api::sync_file_system(layers);
}

}  // namespace plyroot::store
