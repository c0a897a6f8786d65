// A base_dir of mock's plugin, which anything may have damaged. Each line of the input is a file, "PATH=CONTENT", or,
// without "=", a directory. Paths that would lead out are left out.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "fuzz.hpp"
#include "linux/descriptor.hpp"
#include "linux/directory.hpp"
#include "plyroot/store.hpp"
#include "store/database.hpp"
#include "store/layer_tree.hpp"
#include "store/mock_takeover.hpp"
#include "store/schema.hpp"
#include "support/text.hpp"

namespace {

namespace fs = std::filesystem;
using namespace plyroot;

bool is_plain(const fs::path& path) {
  if (path.empty() || path.is_absolute()) return false;
  for (const auto& name : path) {
    if (name == ".." || name.string().size() > 100 || name.string().find('\0') != std::string::npos) return false;
  }
  return std::distance(path.begin(), path.end()) <= 4;
}

void lay_out(const fs::path& directory, std::string_view description) {
  for (const std::string& line : split(description, '\n')) {
    const std::size_t equals = line.find('=');
    const fs::path path(line.substr(0, equals));
    if (!is_plain(path)) continue;
    std::error_code ignored;  // what is in each other's way is left out
    fs::create_directories(equals == std::string::npos ? directory / path : (directory / path).parent_path(), ignored);
    if (equals == std::string::npos) continue;
    const linux_api::Descriptor file(open((directory / path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (file) linux_api::write_all(file.get(), std::string_view(line).substr(equals + 1));
  }
}

void take_over(const fs::path& directory) {
  const linux_api::Descriptor store = linux_api::open_path(directory, O_RDONLY | O_DIRECTORY);
  if (!store::is_mock_store(store.get())) return;
  const store::MockStore mock = store::read_mock_store(store.get(), directory);
  const linux_api::Descriptor layers = linux_api::open_at(store.get(), "layers", O_RDONLY | O_DIRECTORY);
  const store::Database database(directory / "store.db", store::Database::Mode::create);
  database.execute("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY");
  store::create_schema(database);
  store::take_over(mock, database, store.get(), layers.get());
  // Everything that is named can be reached, down to the base.
  for (const auto& ref : mock.refs) {
    const auto layer = store::find_ref(database, SnapshotName(ref.name));
    fuzz::require(layer.has_value() && !store::chain_of(database, *layer).empty(), "a snapshot has its layers");
  }
  fuzz::require(store::find_head(database, HeadName::main()).has_value(), "there is a main head");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string directory = "/dev/shm/plyroot-takeover-" + std::to_string(getpid());
  fs::remove_all(directory);
  fs::create_directory(directory);
  lay_out(directory, fuzz::text_of(data, size));
  fuzz::parse([&] { take_over(directory); });
  fs::remove_all(directory);
  return 0;
}
