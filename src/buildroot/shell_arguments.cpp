#include "buildroot/shell_arguments.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "linux/descriptor.hpp"

namespace plyroot::buildroot {
namespace {

/// Nothing in it means anything to a shell.
bool is_plain_path(std::string_view line) {
  return line.starts_with('/') && std::all_of(line.begin(), line.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("/._+-").find(c) != std::string_view::npos;
         });
}

/// A script without "#!", say, is the shell's to run, and what cannot be run at all is the shell's to complain of.
bool is_program(int root, const std::string& path) {
  constexpr mode_t executable_by_all = S_IXUSR | S_IXGRP | S_IXOTH;
  const linux_api::Descriptor found =
      linux_api::open_in_root_if_there(root, path, O_PATH, linux_api::Links::follow_on_this_mount);
  struct stat status {};
  if (!found || fstat(found.get(), &status) < 0 || (status.st_mode & executable_by_all) != executable_by_all)
    return false;
  const linux_api::Descriptor file = linux_api::open_if_regular(found, O_RDONLY);
  std::array<char, SELFMAG> magic{};
  if (!file || read(file.get(), magic.data(), magic.size()) != static_cast<ssize_t>(magic.size())) return false;
  return std::string_view(magic.data(), magic.size()) == std::string_view(ELFMAG, SELFMAG);
}

}  // namespace

std::vector<std::string> shell_arguments(int root, const std::string& line) {
  if (is_plain_path(line) && is_program(root, line)) return {line};
  return {"/bin/sh", "-c", line};
}

}  // namespace plyroot::buildroot
