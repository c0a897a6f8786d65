// Leaves the processor's caches as a large preparation does: with nothing in them that the next program needs.
//
//   bench-sweep-caches MEBIBYTES
#include <cstddef>
#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  constexpr std::size_t cache_line = 64;
  std::vector<unsigned char> memory(std::strtoul(argv[1], nullptr, 10) << 20);
  for (std::size_t i = 0; i < memory.size(); i += cache_line)
    ++memory[i];
  return memory.empty() ? 2 : 0;
}
