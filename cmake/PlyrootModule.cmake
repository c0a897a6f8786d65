# plyroot_module(NAME SOURCES ... USES ... [PRIVATE_LIBRARIES ...])
#
# One module of src/NAME as a static library plyroot_NAME. USES names the modules it may include: the list is the
# architecture, and tests/architecture holds the includes to it.
function(plyroot_module name)
  cmake_parse_arguments(PARSE_ARGV 1 MODULE "" "" "SOURCES;USES;PRIVATE_LIBRARIES")
  add_library(plyroot_${name} STATIC ${MODULE_SOURCES})
  target_include_directories(plyroot_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(plyroot_${name} PUBLIC plyroot_flags)
  foreach(used IN LISTS MODULE_USES)
    target_link_libraries(plyroot_${name} PUBLIC plyroot_${used})
  endforeach()
  target_link_libraries(plyroot_${name} PRIVATE ${MODULE_PRIVATE_LIBRARIES})
  set_property(GLOBAL APPEND_STRING PROPERTY PLYROOT_MODULES "${name}: ${MODULE_USES}\n")
endfunction()
