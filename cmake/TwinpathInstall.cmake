# `cmake --install`: headers below include/twinpath, static libraries, and a package so that a
# program outside the tree writes find_package(Twinpath COMPONENTS sim) and links twinpath::sim.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

function(twinpath_install_component name)
  if(NOT TARGET twinpath_${name})
    return()
  endif()
  add_dependencies(product twinpath_${name})
  install(TARGETS twinpath_${name} EXPORT twinpath_${name} DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT twinpath_${name} NAMESPACE twinpath:: FILE Twinpath-${name}.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Twinpath)
endfunction()

function(twinpath_install_package)
  foreach(component models store sim emu)
    twinpath_install_component(${component})
  endforeach()
  install(DIRECTORY models sim emu DESTINATION include/twinpath FILES_MATCHING PATTERN "*.h")
  install(DIRECTORY analysis/store DESTINATION include/twinpath/analysis
    FILES_MATCHING PATTERN "*.h")
  set(where ${CMAKE_INSTALL_LIBDIR}/cmake/Twinpath)
  configure_package_config_file(cmake/TwinpathConfig.cmake.in
    ${PROJECT_BINARY_DIR}/TwinpathConfig.cmake INSTALL_DESTINATION ${where})
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/TwinpathConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/TwinpathConfig.cmake
    ${PROJECT_BINARY_DIR}/TwinpathConfigVersion.cmake DESTINATION ${where})
endfunction()
