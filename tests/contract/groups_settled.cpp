// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/manual_reset_event.hpp>
#include <telltale/sync/result_group.hpp>
#include <telltale/sync/when_all.hpp>
#include <telltale/sync/when_any.hpp>

#include "operation.hpp"

#include <exception>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

// Of what settles, a cancellation is not the error but an outcome: each row throws that of its outcomes, so that it is
// seen there.

namespace telltale_test::contract::settled_rows {

using namespace telltale;

inline net::awaitable<int> wait_for(std::shared_ptr<manual_reset_event> gate) {
    co_await gate->async_wait();
    co_return 7;
}

inline int value_of(const telltale::outcome<int>& o) {
    if (o.error) std::rethrow_exception(o.error);
    return *o.value;
}

struct settled_row {
    explicit settled_row(const executor_type& e)
        : gate(std::make_shared<manual_reset_event>(e)), never(std::make_shared<manual_reset_event>(e)) {}
    void ready() { gate->set(); }
    static std::string show(int v) { return std::to_string(v); }

    std::shared_ptr<manual_reset_event> gate;
    std::shared_ptr<manual_reset_event> never;
};

inline about settled(const char* name, const char* value) {
    return {.name = name,
            .value = value,
            .only_terminal = "co_spawn passes on terminal cancellation only",
            .no_allocator = "a coroutine: Asio allocates its frame",
            .uncounted = "an open gate lets all through"};
}

inline about settled_alone(const char* name, const char* value) {
    about row = settled(name, value);
    row.no_object = "what it waits for is its own";
    return row;
}

inline about settled_group(const char* name) {
    about row = settled(name, "14");
    row.one_strand = "only one may wait for all";
    row.busy = "children wait";
    row.once = "when it is cancelled it cancels the children";
    return row;
}

struct when_all_settled_of_two : settled_row {
    using settled_row::settled_row;
    static about row() { return settled_alone("when_all_settled", "14"); }
    net::awaitable<int> run() { return sum(when_all_settled(wait_for(gate), wait_for(gate))); }

    static net::awaitable<int> sum(net::awaitable<std::tuple<telltale::outcome<int>, telltale::outcome<int>>> both) {
        const auto [a, b] = co_await std::move(both);
        co_return value_of(a) + value_of(b);
    }
};
TELLTALE_CONTRACT_COROUTINE(when_all_settled_of_two);

struct when_any_settled_of_two : settled_row {
    using settled_row::settled_row;
    static about row() { return settled_alone("when_any_settled", "7"); }
    net::awaitable<int> run() {
        std::vector<net::awaitable<int>> both;
        both.push_back(wait_for(never));
        both.push_back(wait_for(gate));
        return winner(when_any_settled(std::move(both)));
    }

    template <class Settled>
    static net::awaitable<int> winner(net::awaitable<Settled> both) {
        const auto settled = co_await std::move(both);
        co_return value_of(settled.outcomes.at(1));
    }
};
TELLTALE_CONTRACT_COROUTINE(when_any_settled_of_two);

struct result_group_row : settled_row {
    explicit result_group_row(const executor_type& e) : settled_row(e), object(e) {
        object.spawn(wait_for(gate));
        object.spawn(wait_for(gate));
    }
    result_group<int> object;
};

/// Only one may wait for all: of several, each takes what is there when its turn comes.
template <class All>
void expect_both(const All& all) {
    if (all.size() != 2) throw system_error(net::error::operation_aborted);
}

struct result_group_settle : result_group_row {
    using result_group_row::result_group_row;
    static about row() { return settled_group("result_group::settle"); }
    net::awaitable<int> run() { return sum(object.settle()); }

    static net::awaitable<int> sum(net::awaitable<std::vector<telltale::outcome<int>>> all) {
        const auto outcomes = co_await std::move(all);
        expect_both(outcomes);
        int n = 0;
        for (const auto& o : outcomes) n += value_of(o);
        co_return n;
    }
};
TELLTALE_CONTRACT_COROUTINE(result_group_settle);

struct result_group_join : result_group_row {
    using result_group_row::result_group_row;
    static about row() { return settled_group("result_group::join"); }
    net::awaitable<int> run() { return sum(object.join()); }

    static net::awaitable<int> sum(net::awaitable<std::vector<int>> all) {
        const auto values = co_await std::move(all);
        expect_both(values);
        int n = 0;
        for (const int i : values) n += i;
        co_return n;
    }
};
TELLTALE_CONTRACT_COROUTINE(result_group_join);

} // namespace telltale_test::contract::settled_rows
