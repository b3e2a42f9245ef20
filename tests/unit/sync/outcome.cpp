// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/outcome.hpp>

#include "support.hpp"

#include <exception>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

using telltale::outcome;

TEST_CASE("an outcome gives its value once") {
    outcome<std::unique_ptr<int>> o;
    o.value = std::make_unique<int>(7);
    CHECK(o);
    CHECK(*o.take() == 7);
    CHECK(*o.value == nullptr); // moved out
}

TEST_CASE("an outcome throws its exception, as often as it is asked") {
    outcome<int> o;
    o.error = std::make_exception_ptr(std::runtime_error("no"));
    CHECK_FALSE(o);
    CHECK_THROWS_AS(o.take(), std::runtime_error);
    CHECK_THROWS_AS(o.take(), std::runtime_error);
}

TEST_CASE("an outcome of void has a value without content") {
    outcome<void> o;
    CHECK_FALSE(o);
    o.value.emplace();
    CHECK(o);
    o.take();
    STATIC_REQUIRE(std::is_void_v<decltype(o.take())>);
}
