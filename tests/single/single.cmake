# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
#
# For every header that is inlined in single_include/telltale/telltale.hpp, a header of the same name that includes that
# file instead. Headers that are not part of it (testing/) still come from include/.

set(telltale_single "${PROJECT_SOURCE_DIR}/single_include/telltale/telltale.hpp")
set(telltale_single_shim "${PROJECT_BINARY_DIR}/single")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${telltale_single}")
file(STRINGS "${telltale_single}" telltale_single_parts REGEX "^// begin <telltale/.*>$")
if(NOT telltale_single_parts)
  message(FATAL_ERROR "${telltale_single} has no part in it")
endif()
file(REMOVE_RECURSE "${telltale_single_shim}")
foreach(part IN LISTS telltale_single_parts)
  string(REGEX REPLACE "^// begin <(.*)>$" "\\1" header "${part}")
  file(WRITE "${telltale_single_shim}/${header}" "#include \"${telltale_single}\"\n")
endforeach()
target_include_directories(telltale_test BEFORE INTERFACE "${telltale_single_shim}")

