#include "linux/mount.hpp"

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "linux/file.hpp"
#include "linux/uninterrupted.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {
namespace {

// statmount(2) is younger than the C library and the kernel headers of the oldest distribution that is supported.
constexpr long statmount_number = 457;
constexpr unsigned statx_mnt_id_unique = 0x4000;
constexpr std::uint64_t statmount_mnt_opts = 0x80;

struct MountIdRequest {
  std::uint32_t size;
  std::uint32_t spare;
  std::uint64_t mount_id;
  std::uint64_t parameter;
};

struct StatMount {
  std::uint32_t size;
  std::uint32_t options_offset;
  std::uint64_t mask;
  std::array<std::uint8_t, 496> other;
};
static_assert(sizeof(StatMount) == 512);

/// What the kernel wrote into the log of a file system context, one message a line ("e overlay: ...").
std::string explanation(int context) {
  std::string words;
  std::array<char, 1024> buffer{};
  for (;;) {
    const ssize_t got = read(context, buffer.data(), buffer.size());
    if (got <= 0) return words;
    std::string_view line(buffer.data(), static_cast<std::size_t>(got));
    if (line.size() > 2 && line[1] == ' ') line.remove_prefix(2);
    words += fmt::format(" ({})", printable(trim(line)));
  }
}

std::string called(const FileSystemMount& plan) {
  return plan.called.empty() ? fmt::format("a file system of type {}", plan.type) : plan.called;
}

[[noreturn]] void refuse(int context, int error_number, const FileSystemMount& plan, std::string_view what) {
  throw SystemError(error_number, fmt::format("mount {}: {}{}", called(plan), what, explanation(context)), {},
                    ExitCode::root);
}

void configure(int context, const FileSystemMount& plan) {
  for (const FileSystemParameter& parameter : plan.parameters) {
    const auto* text = std::get_if<std::string>(&parameter.value);
    const int result = text != nullptr ? fsconfig(context, FSCONFIG_SET_STRING, parameter.key.c_str(), text->c_str(), 0)
                                       : fsconfig(context, FSCONFIG_SET_FLAG, parameter.key.c_str(), nullptr, 0);
    if (result < 0) {
      refuse(context, errno, plan,
             fmt::format("set {}{}{}", parameter.key, text != nullptr ? "=" : "",
                         text != nullptr ? printable(*text) : ""));
    }
  }
}

std::string unescape_octal(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      result += static_cast<char>(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

/// "MAJOR:MINOR"
dev_t parse_device(const std::string& text) {
  const std::vector<std::string> numbers = split(text, ':');
  if (numbers.size() != 2) throw Error(fmt::format("mountinfo has the malformed device {}", printable(text)));
  const auto number = [](const std::string& digits) {
    return static_cast<unsigned>(std::strtoul(digits.c_str(), nullptr, 10));
  };
  return makedev(number(numbers[0]), number(numbers[1]));
}

std::string options_from_mountinfo(int directory) {
  struct statx status {};
  if (statx(directory, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0)
    throw_errno(errno, "ask for the mount of", shown_path(directory));
  const std::string wanted = fmt::format("{} ", status.stx_mnt_id);
  for (const std::string& line : split(read_file("/proc/thread-self/mountinfo"), '\n')) {
    if (line.starts_with(wanted)) return parse_mountinfo(line).at(0).options;
  }
  throw Error("the kernel does not list the mount of a directory that it has just mounted");
}

}  // namespace

namespace {

Descriptor open_context(const FileSystemMount& plan) {
  Descriptor context(fsopen(plan.type.c_str(), FSOPEN_CLOEXEC));
  if (!context) {
    const int error_number = errno;
    throw SystemError(error_number, fmt::format("mount {}", called(plan)),
                      error_number == ENODEV ? fmt::format("This kernel has no {}: load its module.", plan.type) : "",
                      ExitCode::root);
  }
  configure(context.get(), plan);
  return context;
}

}  // namespace

int try_to_mount(const FileSystemMount& plan) {
  const Descriptor context = open_context(plan);
  return fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0 ? errno : 0;
}

Descriptor mount_detached(const FileSystemMount& plan) {
  const Descriptor context = open_context(plan);
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) {
    refuse(context.get(), errno, plan, "make it");
  }
  Descriptor mounted(
      uninterrupted([&] { return fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(plan.attributes)); }));
  if (!mounted) refuse(context.get(), errno, plan, "mount it");
  return mounted;
}

void attach_mount(int detached, int target_directory) {
  if (move_mount(detached, "", target_directory, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
    throw_errno(errno, "attach a mount at", shown_path(target_directory));
  }
}

Descriptor clone_mount(int directory, const std::string& path, bool recursive) {
  Descriptor tree(open_tree(directory, path.c_str(),
                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U)));
  if (!tree) {
    const int error_number = errno;
    throw SystemError(error_number,
                      fmt::format("copy the mount at {}", path.empty() ? shown_path(directory) : printable(path)), {},
                      ExitCode::root);
  }
  return tree;
}

void set_mount_attributes(int directory, const std::string& path, std::uint64_t set, std::uint64_t clear,
                          bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  if (mount_setattr(directory, path.c_str(), AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U), &attributes,
                    sizeof attributes) < 0) {
    throw_errno(errno, "change the mount at", path.empty() ? shown_path(directory) : shown_path(directory, path));
  }
}

void stop_mount_propagation(bool slave) {
  const unsigned long flags = MS_REC | (slave ? MS_SLAVE : MS_PRIVATE);
  if (uninterrupted([&] { return ::mount(nullptr, "/", nullptr, flags, nullptr); }) < 0) {
    throw_errno(errno, "keep from other namespaces what is mounted below", "/");
  }
}

void unmount_detached(const std::string& path) {
  if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0) throw_errno(errno, "unmount", printable(path));
}

bool unmount_if_unused(const std::string& path) {
  if (umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0) return true;
  if (errno == EBUSY) return false;
  throw_errno(errno, "unmount", printable(path));
}

std::string mounted_options(int directory) {
  struct statx status {};
  if (statx(directory, "", AT_EMPTY_PATH, statx_mnt_id_unique, &status) < 0 ||
      (status.stx_mask & statx_mnt_id_unique) == 0) {
    return options_from_mountinfo(directory);
  }
  MountIdRequest request{sizeof request, 0, status.stx_mnt_id, statmount_mnt_opts};
  std::vector<char> answer(8192);
  for (;;) {
    if (syscall(statmount_number, &request, answer.data(), answer.size(), 0) == 0) break;
    if (errno != EOVERFLOW) return options_from_mountinfo(directory);
    answer.resize(answer.size() * 4);
  }
  StatMount header{};
  std::memcpy(&header, answer.data(), sizeof header);
  if ((header.mask & statmount_mnt_opts) == 0) return options_from_mountinfo(directory);
  return answer.data() + sizeof header + header.options_offset;
}

std::vector<MountInfo> parse_mountinfo(std::string_view text) {
  std::vector<MountInfo> mounts;
  for (const std::string& line : split(text, '\n')) {
    if (line.empty()) continue;
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    const std::vector<std::string> fields = split(line, ' ');
    std::size_t separator = 6;
    while (separator < fields.size() && fields[separator] != "-")
      ++separator;
    if (separator + 3 >= fields.size())
      throw Error(fmt::format("a line of mountinfo is malformed: {}", printable(line)));
    const auto propagates = [](const std::string& field) {
      return field.starts_with("shared:") || field.starts_with("master:");
    };
    mounts.push_back(
        {unescape_octal(fields[4]), fields[separator + 1], unescape_octal(fields[separator + 2]), fields[separator + 3],
         parse_device(fields[2]),
         std::any_of(fields.begin() + 6, fields.begin() + static_cast<std::ptrdiff_t>(separator), propagates)});
  }
  return mounts;
}

std::vector<MountInfo> read_mountinfo(const std::string& process) {
  return parse_mountinfo(read_file(fmt::format("/proc/{}/mountinfo", process)));
}

}  // namespace plyroot::linux_api
