// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/emitter.hpp>
#include <telltale/event/for_each_event.hpp>

#include "operation.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace telltale_test::contract::event_rows {

using namespace telltale;
using namespace std::chrono_literals;

template <class Executor = net::any_io_executor>
struct subscription_receive {
    static about row() {
        return {.name = "subscription::async_receive", .value = "7", .one_strand = "shared subscriptions are unsafe"};
    }
    using signature = void(error_code, delivery<int>);

    explicit subscription_receive(const Executor& e) : object(news.subscribe(e)) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_receive(std::forward<Token>(token)...);
    }
    auto face() { return object.receive(); }
    void ready() { news.emit(7); }
    static std::string show(const delivery<int>& d) { return d.event ? std::to_string(*d.event) : ""; }

    emitter<int> news;
    subscription<int, Executor> object;
};
TELLTALE_CONTRACT_BASIC(subscription_receive);

template <class Executor = net::any_io_executor>
struct subscription_receive_some {
    static about row() {
        return {.name = "subscription::async_receive_some",
                .value = "7",
                .one_strand = "shared subscriptions are unsafe",
                .uncounted = "one takes all that are there"};
    }
    using signature = void(error_code, std::vector<delivery<int>>);

    explicit subscription_receive_some(const Executor& e) : object(news.subscribe(e)) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_receive_some(16, std::forward<Token>(token)...);
    }
    auto face() { return object.receive_some(); }
    void ready() { news.emit(7); }
    static std::string show(const std::vector<delivery<int>>& d) { return d.empty() ? "" : std::to_string(*d.back()); }

    emitter<int> news;
    subscription<int, Executor> object;
};
TELLTALE_CONTRACT_BASIC(subscription_receive_some);

struct for_each_event_to_the_end {
    static about row() {
        return {.name = "for_each_event",
                .no_object = "the subscription is its own",
                .only_terminal = "co_spawn passes on terminal cancellation only",
                .no_allocator = "a coroutine: Asio allocates its frame",
                .uncounted = "the end of the emitter ends all"};
    }

    explicit for_each_event_to_the_end(const executor_type& e) : news(std::in_place) {
        for (int i = 0; i < 16; ++i) subscriptions.push_back(news->subscribe(e));
    }
    net::awaitable<void> run() {
        const std::lock_guard lock(mutex);
        auto next = std::move(subscriptions.back());
        subscriptions.pop_back();
        return for_each_event(std::move(next), [](const delivery<int>&) {});
    }
    void ready() {
        const std::lock_guard lock(mutex);
        news.reset();
    }

    std::mutex mutex;
    std::optional<emitter<int>> news;
    std::vector<subscription<int>> subscriptions;
};
TELLTALE_CONTRACT_COROUTINE(for_each_event_to_the_end);

} // namespace telltale_test::contract::event_rows
