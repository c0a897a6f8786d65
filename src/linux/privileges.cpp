#include "linux/privileges.hpp"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace plyroot::linux_api {
namespace {

constexpr std::array needed_by_no_build{
    CAP_SYS_MODULE,      CAP_SYS_RAWIO,    CAP_SYS_TIME,       CAP_SYS_BOOT,
    CAP_SYS_PTRACE,      CAP_SYSLOG,       CAP_AUDIT_CONTROL,  CAP_AUDIT_READ,
    CAP_MAC_ADMIN,       CAP_MAC_OVERRIDE, CAP_WAKE_ALARM,     CAP_BLOCK_SUSPEND,
    CAP_LINUX_IMMUTABLE, CAP_BPF,          CAP_PERFMON,        CAP_CHECKPOINT_RESTORE,
    CAP_DAC_READ_SEARCH, CAP_SYS_PACCT,    CAP_SYS_TTY_CONFIG, CAP_NET_BROADCAST};

constexpr std::array of_the_network{CAP_NET_ADMIN, CAP_NET_RAW};

constexpr std::array needed_by_package_managers{
    CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER,     CAP_FSETID, CAP_KILL,        CAP_SETGID,          CAP_SETUID,
    CAP_SETPCAP, CAP_SETFCAP,      CAP_SYS_CHROOT, CAP_MKNOD,  CAP_AUDIT_WRITE, CAP_NET_BIND_SERVICE};

template <std::size_t size>
bool is_in(const std::array<int, size>& capabilities, int capability) {
  return std::find(capabilities.begin(), capabilities.end(), capability) != capabilities.end();
}

bool is_kept(Privileges privileges, int capability) {
  switch (privileges) {
    case Privileges::all:
      return true;
    case Privileges::session:
      return !is_in(needed_by_no_build, capability);
    case Privileges::session_on_host_network:
      return !is_in(needed_by_no_build, capability) && !is_in(of_the_network, capability);
    case Privileges::package_manager:
      return is_in(needed_by_package_managers, capability);
  }
  return false;
}

bool drop_from_bounding_set(Privileges kept) {
  for (int capability = 0; capability < 64; ++capability) {
    if (is_kept(kept, capability)) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    return errno == EINVAL;  // the kernel knows none from here on
  }
  return true;
}

/// What is inheritable would be had again by whoever executes a program as root, whatever the bounding set says.
bool inherit_nothing() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (syscall(SYS_capget, &header, data.data()) < 0) return false;
  for (__user_cap_data_struct& part : data)
    part.inheritable = 0;
  return syscall(SYS_capset, &header, data.data()) == 0 &&
         prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0;
}

constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
constexpr sock_filter refuse_if(std::uint32_t number, std::uint8_t distance_to_refusal) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, distance_to_refusal, 0);
}

/// CAP_SYS_ADMIN, which roots in which images are made cannot do without, allows these too.
constexpr std::array refused_calls{SYS_bpf,     SYS_perf_event_open, SYS_swapon,
                                   SYS_swapoff, SYS_quotactl,        SYS_quotactl_fd};
#ifdef __x86_64__
/// The same calls' numbers for 32 bit programs (asm/unistd_32.h), and the bit of the x32 interface.
constexpr std::array<std::uint32_t, 6> refused_calls_of_32_bits{357, 336, 87, 115, 131, 443};
constexpr std::uint32_t of_64_bits = 0xC000003E;  // AUDIT_ARCH_X86_64
constexpr std::uint32_t x32_bit = 0x40000000;
#endif

bool filter_calls() {
  constexpr std::size_t calls = refused_calls.size();
  std::array<sock_filter, 3 * calls + 8> program{};
  std::size_t size = 0;
  const auto add = [&](sock_filter step) { program[size++] = step; };
  const auto refuse_each = [&](const auto& numbers) {
    for (std::size_t i = 0; i < calls; ++i)
      add(refuse_if(static_cast<std::uint32_t>(numbers[i]), static_cast<std::uint8_t>(calls - i)));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  };
#ifdef __x86_64__
  add(load(offsetof(seccomp_data, arch)));
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, of_64_bits, static_cast<std::uint8_t>(calls + 3), 0));
  add(load(offsetof(seccomp_data, nr)));
  refuse_each(refused_calls_of_32_bits);
  add(load(offsetof(seccomp_data, nr)));
  add(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~x32_bit));
#else
  add(load(offsetof(seccomp_data, nr)));
#endif
  refuse_each(refused_calls);
  const sock_fprog filter{static_cast<unsigned short>(size), program.data()};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0 || errno == EINVAL;  // a kernel without it
}

}  // namespace

const char* give_up_all_but(Privileges kept) noexcept {
  if (kept == Privileges::all) return nullptr;
  if (!drop_from_bounding_set(kept)) return "drop a capability";
  if (!inherit_nothing()) return "drop inheritable capabilities";
  if (!filter_calls()) return "filter system calls";
  return nullptr;
}

}  // namespace plyroot::linux_api
