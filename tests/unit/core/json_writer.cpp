// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/json_writer.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

using namespace telltale;

namespace {
std::string quoted(std::string_view text) {
    std::string out;
    json_writer(out).value(text);
    return out;
}
std::string number(double d) {
    std::string out;
    json_writer(out).value(d);
    return out;
}
} // namespace

TEST_CASE("commas and nesting") {
    std::string out = "before:"; // appends, and does not mind what stands there
    json_writer json(out);
    json.begin_object().member("a", 1).member("b", true).key("c").begin_array().value(1).value("x").null();
    json.begin_object().end_object().begin_array().end_array().end_array().member("d", "}").end_object();
    CHECK(out == R"(before:{"a":1,"b":true,"c":[1,"x",null,{},[]],"d":"}"})");
}

TEST_CASE("strings are escaped") {
    CHECK(quoted("plain") == R"("plain")");
    CHECK(quoted("\"\\/\b\f\n\r\t") == R"("\"\\/\b\f\n\r\t")");
    CHECK(quoted(std::string_view("\0\x01\x1f\x7f", 4)) == "\"\\u0000\\u0001\\u001f\x7f\"");
    CHECK(quoted("h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80") == "\"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"");
}

TEST_CASE("ill-formed UTF-8 becomes U+FFFD, one for each maximal part (Unicode, table 3-8)") {
    const std::string bad = "\xEF\xBF\xBD";
    CHECK(quoted("\x80") == "\"" + bad + "\"");
    CHECK(quoted("a\xC0\xAF"
                 "b") == "\"a" + bad + bad + "b\"");                          // overlong
    CHECK(quoted("\xED\xA0\x80") == "\"" + bad + bad + bad + "\"");           // surrogate
    CHECK(quoted("\xF4\x90\x80\x80") == "\"" + bad + bad + bad + bad + "\""); // past U+10FFFF
    CHECK(quoted("\xE2\x82") == "\"" + bad + "\"");                           // cut at the end
    CHECK(quoted("\xF0\x9F\x98 x") == "\"" + bad + " x\"");
    CHECK(quoted("\xE2\x28\xA1") == "\"" + bad + "(" + bad + "\"");
}

TEST_CASE("numbers read back, and what is no number is null") {
    CHECK(number(0.1) == "0.1");
    CHECK(number(3) == "3");
    CHECK(number(1e300) == "1e+300");
    CHECK(number(-0.0) == "-0");
    CHECK(number(std::numeric_limits<double>::infinity()) == "null");
    CHECK(number(std::nan("")) == "null");
    std::string out;
    json_writer(out).begin_array().value(INT64_MIN).value(UINT64_MAX).end_array();
    CHECK(out == "[-9223372036854775808,18446744073709551615]");
}
