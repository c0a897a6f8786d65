#include <gtest/gtest.h>

#include <filesystem>

#include "linux/mount.hpp"
#include "linux/namespaces.hpp"
#include "linux/process.hpp"
#include "overlay/overlay_mount.hpp"
#include "overlay/upper_support.hpp"
#include "store_fixture.hpp"
#include "support/error.hpp"

namespace plyroot::test {
namespace fs = std::filesystem;

TEST(OverlayPlan, IsMountedLayerByLayer) {
  const overlay::OverlayPlan plan{"source", {"3/fs", "1/fs"}, "4/fs", "4/work"};
  const auto mount = overlay::as_file_system_mount(plan);
  const std::vector<linux_api::FileSystemParameter> expected{
      {"source", std::string("source")},  {"lowerdir+", std::string("3/fs")},
      {"lowerdir+", std::string("1/fs")}, {"upperdir", std::string("4/fs")},
      {"workdir", std::string("4/work")}, {"index", std::string("off")},
      {"metacopy", std::string("off")},   {"redirect_dir", std::string("off")},
      {"xino", std::string("auto")},      {"volatile", {}}};
  EXPECT_EQ(mount.type, "overlay");
  EXPECT_EQ(mount.parameters, expected);
}

TEST(OverlayPlan, IsRefusedAsAStringThatTheKernelWouldCut) {
  overlay::OverlayPlan plan{"source", {}, "1/fs", "1/work"};
  for (int i = 0; i < 500; ++i)
    plan.lowers.push_back(std::to_string(10'000 + i) + "/fs");
  EXPECT_THROW((void)overlay::as_mount_options(plan), Error);
  plan.lowers.resize(300);
  EXPECT_LE(overlay::as_mount_options(plan).size(), 4095U);
}

TEST(OverlayPlan, NoticesALayerThatWasNotMounted) {
  const overlay::OverlayPlan plan{"source", {"3/fs", "1/fs"}, "4/fs", "4/work"};
  EXPECT_TRUE(overlay::is_what_was_mounted(plan, "rw,lowerdir+=3/fs,lowerdir+=1/fs,upperdir=4/fs,workdir=4/work"));
  EXPECT_TRUE(overlay::is_what_was_mounted(plan, "rw,lowerdir=3/fs:1/fs,upperdir=4/fs,workdir=4/work"));
  EXPECT_FALSE(overlay::is_what_was_mounted(plan, "rw,lowerdir+=3/fs,upperdir=4/fs,workdir=4/work"));
  EXPECT_FALSE(overlay::is_what_was_mounted(plan, "rw,lowerdir+=3/fs,lowerdir+=1/fs,upperdir=5/fs"));
}

class Overlays : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(On, Overlays, every_file_system(), file_system_name);

TEST_P(Overlays, MountTheSameThroughTheOldInterface) {
  write("a", "1");
  snapshot("s");
  write("b", "2");
  const HeadLayers layers = *store().mounted_layers(HeadName::main());
  store().prepare_upper(HeadLock(store(), HeadName::main()));
  store().commit_preparation();
  const overlay::OverlayPlan plan{"s", layers.lowers, layers.upper, layers.work};
  const linux_api::Descriptor root = overlay::mount_overlay_by_options(plan, store().layers_directory());
  EXPECT_EQ(faccessat(root.get(), "a", F_OK, 0), 0);
  EXPECT_EQ(faccessat(root.get(), "b", F_OK, 0), 0);
  EXPECT_TRUE(linux_api::processes_that_mount("s").empty()) << "it is seen";
}

TEST_P(Overlays, AreMountedFromWhateverWorkingDirectoryWhichStays) {
  const fs::path before = fs::current_path();
  write("a", "1");
  EXPECT_EQ(fs::current_path(), before);
}

TEST_P(Overlays, CannotLieOnAnOverlayAndThatIsSaidBeforeAnythingIsWritten) {
  const MountedHead head(store(), HeadName::main());
  const std::string base = location().base_directory + "/container";
  fs::create_directory(base);
  linux_api::attach_mount(linux_api::clone_mount(head.root(), "", false).get(),
                          linux_api::open_path(base, O_PATH).get());
  try {
    Store::open_or_create({base + "/var/lib/plyroot", "root"});
    ADD_FAILURE() << "a store was made on an overlay";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("lies on an overlay"), std::string::npos) << error.what();
    EXPECT_NE(error.advice().find("volume"), std::string::npos);
    EXPECT_NE(error.advice().find("tmpfs"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(base + "/var"));
  EXPECT_TRUE(fs::is_empty(base));
  linux_api::unmount_detached(base);
}

}  // namespace plyroot::test
