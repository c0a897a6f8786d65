#include "store/cached_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "linux/file.hpp"
#include "linux/uninterrupted.hpp"
#include "support/error.hpp"

namespace plyroot::store {
namespace {

class SystemFile final : public CachedFile {
 public:
  explicit SystemFile(linux_api::Descriptor file) : file_(std::move(file)) {}

  std::string read(std::uint64_t place, std::size_t size) override {
    std::string data(size, '\0');
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = pread(file_.get(), data.data() + done, size - done, static_cast<off_t>(place + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno(errno, "read", linux_api::shown_path(file_.get()));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    data.resize(done);
    return data;
  }
  void write(std::uint64_t place, std::string_view data) override {
    linux_api::write_all_at(file_.get(), data, static_cast<off_t>(place));
  }
  void truncate(std::uint64_t size) override {
    if (linux_api::uninterrupted([&] { return ftruncate(file_.get(), static_cast<off_t>(size)); }) < 0)
      throw_errno(errno, "shorten", linux_api::shown_path(file_.get()));
  }
  std::uint64_t size() override {
    struct stat status {};
    if (fstat(file_.get(), &status) < 0) throw_errno(errno, "examine", linux_api::shown_path(file_.get()));
    return static_cast<std::uint64_t>(status.st_size);
  }
  void sync() override { linux_api::sync_data(file_.get()); }

 private:
  linux_api::Descriptor file_;
};

}  // namespace

std::unique_ptr<CachedFile> cached_file(linux_api::Descriptor file) {
  return std::make_unique<SystemFile>(std::move(file));
}

}  // namespace plyroot::store
