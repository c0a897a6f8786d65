#include "buildroot/backing.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "buildroot/full_disk.hpp"
#include "buildroot/mock_neighbour.hpp"
#include "linux/directory.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace plyroot::buildroot {
namespace {

/// The kernel takes 255 bytes as the source of a mount, and "plyroot:ROOT:HEAD (mock)" has to fit.
constexpr std::size_t longest_root_name = 175;

Store::MockIsAlive asks_for_mock(const config::Config& config) {
  return [&config] { return !mocks_at_work(config).empty(); };
}

class LayeredBacking final : public Backing {
 public:
  explicit LayeredBacking(const config::Config& config)
      : head_(head_of(config)),
        rootdir_(config.rootdir),
        store_(Store::open_or_create(store_location(config), asks_for_mock(config))) {}

  HeadLock lock() override { return {store_, head_}; }

  RootTree prepare_tree(const HeadLock& lock, Log& log) override {
    if (lock.use() == HeadLock::Use::mounted) return ExistingTree{rootdir_};
    const auto merging_first = [&] {
      log.info("this root stands on more layers than can be mounted at once: merging them first");
    };
    const Store::Prepared prepared = store_.prepare_upper(lock, merging_first);
    if (prepared.dropped_unsynced) {
      log.warning(
          "the machine was restarted before what had been written to this root was on the disk: the root is back at "
          "its "
          "current snapshot");
    }
    overlay::OverlayPlan plan{mount_source(),       prepared.layers.lowers,  prepared.layers.upper,
                              prepared.layers.work, overlay::Marks::trusted, true};
    return OverlayTree{std::move(plan), store_.layers_directory()};
  }

  void commit_preparation(Store::UseNoteSync use_note) override { store_.commit_preparation(use_note); }
  void sync_use_note() override { store_.sync_use_note(); }

  void clean(const HeadLock& idle_head) override {
    retry_when_full(store_, [&] { store_.clean(idle_head); });
  }
  Store* store() override { return &store_; }
  std::string mount_source() const override {
    return fmt::format("plyroot:{}{}{}", store_.location().root, head_.is_main() ? "" : ":", head_.text());
  }

 private:
  HeadName head_;
  std::string rootdir_;
  Store store_;
};

class PlainBacking final : public Backing {
 public:
  explicit PlainBacking(const config::Config& config)
      : directory_(config.basedir + "/" + config.root), rootdir_(config.rootdir) {
    linux_api::make_directories(directory_, 0755);
  }

  HeadLock lock() override { return {directory_, HeadName::main()}; }

  RootTree prepare_tree(const HeadLock& /*lock*/, Log& /*log*/) override {
    linux_api::make_directories(rootdir_, 0755);
    return ExistingTree{rootdir_};
  }

  void commit_preparation(Store::UseNoteSync /*use_note*/) override {}
  void sync_use_note() override {}

  void clean(const HeadLock& /*idle_head*/) override {
    const linux_api::Descriptor parent =
        linux_api::open_path(rootdir_.substr(0, rootdir_.find_last_of('/')), O_RDONLY | O_DIRECTORY);
    const std::string name = rootdir_.substr(rootdir_.find_last_of('/') + 1);
    linux_api::remove_tree(parent.get(), name);
  }
  Store* store() override { return nullptr; }
  std::string mount_source() const override { return {}; }

 private:
  std::string directory_;
  std::string rootdir_;
};

}  // namespace

HeadName head_of(const config::Config& config) {
  if (config.root == config.shared_root) return HeadName::main();
  return HeadName(std::string_view(config.root).substr(config.shared_root.size() + 1));
}

StoreLocation store_location(const config::Config& config) {
  const std::string& name = config.shared_root;
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    throw Error(fmt::format("config_opts['root'] is '{}', which is no name for a directory", printable(name)), {},
                ExitCode::configuration);
  }
  if (name.size() > longest_root_name) {
    throw Error(fmt::format("config_opts['root'] has {} bytes, and a root that can be mounted has at most {}",
                            name.size(), longest_root_name),
                {}, ExitCode::configuration);
  }
  return {config.plugins.overlayfs.base_dir, config.shared_root};
}

std::unique_ptr<Backing> make_backing(const config::Config& config) {
  if (config.plugins.overlayfs.enable) return std::make_unique<LayeredBacking>(config);
  return std::make_unique<PlainBacking>(config);
}

std::optional<Store> open_existing_store(const config::Config& config) {
  return Store::open(store_location(config), asks_for_mock(config));
}

}  // namespace plyroot::buildroot
