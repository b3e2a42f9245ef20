// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/auto_reset_event.hpp>
#include <telltale/sync/latch.hpp>
#include <telltale/sync/manual_reset_event.hpp>
#include <telltale/sync/semaphore.hpp>

#include "operation.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace telltale_test::contract::sync_rows {

using namespace telltale;
using namespace std::chrono_literals;

template <class Executor = net::any_io_executor>
struct semaphore_acquire {
    static about row() { return {.name = "semaphore::async_acquire", .value = "a permit"}; }
    using signature = void(error_code, permit);

    explicit semaphore_acquire(const Executor& e) : object(e, 64) {
        while (permit p = object.try_acquire()) held.push_back(std::move(p));
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_acquire(std::forward<Token>(token)...);
    }
    auto face() { return object.acquire(); }

    void ready() {
        const std::lock_guard lock(mutex);
        held.pop_back(); // given back
    }
    static std::string show(const permit& p) { return p ? "a permit" : "no permit"; }

    std::mutex mutex;
    std::vector<permit> held; // dies after the semaphore, or it would make ready what waits
    basic_semaphore<Executor> object;
};
TELLTALE_CONTRACT_BASIC(semaphore_acquire);

template <class Executor = net::any_io_executor>
struct manual_reset_event_wait {
    static about row() {
        return {.name = "manual_reset_event::async_wait", .uncounted = "set() makes all ready who wait"};
    }
    using signature = void(error_code);

    explicit manual_reset_event_wait(const Executor& e) : object(e) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait(std::forward<Token>(token)...);
    }
    auto face() { return object.wait(); }
    void ready() { object.set(); }

    basic_manual_reset_event<Executor> object;
};
TELLTALE_CONTRACT_BASIC(manual_reset_event_wait);

template <class Executor = net::any_io_executor>
struct auto_reset_event_wait {
    static about row() { return {.name = "auto_reset_event::async_wait"}; }
    using signature = void(error_code);

    explicit auto_reset_event_wait(const Executor& e) : object(e) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait(std::forward<Token>(token)...);
    }
    auto face() { return object.wait(); }
    void ready() { object.set(); }

    basic_auto_reset_event<Executor> object;
};
TELLTALE_CONTRACT_BASIC(auto_reset_event_wait);

template <class Executor = net::any_io_executor>
struct latch_wait {
    static about row() { return {.name = "latch::async_wait", .uncounted = "an open latch makes all ready who wait"}; }
    using signature = void(error_code);

    explicit latch_wait(const Executor& e) : object(e, 1) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait(std::forward<Token>(token)...);
    }
    auto face() { return object.wait(); }
    void ready() {
        if (!once.exchange(true)) object.count_down();
    }

    std::atomic<bool> once{false};
    basic_latch<Executor> object;
};
TELLTALE_CONTRACT_BASIC(latch_wait);

} // namespace telltale_test::contract::sync_rows
