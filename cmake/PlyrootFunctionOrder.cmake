# The functions that short commands run lie beside each other in the program, so that starting one touches few of its
# pages: by --list-snapshots 38 instead of 74 (docs/performance.md). The linker of LLVM can order functions by name. The
# names are those that scripts/make-function-order has seen; one that is missing, or no longer there, costs speed only.
find_program(PLYROOT_LLD ld.lld)

function(plyroot_order_functions target)
  if(NOT PLYROOT_LLD)
    message(STATUS "No ld.lld: the program's functions stay in the order of its sources, and it starts a tenth slower")
    return()
  endif()
  set(order "${PROJECT_SOURCE_DIR}/cmake/function-order.txt")
  target_link_options(${target} PRIVATE -fuse-ld=lld LINKER:--symbol-ordering-file=${order},--no-warn-symbol-ordering)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${order}")
endfunction()
