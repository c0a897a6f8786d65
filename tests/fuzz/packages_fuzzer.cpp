// What package managers, rpm and packages say. The first byte chooses who is listened to.

#include "builds/source_package.hpp"
#include "fuzz.hpp"
#include "packages/manager_files.hpp"
#include "packages/output_lines.hpp"
#include "packages/rpm_database.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace plyroot;
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      if (const auto path = packages::parse_database_path(text)) {
        fuzz::require(path->starts_with('/') && path->find("..") == std::string::npos &&
                          path->find_first_of(" \n%") == std::string::npos,
                      "an rpm database's path stays in the root and fits a macro file");
      }
      break;
    case 1:
      builds::parse_header(text);
      break;
    case 4: {
      config::Config config;
      config.dist = text;
      fuzz::require(packages::parse_database_path(packages::usual_database_path(config)).has_value(),
                    "whatever a distribution is called, its database has a path");
      break;
    }
    case 5: {
      config::Config config;
      config.package_manager_conf = text;
      packages::manager_files(config, packages::Manager::yum);
      break;
    }
    case 6:
      fuzz::parse([&] {
        builds::require_plain_name(text, "a package");
        fuzz::require(text.find('/') == std::string_view::npos && text != "..", "a package's name is one of a file");
      });
      break;
    case 2: {
      std::size_t lines = 0;
      packages::OutputLines output([&](std::string_view line) {
        ++lines;
        fuzz::require(line.find('\n') == std::string_view::npos, "a line is one");
      });
      output.add(text.substr(0, text.size() / 3));
      output.add(text.substr(text.size() / 3));
      output.finish();
      fuzz::require(lines <= text.size() + 1, "there are no more lines than there is text");
      break;
    }
    default:
      packages::uses_repositories_of_host(packages::without_added_repositories(std::string(text)));
  }
  return 0;
}
