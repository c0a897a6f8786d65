// What plyroot writes for other processes of its own, and the disk or a kill may have torn.

#include <string>

#include "buildroot/session_protocol.hpp"
#include "fuzz.hpp"
#include "store/head_file.hpp"
#include "store/head_view.hpp"
#include "store/list_view.hpp"
#include "store/redo_record.hpp"
#include "store/view_file.hpp"
#include "support/binary.hpp"
#include "support/sealed_values.hpp"

namespace {

using namespace plyroot;

std::string with_stamp(const store::DatabaseStamp& stamp, std::string_view text) {
  std::string payload;
  binary::Writer(payload).put(stamp);
  return payload.append(text);
}

/// Few inputs have the right checksum, so they are taken as they are and as what a right one stands before.
void read_redo_log(std::string_view text) {
  for (const std::string& state_text : {std::string(text), sealed(store::redo_state_magic, text)}) {
    if (const auto state = store::parse_redo_state(state_text)) {
      fuzz::require(store::parse_redo_state(store::written(*state)) == state, "a state of the log stays itself");
    }
  }
  for (const std::string& record : {std::string(text), sealed(store::redo_record_magic, text)}) {
    if (const auto transaction = store::parse_redo_record(record)) {
      const std::string again = store::written(*transaction);
      fuzz::require(store::redo_record_size(again) == again.size(), "a transaction knows how long it is");
      fuzz::require(store::parse_redo_record(again + "what is left of another one") == transaction,
                    "a transaction stays itself");
    }
  }
}

std::string shown(const store::ListView& list) {
  std::string lines;
  list.for_each([&](const Snapshot& snapshot) { lines += (snapshot.is_current ? "* " : "  ") + snapshot.name + "\n"; });
  return lines;
}

/// The text as a list's payload, and as a change of that and of lists that have something to be removed.
void read_list(std::string_view text) {
  constexpr store::DatabaseStamp stamp{1, 2, 3, 4, 5};
  constexpr store::DatabaseStamp later{6, 7, 8, 9, 10};
  store::ListView::parse(std::string(text), stamp);
  const std::string same = sealed(store::list_view_magic, with_stamp(stamp, text));
  if (const auto list = store::ListView::parse(same, stamp)) {
    const auto unchanged = store::ListView::parse(same + store::written_change(stamp, later, {}), later);
    fuzz::require(unchanged && shown(*unchanged) == shown(*list), "no change is one");
    const std::string change = sealed(store::list_change_magic, with_stamp(stamp, with_stamp(later, text)));
    if (const auto changed = store::ListView::parse(same + change, later)) shown(*changed);
  }
  // One and the same list: its second snapshot was there when it was kept, or has been added since.
  constexpr store::DatabaseStamp between{5, 4, 3, 2, 1};
  const std::string both = sealed_values(store::list_view_magic, stamp, store::LayerId{1}, std::string("a"),
                                         store::LayerId{1}, std::string("b"), store::LayerId{2});
  const std::string first =
      sealed_values(store::list_view_magic, between, store::LayerId{1}, std::string("a"), store::LayerId{1}) +
      store::written_change(between, stamp, {{}, Snapshot{"b", false, 2}, {}});
  const std::string change = sealed(store::list_change_magic, with_stamp(stamp, with_stamp(later, text)));
  const auto one = store::ListView::parse(both + change, later);
  const auto other = store::ListView::parse(first + change, later);
  fuzz::require(one.has_value() == other.has_value(), "what can be true of a list can be of the same one");
  if (one) fuzz::require(shown(*one) == shown(*other), "a change does the same to both");
}

void read_session_error(std::string_view text) {
  const Error once = buildroot::read_error(buildroot::written(buildroot::read_error(text)));
  const Error twice = buildroot::read_error(buildroot::written(once));
  fuzz::require(std::string_view(once.what()) == twice.what() && once.advice() == twice.advice() &&
                    once.exit_code() == twice.exit_code(),
                "an error stays itself");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto note = store::parse_use_note(text)) {
    fuzz::require(!note->boot.empty() && note->boot.find('\n') == std::string::npos, "a note names a boot");
  }
  if (const auto tree = buildroot::read_tree(text)) {
    fuzz::require(buildroot::read_tree(buildroot::written(*tree)) == tree, "what is written is what was read");
  }
  store::parse_head_view(text, std::nullopt);
  constexpr store::DatabaseStamp stamp{1, 2, 3, 4, 5};
  if (const auto view = store::parse_head_view(sealed(store::head_view_magic, text), std::nullopt)) {
    fuzz::require(store::parse_head_view(store::written(stamp, *view), stamp) == view, "a view of a head stays itself");
  }
  read_list(text);
  read_redo_log(text);
  read_session_error(text);
  return 0;
}
