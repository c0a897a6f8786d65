// Paths and patterns of configurations and users that are looked for in a root, whose links lead out: each line is one.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "buildroot/root_files.hpp"
#include "buildroot/shell_arguments.hpp"
#include "fuzz.hpp"
#include "linux/descriptor.hpp"
#include "support/text.hpp"

namespace {

namespace fs = std::filesystem;
using namespace plyroot;

constexpr const char* secret = "of the host";

/// A root, and beside it what nobody in it may get at.
class Place {
 public:
  Place() : path_("/dev/shm/plyroot-paths-" + std::to_string(getpid())) {
    fs::create_directories(path_ / "root/a/b");
    std::ofstream(path_ / "outside") << secret;
    std::ofstream(path_ / "root/file") << "of the root";
    std::ofstream(path_ / "root/program") << "\x7f"
                                             "ELF";
    fs::permissions(path_ / "root/program", fs::perms(0755));
    fs::create_symlink(path_ / "outside", path_ / "root/absolute");
    fs::create_symlink("../outside", path_ / "root/relative");
    fs::create_symlink("circle", path_ / "root/circle");
    fs::create_symlink("..", path_ / "root/a/up");
    root_ = linux_api::open_path(path_ / "root", O_RDONLY | O_DIRECTORY);
  }
  ~Place() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] int root() const { return root_.get(); }

 private:
  fs::path path_;
  linux_api::Descriptor root_;
};

void look_for(int root, const std::string& path) {
  fuzz::parse(
      [&] { fuzz::require(buildroot::read_file_in_root(root, path) != secret, "what is read is of the root"); });
  fuzz::parse([&] { buildroot::locate_in_root(root, path, false); });
  fuzz::parse([&] {
    for (const std::string& found : buildroot::glob_in_root(root, path)) {
      fuzz::require(!found.starts_with('/') && ("/" + found + "/").find("/../") == std::string::npos,
                    "what a pattern finds is below the root");
    }
  });
  fuzz::parse([&] {
    const std::vector<std::string> arguments = buildroot::shell_arguments(root, path);
    if (arguments.size() == 1) {
      fuzz::require(arguments[0] == path && path.find_first_of(" \t\n;&|<>$`\\\"'*?[]{}()!#~=%") == std::string::npos,
                    "what runs without a shell means nothing to one");
    } else {
      fuzz::require(arguments.size() == 3 && arguments[2] == path, "the shell gets the line");
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Place place;
  for (const std::string& line : split(fuzz::text_of(data, size), '\n'))
    look_for(place.root(), line);
  return 0;
}
