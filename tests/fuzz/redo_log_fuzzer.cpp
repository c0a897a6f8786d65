// A redo log and a database of which anything may be damaged, before and after a transaction. The input is a sequence
// of parts, each with a byte that says what it is and two for its length: the database's file, or what lies in the
// log's next place, a state or a transaction, which get their seals here, or anything.

#include <cerrno>
#include <cstring>
#include <memory>

#include "fuzz.hpp"
#include "store/database_file.hpp"
#include "store/redo_log.hpp"
#include "support/sealed.hpp"

namespace {

using namespace plyroot;
using namespace plyroot::store;

constexpr std::size_t page = 4096;
constexpr std::uint64_t largest_file = 8U << 20U;

class FileInMemory final : public CachedFile {
 public:
  explicit FileInMemory(std::string& content) : content_(&content) {}

  std::string read(std::uint64_t place, std::size_t size) override {
    return place < content_->size() ? content_->substr(place, size) : std::string();
  }
  void write(std::uint64_t place, std::string_view data) override {
    if (place > largest_file || data.size() > largest_file - place) throw SystemError(EFBIG, "write");
    if (content_->size() < place + data.size()) content_->resize(place + data.size());
    content_->replace(place, data.size(), data);
  }
  void truncate(std::uint64_t size) override {
    if (size > largest_file) throw SystemError(EFBIG, "shorten");
    content_->resize(size);
  }
  std::uint64_t size() override { return content_->size(); }
  void sync() override {}

 private:
  std::string* content_;
};

struct Files {
  std::optional<PageCache> page_cache;
  std::string log;
  std::string database;
};

Files files_of(std::string_view text) {
  Files files;
  if (text.empty()) return files;
  if (text.front() % 2 == 0) files.page_cache = PageCache{"boot", 1};
  text.remove_prefix(1);
  while (text.size() > 3) {
    const int kind = text[0] & 3;
    const std::size_t wanted =
        static_cast<unsigned char>(text[1]) + std::size_t{256} * static_cast<unsigned char>(text[2]);
    text.remove_prefix(3);
    const std::string_view part = text.substr(0, wanted);
    text.remove_prefix(part.size());
    if (kind == 0) {
      files.database = part;
      continue;
    }
    files.log += kind == 1 ? sealed(redo_state_magic, part) : kind == 2 ? sealed(redo_record_magic, part) : part;
    files.log.resize((files.log.size() + page - 1) / page * page);
  }
  return files;
}

/// The first page, with SQLite's counter in it, and one more.
Changes next_transaction(CachedFile& database) {
  const std::uint32_t counter = change_counter_of(database) + 1;
  std::string first(page, 'f');
  for (unsigned i = 0; i < sizeof counter; ++i)
    first[24 + i] = static_cast<char>(counter >> (24 - 8 * i));
  return {{{0, first}, {page, std::string(page, 's')}}, 2 * page};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Files files = files_of(fuzz::text_of(data, size));
  FileInMemory database(files.database);
  const auto open_log = [&] { return RedoLog(std::make_unique<FileInMemory>(files.log), files.page_cache); };
  fuzz::parse([&] {
    RedoLog log = open_log();
    (void)log.is_settled(change_counter_of(database));
    (void)log.faults(database);
    (void)log.missing(database);
    log.settle(database);
    fuzz::require(open_log().is_settled(change_counter_of(database)), "what is settled is so for others");
    log.distrust();
    fuzz::require(!open_log().is_settled(change_counter_of(database)), "what is distrusted is not settled");
    log.settle(database);
  });
  fuzz::parse([&] {
    const Changes changes = next_transaction(database);
    if (change_counter_of(changes.writes.at(0)) == 0) return;
    open_log().commit(database, changes);
    for (const auto& [place, written] : changes.writes)
      fuzz::require(database.read(place, written.size()) == written, "what was committed is there");
    fuzz::require(open_log().is_settled(change_counter_of(database)), "what was committed is settled");
  });
  return 0;
}
