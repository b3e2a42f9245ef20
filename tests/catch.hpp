// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_CATCH_HPP
#define TELLTALE_TESTS_CATCH_HPP

// Catch2 3 where it is found, else Catch2 2.13. Tests include this and keep to what both have: TEST_CASE, SECTION,
// CHECK, REQUIRE and their kin, GENERATE, INFO, CAPTURE, and Approx by its short name.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
using Catch::Detail::Approx;
#endif

#endif // TELLTALE_TESTS_CATCH_HPP
