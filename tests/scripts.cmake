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

telltale_add_script(docs_snippets 60 Python3::Interpreter "${PROJECT_SOURCE_DIR}/docs/check_snippets.py"
                    "${PROJECT_SOURCE_DIR}")
telltale_add_script(docs_snippets_selftest 60 Python3::Interpreter "${PROJECT_SOURCE_DIR}/docs/check_snippets_test.py")

# README's first program, exactly as printed.
set(telltale_readme "${PROJECT_SOURCE_DIR}/README.md")
set(telltale_readme_cpp "${CMAKE_CURRENT_BINARY_DIR}/readme.cpp")
add_custom_command(
  OUTPUT "${telltale_readme_cpp}"
  COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/readme.py" "${telltale_readme}" "${telltale_readme_cpp}"
  DEPENDS "${telltale_readme}" "${CMAKE_CURRENT_SOURCE_DIR}/readme.py"
  VERBATIM)
add_executable(readme "${telltale_readme_cpp}")
target_link_libraries(readme PRIVATE telltale_dev telltale_flavour)
add_test(NAME readme COMMAND Python3::Interpreter "${PROJECT_SOURCE_DIR}/examples/check_output.py"
                             "${telltale_readme_cpp}.out" $<TARGET_FILE:readme>)
set_tests_properties(readme PROPERTIES TIMEOUT 60)

# tests/e2e/<name>.test.js, run by node.
if(TELLTALE_TEST_E2E)
  find_program(TELLTALE_NODE NAMES node nodejs REQUIRED)
  file(GLOB telltale_e2e RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}/e2e" CONFIGURE_DEPENDS e2e/*.test.js)
  foreach(script IN LISTS telltale_e2e)
    string(REPLACE ".test.js" "" name "${script}")
    add_test(NAME e2e_${name} COMMAND "${TELLTALE_NODE}" --test "${script}"
             WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/e2e")
    set_tests_properties(e2e_${name} PROPERTIES TIMEOUT 600 LABELS e2e RUN_SERIAL ON FAIL_REGULAR_EXPRESSION "tests 0[\r\n]"
                         ENVIRONMENT "TELLTALE_BUILD=${PROJECT_BINARY_DIR};TELLTALE_E2E_OUT=${PROJECT_BINARY_DIR}/e2e")
  endforeach()

  # Bars in a real terminal. The same scenarios are played in the emulator by unit_progress.
  find_program(TELLTALE_TMUX NAMES tmux REQUIRED)
  file(GLOB telltale_scenarios CONFIGURE_DEPENDS terminal/scenarios/*.txt)
  add_executable(terminal_bars terminal/bars.cpp)
  target_link_libraries(terminal_bars PRIVATE telltale_dev telltale_core_src)
  telltale_add_script(bars_in_tmux 120 Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/terminal/in_tmux.py"
                      $<TARGET_FILE:terminal_bars> ${telltale_scenarios})
endif()
