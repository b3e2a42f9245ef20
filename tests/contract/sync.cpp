// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/manual_reset_event.hpp>
#include <telltale/sync/semaphore.hpp>
#include <telltale/sync/timer.hpp>

#include "operation.hpp"

#include <mutex>
#include <string>
#include <vector>

namespace telltale_test::contract::sync_rows {

using namespace telltale;
using namespace std::chrono_literals;

template <class Executor = net::any_io_executor>
struct semaphore_acquire {
    static about row() { return {.name = "semaphore::async_acquire", .value = "a permit"}; }
    using signature = void(error_code, permit);

    explicit semaphore_acquire(const Executor& executor) : object(executor, 16) {
        while (permit p = object.try_acquire()) held.push_back(std::move(p));
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_acquire(std::forward<Token>(token)...);
    }
    auto face() { return object.acquire(); }

    void ready() {
        permit one;
        {
            const std::lock_guard lock(mutex);
            one = std::move(held.back());
            held.pop_back();
        }
    }

    static std::string show(const permit& p) { return p ? "a permit" : "no permit"; }

    std::mutex mutex;
    std::vector<permit> held; // outlives the semaphore: it is destroyed while operations wait
    basic_semaphore<Executor> object;
};
TELLTALE_CONTRACT_BASIC(semaphore_acquire);

template <class Executor = net::any_io_executor>
struct manual_reset_event_wait {
    static about row() {
        return {.name = "manual_reset_event::async_wait", .uncounted = "set() makes all ready who wait"};
    }
    using signature = void(error_code);

    explicit manual_reset_event_wait(const Executor& executor) : object(executor) {}

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
struct mailbox_take {
    static about row() { return {.name = "mailbox::async_take", .value = "7"}; }
    using signature = void(error_code, int);

    explicit mailbox_take(const Executor& executor) : object(executor) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_take(std::forward<Token>(token)...);
    }
    auto face() { return object.take(); }
    void ready() { object.put(7); }
    static std::string show(int value) { return std::to_string(value); }

    mailbox<int, Executor> object;
};
TELLTALE_CONTRACT_BASIC(mailbox_take);

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

} // namespace telltale_test::contract::sync_rows
