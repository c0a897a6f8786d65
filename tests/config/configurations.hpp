#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include "config/load.hpp"
#include "support/log.hpp"

namespace plyroot::config {

/// A directory of configurations, a home directory and a cache of a test's own, which ordinary users can enter.
class Configurations : public testing::Test {
 protected:
  Configurations() {
    std::string pattern = "/tmp/plyroot-config-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
    directory_ = pattern;
    std::filesystem::permissions(directory_, std::filesystem::perms(0755));
    for (const char* name : {"etc", "home"})
      std::filesystem::create_directory(directory_ / name);
    request_.config_directory = etc("");
    request_.chroot = "x";
    surroundings_.cache_directory = path("cache");
    surroundings_.home = path("home");
    surroundings_.settling_time = std::chrono::milliseconds(0);
    count_starts();
  }
  ~Configurations() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give up its rights, and only root writes the cache";
    // The tests are of a login as root, whoever runs them.
    unsetenv("SUDO_UID");
    unsetenv("SUDO_GID");
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::string etc(const std::string& name) const { return directory_ / "etc" / name; }

  /// Writes a file below the test's directory, and the directories above it.
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    const std::filesystem::path file = directory_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    if (chmod(file.c_str(), mode) < 0) throw std::system_error(errno, std::generic_category(), file);
    return file;
  }
  /// The configuration x.cfg, whose root is called r.
  void configure(const std::string& text) const { write("etc/x.cfg", "config_opts['root'] = 'r'\n" + text); }

  Config load() { return config::load(request_, log_, surroundings_, &report_); }

  /// How often the evaluator was started.
  [[nodiscard]] int starts() const {
    std::ifstream file(path("starts"));
    int lines = 0;
    for (std::string line; std::getline(file, line);)
      ++lines;
    return lines;
  }

  std::filesystem::path directory_;
  Request request_;
  Surroundings surroundings_;
  LoadReport report_;
  Log log_{LogLevel::error};

 private:
  /// Puts a program that counts in Python's place.
  void count_starts() {
    write("starts", "", 0666);
    surroundings_.python =
        write("python", "#!/bin/sh\necho >> " + path("starts") + "\nexec /usr/bin/python3 \"$@\"\n", 0755);
  }
};

}  // namespace plyroot::config
