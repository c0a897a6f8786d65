#include "builds/source_package.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "buildroot/build_user.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::builds {
namespace {

constexpr const char* host_rpm = "/usr/bin/rpm";
/// What each RPM file begins with (rpm's manual, format_v4).
constexpr std::string_view magic = "\xed\xab\xee\xdb";

[[noreturn]] void refuse(const std::string& message, std::string advice = {}) {
  throw Error(message, std::move(advice), ExitCode::source_package);
}

/// rpm would take a text file for a list of packages to open.
bool begins_as_package(int file) {
  std::array<char, magic.size()> beginning{};
  return pread(file, beginning.data(), beginning.size(), 0) == static_cast<ssize_t>(magic.size()) &&
         std::string_view(beginning.data(), beginning.size()) == magic;
}

linux_api::ProcessPlan query_of(int file, const config::Config& config) {
  linux_api::ProcessPlan plan;
  plan.arguments = {host_rpm, "-qp", "--nosignature", "--nodigest", "--nomanifest", "--qf", header_format, "-"};
  plan.environment = {"PATH=/usr/bin:/bin", "HOME=/nonexistent", "LC_ALL=C"};
  plan.working_directory = "/";
  plan.user = buildroot::build_user(config);
  plan.no_new_privileges = true;
  plan.descriptors = {{file, STDIN_FILENO}};
  return plan;
}

}  // namespace

const char* const header_format =
    "name %{NAME}\\nversion %{VERSION}\\nrelease %{RELEASE}\\nsource %{SOURCEPACKAGE}\\n"
    "[requires %{REQUIRENAME}\\n][file %{BASENAMES}\\n]";

bool SourcePackage::has_dynamic_requirements() const {
  return std::find(requires_.begin(), requires_.end(), "rpmlib(DynamicBuildRequires)") != requires_.end();
}

linux_api::Descriptor open_package(const std::string& path) {
  try {
    linux_api::Descriptor file = linux_api::open_path(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode)) {
      refuse(fmt::format("Cannot find/open srpm: {}. Error: it is no regular file", printable(path)));
    }
    return file;
  } catch (const SystemError& error) {
    refuse(fmt::format("Cannot find/open srpm: {}. Error: {}", printable(path), describe_errno(error.error_number())),
           path.find("://") == std::string::npos ? "" : "plyroot downloads no source packages yet: fetch it first.");
  }
}

SourcePackage read_package(int file, const std::string& name, const config::Config& config) {
  if (!begins_as_package(file)) refuse(fmt::format("File is not an srpm: {}.", printable(name)));
  if (access(host_rpm, X_OK) < 0) {
    throw Error(fmt::format("this host has no {} to read source packages with", host_rpm), "Install the package rpm.",
                ExitCode::package_manager);
  }
  if (lseek(file, 0, SEEK_SET) < 0) throw_errno(errno, "read", printable(name));
  const linux_api::Captured answer = linux_api::run_captured(query_of(file, config));
  SourcePackage package = parse_header(answer.output);
  if (!answer.status.success() || package.name.empty()) {
    refuse(fmt::format("Cannot find/open srpm: {}. Error: its header is damaged", printable(name)),
           "`rpm --checksig` says more; download or make it again.");
  }
  return package;
}

SourcePackage parse_header(std::string_view answer) {
  SourcePackage package;
  for (const std::string& line : split(answer, '\n')) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos) continue;
    const std::string_view key = std::string_view(line).substr(0, blank);
    const std::string value = line.substr(blank + 1);
    if (key == "name") package.name = value;
    if (key == "version") package.version = value;
    if (key == "release") package.release = value;
    if (key == "source") package.is_source = value == "1";
    if (key == "requires") package.requires_.push_back(value);
    if (key == "file" && package.spec_file.empty() && value.ends_with(".spec")) package.spec_file = value;
  }
  return package;
}

config::Words additional_requirements(const config::Config& config, const SourcePackage& package) {
  const std::string with_version = package.name + "-" + package.version;
  for (const std::string& key : {with_version + "-" + package.release, with_version, package.name}) {
    if (const auto found = config.more_buildreqs.find(key); found != config.more_buildreqs.end()) return found->second;
  }
  return {};
}

void require_plain_name(std::string_view name, std::string_view what) {
  const bool plain =
      !name.empty() && name.front() != '-' && name.front() != '.' &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' ' && c != '/' && c != 0x7f; });
  if (!plain) refuse(fmt::format("'{}' is no name for {}", printable(name), what));
}

}  // namespace plyroot::builds
