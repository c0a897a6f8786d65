// What sessions of the storm run: writes what belongs to a token, or checks that what a root holds belongs together.
// Static, so that a root needs nothing else.
//
//   writer stamp TOKEN    files made of the token in /payload-TOKEN, then the token into /stamp, by a rename
//   writer noise NAME     files that nobody looks at, among them some that replace what lower layers have
//   writer check          prints the token that is in /stamp; fails where its files are not as it made them

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace {

namespace fs = std::filesystem;

constexpr int files = 12;

std::string content_of(const std::string& token, int number) {
  std::string content;
  const std::size_t size = std::hash<std::string>()(token) % 4000 + static_cast<std::size_t>(number) * 700;
  while (content.size() < size)
    content += token + "/" + std::to_string(number) + "\n";
  return content;
}

void write(const fs::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::trunc);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string() + ": " + std::strerror(errno));
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string() + ": " + std::strerror(errno));
  return {std::istreambuf_iterator<char>(file), {}};
}

fs::path payload_of(const std::string& token) {
  return "/payload-" + token.substr(0, 2);
}

void stamp(const std::string& token) {
  const fs::path directory = payload_of(token) / token;
  fs::create_directories(directory);
  for (int number = 0; number < files; ++number)
    write(directory / std::to_string(number), content_of(token, number));
  write("/stamp.new", token);
  fs::rename("/stamp.new", "/stamp");
  // What earlier tokens left goes, some of it whole directories of lower layers.
  for (const auto& entry : fs::directory_iterator(payload_of(token))) {
    if (entry.path().filename() != token) fs::remove_all(entry.path());
  }
}

void noise(const std::string& name) {
  const fs::path directory = "/noise";
  fs::remove_all(directory / name);
  fs::create_directories(directory / name / "below");
  for (int number = 0; number < files; ++number)
    write(directory / name / "below" / std::to_string(number), name);
}

void check() {
  const std::string token = read("/stamp");
  for (int number = 0; number < files; ++number) {
    if (read(payload_of(token) / token / std::to_string(number)) != content_of(token, number))
      throw std::runtime_error("file " + std::to_string(number) + " of " + token + " is not as it was written");
  }
  std::printf("%s\n", token.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    if (what == "stamp" && argc == 3) {
      stamp(argv[2]);
    } else if (what == "noise" && argc == 3) {
      noise(argv[2]);
    } else if (what == "check") {
      check();
    } else {
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
  return 0;
}
