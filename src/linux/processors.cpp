#include "linux/processors.hpp"

namespace plyroot::linux_api {

OtherProcessors::OtherProcessors() noexcept {
  const int ours = sched_getcpu();
  if (ours < 0 || sched_getaffinity(0, sizeof all_, &all_) < 0 || CPU_COUNT(&all_) < 2) return;
  others_ = all_;
  CPU_CLR(static_cast<unsigned>(ours), &others_);
  exist_ = true;
}

void OtherProcessors::confine(pthread_t thread) const noexcept {
  if (exist_) pthread_setaffinity_np(thread, sizeof others_, &others_);
}

void OtherProcessors::take_all() const noexcept {
  if (exist_) sched_setaffinity(0, sizeof all_, &all_);
}

}  // namespace plyroot::linux_api
