#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "store_fixture.hpp"
#include "support/error.hpp"

namespace plyroot::test {
namespace fs = std::filesystem;
namespace {

constexpr const char* base = "00000000-0000-0000-0000-00000000000b";
constexpr const char* first = "11111111-1111-1111-1111-111111111111";
constexpr const char* second = "22222222-2222-2222-2222-222222222222";
constexpr const char* upper = "33333333-3333-3333-3333-333333333333";

/// What mock's overlayfs plugin leaves: base <- postinit <- "mvn" (current) <- upper.
class MockBaseDirectory : public OnEachFileSystem {
 protected:
  void SetUp() override {
    OnEachFileSystem::SetUp();
    if (IsSkipped()) return;
    file_system_ = std::make_unique<ScratchFileSystem>(GetParam());
    add_layer(base, "", true);
    add_layer(first, base, true);
    add_layer(second, first, true);
    add_layer(upper, second, false);
    write("layers/" + std::string(first) + "/fs/from-postinit", "1");
    write("layers/" + std::string(second) + "/fs/from-mvn", "2");
    write("layers/" + std::string(upper) + "/fs/from-upper", "3");
    write("refs/.base", base);
    write("refs/.current", second);
    write("refs/.upper", upper);
    write("refs/postinit", first);
    write("refs/mvn", second);
    fs::last_write_time(path("refs/postinit"), fs::last_write_time(path("refs/mvn")) - std::chrono::hours(1));
    fs::create_directories(path("locks/snapshot.lock"));  // left by a mock that was killed
  }
  void add_layer(const std::string& name, const std::string& parent, bool immutable) const {
    fs::create_directories(path("layers/" + name + "/fs"));
    if (!parent.empty()) write("layers/" + name + "/parent", parent);
    if (immutable) write("layers/" + name + "/immutable", "");
    write("layers/" + name + "/refcounter", "garbage: a torn counter blocks mock");
  }
  [[nodiscard]] StoreLocation location() const { return {file_system_->path(), "root"}; }
  [[nodiscard]] std::string path(const std::string& name) const { return location().path() + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
  }
  [[nodiscard]] std::set<std::string> layer_names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path("layers")))
      names.insert(entry.path().filename());
    return names;
  }

 private:
  std::unique_ptr<ScratchFileSystem> file_system_;
};
INSTANTIATE_TEST_SUITE_P(On, MockBaseDirectory, testing::Values("ext4", "tmpfs"), file_system_name);

}  // namespace

TEST_P(MockBaseDirectory, IsTakenOverInPlaceAtFirstUse) {
  const auto before = layer_names();
  Store store = std::move(*Store::open(location()));
  EXPECT_EQ(listed(store), (Lines{"  postinit", "* mvn"}));
  EXPECT_EQ(layer_names(), before);
  {
    const MountedHead head(store, HeadName::main());
    EXPECT_EQ(head.read("from-postinit"), "1");
    EXPECT_EQ(head.read("from-mvn"), "2");
    EXPECT_EQ(head.read("from-upper"), "3");
  }
  store.clean(HeadLock(store, HeadName::main()));
  EXPECT_EQ(MountedHead(store, HeadName::main()).read("from-upper"), std::nullopt);
  store.roll_back(HeadLock(store, HeadName::main()), SnapshotName("postinit"));
  EXPECT_EQ(MountedHead(store, HeadName::main()).read("from-mvn"), std::nullopt);
}

TEST_P(MockBaseDirectory, MakesMocksOwnPluginRefuseAfterwards) {
  Store::open(location());
  EXPECT_TRUE(fs::is_directory(path("locks/snapshot.lock")));
  EXPECT_TRUE(fs::is_directory(path("locks/mount.lock")));
}

TEST_P(MockBaseDirectory, IsLeftAloneWhileALiveMockHoldsIt) {
  EXPECT_THROW(Store::open(location(), [] { return true; }), Error);
  EXPECT_FALSE(fs::exists(path("locks/mount.lock")));
  EXPECT_EQ(listed(*Store::open(location())).size(), 2U);
}

TEST_P(MockBaseDirectory, IsRefusedWhereALayerIsMissing) {
  fs::remove_all(path("layers/" + std::string(first)));
  try {
    Store::open(location());
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(first), std::string::npos) << error.what();
  }
  EXPECT_FALSE(fs::exists(path("locks/mount.lock")));
}

TEST_P(MockBaseDirectory, IsRefusedWhereLayersStandOnEachOther) {
  write("layers/" + std::string(first) + "/parent", second);
  EXPECT_THROW(Store::open(location()), Error);
  EXPECT_FALSE(fs::exists(path("locks/mount.lock")));
}

TEST_P(MockBaseDirectory, IsRefusedWhereARefLeadsElsewhere) {
  write("refs/mvn", "../../../etc");
  EXPECT_THROW(Store::open(location()), Error);
}

}  // namespace plyroot::test
