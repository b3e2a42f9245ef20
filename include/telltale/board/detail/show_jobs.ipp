// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BOARD_DETAIL_SHOW_JOBS_IPP
#define TELLTALE_BOARD_DETAIL_SHOW_JOBS_IPP

#include <telltale/asio.hpp>
#include <telltale/board/show_jobs.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/event/subscription.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline net::awaitable<void> keep_showing(board& jobs, bar_writer& bars) {
    const auto executor = co_await net::this_coro::executor;
    auto events = jobs.subscribe_on(executor);
    timer pause(executor);
    const auto receive = [&events](auto handler) { events.async_receive(std::move(handler)); };
    for (;;) {
        while (events.try_receive()) continue;
        const auto all = jobs.jobs();
        const auto now = steady_now(executor);
        const bool drawn = bars.update(all, now, system_now(executor));
        const bool running =
            std::any_of(all.begin(), all.end(), [](const auto& j) { return j->state == job_state::running; });
        pause.expires_after(bars.redraw_interval());
        co_await pause.async_wait(net::use_awaitable);
        if (events.try_receive()) continue;
        if (!running && drawn) {
            co_await events.receive();
            continue;
        }
        auto operation = receive; // named, and moved: GCC 12 destroys a lambda inside a co_await expression twice
        const auto [ec, told] = co_await async_with_deadline<void(error_code, delivery<event>)>(
            executor, std::move(operation), now + std::chrono::seconds{1}, as_result);
        if (ec && ec != errc::deadline_exceeded) throw system_error(ec);
    }
}

} // namespace detail

TELLTALE_DECL net::awaitable<void> show_jobs(board& jobs, bar_writer& bars) {
    const auto executor = co_await net::this_coro::executor;
    std::exception_ptr failure;
    try {
        co_await detail::keep_showing(jobs, bars);
    } catch (...) {
        failure = std::current_exception();
    }
    bars.finish(jobs.jobs(), steady_now(executor), system_now(executor));
    std::rethrow_exception(failure);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BOARD_DETAIL_SHOW_JOBS_IPP
