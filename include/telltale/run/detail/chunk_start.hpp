// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_CHUNK_START_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_START_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/run/detail/chunk_figures.hpp>
#include <telltale/run/detail/chunk_run.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

// How a chunk_run is made for where it is to work, and waited for.

namespace telltale::inline TELLTALE_ABI::detail {

template <class Executor>
std::size_t threads_of(const Executor& executor) {
    std::size_t n = 0;
    if constexpr (net::can_query_v<const Executor&, net::execution::occupancy_t>)
        n = static_cast<std::size_t>(net::query(executor, net::execution::occupancy));
    if (n == 0) n = std::thread::hardware_concurrency();
    return n == 0 ? 1 : n;
}

/// Completes with `void(error_code, chunk_outcome)` when no worker is left. Cancelling stops handing out.
template <class Run, class Token>
auto async_run_chunks(std::shared_ptr<Run> run, const net::any_io_executor& home, Token&& token) {
    return async_start<void(error_code, chunk_outcome)>(
        home,
        [run = std::move(run)](auto&& handler, const net::any_io_executor& executor) {
            using handler_type = std::decay_t<decltype(handler)>;
            auto& op = waiter_of<handler_type, net::any_io_executor, chunk_outcome>::create(
                std::forward<decltype(handler)>(handler), executor);
            if (auto slot = op.cancellation_slot(); slot.is_connected())
                slot.assign([weak = std::weak_ptr(run)](net::cancellation_type type) {
                    if (type == net::cancellation_type::none) return;
                    if (const auto r = weak.lock()) r->stop();
                });
            {
                const std::lock_guard lock(run->mutex());
                run->waiters().push_back(op);
            }
            run->start();
        },
        std::forward<Token>(token));
}

/// The run for where the work is to be done: a pool's executor, `serial` or `concurrent`.
template <class Output, class Where, class Items, class Fn, class Hooks>
auto make_chunk_run(const net::any_io_executor& home, Where where, Items items, const chunk_options& options, Fn fn,
                    Hooks hooks, std::shared_ptr<Output> output) {
    const auto strand = net::make_strand(home);
    constexpr bool coroutines = is_awaitable<typename chunk_call<Items, Fn>::returned>;
    const auto make = [&](auto pool, std::size_t workers, std::chrono::nanoseconds hook_interval = {}) {
        using run = chunk_run<decltype(pool), Items, Fn, Hooks, Output>;
        return std::make_shared<run>(home, strand, std::move(pool), std::move(items), options, workers, hook_interval,
                                     std::move(fn), std::move(hooks), std::move(output));
    };
    if constexpr (std::is_same_v<Where, serial_t>) {
        if constexpr (coroutines)
            return make(home, 1);
        else
            return make(strand, 1); // where the hooks are: they are told of a chunk before the next begins
    } else {
        std::size_t workers = options.workers;
        if constexpr (std::is_same_v<Where, concurrent_t>) {
            static_assert(coroutines, "with `concurrent` the function of a chunk is a coroutine");
            return make(home, workers == 0 ? 10 : workers);
        } else {
            if (workers == 0) workers = coroutines ? 10 : threads_of(where);
            return make(std::move(where), workers, options.hook_interval);
        }
    }
}

template <class Where, class Items, class Fn, class Hooks>
net::awaitable<chunk_result> run_chunks(Where where, Items items, chunk_options options, Fn fn, Hooks hooks) {
    const net::any_io_executor home = co_await net::this_coro::executor;
    auto run = make_chunk_run<no_output>(home, std::move(where), std::move(items), options, std::move(fn),
                                         std::move(hooks), nullptr);
    run->announce();
    auto [ec, outcome] = co_await async_run_chunks(std::move(run), home, as_result);
    if (outcome.error) std::rethrow_exception(outcome.error);
    if (ec) throw system_error(ec);
    co_return std::move(outcome.result);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_START_HPP
