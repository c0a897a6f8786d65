// GCC's crtbeginT.o, which static programs begin with, registers all of the program's unwinding tables, and then the
// first exception sorts them: 5 ms for each command that fails. Where nothing is registered, libgcc looks into the index
// that the linker has made (--eh-frame-hdr), as it does in programs with shared libraries. So the registration's calls
// are led here (ld(1), --wrap), where nothing is done.

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
void __wrap___register_frame_info(const void* /*begin*/, void* /*object*/) {}
void* __wrap___deregister_frame_info(const void* /*begin*/) {
  return nullptr;
}
// NOLINTEND(bugprone-reserved-identifier)
}
