#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "linux/directory.hpp"
#include "store_fixture.hpp"
#include "support/error.hpp"

namespace plyroot::test {
namespace fs = std::filesystem;

class Collection : public StoreTest {
 protected:
  [[nodiscard]] std::size_t count(const std::string& name) const {
    const std::string path = location().path() + "/" + name;
    return fs::exists(path) ? static_cast<std::size_t>(std::distance(fs::directory_iterator(path), {})) : 0;
  }
};
INSTANTIATE_TEST_SUITE_P(On, Collection, testing::Values("ext4"), file_system_name);

TEST_P(Collection, MakesRoomForAMountThatFailedAndCanThenBePreparedAnew) {
  write("a", "1");
  snapshot("s");
  fs::create_directory(location().path() + "/layers/unlisted");
  {
    const HeadLock lock(store(), HeadName("new"));
    const Store::Prepared failed = store().prepare_upper(lock);  // in a transaction, which holds the database
    EXPECT_TRUE(store().free_space());
    EXPECT_EQ(count("trash"), 0U);
  }
  EXPECT_EQ(count("layers"), 2U) << "base and the snapshot's; the layer that was prepared is gone";
  EXPECT_EQ(read("a"), "1");
}

TEST_P(Collection, ADroppedLayerIsRenamedAwayAndRemovedLater) {
  write("a", "1");
  EXPECT_EQ(count("layers"), 2U);  // base and the upper
  clean();
  EXPECT_EQ(count("layers"), 1U);
  EXPECT_EQ(count("trash"), 1U);
  EXPECT_TRUE(store().has_garbage());
  store().collect_garbage();
  EXPECT_EQ(count("trash"), 0U);
  EXPECT_FALSE(store().has_garbage());
}

TEST_P(Collection, ALayerLivesAsLongAsAnythingReachesIt) {
  write("a", "1");
  snapshot("s");
  write("b", "2");
  snapshot("t");
  remove("s");  // t stands on it
  store().collect_garbage();
  EXPECT_EQ(count("layers"), 3U);
  EXPECT_EQ(read("a"), "1");
}

TEST_P(Collection, WhatNoLayerListsIsGarbage) {
  fs::create_directories(location().path() + "/layers/999/fs/left/by/a/killed/command");
  store().collect_garbage();
  EXPECT_EQ(count("layers"), 1U);
  EXPECT_EQ(count("trash"), 0U);
}

TEST_P(Collection, AListedLayerThatIsMissingIsAnErrorAndNotAnEmptyLayer) {
  write("a", "1");
  snapshot("s");
  write("b", "2");
  const auto layers = store().mounted_layers(HeadName::main());
  ASSERT_TRUE(layers);
  fs::remove_all(store().layers_directory() + "/" + fs::path(layers->upper).parent_path().string());
  try {
    read("a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos) << error.what();
  }
  clean();  // what is said to help helps
  EXPECT_EQ(read("a"), "1");
}

TEST_P(Collection, IdsAreNeverUsedTwice) {
  write("a", "1");
  const auto first = store().mounted_layers(HeadName::main())->upper;
  clean();
  store().collect_garbage();
  write("a", "1");
  EXPECT_NE(store().mounted_layers(HeadName::main())->upper, first);
}

}  // namespace plyroot::test
