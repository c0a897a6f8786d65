#include "linux/processors.hpp"

namespace plyroot::linux_api {

KeptOffOurProcessor::KeptOffOurProcessor(pid_t child) noexcept : child_(child) {
  cpu_set_t all;
  const int ours = sched_getcpu();
  if (ours < 0 || sched_getaffinity(0, sizeof all, &all) < 0 || CPU_COUNT(&all) < 2) return;
  cpu_set_t others = all;
  CPU_CLR(static_cast<unsigned>(ours), &others);
  if (sched_setaffinity(child, sizeof others, &others) == 0) all_ = all;
}

void KeptOffOurProcessor::give_back() noexcept {
  if (all_) sched_setaffinity(child_, sizeof *all_, &*all_);
  all_.reset();
}

}  // namespace plyroot::linux_api
