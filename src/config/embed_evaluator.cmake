# Packs libexec/evaluate-config into an archive and writes the source file that takes it in.
# cmake -D source=... -D archive=... -D template=... -D output=... -P embed_evaluator.cmake
file(GLOB_RECURSE files RELATIVE "${source}" "${source}/*.py")
list(SORT files)
set(contents "")
foreach(file IN LISTS files)
  file(READ "${source}/${file}" content)
  string(APPEND contents "${file}\n${content}")
endforeach()
# What the evaluator answers and how the answer lies in the cache belong together.
cmake_path(GET template PARENT_PATH directory)
foreach(file cache_fields.hpp cache.cpp config.hpp dependencies.hpp evaluator.hpp fields.hpp request.hpp ../support/binary.hpp
        ../support/sealed.cpp)
  file(READ "${directory}/${file}" content)
  string(APPEND contents "${content}")
endforeach()
string(SHA256 digest "${contents}")
execute_process(
  COMMAND "${CMAKE_COMMAND}" -E tar cf "${archive}" --format=zip "--mtime=2000-01-01" ${files}
  WORKING_DIRECTORY "${source}" COMMAND_ERROR_IS_FATAL ANY
)
configure_file("${template}" "${output}" @ONLY)
