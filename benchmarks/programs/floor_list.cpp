// The floor under a list of snapshots: reads the names from the store's database and prints the lines that plyroot
// prints, and nothing else.
//
//   bench-floor-list STORE_DB
#include <sqlite3.h>

#include <cstdio>

int main(int argc, char** argv) {
  sqlite3* database = nullptr;
  if (argc != 2 || sqlite3_open_v2(argv[1], &database, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK) return 2;
  sqlite3_stmt* rows = nullptr;
  constexpr const char* names =
      "SELECT name, layer = (SELECT current FROM heads WHERE name = '') FROM refs ORDER BY sequence";
  if (sqlite3_prepare_v2(database, names, -1, &rows, nullptr) != SQLITE_OK) {
    std::fprintf(stderr, "bench-floor-list: %s\n", sqlite3_errmsg(database));
    return 1;
  }
  int result = SQLITE_ROW;
  while ((result = sqlite3_step(rows)) == SQLITE_ROW)
    std::printf("%s%s\n", sqlite3_column_int(rows, 1) != 0 ? "* " : "  ",
                reinterpret_cast<const char*>(sqlite3_column_text(rows, 0)));
  sqlite3_finalize(rows);
  sqlite3_close(database);
  return result == SQLITE_DONE && std::fflush(stdout) == 0 ? 0 : 1;
}
