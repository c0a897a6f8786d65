// Brings a store into a state that is to be measured, by the store's own operations, without waiting for the disk.
//
//   bench-make-store BASE_DIR ROOT names COUNT                names for the layer of postinit, until there are COUNT
//   bench-make-store BASE_DIR ROOT upper COUNT                the main head gets an upper with COUNT files
//   bench-make-store BASE_DIR ROOT synced-upper COUNT         likewise, and the head is noted as being on the disk
//   bench-make-store BASE_DIR ROOT dirty COUNT                writes each of these files anew
//   bench-make-store BASE_DIR ROOT chain COUNT same|own OPEN_FILES
//       COUNT snapshots deep-1 ... on top of each other, each with a file more in the same directory, or in a directory
//       of its own; the first has the program OPEN_FILES and 2,000 files, in that same directory or beside
//
// Only "names" goes past the store's operations, by SQL: each would have to be one transaction. Directories full of
// files are made once: BASE_DIR/stock-COUNT is renamed into an upper, and fetched back from wherever an operation has
// put it. Whoever measures syncs the file system first: here fsync(2) and its like do nothing.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>

#include "plyroot/store.hpp"
#include "store/database.hpp"
#include "store/head_file.hpp"

extern "C" {
int fsync(int) {
  return 0;
}
int fdatasync(int) {
  return 0;
}
int syncfs(int) noexcept {
  return 0;
}
}

namespace {

namespace fs = std::filesystem;
using plyroot::HeadLock;
using plyroot::HeadName;
using plyroot::SnapshotName;
using plyroot::Store;

constexpr int files_in_directory = 1000;
constexpr int opened_files = 2000;

Store open_store(const plyroot::StoreLocation& location) {
  auto store = Store::open(location);
  if (!store) throw std::runtime_error("there is no store in " + location.path());
  return std::move(*store);
}

void write_whole(const fs::path& file, const std::string& text) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0 || write(descriptor, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw fs::filesystem_error("cannot write", file, std::error_code(errno, std::generic_category()));
  }
  close(descriptor);
}

fs::path file_of(const fs::path& directory, int number) {
  return directory / std::to_string(number / files_in_directory) / fmt::format("file-{}", number);
}

/// Every file of the tree, which are made if they are missing.
void write_files(const fs::path& directory, int count, bool only_missing) {
  const std::string text(1000, 'x');
  for (int i = 0; i < count; ++i) {
    const fs::path file = file_of(directory, i);
    if (i % files_in_directory == 0) fs::create_directories(file.parent_path());
    if (only_missing && faccessat(AT_FDCWD, file.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) continue;
    write_whole(file, text);
  }
}

/// Where an operation has put the tree of this name: into a layer, or into the trash with its layer.
std::optional<fs::path> find_tree(const fs::path& store, const std::string& name) {
  for (const char* place : {"layers", "trash"}) {
    if (!fs::exists(store / place)) continue;
    for (const fs::directory_entry& layer : fs::directory_iterator(store / place)) {
      if (fs::path tree = layer.path() / "fs" / name; fs::exists(tree)) return tree;
    }
  }
  return std::nullopt;
}

std::string tree_name(int count) {
  return fmt::format("bench-files-{}", count);
}

void give_upper(Store& store, int count, bool synced) {
  const fs::path stock = fs::path(store.location().base_directory) / fmt::format("stock-{}", count);
  if (count > 0 && !fs::exists(stock)) {
    if (const auto tree = find_tree(store.location().path(), tree_name(count))) {
      fs::rename(*tree, stock);
    } else {
      fs::create_directory(stock);
    }
  }
  if (count > 0) write_files(stock, count, true);
  {
    const HeadLock lock(store, HeadName::main());
    const auto prepared = store.prepare_upper(lock);
    store.commit_preparation();
    const fs::path upper = fs::path(store.layers_directory()) / prepared.layers.upper;
    if (count > 0) fs::rename(stock, upper / tree_name(count));
    plyroot::store::note_unmount(lock.descriptor());  // as a session that has ended leaves it
  }
  if (synced) store.sync_head(HeadName::main());
}

void make_dirty(const Store& store, int count) {
  const auto layers = store.mounted_layers(HeadName::main());
  if (!layers) throw std::runtime_error("the main head has no upper");
  write_files(fs::path(store.layers_directory()) / layers->upper / tree_name(count), count, false);
}

void add_names(const Store& store, int count) {
  const plyroot::store::Database database(store.location().path() + "/store.db",
                                          plyroot::store::Database::Mode::existing);
  plyroot::store::Transaction transaction(database);
  plyroot::store::Statement existing(database, "SELECT count(*) FROM refs");
  existing.step();
  for (auto i = existing.integer(0); i < count; ++i) {
    plyroot::store::Statement(
        database, "INSERT INTO refs (name, layer, origin) SELECT ?, layer, '' FROM refs WHERE name = 'postinit'")
        .bind(fmt::format("many-{}", i))
        .run();
  }
  transaction.commit();
}

void make_chain(Store& store, int count, bool same, const fs::path& open_files) {
  for (int number = 1; number <= count; ++number) {
    const HeadLock lock(store, HeadName::main());
    const fs::path upper = fs::path(store.layers_directory()) / store.prepare_upper(lock).layers.upper;
    store.commit_preparation();
    const fs::path files = upper / "bench" / "files";
    if (number == 1) {
      fs::create_directories(files);
      for (int i = 0; i < opened_files; ++i)
        write_whole(files / fmt::format("file-{}", i), "text\n");
      fs::copy_file(open_files, upper / "bench" / "open-files");
    }
    const fs::path changed = same ? files : upper / "bench-own" / fmt::format("directory-{}", number);
    fs::create_directories(changed);
    write_whole(changed / fmt::format("change-{}", number), std::to_string(number));
    store.take_snapshot(lock, SnapshotName(fmt::format("deep-{}", number)));
  }
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4) throw std::runtime_error("usage: see the source");
  Store store = open_store({arguments[0], arguments[1]});
  const std::string& command = arguments[2];
  const int count = std::stoi(arguments[3]);
  if (command == "names") {
    add_names(store, count);
  } else if (command == "upper" || command == "synced-upper") {
    give_upper(store, count, command == "synced-upper");
  } else if (command == "dirty") {
    make_dirty(store, count);
  } else if (command == "chain" && arguments.size() == 6) {
    make_chain(store, count, arguments[4] == "same", arguments[5]);
  } else {
    throw std::runtime_error("usage: see the source");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "bench-make-store: " << error.what() << '\n';
    return 1;
  }
}
