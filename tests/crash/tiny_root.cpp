// All programs of a root that is as small as it can be, and the package manager that fills it: which one is told by the
// name that it is started by. Linked statically, so that it needs nothing in the root.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

/// dnf --installroot ROOT ... install ...
int fill(const Words& words, const std::string& self) {
  fs::path root;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--installroot") root = words[i + 1];
  }
  if (root.empty()) return 1;
  if (fs::exists(root / "usr/bin")) {
    std::ofstream(root / "usr/share" / words.back()) << words.back();
    return 0;
  }
  fs::create_directories(root / "usr/bin");
  fs::create_directories(root / "usr/share/doc/deep/down");
  fs::create_directory_symlink("usr/bin", root / "bin");
  const fs::path program = root / "usr/bin/tiny-root";
  fs::copy_file(self, program);
  for (const char* name : {"sh", "groupadd", "useradd", "rpm", "true", "change"})
    fs::create_hard_link(program, root / "usr/bin" / name);
  std::ofstream(root / "usr/share/doc/deep/down/file") << "a file\n";
  std::ofstream(root / "usr/share/doc/to-be-removed") << "one more\n";
  std::ofstream(root / "usr/share/doc/to-be-written") << "as it was\n";
  fs::permissions(root / "usr/share/doc/to-be-written", fs::perms(0640));
  return 0;
}

/// change WORD: what a user might do to a root, in a way that shows later. All of it but the last step lies in a
/// directory aside, so that it appears at once.
int change(const std::string& word) {
  const fs::path doc = "/usr/share/doc";
  if (word == "rename") return rename("/before", "/after") == 0 ? 0 : 1;
  fs::create_directories(doc / word / "below");
  std::ofstream(doc / word / "file") << word;
  fs::create_hard_link(doc / word / "file", doc / word / "below/link");
  fs::create_symlink("file", doc / word / "symlink");
  if (setxattr((doc / word / "file").c_str(), "user.note", word.data(), word.size(), 0) < 0) return 1;
  std::ofstream(doc / "to-be-written", std::ios::app) << word << "\n";
  fs::remove(doc / "to-be-removed");
  fs::remove_all(doc / "deep");
  fs::create_directories(doc / "deep");  // opaque
  std::ofstream(doc / "deep" / word) << word;
  fs::remove("/after");
  std::ofstream("/before") << word << "\n";
  return 0;
}

/// write FILE TEXT
int write(const std::string& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text << std::flush;
  return stream ? 0 : 1;
}

/// churn DIRECTORY: writes, renames and removes files there until it is killed.
int churn(const fs::path& directory) {
  fs::create_directories(directory);
  std::cout << "begun" << std::endl;
  for (unsigned i = 0;; ++i) {
    const fs::path file = directory / std::to_string(i % 40);
    std::ofstream(file) << std::string(std::size_t{3000} * (i % 7), static_cast<char>('a' + i % 26));
    if (i % 3 == 0) fs::rename(file, directory / ("renamed-" + std::to_string(i % 11)));
    if (i % 5 == 0) fs::remove(directory / std::to_string((i + 20) % 40));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = fs::path(argv[0]).filename();
  const Words words(argv + 1, argv + argc);
  try {
    if (name.find("manager") != std::string::npos) return fill(words, fs::read_symlink("/proc/self/exe"));
    if (name == "change" && words.size() == 1 && words[0] == "wait") return pause();
    if (name == "change" && words.size() == 1) return change(words[0]);
    if (name == "change" && words.size() == 2 && words[0] == "churn") return churn(words[1]);
    if (name == "change" && words.size() == 3 && words[0] == "write") return write(words[1], words[2]);
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << "\n";
    return 1;
  }
  return 0;
}
