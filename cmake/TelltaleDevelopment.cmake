# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
#
# For our own tests, examples and benchmarks only; nothing here reaches a user of the library.

set(TELLTALE_ASIO standalone CACHE STRING "The Asio that tests, examples and benchmarks are built on: standalone or boost")
set_property(CACHE TELLTALE_ASIO PROPERTY STRINGS standalone boost)
set(TELLTALE_SANITIZE "" CACHE STRING "Sanitizers to build with, such as address,undefined or thread")

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# ccache must be told to trust a precompiled header.
find_program(TELLTALE_CCACHE ccache)
mark_as_advanced(TELLTALE_CCACHE)
if(TELLTALE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${TELLTALE_CCACHE}")
endif()

# telltale_dev: warnings as errors, and sanitizers.
add_library(telltale_dev INTERFACE)
target_compile_options(telltale_dev INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror)
if(TELLTALE_SANITIZE)
  target_compile_options(telltale_dev INTERFACE -fsanitize=${TELLTALE_SANITIZE} -fno-sanitize-recover=all
                                                -fno-omit-frame-pointer)
  target_link_options(telltale_dev INTERFACE -fsanitize=${TELLTALE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's flow analysis invents uninitialised coroutine frames once sanitizers have rewritten the code.
    target_compile_options(telltale_dev INTERFACE -Wno-maybe-uninitialized)
    if(TELLTALE_SANITIZE MATCHES "thread")
      target_compile_options(telltale_dev INTERFACE -Wno-tsan) # Asio's atomic_thread_fence
    endif()
  endif()
endif()

# telltale_flavour: the library on the Asio of this build.
add_library(telltale_flavour INTERFACE)
if(TELLTALE_ASIO STREQUAL "standalone")
  target_link_libraries(telltale_flavour INTERFACE telltale::telltale)
elseif(TELLTALE_ASIO STREQUAL "boost")
  target_link_libraries(telltale_flavour INTERFACE telltale::boost)
else()
  message(FATAL_ERROR "TELLTALE_ASIO is ${TELLTALE_ASIO}; it can be standalone or boost")
endif()

# telltale_core_src: the library on that Asio, with the bodies that are no templates compiled once (telltale/src_core.hpp)
# and not in every file that uses them; telltale_everything: the same with json and beast. Header-only, as users get it by
# default, it is tested by the headers alone, by the suite on single_include/ and by the consumer projects.
function(telltale_add_src name header)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/${name}.cpp" CONTENT "#include <telltale/${header}>\n")
  add_library(${name} STATIC EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/${name}.cpp")
  target_compile_definitions(${name} PUBLIC TELLTALE_SEPARATE_COMPILATION)
  target_link_libraries(${name} PUBLIC ${ARGN} PRIVATE telltale_dev)
endfunction()
telltale_add_src(telltale_core_src src_core.hpp telltale_flavour)
telltale_add_src(telltale_everything src_beast.hpp telltale_core_src telltale::json telltale::beast)

# A precompiled header that several targets share: target_precompile_headers(... REUSE_FROM <name>).
function(telltale_add_pch name header)
  file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp" CONTENT "// Only a home for the precompiled header.\n")
  add_library(${name} OBJECT EXCLUDE_FROM_ALL "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp")
  target_link_libraries(${name} PRIVATE ${ARGN})
  target_precompile_headers(${name} PRIVATE "${header}")
endfunction()
