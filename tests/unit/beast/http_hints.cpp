// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_hints.hpp>

#include <telltale/core/http_date.hpp>

#include "catch.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

const timestamp now = parse_http_date("Sun, 22 Nov 2026 10:00:00 GMT", {}).value();
const std::string epoch = std::to_string(now.time_since_epoch() / 1s);

poll_hint of(const http_fields& headers) { return hints_of(headers, now); }

using duration = std::optional<std::chrono::nanoseconds>;

} // namespace

TEST_CASE("http_hints: Retry-After and X-Poll-Interval", "[http_hints]") {
    for (const auto& [value, expected] :
         std::vector<std::pair<std::string, duration>>{{"120", 120s},
                                                       {"0", 0s},
                                                       {" 7\t", 7s},
                                                       {"1.5", 1500ms},
                                                       {"Sun, 22 Nov 2026 10:01:00 GMT", 60s},
                                                       {"Sunday, 22-Nov-26 10:00:05 GMT", 5s},
                                                       {"Sun Nov 22 09:00:00 2026", 0s},
                                                       {"99999999999999999999999999", 24h},
                                                       {"Sun, 22 Nov 2100 10:00:00 GMT", 24h},
                                                       {"", {}},
                                                       {"-1", {}},
                                                       {"1e9", {}},
                                                       {"soon", {}},
                                                       {"inf", {}},
                                                       {"nan", {}},
                                                       {"0x10", {}},
                                                       {"1.2.3", {}},
                                                       {"12 s", {}}}) {
        CAPTURE(value);
        CHECK(of({{"retry-after", value}}).retry_after == expected);
    }
    CHECK(of({{"Retry-After", "nonsense"}, {"Retry-After", "3"}}).retry_after == duration(3s));
    CHECK(of({{"X-Poll-Interval", "60"}}).interval == duration(60s));
    CHECK(of({{"Content-Type", "x"}, {"X-Other", "1"}}) == poll_hint());
}

TEST_CASE("http_hints: what is left of a rate limit, and until when", "[http_hints]") {
    const auto github = of({{"X-RateLimit-Limit", "5000"},
                            {"X-RateLimit-Remaining", "4987"},
                            {"X-RateLimit-Reset", std::to_string(now.time_since_epoch() / 1s + 90)}});
    CHECK(github.left == 4987U);
    CHECK(github.window == duration(90s));
    CHECK(of({{"RateLimit-Reset", "30"}, {"RateLimit-Remaining", "0"}}).window == duration(30s));
    CHECK(of({{"RateLimit-Remaining", "0"}}).left == 0U);
    CHECK(of({{"x-rate-limit-reset", epoch + "000"}}).window == duration(0s)); // milliseconds
    CHECK(of({{"X-RateLimit-Reset", "999999999"}}).window == duration(24h));   // not a moment, and too long
    CHECK(of({{"X-RateLimit-Reset", "1"}}).window == duration(1s));
    CHECK(of({{"X-RateLimit-Reset", "1000000000"}}).window == duration(0s)); // a moment of 2001
    CHECK(of({{"X-RateLimit-Reset", "Sun, 22 Nov 2026 10:00:09 GMT"}}).window == duration(9s));
    const auto openai = of({{"x-ratelimit-remaining-requests", "59"}, {"x-ratelimit-reset-requests", "1m0.5s"}});
    CHECK(openai.left == 59U);
    CHECK(openai.window == duration(60500ms));
    CHECK(of({{"x-ratelimit-reset-requests", "20ms"}}).window == duration(20ms));
    for (const auto* bad : {"", "m", "1", "1x", "1m2", "-1s", "1h1h1", "..s"}) {
        CAPTURE(bad);
        if (std::string(bad) != "1") CHECK(!of({{"x-ratelimit-reset-requests", bad}}).window);
    }
    for (const auto* bad : {"-1", "many", "", "1,2"}) CHECK(!of({{"X-RateLimit-Remaining", bad}}).left);
    CHECK(of({{"X-RateLimit-Remaining", "99999999999999999999999999999999"}}).left == 1'000'000'000'000'000U);
}

TEST_CASE("http_hints: the better known header wins, whatever the order", "[http_hints]") {
    const http_fields both{{"X-Rate-Limit-Remaining", "1"},
                           {"RateLimit-Remaining", "2"},
                           {"X-RateLimit-Remaining", "3"},
                           {"RateLimit", "\"a\";r=0;t=9"}};
    CHECK(of(both).left == 2U);
    CHECK(of(http_fields(both.rbegin(), both.rend())).left == 2U);
}

TEST_CASE("http_hints: RateLimit, in both its forms", "[http_hints]") {
    const auto older = of({{"RateLimit", "limit=100, remaining=50, reset=5"}});
    CHECK(older.left == 50U);
    CHECK(older.window == duration(5s));
    const auto newer = of({{"RateLimit", R"("burst";r=20;t=1, "day";r=7;t=3600, "month";r=90)"}});
    CHECK(newer.left == 7U);
    CHECK(newer.window == duration(3600s));
    CHECK(of({{"RateLimit", "\"x\""}}) == poll_hint());
    CHECK(of({{"RateLimit", ";;,,=,=;r="}}) == poll_hint());
}

TEST_CASE("http_hints: moments are compared with the clock of the server", "[http_hints]") {
    // Ours is an hour late.
    const http_fields headers{{"Date", "Sun, 22 Nov 2026 11:00:00 GMT"},
                              {"Retry-After", "Sun, 22 Nov 2026 11:00:10 GMT"},
                              {"X-RateLimit-Reset", std::to_string(now.time_since_epoch() / 1s + 3620)}};
    CHECK(of(headers).retry_after == duration(10s));
    CHECK(of(headers).window == duration(20s));
    CHECK(hints_of(http_response(), now) == poll_hint());
}
