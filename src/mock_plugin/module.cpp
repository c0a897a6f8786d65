// The module that mock loads in place of its own plugin `overlayfs`. It is the only file that knows Python: it passes
// names and paths to MockRoot, and errors back.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <string_view>

#include "mock_plugin/housekeeper.hpp"
#include "mock_plugin/mock_root.hpp"
#include "support/error.hpp"

namespace py = pybind11;

namespace plyroot::mock_plugin {
namespace {

constexpr const char* default_base_directory = "/var/lib/plyroot";

/// mock's class for an exit code (mockbuild/exception.py); those without a class of their own are Error with the code.
/// A root that is in use is so too: around most hooks mock takes its BuildRootLocked for another mock's lock, and goes
/// on with a root that is not mounted.
const char* exception_class(ExitCode code) {
  switch (code) {
    case ExitCode::configuration:
      return "ConfigError";
    case ExitCode::usage:
      return "BadCmdline";
    case ExitCode::root:
      return "RootError";
    case ExitCode::result_directory:
      return "ResultDirNotAccessible";
    case ExitCode::namespaces:
      return "UnshareFailed";
    default:
      return "Error";
  }
}

/// Python is left with an exception of mock's set: mock prints its message, and ends with its exit code.
void set_mock_exception(const std::string& message, ExitCode code) {
  const py::module_ exceptions = py::module_::import("mockbuild.exception");
  const char* name = py::hasattr(exceptions, exception_class(code)) ? exception_class(code) : "Error";
  const py::object exception = exceptions.attr(name)(message, static_cast<int>(code));
  PyErr_SetObject(py::type::of(exception).ptr(), exception.ptr());
}

// By value, as pybind11 calls it.
void translate(std::exception_ptr thrown) {  // NOLINT(performance-unnecessary-value-param)
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const Error& error) {
    const std::string message = error.what();
    set_mock_exception(error.advice().empty() ? message : message + "\n" + error.advice(), error.exit_code());
  } catch (const py::builtin_exception&) {
    throw;
  } catch (const py::error_already_set&) {
    throw;
  } catch (const std::exception& error) {
    set_mock_exception(error.what(), ExitCode::failure);
  }
}

bool is_on(const py::dict& options, const char* name) {
  return options.contains(name) && py::bool_(options[name]);
}

/// What mock knows of a root, of which the store and the mounts need this much.
config::Config configuration_of(const py::dict& options, const py::object& buildroot) {
  config::Config config;
  config.root = py::str(buildroot.attr("config")["root"]);
  config.shared_root = py::str(buildroot.attr("shared_root_name"));
  config.basedir = py::str(buildroot.attr("mockdir"));
  config.rootdir = py::str(buildroot.attr("rootdir"));
  config::OverlayfsOptions& overlayfs = config.plugins.overlayfs;
  overlayfs.base_dir = is_on(options, "base_dir") ? std::string(py::str(options["base_dir"])) : default_base_directory;
  overlayfs.touch_rpmdb = is_on(options, "touch_rpmdb");
  overlayfs.trace_hooks = is_on(options, "trace_hooks");
  if (is_on(options, "touch_files")) overlayfs.touch_files = options["touch_files"].cast<config::Words>();
  return config;
}

void write_to_log(const py::object& log, LogLevel level, std::string_view message) {
  static constexpr const char* methods[] = {"debug", "info", "warning", "error"};
  const py::gil_scoped_acquire python;
  log.attr(methods[static_cast<int>(level)])("%s", std::string(message));
}

/// mock, as the functions that have to ask it for something see it. They run without the GIL, so each takes it.
MockRoot::Mock callbacks_of(const py::object& buildroot) {
  return {[buildroot] {
            const py::gil_scoped_acquire python;
            buildroot.attr("mounts").attr("umountall")();
          },
          [buildroot] {
            const py::gil_scoped_acquire python;
            buildroot.attr("mounts").attr("mountall_managed")();
          },
          [] {
            const py::gil_scoped_acquire python;
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
          },
          py::str(py::module_::import("sys").attr("executable"))};
}

/// Whether Python is handling an exception: postumount is then called on the way out.
bool is_handling_exception() {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_GetExcInfo(&type, &value, &traceback);
  const bool is_handling = value != nullptr && value != Py_None;
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
  return is_handling;
}

/// A hook that needs nothing of Python while it runs.
template <typename... Arguments>
py::cpp_function hook(const std::shared_ptr<MockRoot>& root, void (MockRoot::*function)(Arguments...)) {
  return py::cpp_function([root, function](Arguments... arguments) { ((*root).*function)(arguments...); },
                          py::call_guard<py::gil_scoped_release>());
}

void add_hooks(const py::object& plugins, const std::shared_ptr<MockRoot>& root) {
  const auto add = [&](const char* stage, const py::cpp_function& function) {
    plugins.attr("add_hook")(stage, function);
  };
  add("make_snapshot", hook(root, &MockRoot::take_snapshot));
  add("remove_snapshot", hook(root, &MockRoot::remove_snapshot));
  add("rollback_to", hook(root, &MockRoot::roll_back));
  add("mount_root", hook(root, &MockRoot::mount));
  add("umount_root", hook(root, &MockRoot::unmount));
  add("preinit", hook(root, &MockRoot::begin_command));
  add("postinit", hook(root, &MockRoot::finish_initialization));
  add("preyum", hook(root, &MockRoot::touch_rpm_database));
  add("postclean", hook(root, &MockRoot::clean));
  add("scrub", hook(root, &MockRoot::scrub));
  add("postumount", py::cpp_function([root] {
        const bool is_failing = is_handling_exception();
        const py::gil_scoped_release without_python;
        root->finish_command(is_failing);
      }));
  add("list_snapshots", py::cpp_function([root] {
        const auto lines = [&] {
          const py::gil_scoped_release without_python;
          return root->list_snapshots();
        }();
        for (const std::string& line : lines)
          py::print(line);
      }));
}

void init(const py::object& plugins, const py::dict& options, const py::object& buildroot) {
  const py::object log = buildroot.attr("root_log");
  const auto root = std::make_shared<MockRoot>(
      configuration_of(options, buildroot),
      [log](LogLevel level, std::string_view message) { write_to_log(log, level, message); }, callbacks_of(buildroot));
  add_hooks(plugins, root);
}

}  // namespace
}  // namespace plyroot::mock_plugin

PYBIND11_MODULE(overlayfs, module) {
  module.doc() = "mock's plugin overlayfs, on plyroot's store: roots kept as layers, with snapshots.";
  module.attr("requires_api_version") = "1.1";
  module.attr("run_in_bootstrap") = true;
  py::register_local_exception_translator(plyroot::mock_plugin::translate);
  module.def("keep_house", &plyroot::mock_plugin::keep_house, py::arg("base_dir"), py::arg("root"),
             py::call_guard<py::gil_scoped_release>(), "What the background does to a root's store.");
  module.def("init", &plyroot::mock_plugin::init, py::arg("plugins"), py::arg("conf"), py::arg("buildroot"));
}
