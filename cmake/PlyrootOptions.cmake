# What a build can be told, and the flags that all targets share.

option(PLYROOT_BUILD_TESTS "Build the tests" ON)
option(PLYROOT_BUILD_BENCHMARKS "Build the benchmark and its floor programs" ON)
option(PLYROOT_BUILD_FUZZERS "Build the fuzzers: needs clang (preset fuzz)" OFF)
option(PLYROOT_BUILD_MOCK_PLUGIN "Build the plugin that stock mock loads (pybind11, Python's headers)" ON)
option(PLYROOT_WARNINGS_AS_ERRORS "Stop at a compiler warning (development presets)" OFF)
# Static libraries are not packaged everywhere: Debian has them, Fedora has no libsqlite3.a.
find_library(PLYROOT_STATIC_SQLITE libsqlite3.a)
find_library(PLYROOT_STATIC_LIBC libc.a)
if(PLYROOT_STATIC_SQLITE AND PLYROOT_STATIC_LIBC)
  set(static_by_default ON)
else()
  set(static_by_default OFF)
endif()
option(PLYROOT_STATIC_LIBRARIES "Link the program statically: a command starts in half the time" ${static_by_default})
set(PLYROOT_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
option(PLYROOT_COVERAGE "Count what the tests reach" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(PLYROOT_SANITIZE)
  set(PLYROOT_BUILD_MOCK_PLUGIN OFF)  # a sanitizer has to be there before Python starts, which knows nothing of it
endif()
if(PLYROOT_BUILD_MOCK_PLUGIN)
  # The modules go into a shared object too.
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()

add_library(plyroot_warnings INTERFACE)
target_compile_options(plyroot_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast
                                               -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference
                                               -Wno-restrict)  # GCC 12 warns of its own std::string (PR 105651)
if(PLYROOT_WARNINGS_AS_ERRORS)
  target_compile_options(plyroot_warnings INTERFACE -Werror)
endif()

add_library(plyroot_flags INTERFACE)
target_link_libraries(plyroot_flags INTERFACE plyroot_warnings)
target_compile_definitions(plyroot_flags INTERFACE _GNU_SOURCE PLYROOT_VERSION="${PROJECT_VERSION}")
if(PLYROOT_SANITIZE)
  target_compile_options(plyroot_flags INTERFACE -fsanitize=${PLYROOT_SANITIZE} -fno-omit-frame-pointer
                                                 -fno-sanitize-recover=all)
  target_link_options(plyroot_flags INTERFACE -fsanitize=${PLYROOT_SANITIZE})
  set(PLYROOT_STATIC_LIBRARIES OFF)
endif()
if(PLYROOT_STATIC_LIBRARIES)
  target_compile_options(plyroot_flags INTERFACE -ffunction-sections)  # for plyroot_order_functions
endif()
if(PLYROOT_BUILD_FUZZERS)
  target_compile_options(plyroot_flags INTERFACE -fsanitize=fuzzer-no-link -Wno-unknown-warning-option)
endif()
if(PLYROOT_COVERAGE)
  target_compile_options(plyroot_flags INTERFACE --coverage)
  target_link_options(plyroot_flags INTERFACE --coverage)
endif()
