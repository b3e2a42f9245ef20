// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Prices are worked out in chunks. Hooks tell what happens, of which one throws, and another comes and goes.

#include <telltale/run/for_each_chunk.hpp>
#include <telltale/run/hook_list.hpp>
#include <telltale/run/transform_chunks.hpp>

#include <exception>
#include <iostream>
#include <numeric>
#include <span>
#include <stdexcept>
#include <vector>

namespace net = telltale::net;

int price_of(std::span<const int> amounts) { return std::accumulate(amounts.begin(), amounts.end(), 0) * 3; }

net::awaitable<void> work(net::thread_pool& pool, std::vector<int> amounts) {
    // Known at compile time. What is not set costs nothing.
    const telltale::chunk_hooks frame{
        .before =
            [](const telltale::chunk_plan& p) { std::cout << p.total << " items in " << *p.chunks << " chunks\n"; },
        .error = [](const telltale::chunk_error& e) { std::cout << "chunk " << e.chunk.id << " has thrown\n"; },
        .after = [](const telltale::chunk_result& r) { std::cout << r.items << " of " << r.total << " items done\n"; }};
    const telltale::chunk_hooks broken{
        .chunk_completed = [](const telltale::chunk_info&) { throw std::runtime_error("disk full"); }};
    // Registered at run time.
    telltale::hook_list list;
    const auto id = list.add(telltale::chunk_hooks{.chunk_completed = [](const telltale::chunk_info& c) {
        std::cout << "chunk " << c.id << ": " << c.size << " items, " << c.percent << " %\n";
    }});
    const auto hooks = telltale::compose(frame, broken, list);
    // One after the other, on the executor of this coroutine.
    telltale::chunk_options options{.size = 4, .errors = telltale::error_policy::collect};
    int sum = 0;
    const auto add = [&sum](std::span<const int> chunk) {
        if (chunk.front() == 5) throw std::runtime_error("no price for 5");
        sum += price_of(chunk);
    };
    const auto result = co_await telltale::for_each_chunk(telltale::serial, amounts, options, add, hooks);
    std::cout << "sum " << sum << ", " << result.errors.size() << " error, hooks have thrown " << result.hook_errors
              << " times\n\n";
    // On a pool; the values come back in the order of the items.
    list.remove(id);
    const auto prices = co_await telltale::transform_chunks(pool.get_executor(), amounts, options, price_of, hooks);
    for (const int p : prices.values) std::cout << p << '\n';
}

int main() {
    net::io_context context;
    net::thread_pool pool(2);
    net::co_spawn(context, work(pool, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
    context.run();
}
