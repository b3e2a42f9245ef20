// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/queue.hpp>

#include "operation.hpp"

#include <string>
#include <utility>
#include <vector>

namespace telltale_test::contract::value_rows {

using namespace telltale;
using namespace std::chrono_literals;

template <class Executor = net::any_io_executor>
struct mailbox_take {
    static about row() { return {.name = "mailbox::async_take", .value = "7"}; }
    using signature = void(error_code, int);

    explicit mailbox_take(const Executor& e) : object(e) {}

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
struct queue_pop {
    static about row() { return {.name = "queue::async_pop", .value = "7"}; }
    using signature = void(error_code, int);

    explicit queue_pop(const Executor& e) : object(e, 16) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_pop(std::forward<Token>(token)...);
    }
    auto face() { return object.pop(); }
    void ready() { (void)object.try_push(7); }
    static std::string show(int value) { return std::to_string(value); }

    queue<int, Executor> object;
};
TELLTALE_CONTRACT_BASIC(queue_pop);

template <class Executor = net::any_io_executor>
struct queue_push {
    static about row() { return {.name = "queue::async_push"}; }
    using signature = void(error_code);

    explicit queue_push(const Executor& e) : object(e, 16) {
        while (object.try_push(0)) {}
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_push(7, std::forward<Token>(token)...);
    }
    auto face() { return object.push(7); }
    void ready() { (void)object.try_pop(); }

    queue<int, Executor> object;
};
TELLTALE_CONTRACT_BASIC(queue_push);

template <class Executor = net::any_io_executor>
struct queue_pop_some {
    static about row() {
        return {.name = "queue::async_pop_some", .value = "7", .uncounted = "one takes all that are there"};
    }
    using signature = void(error_code, std::vector<int>);

    explicit queue_pop_some(const Executor& e) : object(e, 16) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_pop_some(16, std::forward<Token>(token)...);
    }
    auto face() { return object.pop_some(); }
    void ready() { (void)object.try_push(7); }
    static std::string show(const std::vector<int>& values) {
        return values.empty() ? "" : std::to_string(values.back());
    }

    queue<int, Executor> object;
};
TELLTALE_CONTRACT_BASIC(queue_pop_some);

} // namespace telltale_test::contract::value_rows
