#include "config/cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "config/cache_fields.hpp"
#include "linux/descriptor.hpp"
#include "linux/directory.hpp"
#include "linux/file.hpp"
#include "support/error.hpp"
#include "support/sealed.hpp"

namespace plyroot::config {

template <SameBut<Notice> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("warning", value.warning);
  visit("text", value.text);
}

namespace {

using linux_api::Descriptor;

constexpr std::size_t most_entries = 256;
constexpr std::size_t entries_after_cleaning = 192;
constexpr std::size_t longest_entry = std::size_t{32} << 20U;

std::string file_name(std::string_view key) {
  return fmt::format("{:016x}", checksum(key));
}

/// Whether only root can have written it.
bool is_trusted(const Descriptor& file, mode_t type) {
  struct stat status {};
  return fstat(file.get(), &status) == 0 && (status.st_mode & S_IFMT) == type && status.st_uid == 0 &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

Descriptor open_directory(const std::string& path) {
  return Descriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::string entry_of(std::string_view key, const Answer& answer) {
  std::string payload;
  binary::Writer writer(payload);
  writer.put(key);
  writer.put(answer.dependencies);
  writer.put(answer.computes_with_root);
  writer.put(answer.notices);
  writer.put(answer.config);
  return sealed(cache_magic, payload);
}

void remove_oldest(int directory) {
  std::vector<std::string> names = linux_api::list_names(directory);
  if (names.size() <= most_entries) return;
  std::vector<std::pair<std::int64_t, std::string>> by_age;
  for (std::string& name : names) {
    struct stat status {};
    if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      by_age.emplace_back(status.st_mtim.tv_sec, std::move(name));
    }
  }
  std::sort(by_age.begin(), by_age.end());
  for (std::size_t i = 0; i + entries_after_cleaning < by_age.size(); ++i) {
    unlinkat(directory, by_age[i].second.c_str(), 0);
  }
}

}  // namespace

std::unique_ptr<Answer> Cache::find(std::string_view key, const VariableLookup& variable, std::string& why) const {
  const Descriptor directory = open_directory(directory_);
  if (!directory) {
    why = fmt::format("there is no cache {}", directory_);
    return nullptr;
  }
  if (!is_trusted(directory, S_IFDIR)) {
    why = fmt::format("{} can be written by others than root, so it is not read", directory_);
    return nullptr;
  }
  const std::string name = file_name(key);
  const Descriptor file(openat(directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    why = "it was not evaluated before";
    return nullptr;
  }
  if (!is_trusted(file, S_IFREG)) {
    why = fmt::format("{}/{} can be written by others than root, so it is not read", directory_, name);
    return nullptr;
  }
  try {
    const std::string content = linux_api::read_all(file.get(), longest_entry);
    const auto payload = unsealed(cache_magic, content);
    if (!payload) throw binary::Malformed();
    binary::Reader reader(*payload);
    if (reader.text() != key) {
      why = "it was not evaluated before";
      return nullptr;
    }
    auto answer = std::make_unique<Answer>();
    reader.get(answer->dependencies);
    if (auto change = find_change(answer->dependencies, variable)) {
      why = std::move(*change);
      return nullptr;
    }
    reader.get(answer->computes_with_root);
    reader.get(answer->notices);
    reader.get(answer->config);
    if (!reader.at_end()) throw binary::Malformed();
    return answer;
  } catch (const std::runtime_error& error) {
    why = fmt::format("{}/{} cannot be used: {}", directory_, name, error.what());
    return nullptr;
  }
}

void Cache::keep(std::string_view key, const Answer& answer) const {
  Descriptor directory = open_directory(directory_);
  if (!directory) {
    const std::size_t slash = directory_.rfind('/');
    if (slash != std::string::npos && slash != 0) linux_api::make_directories(directory_.substr(0, slash), 0755);
    linux_api::make_directories(directory_, 0700);
    directory = open_directory(directory_);
  }
  if (!directory || !is_trusted(directory, S_IFDIR)) {
    throw Error(fmt::format("{} is no directory that only root can write to", directory_));
  }
  linux_api::AtomicFile file(directory.get(), file_name(key), 0600);
  file.write(entry_of(key, answer));
  file.commit(false);
  remove_oldest(directory.get());
}

}  // namespace plyroot::config
