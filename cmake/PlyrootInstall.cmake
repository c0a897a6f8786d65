# cmake --install gives the usual tree. The program carries its evaluator of configurations in itself, and refers to no
# path of the build: the tree can be moved.
install(TARGETS plyroot RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

install(FILES docs/man/plyroot.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES completions/plyroot.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME plyroot)
install(FILES completions/_plyroot DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES completions/plyroot.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# The user who evaluates configurations after a login as root (docs/configuration.md).
install(FILES cmake/sysusers.conf DESTINATION lib/sysusers.d RENAME plyroot.conf)

install(DIRECTORY include/plyroot DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")

file(GLOB documents CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/*.md")
file(GLOB pages_at_the_top CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/*.md")
install(FILES LICENSE ${pages_at_the_top} DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${documents} DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(DIRECTORY docs/performance DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs OPTIONAL)
