#include <fcntl.h>
#include <fmt/format.h>

#include <optional>

#include "linux/lock.hpp"
#include "overlay/upper_use.hpp"
#include "plyroot/store.hpp"
#include "store/head_file.hpp"
#include "store/layer_tree.hpp"
#include "store/state.hpp"
#include "support/error.hpp"

namespace plyroot {
namespace {

/// Bytes of a head's lock file.
constexpr off_t operation_byte = 0;       // held by a command for milliseconds
constexpr off_t session_byte = 1;         // held by a session's init
constexpr off_t initialization_byte = 2;  // of the main head's file: held while the root is installed

linux_api::LockFile open_lock_file(int heads, const HeadName& head) {
  return linux_api::LockFile(
      linux_api::open_at(heads, store::head_file_name(head.text()), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
}

}  // namespace

struct HeadLock::State {
  State(const Store::State* of_store, HeadName name, linux_api::Descriptor directory, linux_api::LockFile lock_file)
      : store(of_store), head(std::move(name)), heads(std::move(directory)), file(std::move(lock_file)) {}

  const Store::State* store;  // none for a plain directory
  HeadName head;
  linux_api::Descriptor heads;
  linux_api::LockFile file;
  std::optional<linux_api::HeldLock> operation;
  /// What was once idle stays so while we hold the operation's lock: nobody else can start a session.
  mutable bool known_to_be_idle = false;
};

HeadLock::HeadLock(const Store& store, HeadName head) {
  linux_api::Descriptor heads = store::open_or_make_directory(store.state_->directory.get(), store::heads_name);
  linux_api::LockFile file = open_lock_file(heads.get(), head);
  state_ = std::make_unique<State>(store.state_.get(), std::move(head), std::move(heads), std::move(file));
  state_->operation.emplace(state_->file, operation_byte);
}

HeadLock::HeadLock(const std::string& directory, HeadName head) {
  linux_api::Descriptor heads = linux_api::open_path(directory, O_RDONLY | O_DIRECTORY);
  linux_api::LockFile file = open_lock_file(heads.get(), head);
  state_ = std::make_unique<State>(nullptr, std::move(head), std::move(heads), std::move(file));
  state_->operation.emplace(state_->file, operation_byte);
}

HeadLock::~HeadLock() = default;
HeadLock::HeadLock(HeadLock&&) noexcept = default;
HeadLock& HeadLock::operator=(HeadLock&&) noexcept = default;

HeadLock::Use HeadLock::use() const {
  if (state_->known_to_be_idle) return Use::idle;
  const Use now = ask_kernel();
  state_->known_to_be_idle = now == Use::idle && state_->operation.has_value();
  return now;
}

bool HeadLock::seems_idle(const StoreLocation& location, const HeadName& head) {
  linux_api::Descriptor file = linux_api::open_if_exists(
      AT_FDCWD, fmt::format("{}/{}/{}", location.path(), store::heads_name, store::head_file_name(head.text())),
      O_RDWR | O_NOFOLLOW);
  if (!file) return true;
  const linux_api::LockFile lock_file(std::move(file));
  return !lock_file.is_held_elsewhere(session_byte) && store::is_noted_as_unmounted(lock_file.descriptor());
}

HeadLock::Use HeadLock::ask_kernel() const {
  if (state_->file.is_held_elsewhere(session_byte)) return Use::session;
  if (state_->store == nullptr || store::is_noted_as_unmounted(state_->file.descriptor())) return Use::idle;
  const store::Database& database = state_->store->database();
  std::optional<store::ReadTransaction> one_state(std::in_place, database);
  const auto head = store::find_head(database, state_->head);
  if (!head || !head->upper) return Use::idle;
  const store::Layer upper = store::read_layer(database, *head->upper);
  one_state.reset();
  const linux_api::Descriptor directory = linux_api::open_if_exists(
      state_->store->layers.get(), upper.directory + "/fs", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return Use::idle;  // missing: whoever wants to use it will say so
  return overlay::is_upper_in_use(directory.get()) ? Use::mounted : Use::idle;
}

const HeadName& HeadLock::head() const {
  return state_->head;
}
void HeadLock::release() {
  state_->operation.reset();
  state_->known_to_be_idle = false;
}

void HeadLock::wait_for_session_end() const {
  linux_api::LockFile own = open_lock_file(state_->heads.get(), state_->head);
  own.lock(session_byte);
}

std::string HeadLock::file_name(const std::string& suffix) const {
  return store::head_file_stem(state_->head.text()) + "." + suffix;
}
int HeadLock::descriptor() const {
  return state_->file.descriptor();
}
int HeadLock::heads_directory() const {
  return state_->heads.get();
}

struct SessionLock::State {
  linux_api::LockFile file;
};

SessionLock::SessionLock(const HeadLock& head_lock)
    : state_(std::make_unique<State>(State{open_lock_file(head_lock.heads_directory(), head_lock.head())})) {
  if (!state_->file.try_lock(session_byte)) throw Error("another session holds this root", {}, ExitCode::in_use);
}
SessionLock::SessionLock(std::unique_ptr<State> state) : state_(std::move(state)) {}
SessionLock SessionLock::adopt(int descriptor) {
  return SessionLock(std::make_unique<State>(State{linux_api::LockFile(linux_api::Descriptor(descriptor))}));
}
int SessionLock::release() && {
  return state_->file.release();
}
SessionLock::~SessionLock() = default;
SessionLock::SessionLock(SessionLock&&) noexcept = default;
SessionLock& SessionLock::operator=(SessionLock&&) noexcept = default;
void SessionLock::note_unmount() const {
  store::note_unmount(state_->file.descriptor());
}
int SessionLock::descriptor() const {
  return state_->file.descriptor();
}

struct InitializationLock::State {
  linux_api::LockFile file;
};

InitializationLock::InitializationLock(std::unique_ptr<State> state) : state_(std::move(state)) {}

std::optional<InitializationLock> InitializationLock::try_lock(const Store& store) {
  const linux_api::Descriptor heads = store::open_or_make_directory(store.state_->directory.get(), store::heads_name);
  auto state = std::make_unique<State>(State{open_lock_file(heads.get(), HeadName::main())});
  if (!state->file.try_lock(initialization_byte)) return std::nullopt;
  return InitializationLock(std::move(state));
}

InitializationLock::InitializationLock(const Store& store, const std::function<void()>& waiting) {
  const linux_api::Descriptor heads = store::open_or_make_directory(store.state_->directory.get(), store::heads_name);
  state_ = std::make_unique<State>(State{open_lock_file(heads.get(), HeadName::main())});
  if (state_->file.try_lock(initialization_byte)) return;
  waiting();
  state_->file.lock(initialization_byte);
}
InitializationLock::~InitializationLock() = default;
InitializationLock::InitializationLock(InitializationLock&&) noexcept = default;
InitializationLock& InitializationLock::operator=(InitializationLock&&) noexcept = default;

}  // namespace plyroot
