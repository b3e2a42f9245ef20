// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/circuit_breaker.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

using namespace telltale;
using namespace std::chrono_literals;
using state = circuit_breaker::state;

static_assert(sizeof(circuit_breaker) <= 56);

namespace {

constexpr circuit_breaker::time_point start{1h};

void fail(circuit_breaker& b, int times, circuit_breaker::time_point now = start) {
    for (int i = 0; i < times; ++i) b.failed(b.try_pass(now).value(), now);
}

} // namespace

TEST_CASE("circuit_breaker: failures in a row open it, a success between does not let them add up") {
    const breaker_options options{.failures = 3};
    circuit_breaker b(options);
    fail(b, 2);
    b.succeeded(*b.try_pass(start), start);
    CHECK(b.failures() == 0);
    fail(b, 2);
    CHECK(b.current(start) == state::closed);
    fail(b, 1);
    CHECK(b.current(start) == state::open);
    CHECK_FALSE(b.try_pass(start));
    CHECK(b.until() > start);
    CHECK(b.openings() == 1);
}

TEST_CASE("circuit_breaker: then one is let through, and decides") {
    const breaker_options options{.failures = 1};
    circuit_breaker b(options);
    fail(b, 1);
    auto now = b.until();
    CHECK_FALSE(b.try_pass(now - 1ns));
    CHECK(b.current(now) == state::half_open);
    const auto probe = b.try_pass(now);
    REQUIRE(probe);
    CHECK(b.probing());
    CHECK_FALSE(b.try_pass(now + 1h)); // one at a time
    b.failed(*probe, now);
    CHECK(b.current(now) == state::open);
    CHECK(b.openings() == 2);

    now = b.until();
    const auto cancelled = b.try_pass(now);
    b.abandoned(*cancelled);
    CHECK(b.current(now) == state::half_open);
    b.succeeded(*cancelled, now); // of a pass that was given back: ignored
    CHECK(b.current(now) == state::half_open);
    b.succeeded(b.try_pass(now).value(), now);
    CHECK(b.current(now) == state::closed);
    CHECK(b.openings() == 0);
    CHECK(b.failures() == 0);
}

TEST_CASE("circuit_breaker: calls from before it opened say nothing") {
    const breaker_options options{.failures = 2};
    circuit_breaker b(options);
    const auto slow = b.try_pass(start);
    const auto slower = b.try_pass(start);
    fail(b, 2);
    const auto until = b.until();
    b.failed(*slow, start + 1s);
    CHECK(b.until() == until);
    b.succeeded(*slower, start + 1s);
    CHECK(b.current(start + 1s) == state::open);
    const auto probe = b.try_pass(until);
    b.failed(*slow, until);
    CHECK(b.probing());
    b.succeeded(*probe, until);
    CHECK(b.current(until) == state::closed);
}

TEST_CASE("circuit_breaker: a share of the latest outcomes opens it, not before there are enough") {
    const breaker_options options{.failures = 0, .failure_rate = 0.5, .window = 10};
    circuit_breaker b(options);
    fail(b, 9);
    CHECK(b.current(start) == state::closed);
    fail(b, 1);
    CHECK(b.current(start) == state::open);

    circuit_breaker mixed(options);
    for (int i = 0; i < 1000; ++i) { // four of ten
        const auto p = mixed.try_pass(start);
        REQUIRE(p);
        i % 5 < 2 ? mixed.failed(*p, start) : mixed.succeeded(*p, start);
    }
    CHECK(mixed.current(start) == state::closed);
}

TEST_CASE("circuit_breaker: it stays open longer each time, up to the cap, by a jitter of up to a half") {
    const breaker_options options{.failures = 1, .open = {.min = 10s, .max = 100s}};
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        circuit_breaker b(options, seed);
        auto now = start;
        for (std::uint32_t n = 1; n < 10; ++n) {
            fail(b, 1, now);
            CHECK(b.openings() == n);
            CHECK(b.until() - now >= options.open.ceiling(n) / 2);
            CHECK(b.until() - now <= options.open.ceiling(n));
            now = b.until();
        }
    }
}

TEST_CASE("circuit_breaker: an outage costs few calls") {
    const breaker_options options{};
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        circuit_breaker b(options, seed);
        int calls = 0;
        auto now = start;
        for (; now < start + 1h; now += 100ms) // somebody wants to call ten times a second
            if (const auto p = b.try_pass(now)) {
                ++calls;
                b.failed(*p, now);
            }
        CHECK(calls < 5 + 30);
        CHECK(calls > 5 + 12);
        while (!b.try_pass(now)) now += 100ms;
        CHECK(now < start + 1h + 5min); // and its end is seen
    }
}
