#include "mock_plugin/housekeeper.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "buildroot/housekeeping.hpp"
#include "linux/descriptor.hpp"
#include "linux/process.hpp"
#include "support/error.hpp"

namespace plyroot::mock_plugin {
namespace {

/// The directory comes first in the path of the modules, as mock's finder has it.
constexpr const char* program =
    "import sys; sys.path.insert(0, sys.argv[1]); import overlayfs; overlayfs.keep_house(sys.argv[2], sys.argv[3])";

/// Where the file lies that this code was loaded from.
std::string directory_of_plugin() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&start_housekeeper), &info) == 0 || info.dli_fname == nullptr)
    throw Error("cannot find out where this plugin was loaded from");
  const std::string file = info.dli_fname;
  return file.substr(0, file.find_last_of('/'));
}

}  // namespace

void start_housekeeper(const std::string& python, int mount_namespace, const StoreLocation& store) {
  const linux_api::Descriptor null = linux_api::open_path("/dev/null", O_RDWR);
  linux_api::ProcessPlan plan;
  plan.arguments = {python, "-I", "-S", "-c", program, directory_of_plugin(), store.base_directory, store.root};
  plan.descriptors = {{null.get(), STDIN_FILENO}, {null.get(), STDOUT_FILENO}, {null.get(), STDERR_FILENO}};
  plan.working_directory = "/";
  plan.join_namespaces_of = mount_namespace;
  plan.join_flags = CLONE_NEWNS;
  plan.new_session = true;
  linux_api::start(plan).abandon();
}

void keep_house(const std::string& base_directory, const std::string& root) {
  linux_api::take_lowest_priority();
  buildroot::keep_house_a_moment_later({base_directory, root});
}

}  // namespace plyroot::mock_plugin
