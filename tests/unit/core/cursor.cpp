// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/cursor.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>

using namespace telltale;

TEST_CASE("a cursor reads back from its text") {
    for (const auto& c : {cursor{}, cursor{1, 2}, cursor{UINT64_MAX, UINT64_MAX}, cursor{0xabc, 10}})
        CHECK(parse_cursor(to_string(c)) == c);
    CHECK(to_string(cursor{0xabc, 10}) == "abc:10");
}

TEST_CASE("what is not a cursor gives nothing") {
    for (const std::string text : {"", ":", "1", "1:", ":1", "1:2:3", "1:2 ", " 1:2", "1:-2", "xyz:1", "1:1f",
                                   "10000000000000000:1", "1:18446744073709551616", "0x1:2"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_cursor(text));
    }
}
