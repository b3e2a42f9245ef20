// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_JOB_FUNCTIONS_HPP
#define TELLTALE_RUN_DETAIL_JOB_FUNCTIONS_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/run/detail/managed_job.hpp>
#include <telltale/run/job_context.hpp>
#include <telltale/sync/outcome.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {
template <class T>
inline constexpr bool is_job_awaitable = false;
template <class T>
inline constexpr bool is_job_awaitable<net::awaitable<T>> = true;
} // namespace detail

/// A coroutine function that is the work of a job: `net::awaitable<T>(job_context)`. T is void or can be moved.
template <class Fn>
concept job_function = std::move_constructible<Fn> && std::invocable<Fn&, job_context> &&
    detail::is_job_awaitable<std::invoke_result_t<Fn&, job_context>>;

/// A plain function that is the work of a job on a pool: called with a job_context, or without.
template <class Fn>
concept pool_function = std::move_constructible<Fn> &&(std::invocable<Fn&, job_context> || std::invocable<Fn&>);

namespace detail {

template <class Fn>
using job_result_t = typename awaited_of<std::invoke_result_t<Fn&, job_context>>::type;

template <class Fn>
decltype(auto) call_on_pool(Fn& fn, job_context context) {
    if constexpr (std::invocable<Fn&, job_context>)
        return fn(std::move(context));
    else
        return fn();
}

template <class Fn>
using pool_result_t = std::decay_t<decltype(call_on_pool(std::declval<Fn&>(), std::declval<job_context>()))>;

template <class Submit>
auto or_throw(Submit submit) {
    error_code ec;
    auto handle = submit(ec);
    if (ec) throw system_error(ec);
    return handle;
}

/// Calls a function on a pool, and tells the handler on its own executor when it has returned.
template <class Pool, class Fn, class Result, class Handler>
struct pool_call {
    void operator()() {
        try {
            const auto measured = context.measure_cpu();
            if constexpr (std::is_void_v<pool_result_t<Fn>>)
                call_on_pool(*fn, context);
            else
                result->value.emplace(call_on_pool(*fn, context));
        } catch (...) {
            result->error = std::current_exception();
        }
        net::post(work, [handler = std::move(handler)]() mutable { std::move(handler)(error_code{}); });
    }

    Fn* fn; // of a job that waits for the handler
    job_context context;
    Result* result;
    Handler handler;
    tracked_executor<net::associated_executor_t<Handler, net::any_io_executor>> work;
};

/// A coroutine function out of a plain one.
template <class Pool, class Fn>
struct on_pool {
    using result_type = pool_result_t<Fn>;

    net::awaitable<result_type> operator()(job_context context) { return call(this, std::move(context)); }

    // Not cancelled: the function must have returned before the job can end.
    static net::awaitable<result_type> call(on_pool* self, job_context context) {
        outcome<result_type> result;
        co_await start(*self, context, result, net::use_awaitable);
        co_return result.take();
    }

    template <class Token>
    static auto start(on_pool& self, const job_context& context, outcome<result_type>& result, Token&& token) {
        return async_start<void(error_code)>(
            context.get_executor(),
            [&self, context, &result](auto&& handler, const net::any_io_executor& fallback) {
                using handler_type = std::decay_t<decltype(handler)>;
                auto work = track_work(net::get_associated_executor(handler, fallback));
                net::post(self.pool,
                          pool_call<Pool, Fn, outcome<result_type>, handler_type>{
                              &self.fn, context, &result, std::forward<decltype(handler)>(handler), std::move(work)});
            },
            std::forward<Token>(token));
    }

    Pool pool;
    Fn fn;
};

template <class Fn, class T>
net::awaitable<void> job_of<Fn, T>::begin(job_context context) {
    if constexpr (std::is_void_v<T>)
        return (*function)(std::move(context));
    else
        return keep(std::static_pointer_cast<job_of>(this->shared_from_this()), std::move(context));
}

template <class Fn, class T>
net::awaitable<void> job_of<Fn, T>::keep(std::shared_ptr<job_of> self, job_context context) {
    if constexpr (!std::is_void_v<T>) self->value.emplace(co_await (*self->function)(std::move(context)));
    co_return;
}

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_JOB_FUNCTIONS_HPP
