// What plyroot writes for other processes of its own, and the disk or a kill may have torn.

#include "buildroot/session_protocol.hpp"
#include "fuzz.hpp"
#include "store/head_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace plyroot;
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto note = store::parse_use_note(text)) {
    fuzz::require(!note->boot.empty() && note->boot.find('\n') == std::string::npos, "a note names a boot");
  }
  if (const auto tree = buildroot::read_tree(text)) {
    fuzz::require(buildroot::read_tree(buildroot::written(*tree)) == tree, "what is written is what was read");
  }
  return 0;
}
