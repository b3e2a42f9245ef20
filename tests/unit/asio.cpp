// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/asio.hpp>

#include "catch.hpp"

#include <tuple>
#include <type_traits>

using namespace telltale;

TEST_CASE("operations take use_awaitable where the executor does not ask for another token") {
    struct asks_for_a_future : net::any_io_executor {
        using default_completion_token_type = net::use_future_t<>;
    };
    STATIC_REQUIRE(std::is_same_v<default_token_t<asks_for_a_future>, net::use_future_t<>>);
    if constexpr (std::is_void_v<net::default_completion_token_t<net::any_io_executor>>)
        STATIC_REQUIRE(
            std::is_same_v<default_token_t<net::any_io_executor>, net::use_awaitable_t<net::any_io_executor>>);
}

TEST_CASE("as_result gives the error as a value") {
    net::io_context context;
    error_code seen;
    net::co_spawn(
        context,
        [](error_code& ec) -> net::awaitable<void> {
            net::steady_timer t(co_await net::this_coro::executor, std::chrono::hours{1});
            t.cancel();
            t.expires_after(std::chrono::hours{-1});
            std::tie(ec) = co_await t.async_wait(as_result);
        }(seen),
        net::detached);
    context.run();
    CHECK_FALSE(seen);
}
