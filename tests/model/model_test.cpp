#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <random>

#include "fixtures/listing.hpp"
#include "linux/file.hpp"
#include "linux/mount.hpp"
#include "model/file_operations.hpp"
#include "model/operation.hpp"
#include "model/plain_store.hpp"
#include "overlay/merged_directory.hpp"
#include "store/store_fixture.hpp"
#include "support/error.hpp"

namespace plyroot::test {
namespace fs = std::filesystem;
namespace {

/// What is wrong, and after how many operations of the sequence.
struct Difference : std::runtime_error {
  using std::runtime_error::runtime_error;
};

HeadName head_named(const std::string& name) {
  return name == "-" ? HeadName::main() : HeadName(name);
}

/// A store and the model of it, to which the same is done.
class World {
 public:
  explicit World(const std::string& directory)
      : location_{directory, "root"},
        store_(Store::open_or_create(location_)),
        plain_(directory + "/plain"),
        sharing_(overlay::sharing_in(linux_api::open_path(directory, O_RDONLY | O_DIRECTORY).get())) {}
  ~World() {
    mounted_.clear();
    if (chdir("/") < 0) std::abort();  // mounting goes into the layers' directory
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void apply(const Operation& written) {
    const Operation operation = pointed_at_what_exists(written);
    const auto of_store = store_operations_.find(operation.name);
    if (of_store != store_operations_.end()) {
      of_store->second(operation);
      compare_names();
      compare();
      return;
    }
    apply_to_both(operation);
    if (++file_operations_ % 8 == 0) compare();
  }

  /// Everything that can be looked at, at the end of a sequence.
  void compare_all() {
    for (const char* head : {"-", "head2", "head3"}) {
      head_ = head;
      compare();
    }
    head_ = "-";
    for (const auto& snapshot : plain_.snapshots("-"))
      apply({"roll-back", "-", snapshot.name, 0});
  }

  [[nodiscard]] std::size_t succeeded() const { return succeeded_; }

 private:
  /// Most operations on what does not exist mean something that does: else few would have an effect.
  Operation pointed_at_what_exists(Operation operation) {
    constexpr unsigned one_is_left_as_it_is_in = 8;
    if (operation.number % one_is_left_as_it_is_in == 0) return operation;
    const unsigned number = operation.number / one_is_left_as_it_is_in;
    if (operation.name == "roll-back" || operation.name == "remove-snapshot") {
      const auto snapshots = plain_.snapshots(head_);
      if (!plain_.has(operation.other) && !snapshots.empty())
        operation.other = snapshots[number % snapshots.size()].name;
    } else if (needs_existing_path(operation)) {
      const std::string& root = plain_.root_of(head_);
      std::vector<std::string> paths;
      for (const auto& entry : fs::recursive_directory_iterator(root))
        paths.push_back(entry.path().lexically_relative(root));
      std::sort(paths.begin(), paths.end());
      if (!paths.empty() && !std::binary_search(paths.begin(), paths.end(), operation.path))
        operation.path = paths[number % paths.size()];
    }
    return operation;
  }

  const MountedHead& mounted() {
    auto& place = mounted_[head_];
    if (!place) {
      Store as_another_command = opened_anew();
      place = std::make_unique<MountedHead>(as_another_command, head_named(head_));
    }
    return *place;
  }
  /// Where merged directories are hard links, a live root may show one file as two when they come and go:
  /// docs/store.md.
  void spare_live_roots() {
    if (sharing_ == overlay::Sharing::hard_links) mounted_.clear();
  }
  /// What other commands have kept of it is read (store/head_view.hpp).
  [[nodiscard]] Store opened_anew() const { return *Store::open(location_); }
  HeadLock unmount() {
    mounted_.erase(head_);
    return {store_, head_named(head_)};
  }

  void apply_to_both(const Operation& operation) {
    // Of this process's number, since programs of ours are told it too.
    const std::string ours = fmt::format("/proc/{}/fd/{}", getpid(), mounted().root());
    const std::string& plain = plain_.root_of(head_);
    const int result = apply_to_files(ours, operation);
    if (result == 0) {
      if (const std::string changed = copied_up_by(plain, operation); !changed.empty())
        plain_.part_name(head_, changed);
    }
    const int expected = apply_to_files(plain, operation);
    if (result == 0 && expected == 0) ++succeeded_;
    // POSIX allows both for a directory that is not empty, and file systems differ.
    const bool both_not_empty =
        (result == ENOTEMPTY && expected == EEXIST) || (result == EEXIST && expected == ENOTEMPTY);
    if (result == expected || both_not_empty) return;
    // A directory of a committed layer cannot be renamed; mv(1) copies it.
    if (operation.name != "rename" || result != EXDEV) {
      throw Difference(
          fmt::format("it ends with '{}' and not with '{}'", describe_errno(result), describe_errno(expected)));
    }
    if (expected != 0) return;
    fs::rename(plain + "/" + operation.other, plain + "/" + operation.path);
    for (const std::string& root : {ours, plain})
      move_by_copying(root + "/" + operation.path, root + "/" + operation.other);
    ++succeeded_;
  }

  void compare() {
    const std::string found =
        differences(list_tree(linux_api::open_path(plain_.root_of(head_), O_PATH).get()), list_tree(mounted().root()));
    if (!found.empty()) throw Difference(found);
  }

  void compare_names() {
    std::string expected;
    for (const auto& snapshot : plain_.snapshots(head_))
      expected += (snapshot.is_current ? "*" : " ") + snapshot.name;
    const auto compare_with = [&](const Store& store) {
      std::string found;
      store.for_each_snapshot(head_named(head_), [&](const Snapshot& snapshot) {
        found += (snapshot.is_current ? "*" : " ") + snapshot.name;
      });
      if (found != expected) throw Difference(fmt::format("the snapshots are{} and not{}", found, expected));
    };
    compare_with(store_);
    compare_with(opened_anew());
  }

  /// What must fail fails, and what must not does not.
  void attempt(bool must_succeed, const std::function<void()>& in_store, const std::function<void()>& in_model) {
    bool succeeds = true;
    std::string message = "it succeeds";
    try {
      in_store();
    } catch (const Error& error) {
      succeeds = false;
      message = error.what();
    }
    if (succeeds != must_succeed) throw Difference(fmt::format("{}, which was not expected", message));
    if (!succeeds) return;
    in_model();
    ++succeeded_;
  }

  using StoreOperation = std::function<void(const Operation&)>;
  const std::map<std::string, StoreOperation> store_operations_{
      {"snapshot",
       [this](const Operation& it) {
         attempt(
             !plain_.has(it.other), [&] { store_.take_snapshot(unmount(), SnapshotName(it.other)); },
             [&] { plain_.take_snapshot(head_, it.other); });
       }},
      {"roll-back",
       [this](const Operation& it) {
         attempt(
             plain_.has(it.other), [&] { store_.roll_back(unmount(), SnapshotName(it.other)); },
             [&] { plain_.roll_back(head_, it.other); });
       }},
      {"clean",
       [this](const Operation&) {
         attempt(
             true, [&] { store_.clean(unmount()); }, [&] { plain_.clean(head_); });
       }},
      {"remove-snapshot",
       [this](const Operation& it) {
         attempt(
             plain_.has(it.other), [&] { store_.remove_snapshot(SnapshotName(it.other)); },
             [&] { plain_.remove(it.other); });
       }},
      {"drop-head",
       [this](const Operation&) {
         attempt(
             true, [&] { store_.drop_head(unmount()); }, [&] { plain_.drop(head_); });
       }},
      {"use-head", [this](const Operation& it) { head_ = it.other; }},
      {"remount", [this](const Operation&) { unmount(); }},
      {"sync-head", [this](const Operation&) { store_.sync_head(head_named(head_)); }},
      {"collect-garbage",
       [this](const Operation&) {
         spare_live_roots();
         store_.collect_garbage();
       }},
      {"merge",
       [this](const Operation&) {
         spare_live_roots();
         store_.merge_layers();
       }},
      {"reopen",
       [this](const Operation&) {
         mounted_.clear();
         store_ = *Store::open(location_);
       }},
  };

  StoreLocation location_;
  Store store_;
  PlainStore plain_;
  overlay::Sharing sharing_;
  std::string head_ = "-";
  std::map<std::string, std::unique_ptr<MountedHead>> mounted_;
  std::size_t file_operations_ = 0;
  std::size_t succeeded_ = 0;
};

struct Outcome {
  std::size_t succeeded = 0;  ///< operations that changed something
  std::size_t done = 0;
  std::string difference;  ///< empty: all is well
};

Outcome run(const std::string& directory, const Sequence& sequence) {
  Outcome outcome;
  fs::create_directory(directory);
  {
    World world(directory);
    try {
      for (const Operation& operation : sequence) {
        world.apply(operation);
        ++outcome.done;
      }
      world.compare_all();
    } catch (const std::exception& error) {
      outcome.difference = error.what();
    }
    outcome.succeeded = world.succeeded();
  }
  fs::remove_all(directory);
  return outcome;
}

/// Leaves out all that can be left out while it still fails.
Sequence shrink(Sequence sequence, const std::function<Outcome(const Sequence&)>& run_again) {
  for (std::size_t piece = sequence.size() / 2; piece > 0; piece /= 2) {
    for (std::size_t at = 0; at + piece <= sequence.size();) {
      Sequence shorter = sequence;
      const auto first = shorter.begin() + static_cast<std::ptrdiff_t>(at);
      shorter.erase(first, first + static_cast<std::ptrdiff_t>(piece));
      const Outcome outcome = run_again(shorter);
      if (outcome.difference.empty()) {
        at += piece;
        continue;
      }
      shorter.resize(std::min(shorter.size(), outcome.done + 1));
      sequence = std::move(shorter);
    }
  }
  return sequence;
}

std::size_t number_from(const char* variable, std::size_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Model : public OnEachFileSystem {
 protected:
  void SetUp() override {
    OnEachFileSystem::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    linux_api::stop_mount_propagation(false);
    file_system_ = std::make_unique<ScratchFileSystem>(GetParam());
  }

  Outcome run_once(const Sequence& sequence) {
    return run(fmt::format("{}/{}", file_system_->path(), ++runs_), sequence);
  }

  void report(Sequence sequence, const Outcome& outcome) {
    sequence.resize(std::min(sequence.size(), outcome.done + 1));
    const Sequence small = shrink(std::move(sequence), [this](const Sequence& shorter) { return run_once(shorter); });
    ADD_FAILURE() << run_once(small).difference << "\nafter (PLYROOT_MODEL_REPLAY=FILE does it again):\n"
                  << to_text(small);
  }

 private:
  std::unique_ptr<ScratchFileSystem> file_system_;
  unsigned runs_ = 0;
};

constexpr std::size_t sequence_length = 500;

/// For scripts/summarize-reports.
void leave_report(const std::filesystem::path& directory, const std::string& file_system, std::size_t done,
                  std::size_t succeeded, std::chrono::duration<double> took) {
  std::filesystem::create_directories(directory);
  const std::string counts =
      fmt::format(R"({{"operations": {}, "took_effect": {}, "seconds": {:.1f}}})", done, succeeded, took.count());
  std::ofstream(directory / fmt::format("model-{}.json", file_system))
      << fmt::format(R"({{"kind": "model", "of": {{"{}": {}}}, "total": {}}})", file_system, counts, counts) << '\n';
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, Model, testing::Values("xfs", "ext4"), file_system_name);

TEST_P(Model, AStoreShowsWhatPlainDirectoriesWould) {
  if (const char* file = std::getenv("PLYROOT_MODEL_REPLAY")) {
    const Sequence sequence = sequence_from_text(linux_api::read_file(file));
    const Outcome outcome = run_once(sequence);
    EXPECT_EQ(outcome.difference, "") << "after " << outcome.done << " operations";
    return;
  }
  const bool full = number_from("PLYROOT_FULL", 0) != 0;
  const std::size_t wanted = number_from("PLYROOT_MODEL_OPERATIONS", full ? 100'000 : 3'000);
  std::uint64_t seed = number_from("PLYROOT_MODEL_SEED", std::random_device{}());
  std::cout << "seed " << seed << " (PLYROOT_MODEL_SEED does the same again)" << std::endl;
  const auto begin = std::chrono::steady_clock::now();
  std::size_t done = 0;
  std::size_t succeeded = 0;
  for (; done < wanted; ++seed) {
    const Sequence sequence = random_sequence(seed, std::min(sequence_length, wanted - done));
    const Outcome outcome = run_once(sequence);
    done += outcome.done;
    succeeded += outcome.succeeded;
    if (outcome.difference.empty()) continue;
    std::cout << "seed " << seed << " fails at operation " << outcome.done << ": " << outcome.difference << std::endl;
    report(sequence, outcome);
    break;
  }
  std::cout << "model: " << done << " operations on " << GetParam() << ", " << succeeded << " of them took effect"
            << std::endl;
  if (const char* reports = std::getenv("PLYROOT_REPORTS"); reports != nullptr && !HasFailure())
    leave_report(reports, GetParam(), done, succeeded, std::chrono::steady_clock::now() - begin);
}

}  // namespace plyroot::test
