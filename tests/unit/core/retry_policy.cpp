// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/retry_policy.hpp>

#include "catch.hpp"

#include <chrono>

using namespace telltale;
using namespace std::chrono_literals;

TEST_CASE("retry_policy: by default network and API errors, three times, a minute and twice as long each time") {
    const retry_policy p;
    CHECK(p.delay(error_class::network, 0) == 60s);
    CHECK(p.delay(error_class::api, 1) == 120s);
    CHECK(p.delay(error_class::api, 2) == 240s);
    CHECK_FALSE(p.delay(error_class::api, 3));
    for (const auto c : {error_class::unknown, error_class::timeout, error_class::authentication,
                         error_class::permission, error_class::query, error_class::resource})
        CHECK_FALSE(p.delay(c, 0));
}

TEST_CASE("retry_policy: other classes, more often, never longer than the longest delay") {
    const retry_policy p{.classes = {error_class::resource}, .max_retries = 100};
    CHECK(p.delay(error_class::resource, 3) == 300s);
    CHECK(p.delay(error_class::resource, 99) == 300s);
    CHECK_FALSE(p.delay(error_class::network, 0));
    CHECK_FALSE(retry_policy{.max_retries = 0}.delay(error_class::api, 0));
}

TEST_CASE("retry_policy: the set of classes") {
    constexpr error_class_set some{error_class::unknown, error_class::network};
    static_assert(some.contains(error_class::unknown) && some.contains(error_class::network));
    CHECK_FALSE(some.contains(error_class::api));
    CHECK(some == error_class_set{error_class::network, error_class::unknown});
    CHECK(some != error_class_set{});
}
