#include "model/plain_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "model/file_operations.hpp"
#include "support/error.hpp"

namespace plyroot::test {
namespace fs = std::filesystem;
namespace {

constexpr const char* main_head = "-";

}  // namespace

PlainStore::PlainStore(std::string directory) : directory_(std::move(directory)) {
  fs::create_directories(directory_);
  base_ = new_directory();
  fs::create_directory(base_);
  fs::permissions(base_, fs::perms(0755));
  states_.insert(base_);
  heads_[main_head] = {base_, std::nullopt};
}

std::string PlainStore::new_directory() {
  return directory_ + "/" + std::to_string(next_++);
}

std::vector<PlainStore::NamedState>::const_iterator PlainStore::find(const std::string& snapshot) const {
  return std::find_if(refs_.begin(), refs_.end(), [&](const NamedState& ref) { return ref.name == snapshot; });
}

const PlainStore::State& PlainStore::current_of(const std::string& head) const {
  const auto found = heads_.find(head);
  return found == heads_.end() ? heads_.at(main_head).current : found->second.current;
}

PlainStore::Head& PlainStore::head_of(const std::string& name) {
  return heads_.try_emplace(name, Head{current_of(name), std::nullopt}).first->second;
}

std::vector<PlainStore::Ref> PlainStore::snapshots(const std::string& head) const {
  std::vector<Ref> listed;
  for (const NamedState& ref : refs_)
    listed.push_back({ref.name, ref.state == current_of(head)});
  return listed;
}

const std::string& PlainStore::root_of(const std::string& name) {
  Head& head = head_of(name);
  if (!head.upper) {
    head.upper = Upper{new_directory(), {}, {}};
    copy_tree(head.current, head.upper->directory);
    note_committed(*head.upper);
  }
  return head.upper->directory;
}

void PlainStore::note_committed(Upper& upper) {
  for (const auto& entry : fs::recursive_directory_iterator(upper.directory)) {
    struct stat status {};
    if (lstat(entry.path().c_str(), &status) < 0) throw_errno("examine", entry.path().string());
    if (S_ISDIR(status.st_mode) || status.st_nlink == 1) continue;
    upper.committed.insert(status.st_ino);
    upper.holders.push_back(linux_api::open_path(entry.path(), O_PATH | O_NOFOLLOW));
  }
}

void PlainStore::part_name(const std::string& head, const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) < 0 || S_ISDIR(status.st_mode)) return;
  std::set<ino_t>& committed = head_of(head).upper->committed;
  if (!committed.contains(status.st_ino)) return;
  if (status.st_nlink == 1) {
    committed.erase(status.st_ino);  // what is copied up is the upper's from now on, and so are its later names
    return;
  }
  const std::string beside = directory_ + "/parted";
  copy_tree(path, beside);
  fs::rename(beside, path);
}

void PlainStore::take_snapshot(const std::string& head_name, const std::string& name) {
  Head& head = head_of(head_name);
  if (head.upper) {
    head.current = head.upper->directory;
    states_.insert(head.current);
    head.upper.reset();
  }
  refs_.push_back({name, head.current});
}

void PlainStore::roll_back(const std::string& head, const std::string& name) {
  clean(head);
  head_of(head).current = find(name)->state;
  remove_unreachable();
}

void PlainStore::clean(const std::string& name) {
  const auto head = heads_.find(name);
  if (head == heads_.end() || !head->second.upper) return;
  fs::remove_all(head->second.upper->directory);
  head->second.upper.reset();
}

void PlainStore::remove(const std::string& name) {
  refs_.erase(find(name));
  remove_unreachable();
}

void PlainStore::drop(const std::string& name) {
  clean(name);
  if (name == main_head) {
    heads_[name].current = base_;
  } else {
    heads_.erase(name);
  }
  remove_unreachable();
}

void PlainStore::remove_unreachable() {
  std::set<State> reached{base_};
  for (const NamedState& ref : refs_)
    reached.insert(ref.state);
  for (const auto& [name, head] : heads_)
    reached.insert(head.current);
  std::erase_if(states_, [&](const State& state) {
    if (reached.contains(state)) return false;
    fs::remove_all(state);
    return true;
  });
}

}  // namespace plyroot::test
