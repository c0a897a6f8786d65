#include "cli/command.hpp"
#include "cli/working_root.hpp"

namespace plyroot::cli {

int run_init(const Context& context) {
  WorkingRoot working(context, WorkingRoot::Logs::in_result_directory, WorkingRoot::Tree::cleaned);
  working.enter(Store::UseNoteSync::may_wait);  // what is synced below needs no note
  working.root.make_durable();
  return 0;
}

}  // namespace plyroot::cli
