# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
#
# Headers, the package for find_package(telltale), and the *.pc files for pkg-config.

include(CMakePackageConfigHelpers)

set(telltale_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/telltale")
install(DIRECTORY include/telltale DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp" PATTERN "*.ipp")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/telltale")

foreach(component IN LISTS telltale_components)
  install(TARGETS telltale_${component} EXPORT telltale-${component})
  install(EXPORT telltale-${component} NAMESPACE telltale:: FILE telltale-${component}.cmake
          DESTINATION "${telltale_package_dir}")
endforeach()

configure_package_config_file(cmake/telltale-config.cmake.in "${PROJECT_BINARY_DIR}/telltale-config.cmake"
                              INSTALL_DESTINATION "${telltale_package_dir}" NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break: the same rule as the inline namespace in version.hpp.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/telltale-config-version.cmake" COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/telltale-config.cmake" "${PROJECT_BINARY_DIR}/telltale-config-version.cmake"
              cmake/FindAsio.cmake DESTINATION "${telltale_package_dir}")

foreach(package IN ITEMS telltale telltale-boost telltale-json telltale-beast)
  configure_file(cmake/${package}.pc.in "${PROJECT_BINARY_DIR}/${package}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${package}.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
endforeach()
