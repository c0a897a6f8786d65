#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "linux/descriptor.hpp"

namespace plyroot::test {

/// What a store promises, told with whole copies of directories and nothing clever: the model.
///
/// One thing is not as in a plain directory, and is modelled as it is documented (docs/store.md): where a file of
/// a committed layer has several names, changing it by one of them parts that name from the others.
class PlainStore {
 public:
  explicit PlainStore(std::string directory);

  struct Ref {
    std::string name;
    bool is_current;
  };
  [[nodiscard]] std::vector<Ref> snapshots(const std::string& head) const;
  [[nodiscard]] bool has(const std::string& snapshot) const { return find(snapshot) != refs_.end(); }

  /// The directory that the root of a head shows. Heads are called by their names.
  const std::string& root_of(const std::string& name);
  /// Parts a name from the other names of its file, where the file lies in a committed layer.
  void part_name(const std::string& head, const std::string& path);

  void take_snapshot(const std::string& head, const std::string& name);
  void roll_back(const std::string& head, const std::string& name);
  void clean(const std::string& name);
  void remove(const std::string& name);
  void drop(const std::string& name);

 private:
  using State = std::string;  // a directory of the model's
  struct Upper {
    std::string directory;
    std::set<ino_t> committed;                   // files of several names that a committed layer holds
    std::vector<linux_api::Descriptor> holders;  // so that no other file gets their inode numbers
  };
  struct Head {
    State current;
    std::optional<Upper> upper;
  };
  struct NamedState {
    std::string name;
    State state;
  };

  [[nodiscard]] std::vector<NamedState>::const_iterator find(const std::string& snapshot) const;
  [[nodiscard]] const State& current_of(const std::string& head) const;
  Head& head_of(const std::string& name);
  std::string new_directory();
  static void note_committed(Upper& upper);
  void remove_unreachable();

  std::string directory_;
  unsigned next_ = 0;
  State base_;
  std::map<std::string, Head> heads_;
  std::vector<NamedState> refs_;
  std::set<State> states_;
};

}  // namespace plyroot::test
