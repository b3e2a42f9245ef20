// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/http_date.hpp>

#include "catch.hpp"

#include <chrono>
#include <string>

using namespace telltale;
using namespace std::chrono;

namespace {

constexpr timestamp at(year_month_day date, seconds time = {}) { return timestamp(sys_days(date) + time); }
const timestamp now = at(2026y / November / 22);

} // namespace

TEST_CASE("http_date: the three forms", "[http_date]") {
    const auto expected = at(1994y / November / 6, 8h + 49min + 37s);
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now) == expected);
    CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now) == expected);
    CHECK(parse_http_date("Sun Nov  6 08:49:37 1994", now) == expected);
    CHECK(parse_http_date("Wed Nov 16 08:49:37 1994", now) == at(1994y / November / 16, 8h + 49min + 37s));
    CHECK(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", now) == at(2017y / January / 1)); // a leap second
    CHECK(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT", now) == at(2024y / February / 29));
}

TEST_CASE("http_date: a year of two digits is at most 50 years ahead", "[http_date]") {
    const auto year_of = [](const std::string& two, timestamp when) {
        const auto t = parse_http_date("Sunday, 06-Nov-" + two + " 08:49:37 GMT", when);
        return static_cast<int>(year_month_day(floor<days>(t.value())).year());
    };
    CHECK(year_of("76", now) == 2076);
    CHECK(year_of("77", now) == 1977);
    CHECK(year_of("26", now) == 2026);
    CHECK(year_of("00", now) == 2000);
    CHECK(year_of("10", at(2080y / January / 1)) == 2110);
    CHECK(year_of("31", at(2080y / January / 1)) == 2031);
}

TEST_CASE("http_date: anything else is none", "[http_date]") {
    for (const std::string text : {"",
                                   "GMT",
                                   "Sun, 06 Nov 1994 08:49:37",
                                   "Sun, 06 Nov 1994 08:49:37 CET",
                                   "Sun, 06 Nov 1994 08:49:37 GMT ",
                                   "Sun, 6 Nov 1994 08:49:37 GMT",
                                   "Sun, 31 Feb 1994 08:49:37 GMT",
                                   "Sun, 00 Nov 1994 08:49:37 GMT",
                                   "Sun, 06 Nov 1994 24:49:37 GMT",
                                   "Sun, 06 Nov 1994 08:60:37 GMT",
                                   "Sun, 06 Nov 1994 08:49:61 GMT",
                                   "Sun, 06 Foo 1994 08:49:37 GMT",
                                   "Foo, 06 Nov 1994 08:49:37 GMT",
                                   "Sun, 06 Nov 9999 08:49:37 GMT",
                                   "Sun, 06 Nov 0000 08:49:37 GMT",
                                   "Sunday, 06-Nov-1994 08:49:37 GMT",
                                   "Sun Nov 06 08:49:37 94",
                                   "Sun Nov  x 08:49:37 1994",
                                   "2026-11-22T10:00:00Z",
                                   "120",
                                   "Sun, -6 Nov 1994 08:49:37 GMT"}) {
        CAPTURE(text);
        CHECK(!parse_http_date(text, now));
    }
}

TEST_CASE("http_date: written and read again", "[http_date]") {
    CHECK(to_http_date(at(1994y / November / 6, 8h + 49min + 37s)) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(to_http_date(timestamp() - 1s) == "Wed, 31 Dec 1969 23:59:59 GMT");
    CHECK(to_http_date(timestamp() + 1999ms) == "Thu, 01 Jan 1970 00:00:01 GMT");
    for (auto t = at(1678y / January / 1); t < at(2261y / December / 31); t += 1001h + 7min + 13s)
        REQUIRE(parse_http_date(to_http_date(t), now) == t);
}
