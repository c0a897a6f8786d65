#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "fixtures/deep_tree.hpp"
#include "fixtures/listing.hpp"
#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "linux/process.hpp"
#include "linux/tree_walk.hpp"
#include "store/check.hpp"
#include "store/merge_plan.hpp"
#include "store_fixture.hpp"

namespace plyroot::test {
namespace fs = std::filesystem;

class Merging : public StoreTest {
 protected:
  /// What a head's root shows.
  Listing show(const HeadName& head = HeadName::main()) { return list_tree(MountedHead(store(), head).root()); }

  std::size_t lowers() { return MountedHead(store(), HeadName::main()).prepared().layers.lowers.size(); }

  /// Changes the root through its mount, and makes a snapshot of it.
  void step(const std::string& name, const std::function<void(const fs::path&)>& change) {
    {
      const MountedHead head(store(), HeadName::main());
      change(linux_api::path_of(head.root()));
    }
    snapshot(name);
    shown_[name] = show();
  }

  void expect_every_snapshot_unchanged() {
    for (const auto& [name, before] : shown_) {
      roll_back(name);
      EXPECT_EQ(differences(before, show()), "") << "snapshot " << name;
    }
  }

  void forget(const std::string& name) {
    remove(name);
    shown_.erase(name);
  }

  [[nodiscard]] std::size_t directories_in(const std::string& name) const {
    const fs::path path = location().path() + "/" + name;
    return fs::exists(path) ? static_cast<std::size_t>(std::distance(fs::directory_iterator(path), {})) : 0;
  }

  std::map<std::string, Listing> shown_;
};
INSTANTIATE_TEST_SUITE_P(On, Merging, every_file_system(), file_system_name);

namespace {

void put(const fs::path& path, const std::string& content) {
  const auto flags = O_WRONLY | O_CREAT | O_TRUNC;
  linux_api::write_all(linux_api::open_path(path, flags, 0644).get(), content);
}

void give_attribute(const fs::path& path, const char* name, const std::string& value) {
  ASSERT_EQ(lsetxattr(path.c_str(), name, value.data(), value.size(), 0), 0) << path << ": " << name;
}

/// A sequence of states in which everything that layers can say of each other is said.
const std::vector<std::pair<std::string, std::function<void(const fs::path&)>>> every_kind_of_change = {
    {"files and directories",
     [](const fs::path& root) {
       fs::create_directories(root / "d/e/f");
       fs::create_directories(root / "becomes-opaque/old");
       put(root / "a", "1");
       put(root / "d/hidden-later", "1");
       put(root / "d/e/f/deep", "1");
       put(root / "becomes-opaque/old/x", "1");
       put(root / "file-then-directory", "1");
       fs::create_directories(root / "directory-then-file/with");
       put(root / "directory-then-file/with/content", "1");
     }},
    {"links, devices, a FIFO",
     [](const fs::path& root) {
       fs::create_symlink("../a", root / "d/link");
       fs::create_symlink("nowhere", root / "dangling");
       put(root / "two-names", "1");
       fs::create_hard_link(root / "two-names", root / "d/second-name");
       fs::create_hard_link(root / "two-names", root / "d/e/third-name");
       ASSERT_EQ(mknod((root / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
       ASSERT_EQ(mkfifo((root / "fifo").c_str(), 0600), 0);
     }},
    {"whiteouts and opaque directories",
     [](const fs::path& root) {
       fs::remove(root / "d/hidden-later");
       fs::remove_all(root / "becomes-opaque");
       fs::create_directory(root / "becomes-opaque");
       put(root / "becomes-opaque/new", "2");
       fs::remove(root / "file-then-directory");
       fs::create_directories(root / "file-then-directory/sub");
       fs::remove_all(root / "directory-then-file");
       put(root / "directory-then-file", "2");
     }},
    {"owners, modes, times, attributes",
     [](const fs::path& root) {
       ASSERT_EQ(chown((root / "a").c_str(), 1000, 1001), 0);
       ASSERT_EQ(chmod((root / "a").c_str(), 06755), 0);
       ASSERT_EQ(chown((root / "d/e").c_str(), 7, 8), 0);
       ASSERT_EQ(chmod((root / "d").c_str(), 01750), 0);
       give_attribute(root / "d/e", "trusted.of-a-directory", "kept");
       give_attribute(root / "a", "trusted.of-a-file", std::string("with\0zero", 9));
       // VFS_CAP_REVISION_2 with CAP_NET_RAW permitted and effective (linux/capability.h)
       const std::array<unsigned char, 20> capability{0x01, 0, 0, 0x02, 0, 0x20};
       give_attribute(root / "two-names", "security.capability", std::string(capability.begin(), capability.end()));
       const std::array<timespec, 2> times{timespec{1, 2}, timespec{1'000'000'000, 123'456'789}};
       ASSERT_EQ(utimensat(AT_FDCWD, (root / "d/e/f/deep").c_str(), times.data(), 0), 0);
     }},
    {"a sparse file",
     [](const fs::path& root) {
       put(root / "sparse", "begin");
       fs::resize_file(root / "sparse", 8 << 20);
       const auto file = linux_api::open_path(root / "sparse", O_WRONLY);
       ASSERT_EQ(pwrite(file.get(), "end", 3, 6 << 20), 3);
     }},
    {"back again",
     [](const fs::path& root) {
       put(root / "d/hidden-later", "3");
       fs::remove_all(root / "file-then-directory");
       put(root / "file-then-directory", "3");
       fs::remove(root / "directory-then-file");
       fs::create_directories(root / "directory-then-file/again");
       fs::remove(root / "dangling");
       put(root / "two-names", "3");  // parts from its other names at copy-up
     }},
    {"renamed",
     [](const fs::path& root) {
       fs::rename(root / "a", root / "d/a");
       fs::rename(root / "becomes-opaque/new", root / "becomes-opaque/renamed");
       fs::remove(root / "d/link");
     }},
    {"all gone",
     [](const fs::path& root) {
       for (const auto& entry : fs::directory_iterator(root))
         fs::remove_all(entry.path());
     }},
    {"something new",
     [](const fs::path& root) {
       fs::create_directories(root / "d/e");
       put(root / "d/e/new", "4");
     }},
};

std::string letter(std::size_t i) {
  return fmt::format("s{:02}", i);
}

}  // namespace

TEST_P(Merging, LayersThatNobodyNamesGoIntoTheirOnlyChildAndNothingElseChanges) {
  for (std::size_t i = 0; i < every_kind_of_change.size(); ++i)
    step(letter(i), every_kind_of_change[i].second);
  // Each state in turn is the lowest that is left, so that each is once merged with what lies above and below it.
  for (std::size_t i = 0; i + 1 < every_kind_of_change.size(); ++i) {
    if (i % 3 != 2) forget(letter(i));
  }
  store().merge_layers();
  store().collect_garbage();
  expect_every_snapshot_unchanged();
  roll_back(letter(every_kind_of_change.size() - 1));
  store().collect_garbage();
  EXPECT_EQ(directories_in("layers"), 1 + shown_.size());
  EXPECT_EQ(directories_in("staging"), 0U);
}

TEST_P(Merging, ALongChainIsCoveredAndShowsTheSame) {
  std::size_t count = 0;
  for (int round = 0; round < 3; ++round) {
    for (const auto& [what, change] : every_kind_of_change)
      step(letter(count++), change);
  }
  EXPECT_GT(lowers(), store::aimed_lowers);
  store().merge_layers();
  EXPECT_LE(lowers(), store::aimed_lowers);
  store().collect_garbage();
  expect_every_snapshot_unchanged();
}

TEST_P(Merging, WhatIsMergedIsMergedAgainWhenItsNamesGo) {
  for (std::size_t i = 0; i < 40; ++i) {
    step(letter(i), [&](const fs::path& root) {
      put(root / fmt::format("f{}", i), std::to_string(i));
      if (i > 2) fs::remove(root / fmt::format("f{}", i - 2));
    });
    if (i % 10 == 9) store().merge_layers();
  }
  for (const std::size_t gone : {0U, 1U, 5U, 6U, 7U, 20U, 30U, 31U, 38U})
    forget(letter(gone));
  store().merge_layers();
  store().collect_garbage();
  for (std::size_t i = 10; i < 20; ++i)
    forget(letter(i));
  store().merge_layers();
  store().collect_garbage();
  expect_every_snapshot_unchanged();
}

TEST_P(Merging, WhatWasMadeAndRemovedAgainInMergedLayersLeavesNothingInADirectoryThatNoOtherLayerHas) {
  step("below", [](const fs::path& root) {
    put(root / "other", "1");
    fs::create_directory(root / "in-all");
    put(root / "in-all/old", "1");
  });
  step("made", [](const fs::path& root) {
    for (const char* directory : {"new", "new/deeper", "in-all", "in-all/new"}) {
      fs::create_directories(root / directory);
      put(root / directory / "gone", "1");
      put(root / directory / "kept", "1");
    }
    fs::create_directories(root / "new/emptied/all");
  });
  step("removed", [](const fs::path& root) {
    for (const char* directory : {"new", "new/deeper", "in-all", "in-all/new"})
      fs::remove(root / directory / "gone");
    fs::remove(root / "in-all/old");
    fs::remove(root / "new/emptied/all");
  });
  step("put-back", [](const fs::path& root) {
    fs::remove_all(root / "in-all");
    fs::create_directory(root / "in-all");
    put(root / "in-all/again", "1");
  });
  forget("made");
  store().merge_layers();
  expect_every_snapshot_unchanged();
  forget("removed");
  store().merge_layers();
  expect_every_snapshot_unchanged();
}

TEST_P(Merging, WhatALiveRootWasMountedFromStaysUntilItIsUnmounted) {
  step("a", [](const fs::path& root) { put(root / "a", "1"); });
  step("b", [](const fs::path& root) { put(root / "b", "2"); });
  {
    const MountedHead live(store(), HeadName::main());
    forget("a");
    store().merge_layers();
    store().collect_garbage();
    EXPECT_EQ(live.read("a"), "1");
    EXPECT_EQ(live.read("b"), "2");
    EXPECT_EQ(directories_in("layers"), 5U);  // base, what a and b were, both merged, the upper
    const MountedHead later(store(), HeadName("later"));
    EXPECT_EQ(later.read("a"), "1");
    EXPECT_EQ(later.prepared().layers.lowers.size(), 1U);
  }
  store().collect_garbage();
  EXPECT_EQ(directories_in("layers"), 4U);  // base, both merged, two uppers
  EXPECT_EQ(read("a"), "1");
}

TEST_P(Merging, ARootMountedAfterAMergeDoesNotHoldWhatItReplaced) {
  step("a", [](const fs::path& root) { put(root / "a", "1"); });
  step("b", [](const fs::path& root) { put(root / "b", "2"); });
  forget("a");
  store().merge_layers();
  const MountedHead live(store(), HeadName::main());
  store().collect_garbage();
  EXPECT_EQ(directories_in("layers"), 3U);
  EXPECT_EQ(live.read("a"), "1");
}

namespace {

/// Waits until a process waits for a lock (fcntl(2), F_OFD_SETLKW).
void wait_until_it_waits_for_a_lock(pid_t process) {
  const std::string waiting = fmt::format("{} ", SYS_fcntl);
  while (!linux_api::read_file(fmt::format("/proc/{}/syscall", process)).starts_with(waiting))
    usleep(1000);
}

}  // namespace

TEST_P(Merging, ARootMountedWhileACollectionLooksAtOtherHeadsKeepsWhatItWasMountedFrom) {
  step("a", [](const fs::path& root) { put(root / "a", "1"); });
  step("b", [](const fs::path& root) { put(root / "b", "2"); });
  step("c", [](const fs::path& root) { put(root / "c", "3"); });
  write("x", "", HeadName("zz"));  // the last head that a collection looks at
  forget("a");
  store().merge_layers();  // something is retired, so that there is something to look for
  std::optional<HeadLock> held(std::in_place, store(), HeadName("zz"));
  linux_api::Child collection = linux_api::fork_child([&] {
    linux_api::close_descriptors_except({});
    Store::open(location())->collect_garbage();
    return 0;
  });
  wait_until_it_waits_for_a_lock(collection.id());
  const MountedHead live(store(), HeadName::main());
  forget("b");
  store().merge_layers();
  held.reset();
  EXPECT_TRUE(collection.wait().success());
  EXPECT_EQ(live.read("a"), "1");
  EXPECT_EQ(live.read("b"), "2");
  EXPECT_EQ(live.read("c"), "3");
}

/// Where only the number of layers counts.
class LongChains : public Merging {
 protected:
  /// A snapshot with one more file, made without a mount.
  Store::Prepared add_layer(std::size_t number, const std::function<void()>& merging_first = {}) {
    const HeadLock lock(store(), HeadName::main());
    Store::Prepared prepared = store().prepare_upper(lock, merging_first);
    store().commit_preparation();
    put(fs::path(store().layers_directory()) / prepared.layers.upper / fmt::format("f{}", number), "x");
    store().take_snapshot(lock, SnapshotName(letter(number)));
    return prepared;
  }
};
INSTANTIATE_TEST_SUITE_P(On, LongChains, testing::Values("tmpfs"), file_system_name);

TEST_P(LongChains, AreMergedBeforeTheyAreMountedWhereTheKernelWouldNotTakeThem) {
  std::size_t made = 0;
  for (bool merged = false; !merged; ++made) {
    ASSERT_LE(made, overlay::most_lowers + 1);
    const auto lowers = add_layer(made, [&] { merged = true; }).layers.lowers.size();
    EXPECT_LE(lowers, merged ? store::aimed_lowers : overlay::most_lowers);
  }
  EXPECT_EQ(made, overlay::most_lowers + 2);
  for (std::size_t i = 0; i < made; ++i)
    EXPECT_EQ(read(fmt::format("f{}", i)), "x") << i;
}

TEST_P(LongChains, NeverHaveTwoMergedDirectoriesOfOneName) {
  std::mt19937 random(23);  // covers the same layers twice
  const auto chance = [&](unsigned of) { return std::uniform_int_distribution<unsigned>(0, of - 1)(random); };
  std::set<std::string> before;
  std::set<std::string> ever;
  std::size_t number = 0;
  std::vector<std::size_t> named;
  for (int round = 0; round < 120; ++round) {
    for (unsigned added = 1 + chance(4); added > 0; --added) {
      add_layer(number);
      named.push_back(number++);
    }
    for (unsigned removed = chance(5); removed > 0 && named.size() > 12; --removed) {
      const auto one = named.begin() + chance(static_cast<unsigned>(named.size()));
      remove(letter(*one));
      named.erase(one);
    }
    store().merge_layers();
    std::set<std::string> now;
    const store::Database own = database();
    store::Statement rows(own, "SELECT directory FROM covers UNION SELECT directory FROM layers");
    while (rows.step())
      now.insert(rows.text(0));
    for (const std::string& name : now)
      EXPECT_TRUE(before.contains(name) || !ever.contains(name)) << name << " in round " << round;
    ever.insert(now.begin(), now.end());
    before = std::move(now);
  }
}

TEST_P(LongChains, HaveCoversThatTakeABoundedMultipleOfWhatTheLayersHold) {
  constexpr std::size_t layers = 1000;
  for (std::size_t i = 0; i < layers; ++i) {
    add_layer(i);
    if (i % 7 == 0) store().merge_layers();
  }
  store().merge_layers();
  const store::Database own = database();
  store::Statement sum(own, "SELECT sum(entries) FROM covers");
  ASSERT_TRUE(sum.step());
  EXPECT_LE(sum.integer(0), 10 * static_cast<std::int64_t>(layers));  // log2(1000) is 9.97
}

/// A tree that is deeper than this process has descriptors.
class DeepTrees : public Merging {
 protected:
  static constexpr std::size_t depth = 3000;

  static linux_api::Descriptor open_at_depth(int root, std::size_t wanted) {
    linux_api::Descriptor here = linux_api::duplicate(root);
    for (std::size_t i = 0; i < wanted; ++i)
      here = linux_api::open_at(here.get(), "d", O_RDONLY | O_DIRECTORY);
    return here;
  }
  /// Changes the directory at this depth, and makes a snapshot.
  void step_at(const std::string& name, std::size_t at, const std::function<void(int)>& change) {
    {
      const MountedHead head(store(), HeadName::main());
      change(open_at_depth(head.root(), at).get());
    }
    snapshot(name);
  }
  /// Of each name that a snapshot shows: where it ends, its mode, size and time, and how many names it has.
  Lines shown(const std::string& snapshot) {
    roll_back(snapshot);
    const MountedHead head(store(), HeadName::main());
    Lines lines;
    linux_api::walk_tree(head.root(), [&](int directory, const std::string& name, const std::string& path) {
      struct stat status {};
      EXPECT_EQ(fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW), 0);
      lines.push_back(fmt::format("{} {} {:o} {} {}.{:09} {}", path.size(), name, status.st_mode,
                                  S_ISDIR(status.st_mode) ? 0 : status.st_size, status.st_mtim.tv_sec,
                                  status.st_mtim.tv_nsec, S_ISDIR(status.st_mode) ? 0 : status.st_nlink));
      return true;
    });
    std::sort(lines.begin(), lines.end());
    return lines;
  }
};
INSTANTIATE_TEST_SUITE_P(On, DeepTrees, testing::Values("xfs", "tmpfs"), file_system_name);

TEST_P(DeepTrees, AreMergedLikeOthers) {
  const FewDescriptors few(128);
  step_at("whole", 0, [](int root) { make_deep_tree(root, depth); });
  step_at("bottom", depth, [](int directory) {
    ASSERT_EQ(unlinkat(directory, "gone", 0), 0);
    linux_api::write_all(linux_api::open_at(directory, "new", O_WRONLY | O_CREAT, 0644).get(), "x");
  });
  step_at("opaque", depth - 10, [](int directory) {
    linux_api::remove_tree(directory, "d");
    ASSERT_EQ(mkdirat(directory, "d", 0700), 0);
    linux_api::open_at(directory, "d/again", O_WRONLY | O_CREAT, 0644);
  });
  step_at("beside", depth - 10, [](int directory) { ASSERT_EQ(mkdirat(directory, "beside", 0700), 0); });
  const Lines whole = shown("whole");
  const Lines beside = shown("beside");
  EXPECT_EQ(whole.size(), depth + 3);
  EXPECT_EQ(beside.size(), depth - 10 + 3);

  forget("bottom");
  forget("opaque");
  store().merge_layers();
  store().collect_garbage();
  EXPECT_EQ(shown("whole"), whole);
  EXPECT_EQ(shown("beside"), beside);
  const auto report = store::check(location());
  EXPECT_TRUE(report.is_well());
  EXPECT_GT(report.files, depth);
  forget("whole");
  roll_back("beside");
  store().merge_layers();
  store().collect_garbage();
  EXPECT_EQ(directories_in("layers"), 2U);
  EXPECT_EQ(shown("beside"), beside);
}

}  // namespace plyroot::test
