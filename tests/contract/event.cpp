// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/emitter.hpp>

#include "operation.hpp"

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

} // namespace telltale_test::contract::event_rows
