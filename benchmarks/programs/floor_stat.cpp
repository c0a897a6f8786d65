// The floor under a cached configuration: looks at files, and nothing else.
//
//   bench-floor-stat PATH...
#include <sys/stat.h>

int main(int argc, char** argv) {
  struct stat status {};
  int there = 0;
  for (int i = 1; i < argc; ++i)
    there += stat(argv[i], &status) == 0 ? 1 : 0;
  return there > 0 ? 0 : 1;
}
