// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_CATCH_HPP
#define TELLTALE_TESTS_CATCH_HPP

// Catch2 3 where it is found, else Catch2 2.13. Tests include this and keep to what both have: TEST_CASE, SECTION,
// CHECK, REQUIRE and their kin, GENERATE, INFO, CAPTURE, and Approx by its short name.

#define CATCH_CONFIG_ENABLE_OPTIONAL_STRINGMAKER

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
using Catch::Detail::Approx;
#endif

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace telltale_test {

/// simdjson has a to_string for anything, which does not compile for its own enums: it gives a std::string.
template <class T>
concept named_enum = std::is_enum_v<T> && requires(T e) {
    { to_string(e) } -> std::same_as<std::string_view>;
};

} // namespace telltale_test

/// An enum that has names is shown by them: "failed == cancelled", not "'\t' == 6".
template <telltale_test::named_enum Enum>
struct Catch::StringMaker<Enum, void> {
    static std::string convert(Enum e) { return std::string(to_string(e)); }
};

#endif // TELLTALE_TESTS_CATCH_HPP
