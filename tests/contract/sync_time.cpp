// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/rate_limiter.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>

#include "operation.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace telltale_test::contract::time_rows {

using namespace telltale;
using namespace std::chrono_literals;

template <class Executor = net::any_io_executor>
struct timer_wait {
    static about row() {
        return {.name = "timer::async_wait",
                .one_strand = "shared timers are unsafe, as in Asio",
                .uncounted = "its time makes all ready who wait"};
    }
    using signature = void(error_code);

    explicit timer_wait(const Executor& e) : executor(e), object(e) { object.expires_after(48h); }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait(std::forward<Token>(token)...);
    }
    void ready() { let_pass(executor, 48h); }

    Executor executor;
    basic_timer<Executor> object;
};
TELLTALE_CONTRACT_BASIC(timer_wait);

template <class Executor = net::any_io_executor>
struct rate_limiter_acquire {
    static about row() { return {.name = "rate_limiter::async_acquire", .uncounted = "time goes on"}; }
    using signature = void(error_code);

    explicit rate_limiter_acquire(const Executor& e) : executor(e), object(e, {.per_second = 1, .burst = 16}) {
        while (object.try_acquire()) {}
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_acquire(std::forward<Token>(token)...);
    }
    auto face() { return object.acquire(); }
    void ready() { let_pass(executor, 1s); }

    Executor executor;
    basic_rate_limiter<Executor> object;
};
TELLTALE_CONTRACT_BASIC(rate_limiter_acquire);

struct async_with_timeout_of_a_take {
    static about row() { return {.name = "async_with_timeout", .value = "7"}; }
    using signature = void(error_code, int);

    explicit async_with_timeout_of_a_take(const executor_type& e) : executor(e), object(e) {}

    template <class... Token>
    auto start(Token&&... token) {
        return async_with_timeout<signature>(
            executor, [this](auto handler) { object.async_take(std::move(handler)); }, 5000h,
            std::forward<Token>(token)...);
    }
    void ready() { object.put(7); }
    static std::string show(int value) { return std::to_string(value); }

    executor_type executor;
    mailbox<int> object;
};
TELLTALE_CONTRACT(async_with_timeout_of_a_take);

} // namespace telltale_test::contract::time_rows
