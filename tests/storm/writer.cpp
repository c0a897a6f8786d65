// What sessions of the storm run: writes what belongs to a token, or checks that what a root holds belongs together.
// Static, so that a root needs nothing else.
//
//   writer stamp TOKEN        /shape, a file or a directory by turns, and files in /payload-NN/TOKEN, all made of the
//                             token; then the token into /stamp, by a rename; then what earlier tokens left goes
//   writer noise NAME COUNT   files of this count in /noise/NAME/below, instead of those of earlier ones
//   writer check              prints what is there, as JSON; fails where the files of the token that is in /stamp, or
//                             those of a noise, are not as they were made

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

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

/// Whose, and with which mode: other ones for each token.
struct Attributes {
  mode_t mode;
  uid_t owner;
  gid_t group;
  bool operator==(const Attributes&) const = default;
};

Attributes attributes_of(const std::string& token, int number) {
  const std::size_t hash = std::hash<std::string>()(token) + static_cast<std::size_t>(number) * 37;
  return {static_cast<mode_t>(0700 | (hash & 07077)), static_cast<uid_t>(hash % 1000), static_cast<gid_t>(hash % 777)};
}

void set_attributes(const fs::path& path, const Attributes& wanted) {
  if (chown(path.c_str(), wanted.owner, wanted.group) < 0 || chmod(path.c_str(), wanted.mode) < 0)
    throw std::runtime_error("cannot set the attributes of " + path.string() + ": " + std::strerror(errno));
}

Attributes read_attributes(const fs::path& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) < 0)
    throw std::runtime_error("cannot examine " + path.string() + ": " + std::strerror(errno));
  return {status.st_mode & 07777, status.st_uid, status.st_gid};
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

void make_shape(const std::string& token) {
  fs::remove_all("/shape");
  if (std::hash<std::string>()(token) % 3 == 0) {
    write("/shape.new", token);  // whoever is killed leaves no file that is nobody's
    fs::rename("/shape.new", "/shape");
  } else {
    fs::create_directory("/shape");
    write(fs::path("/shape") / token, "");
  }
}

void stamp(const std::string& token) {
  make_shape(token);
  const fs::path directory = payload_of(token) / token;
  fs::create_directories(directory);
  for (int number = 0; number < files; ++number) {
    const fs::path file = directory / std::to_string(number);
    write(file, content_of(token, number));
    set_attributes(file, attributes_of(token, number));
  }
  set_attributes(directory, attributes_of(token, files));
  write("/stamp.new", token);
  fs::rename("/stamp.new", "/stamp");
  // What earlier tokens left goes, some of it whole directories of lower layers.
  for (const auto& entry : fs::directory_iterator(payload_of(token))) {
    if (entry.path().filename() != token) fs::remove_all(entry.path());
  }
}

void noise(const std::string& name, const std::string& count) {
  const fs::path directory = "/noise";
  fs::remove_all(directory / name);
  fs::create_directories(directory / name / "below");
  for (int number = 0; number < files; ++number)
    write(directory / name / "below" / (count + "." + std::to_string(number)), name);
}

void check_payload(const std::string& token) {
  const fs::path directory = payload_of(token) / token;
  if (names_in(directory).size() != files) throw std::runtime_error("other files than those of " + token);
  if (read_attributes(directory) != attributes_of(token, files))
    throw std::runtime_error("mode or owner of the directory of " + token);
  for (int number = 0; number < files; ++number) {
    const fs::path file = directory / std::to_string(number);
    if (read(file) != content_of(token, number) || read_attributes(file) != attributes_of(token, number))
      throw std::runtime_error("file " + std::to_string(number) + " of " + token + " is not as it was written");
  }
}

/// Whoever makes a noise may have been killed in the midst; but first it removes what was there.
void check_noise(const std::string& name) {
  const fs::path directory = fs::path("/noise") / name;
  if (names_in(directory) != std::vector<std::string>{"below"} && !names_in(directory).empty())
    throw std::runtime_error("more than was written in " + directory.string());
  std::set<std::string> counts;
  if (!fs::exists(directory / "below")) return;
  for (const std::string& file : names_in(directory / "below")) {
    counts.insert(file.substr(0, file.find('.')));
    const std::string content = read(directory / "below" / file);
    if (!content.empty() && content != name) throw std::runtime_error(directory.string() + " is not as it was written");
  }
  if (counts.size() > 1) throw std::runtime_error("files that had been removed are back in " + directory.string());
}

std::string as_json(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "\"" : ", \"") + name + "\"";
  return "[" + text + "]";
}

void check() {
  const std::string token = read("/stamp");
  check_payload(token);
  std::vector<std::string> payloads;
  for (const std::string& name : names_in("/")) {
    if (!name.starts_with("payload-")) continue;
    for (const std::string& payload : names_in("/" + name))
      payloads.push_back(payload);
  }
  if (fs::exists("/noise")) {
    for (const std::string& name : names_in("/noise"))
      check_noise(name);
  }
  std::vector<std::string> shape;
  if (fs::is_directory("/shape")) {
    shape = names_in("/shape");
  } else if (fs::exists("/shape")) {
    shape.push_back(read("/shape"));
  }
  std::printf("{\"stamp\": \"%s\", \"payloads\": %s, \"shape\": %s}\n", token.c_str(), as_json(payloads).c_str(),
              as_json(shape).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    if (what == "stamp" && argc == 3) {
      stamp(argv[2]);
    } else if (what == "noise" && argc == 4) {
      noise(argv[2], argv[3]);
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
