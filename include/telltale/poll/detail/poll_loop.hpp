// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLL_LOOP_HPP
#define TELLTALE_POLL_DETAIL_POLL_LOOP_HPP

#include <telltale/asio.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/schedule.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

template <class Awaitable>
struct awaitable_traits;
template <class T, class Executor>
struct awaitable_traits<net::awaitable<T, Executor>> {
    using value_type = T;
    using executor_type = Executor;
};

/// A seed that was given, or one that nobody knows.
inline std::uint64_t seed_or_random(const std::optional<std::uint64_t>& seed) {
    if (seed) return *seed;
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

// The function objects are parameters, so the frame owns them for as long as it lives.
template <class T, class Executor, class Fn, class Done, class Options>
net::awaitable<T, Executor> poll_loop(Fn fn, Done done, Options options) {
    basic_timer<Executor> timer(co_await net::this_coro::executor);
    schedule_options schedule;
    schedule.interval = options.interval;
    schedule.jitter = options.jitter;
    schedule.on_error = options.backoff;
    poll_schedule plan(schedule, timer.now(), seed_or_random(options.seed), options.deadline);
    for (;;) {
        std::optional<T> answer;
        try {
            if (options.poll_timeout)
                answer.emplace(co_await with_timeout(std::invoke(fn), *options.poll_timeout));
            else
                answer.emplace(co_await std::invoke(fn));
        } catch (const system_error& e) {
            if (e.code() == net::error::operation_aborted) throw;
            if (options.max_consecutive_errors != 0 && plan.failures() + 1 >= options.max_consecutive_errors) throw;
        }
        if (answer && std::invoke(done, std::as_const(*answer))) co_return std::move(*answer);
        const auto next = answer ? plan.answered(timer.now()) : plan.failed(timer.now());
        if (!next) throw system_error(make_error_code(errc::deadline_exceeded));
        timer.expires_at(*next);
        co_await timer.async_wait(net::use_awaitable_t<Executor>{});
    }
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLL_LOOP_HPP
