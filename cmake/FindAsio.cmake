# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
#
# Standalone Asio: headers only, and most distributions install no package file for it. Defines Asio::asio.
# Set Asio_ROOT or Asio_INCLUDE_DIR where it is in an unusual place.

find_path(Asio_INCLUDE_DIR NAMES asio/version.hpp)
mark_as_advanced(Asio_INCLUDE_DIR)
if(Asio_INCLUDE_DIR)
  file(STRINGS "${Asio_INCLUDE_DIR}/asio/version.hpp" Asio_version_line REGEX "define ASIO_VERSION [0-9]+")
  string(REGEX MATCH "[0-9]+" Asio_number "${Asio_version_line}")
  math(EXPR Asio_major "${Asio_number} / 100000")
  math(EXPR Asio_minor "${Asio_number} / 100 % 1000")
  math(EXPR Asio_patch "${Asio_number} % 100")
  set(Asio_VERSION "${Asio_major}.${Asio_minor}.${Asio_patch}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Asio REQUIRED_VARS Asio_INCLUDE_DIR VERSION_VAR Asio_VERSION)

if(Asio_FOUND AND NOT TARGET Asio::asio)
  if(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL)
    add_library(Asio::asio INTERFACE IMPORTED GLOBAL)
  else()
    add_library(Asio::asio INTERFACE IMPORTED)
  endif()
  set_target_properties(Asio::asio PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Asio_INCLUDE_DIR}")
endif()
