# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
#
# The target telltale_headers_alone compiles one file for each public header, which includes it twice and nothing else.
# The headers that include Beast or simdjson are apart, in telltale_headers_alone_heavy, for they take long. On Boost.Asio a file
# has many of them: that each stands alone does not depend on which Asio it is. src*.hpp are not
# among them: they are for one file of a separate compilation, as of telltale_core_src and telltale_everything.

file(GLOB_RECURSE telltale_public_headers RELATIVE "${PROJECT_SOURCE_DIR}/include" CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/include/telltale/*.hpp")
list(FILTER telltale_public_headers EXCLUDE REGEX "/detail/|^telltale/src(_core|_beast)?\\.hpp$")
foreach(weight IN ITEMS "" _heavy)
  set(sources "")
  foreach(header IN LISTS telltale_public_headers)
    if((header MATCHES "^telltale/(json|beast|dashboard)/" AND weight STREQUAL "_heavy")
       OR (NOT header MATCHES "^telltale/(json|beast|dashboard)/" AND weight STREQUAL ""))
      string(REPLACE "/" "_" name "${header}")
      set(source "${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.cpp")
      file(CONFIGURE OUTPUT "${source}" CONTENT "#include <${header}>\n#include <${header}>\n")
      list(APPEND sources "${source}")
    endif()
  endforeach()
  if(sources)
    add_library(telltale_headers_alone${weight} OBJECT EXCLUDE_FROM_ALL ${sources})
    target_link_libraries(telltale_headers_alone${weight} PRIVATE telltale_dev telltale_flavour telltale::json telltale::beast)
    if(TELLTALE_ASIO STREQUAL "boost")
      set_target_properties(telltale_headers_alone${weight} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
    endif()
    list(LENGTH sources count)
    message(STATUS "telltale: ${count} headers in telltale_headers_alone${weight}")
  endif()
endforeach()
