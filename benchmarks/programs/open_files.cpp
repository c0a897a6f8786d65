// Opens files, and prints how many microseconds that took.
//
//   open-files DIRECTORY COUNT          DIRECTORY has file-0 ... file-(COUNT-1)
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  if (argc != 3 || chdir(argv[1]) < 0) return 2;
  const int count = std::stoi(argv[2]);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    const int file = open(("file-" + std::to_string(i)).c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
      std::perror(("open-files: file-" + std::to_string(i)).c_str());
      return 1;
    }
    close(file);
  }
  std::printf("%.1f\n", std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
}
