// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/manual_reset_event.hpp>
#include <telltale/sync/result_group.hpp>
#include <telltale/sync/task_group.hpp>
#include <telltale/sync/when_all.hpp>
#include <telltale/sync/when_any.hpp>

#include "operation.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale_test::contract::group_rows {

using namespace telltale;
using namespace std::chrono_literals;

/// Waits for the gate, and keeps it.
inline net::awaitable<int> wait_for(std::shared_ptr<manual_reset_event> gate) {
    co_await gate->async_wait();
    co_return 7;
}

inline net::awaitable<void> wait_only(std::shared_ptr<manual_reset_event> gate) { co_await gate->async_wait(); }

inline std::shared_ptr<manual_reset_event> new_gate(const executor_type& e) {
    return std::make_shared<manual_reset_event>(e);
}

constexpr const char* by_co_spawn = "co_spawn passes on terminal cancellation only";
constexpr const char* by_asio = "a coroutine: Asio allocates its frame";

struct task_group_wait {
    static about row() {
        return {.name = "task_group::async_wait",
                .busy = "a child waits",
                .uncounted = "the end of the children makes all ready who wait"};
    }
    using signature = void(error_code);

    explicit task_group_wait(const executor_type& e) : gate(new_gate(e)), object(e) { object.spawn(wait_only(gate)); }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait(std::forward<Token>(token)...);
    }
    void ready() { gate->set(); }

    std::shared_ptr<manual_reset_event> gate;
    task_group object;
};
TELLTALE_CONTRACT(task_group_wait);

struct result_group_next {
    static about row() { return {.name = "result_group::async_next", .value = "7", .busy = "children wait"}; }
    using signature = void(error_code, std::optional<telltale::outcome<int>>);

    explicit result_group_next(const executor_type& e) : object(e) {
        for (auto& gate : gates) {
            gate = new_gate(e);
            object.spawn(wait_for(gate));
        }
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_next(std::forward<Token>(token)...);
    }
    void ready() { gates[next++]->set(); }
    static std::string show(const std::optional<telltale::outcome<int>>& o) {
        return o && o->value ? std::to_string(*o->value) : "";
    }

    std::atomic<std::size_t> next{0};
    std::array<std::shared_ptr<manual_reset_event>, 16> gates;
    result_group<int> object;
};
TELLTALE_CONTRACT(result_group_next);

struct task_group_join {
    static about row() {
        return {.name = "task_group::join",
                .only_terminal = by_co_spawn,
                .no_allocator = by_asio,
                .one_strand = "only one may join",
                .busy = "a child waits",
                .once = "a join that is cancelled cancels the children",
                .uncounted = "the end of the children makes all ready who wait"};
    }

    explicit task_group_join(const executor_type& e) : gate(new_gate(e)), object(e) { object.spawn(wait_only(gate)); }
    net::awaitable<void> run() { return object.join(); }
    void ready() { gate->set(); }

    std::shared_ptr<manual_reset_event> gate;
    task_group object;
};
TELLTALE_CONTRACT_COROUTINE(task_group_join);

struct when_all_of_two {
    static about row() {
        return {.name = "when_all",
                .value = "7 7",
                .no_object = "what it waits for is its own",
                .only_terminal = by_co_spawn,
                .no_allocator = by_asio,
                .uncounted = "an open gate lets all through"};
    }

    explicit when_all_of_two(const executor_type& e) : gate(new_gate(e)) {}
    net::awaitable<std::tuple<int, int>> run() { return when_all(wait_for(gate), wait_for(gate)); }
    void ready() { gate->set(); }
    static std::string show(std::tuple<int, int> v) {
        return std::to_string(std::get<0>(v)) + " " + std::to_string(std::get<1>(v));
    }

    std::shared_ptr<manual_reset_event> gate;
};
TELLTALE_CONTRACT_COROUTINE(when_all_of_two);

struct when_any_of_two {
    static about row() {
        return {.name = "when_any",
                .value = "7",
                .no_object = "what it waits for is its own",
                .only_terminal = by_co_spawn,
                .no_allocator = by_asio,
                .uncounted = "an open gate lets all through"};
    }

    explicit when_any_of_two(const executor_type& e) : gate(new_gate(e)), never(new_gate(e)) {}
    net::awaitable<when_any_result<int>> run() {
        std::vector<net::awaitable<int>> both;
        both.push_back(wait_for(never));
        both.push_back(wait_for(gate));
        return when_any(std::move(both));
    }
    void ready() { gate->set(); }
    static std::string show(const when_any_result<int>& r) { return std::to_string(r.value); }

    std::shared_ptr<manual_reset_event> gate;
    std::shared_ptr<manual_reset_event> never;
};
TELLTALE_CONTRACT_COROUTINE(when_any_of_two);

} // namespace telltale_test::contract::group_rows
