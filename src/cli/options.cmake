# The command line's own library: argv becomes a value, and nothing else happens. Apart from the commands, so that its
# tests link none of them.
add_library(plyroot_cli_options STATIC
  ${CMAKE_CURRENT_LIST_DIR}/help.cpp
  ${CMAKE_CURRENT_LIST_DIR}/option_table.cpp
  ${CMAKE_CURRENT_LIST_DIR}/options.cpp
)
target_link_libraries(plyroot_cli_options PUBLIC plyroot_support)
