# cmake --install gives the usual tree. What the program needs beside itself lies in libexec/plyroot, which it finds
# from its own path: the tree can be moved.
install(TARGETS plyroot RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY include/plyroot DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
