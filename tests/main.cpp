// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// The main of every test executable, compiled once. Catch2 3 ignores the macro.
#define CATCH_CONFIG_RUNNER
#include "catch.hpp"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
