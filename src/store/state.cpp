#include "store/state.hpp"

#include <fcntl.h>

#include <utility>

#include "support/error.hpp"

namespace plyroot {

Store::State::State(StoreLocation where, linux_api::Descriptor store_directory, store::DatabaseFile database_file,
                    std::optional<store::Database> connection)
    : location(std::move(where)),
      directory(std::move(store_directory)),
      layers(linux_api::open_at(directory.get(), store::layers_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)),
      heads(linux_api::open_if_directory(directory.get(), store::heads_name)),
      file_(std::move(database_file)),
      connection_(std::move(connection)) {}

const store::Database& Store::State::database() const {
  if (!connection_) {
    connection_.emplace(location.path() + "/" + store::database_name, store::Database::Mode::existing);
  }
  return *connection_;
}

Store::State::Known Store::State::read_view(const HeadName& head) const {
  const store::Database& from = database();
  const store::ReadTransaction one_state(from);
  Known known{head, {}, store::head_view_from(from, head)};
  known.stamp = file_.stamp();  // within the transaction, which has read: nobody changes the file now
  std::optional<store::HeadView> before = store::read_head_view(heads.get(), head, std::nullopt);
  if (known_ && known_->head == head) before = known_->view;
  if (before) {
    for (const auto& [name, origin] : before->origins)
      known.view.origins[name] = store::find_origin(from, name);
  }
  return known;
}

const store::HeadView& Store::State::view_of(const HeadName& head) {
  const std::optional<store::DatabaseStamp> now = file_.settled_stamp();
  if (now && known_ && known_->head == head && known_->stamp == *now) return known_->view;
  std::optional<store::HeadView> kept;
  if (now && !connection_) kept = store::read_head_view(heads.get(), head, *now);
  known_ = kept ? Known{head, *now, std::move(*kept), true} : read_view(head);
  return known_->view;
}

void Store::State::keep_view_of(const HeadName& head) {
  const store::HeadView& view = view_of(head);
  if (!std::exchange(known_->is_kept, true)) store::keep_head_view(heads.get(), head, known_->stamp, view);
}

std::optional<std::string> Store::State::origin_of(const SnapshotName& name) {
  const std::optional<store::DatabaseStamp> now = file_.settled_stamp();
  if (known_ && known_->stamp == now) {
    const auto found = known_->view.origins.find(name.text());
    if (found != known_->view.origins.end()) return found->second;
  }
  const store::ReadTransaction one_state(database());
  auto origin = store::find_origin(database(), name.text());
  if (known_ && known_->stamp == file_.stamp()) {  // within the transaction
    known_->view.origins[name.text()] = origin;
    known_->is_kept = false;
  }
  return origin;
}

store::ListView Store::State::list_of(const HeadName& head) const {
  const auto now = file_.settled_stamp();
  std::optional<store::ListView> view;
  if (now && !connection_) view = store::read_list_view(heads.get(), head, *now);
  return view ? std::move(*view) : ask_for_list(head);
}

void Store::State::renew_view_of(const HeadName& head) {
  if (!store::has_head_view(heads.get(), head)) return;
  const auto now = file_.settled_stamp();
  if (!now || !store::read_head_view(heads.get(), head, *now)) keep_view_of(head);
}

void Store::State::renew_list_of(const HeadName& head) const {
  if (!store::has_list_view(heads.get(), head)) return;
  const auto now = file_.settled_stamp();
  if (!now || !store::is_list_view_of(heads.get(), head, *now)) ask_for_list(head);
}

store::ListView Store::State::ask_for_list(const HeadName& head) const {
  store::DatabaseStamp stamp;
  std::string file;
  {
    const store::ReadTransaction one_state(database());
    const store::LayerId current = store::read_head(database(), head).current;  // what is read first locks the database
    stamp = file_.stamp();
    file = store::written_list(stamp, current, database());
  }
  store::keep_list_view(heads.get(), head, file);
  return store::ListView::parse(std::move(file), stamp).value();
}

void Store::State::commit(store::Transaction& transaction, const HeadName& head,
                          const store::ListChange& change) const {
  const store::DatabaseStamp before = file_.stamp();
  transaction.commit();
  if (transaction.had_to_wait()) return;  // with many at once, the list lacks what the others did
  try {
    const std::optional<store::DatabaseStamp> after = file_.settled_stamp();
    if (after && after->change_counter == before.change_counter + 1)
      store::amend_list_view(heads.get(), head, before, *after, change);
  } catch (const SystemError&) {
    // What was changed is on the disk. Whoever lists reads the database, and says what is wrong with it.
  }
}

}  // namespace plyroot
