# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
#
# Tests that are scripts: the floors of the house, the amalgamation, README's program, end to end.

function(telltale_add_script name timeout)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} LABELS script)
endfunction()

telltale_add_script(floors 60 Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/floors/floors.py"
                    "${PROJECT_SOURCE_DIR}/include/telltale")
telltale_add_script(floors_selftest 60 Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/floors/floors_test.py")
telltale_add_script(amalgamate_selftest 60 Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/single/amalgamate_test.py")

# README's first program, exactly as printed.
set(telltale_readme "${PROJECT_SOURCE_DIR}/README.md")
if(EXISTS "${telltale_readme}")
  set(telltale_readme_cpp "${CMAKE_CURRENT_BINARY_DIR}/readme.cpp")
  add_custom_command(
    OUTPUT "${telltale_readme_cpp}"
    COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/readme.py" "${telltale_readme}" "${telltale_readme_cpp}"
    DEPENDS "${telltale_readme}" "${CMAKE_CURRENT_SOURCE_DIR}/readme.py"
    VERBATIM)
  add_executable(readme "${telltale_readme_cpp}")
  target_link_libraries(readme PRIVATE telltale_dev telltale_flavour)
  add_test(NAME readme COMMAND readme)
  set_tests_properties(readme PROPERTIES TIMEOUT 60)
endif()

# tests/e2e/<name>.test.mjs, run by node; the program prints its own results and must exit with 0.
if(TELLTALE_TEST_E2E)
  find_program(TELLTALE_NODE NAMES node nodejs REQUIRED)
  file(GLOB telltale_e2e RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}/e2e" CONFIGURE_DEPENDS e2e/*.test.mjs)
  foreach(script IN LISTS telltale_e2e)
    string(REPLACE ".test.mjs" "" name "${script}")
    add_test(NAME e2e_${name} COMMAND "${TELLTALE_NODE}" "${CMAKE_CURRENT_SOURCE_DIR}/e2e/${script}"
             WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/e2e")
    set_tests_properties(
      e2e_${name} PROPERTIES TIMEOUT 300 LABELS e2e RUN_SERIAL ON ENVIRONMENT
      "TELLTALE_WORKER=${PROJECT_BINARY_DIR}/examples/control_room/control_room_worker;TELLTALE_CONTROL_ROOM=${PROJECT_BINARY_DIR}/examples/control_room/control_room")
  endforeach()
endif()
