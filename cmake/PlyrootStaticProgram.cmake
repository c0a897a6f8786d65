# How a program is linked that has to start fast (docs/performance.md).

# The functions that short commands run lie beside each other in the program, so that starting one touches few of its
# pages. The linker of LLVM can order functions by name. The names are those that scripts/make-function-order has seen;
# one that is missing, or no longer there, costs speed only.
find_program(PLYROOT_LLD ld.lld)

function(plyroot_order_functions target)
  if(NOT PLYROOT_LLD)
    message(STATUS "No ld.lld: the functions of ${target} stay in the order of its sources, and it starts a tenth slower")
    return()
  endif()
  set(order "${PROJECT_SOURCE_DIR}/cmake/function-order.txt")
  target_link_options(${target} PRIVATE -fuse-ld=lld LINKER:--symbol-ordering-file=${order},--no-warn-symbol-ordering)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${order}")
endfunction()

# Finding and binding shared libraries is more than half of what a short command costs. What needs the name services asks
# getent(1) and id(1). Not position-independent: relocating touches each page of tables.
function(plyroot_link_statically target)
  target_link_options(${target} PRIVATE -static -no-pie LINKER:-z,relro,-z,now,--gc-sections)
  plyroot_order_functions(${target})
  target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/unwinding_by_index.cpp")
  target_link_options(${target} PRIVATE LINKER:--eh-frame-hdr,--wrap=__register_frame_info,--wrap=__deregister_frame_info)
endfunction()
