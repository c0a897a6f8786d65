#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "linux/descriptor.hpp"

namespace plyroot::linux_api {

/// Makes the directory the root of this mount namespace and drops the old one (pivot_root(2), its "." "." form).
/// The directory must be a mount point of this namespace.
void pivot_root_to(int directory);

void set_host_name(const std::string& name);

/// Switches the loopback interface of this network namespace on.
void bring_loopback_up();

/// A process that the kernel knows to be in some place, for messages.
struct ProcessName {
  pid_t id;
  std::string command;  ///< fit to be printed
};

ProcessName name_of_process(pid_t id);

/// The processes whose PID namespace is the one of `process` (or whose root lies in its mount namespace), as this
/// namespace numbers them; without the namespace's own init. Those that vanish meanwhile are left out.
std::vector<ProcessName> processes_in_pid_namespace_of(int pidfd);

/// The process that /proc/PID/fdinfo/PIDFD names; 0 if it is none of this PID namespace or has ended.
pid_t process_in_fdinfo(std::string_view text);

/// The processes of this and all child PID namespaces whose mount namespace holds an overlay with this source.
std::vector<ProcessName> processes_that_mount(const std::string& source);

}  // namespace plyroot::linux_api
