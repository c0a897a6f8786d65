// The floor under a snapshot of what is not on the disk yet: syncs a file system, and nothing else.
//
//   bench-floor-sync DIRECTORY
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int directory = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return directory >= 0 && syncfs(directory) == 0 ? 0 : 1;
}
