// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/latch.hpp>
#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/semaphore.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>

#include "operation.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace telltale_test::contract::sync_more_rows {

using namespace telltale;
using namespace std::chrono_literals;

template <class Executor = net::any_io_executor>
struct semaphore_acquire_three {
    static about row() { return {.name = "semaphore::async_acquire(3)", .value = "a permit"}; }
    using signature = void(error_code, permit);

    explicit semaphore_acquire_three(const Executor& e) : object(e, 64) {
        while (permit p = object.try_acquire()) held.push_back(std::move(p));
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_acquire(3, std::forward<Token>(token)...);
    }
    auto face() { return object.acquire(3); }

    void ready() {
        for (int i = 0; i < 3; ++i) {
            const std::lock_guard lock(mutex);
            held.pop_back(); // given back
        }
    }
    static std::string show(const permit& p) { return p ? "a permit" : "no permit"; }

    std::mutex mutex;
    std::vector<permit> held; // dies after the semaphore, or it would make ready what waits
    basic_semaphore<Executor> object;
};
TELLTALE_CONTRACT_BASIC(semaphore_acquire_three);

/// A latch of two for each start; the other arrives at all of them.
template <class Executor = net::any_io_executor>
struct latch_arrive_and_wait {
    static about row() {
        return {.name = "latch::async_arrive_and_wait", .uncounted = "the other arrives at all of the latches"};
    }
    using signature = void(error_code);

    explicit latch_arrive_and_wait(const Executor& e) {
        for (std::size_t i = 0; i < 256; ++i) objects.emplace_back(e, 2);
    }

    template <class... Token>
    auto start(Token&&... token) {
        return objects.at(started++).async_arrive_and_wait(std::forward<Token>(token)...);
    }
    auto face() { return objects.at(started++).arrive_and_wait(); }
    void ready() {
        if (arrived.exchange(true)) return;
        for (auto& object : objects) object.count_down();
    }

    std::atomic<std::size_t> started{0};
    std::atomic<bool> arrived{false};
    std::deque<basic_latch<Executor>> objects;
};
TELLTALE_CONTRACT_BASIC(latch_arrive_and_wait);

struct async_with_deadline_of_a_take {
    static about row() { return {.name = "async_with_deadline", .value = "7"}; }
    using signature = void(error_code, int);

    explicit async_with_deadline_of_a_take(const executor_type& e) : executor(e), object(e) {}

    template <class... Token>
    auto start(Token&&... token) {
        return async_with_deadline<signature>(
            executor, [this](auto handler) { object.async_take(std::move(handler)); }, steady_now(executor) + 5000h,
            std::forward<Token>(token)...);
    }
    void ready() { object.put(7); }
    static std::string show(int value) { return std::to_string(value); }

    executor_type executor;
    mailbox<int> object;
};
TELLTALE_CONTRACT(async_with_deadline_of_a_take);

} // namespace telltale_test::contract::sync_more_rows
