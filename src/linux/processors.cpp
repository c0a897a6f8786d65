#include "linux/processors.hpp"

namespace plyroot::linux_api {

Processors Processors::own() noexcept {
  Processors processors;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) processors.set_ = set;
  return processors;
}

void Processors::keep_off_ours(pid_t child) const noexcept {
  const int ours = sched_getcpu();
  if (!set_ || ours < 0) return;
  cpu_set_t others = *set_;
  CPU_CLR(static_cast<unsigned>(ours), &others);
  if (CPU_COUNT(&others) > 0) sched_setaffinity(child, sizeof others, &others);
}

void Processors::use() const noexcept {
  if (set_) sched_setaffinity(0, sizeof *set_, &*set_);
}

}  // namespace plyroot::linux_api
