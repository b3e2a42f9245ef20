// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_CHUNK_OUTPUT_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_OUTPUT_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/run/chunk.hpp>
#include <telltale/run/detail/chunk_here.hpp>
#include <telltale/run/detail/chunk_start.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// What becomes of the results of transform_chunks.

namespace telltale::inline TELLTALE_ABI {

/// The result of one chunk.
template <class T>
struct chunk_value {
    chunk_part chunk{}; ///< which one
    T value;
};

/// The results of all chunks.
template <class T>
struct transform_result : chunk_result {
    std::vector<T> values{}; ///< of the chunks that were completed, in the order of the items
};

namespace detail {

/// All results, until the end.
template <class T>
class collected_values {
public:
    static constexpr bool is_bounded = false;

    void put(chunk_part c, T value) {
        const std::lock_guard lock(mutex_);
        values_.push_back({c, std::move(value)});
    }

    /// Once, at the end.
    transform_result<T> with(chunk_result result) {
        std::vector<chunk_value<T>*> in_order;
        in_order.reserve(values_.size());
        for (auto& v : values_) in_order.push_back(&v);
        std::sort(in_order.begin(), in_order.end(), [](auto* a, auto* b) { return a->chunk.id < b->chunk.id; });
        transform_result<T> all;
        static_cast<chunk_result&>(all) = std::move(result);
        all.values.reserve(in_order.size());
        for (auto* v : in_order) all.values.push_back(std::move(v->value));
        return all;
    }

private:
    std::mutex mutex_;
    std::vector<chunk_value<T>> values_;
};

/// Results on their way to who consumes them, a bounded number at a time. A chunk is admitted when it begins, and leaves
/// when its result is consumed.
template <class T>
class chunk_stream final : public wait_state {
public:
    static constexpr bool is_bounded = true;

    chunk_stream(net::execution_context& context, chunk_order order)
        : wait_state(context), in_order_(order == chunk_order::items) {}

    /// Once, before the run starts.
    void set(std::weak_ptr<chunk_control> run, std::size_t ahead) {
        run_ = std::move(run);
        ahead_ = std::max<std::size_t>(ahead, 1);
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    // For the run, from any thread.

    bool admit() {
        const std::lock_guard lock(mutex());
        if (admitted_ >= ahead_) return false;
        ++admitted_;
        return true;
    }

    void put(chunk_part c, T value) {
        change([&] { values_.emplace(in_order_ ? c.id : came_++, chunk_value<T>{c, std::move(value)}); });
    }

    /// There is no result of this one.
    void skip(chunk_part c) {
        change([&] { values_.emplace(in_order_ ? c.id : came_++, std::nullopt); });
    }

    void end(error_code ec, chunk_outcome outcome) {
        change([&] {
            ended_ = true;
            error_ = ec;
            outcome_ = std::move(outcome);
        });
    }

    // For the consumer.

    /// The next result, if it is there.
    std::optional<chunk_value<T>> take() {
        for (;;) {
            {
                const std::lock_guard lock(mutex());
                if (!is_ready()) return std::nullopt;
                auto next = std::move(values_.extract(values_.begin()).mapped());
                ++next_;
                if (next) return next;
            }
            consumed();
        }
    }

    /// What was taken last is done with.
    void consumed() {
        {
            const std::lock_guard lock(mutex());
            --admitted_;
        }
        if (const auto run = run_.lock()) run->go_on();
    }

    /// Nothing more is taken: drops what is there.
    void stop() {
        std::map<std::size_t, std::optional<chunk_value<T>>> dropped;
        {
            const std::lock_guard lock(mutex());
            stopped_ = true;
            dropped.swap(values_);
        }
        if (const auto run = run_.lock()) run->stop();
    }

    bool has_ended() const {
        const std::lock_guard lock(mutex());
        return ended_;
    }

    /// After the end, once.
    chunk_result result() {
        if (outcome_.error) std::rethrow_exception(outcome_.error);
        if (error_) throw system_error(error_);
        return std::move(outcome_.result);
    }

    /// Completes with `void(error_code)` when there may be something to take, or it has ended.
    template <class Token>
    auto async_wait(const net::any_io_executor& executor, Token&& token) {
        return async_start<void(error_code)>(
            executor,
            [self = std::static_pointer_cast<chunk_stream>(shared_from_this())](auto&& handler, const auto& ex) {
                start_wait<>(self, std::forward<decltype(handler)>(handler), ex, [&self](std::tuple<error_code>&) {
                    return self->is_ready() || self->ended_ ? nullptr : &self->waiters_;
                });
            },
            std::forward<Token>(token));
    }

private:
    bool is_ready() const noexcept {
        return !stopped_ && !values_.empty() && (!in_order_ || values_.begin()->first == next_);
    }

    template <class F>
    void change(F f) {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            f();
            if (is_ready() || ended_) ready.take(waiters_);
        }
        ready.ready_all();
    }

    const bool in_order_;
    std::weak_ptr<chunk_control> run_;
    std::size_t ahead_ = 1;

    // Protected by the mutex.
    wait_list waiters_;
    std::map<std::size_t, std::optional<chunk_value<T>>> values_; // by their place
    std::size_t next_ = 0;                                        // place
    std::size_t came_ = 0;
    std::size_t admitted_ = 0;
    bool stopped_ = false;
    bool ended_ = false;
    error_code error_;
    chunk_outcome outcome_;
};

/// In the frame of the consumer: if that is destroyed, nobody is held back for its sake any more.
template <class T>
class chunk_consumer {
public:
    explicit chunk_consumer(std::shared_ptr<chunk_stream<T>> stream) noexcept : stream_(std::move(stream)) {}
    chunk_consumer(const chunk_consumer&) = delete;
    chunk_consumer& operator=(const chunk_consumer&) = delete;
    ~chunk_consumer() { stream_->stop(); }

private:
    std::shared_ptr<chunk_stream<T>> stream_;
};

template <class Items, class Fn>
using chunk_result_of = typename awaited<typename chunk_call<Items, Fn>::returned>::type;

template <class Where, class Items, class Fn, class Hooks, class T = chunk_result_of<Items, Fn>>
net::awaitable<transform_result<T>> collect_chunks(Where where, Items items, chunk_options options, Fn fn,
                                                   Hooks hooks) {
    static_assert(!std::is_void_v<T>, "the function of transform_chunks returns something");
    const net::any_io_executor home = co_await net::this_coro::executor;
    const auto values = std::make_shared<collected_values<T>>();
    auto run = make_chunk_run<collected_values<T>>(home, std::move(where), std::move(items), options, std::move(fn),
                                                   std::move(hooks), values);
    run->announce();
    auto [ec, outcome] = co_await async_run_chunks(std::move(run), home, as_result);
    if (outcome.error) std::rethrow_exception(outcome.error);
    if (ec) throw system_error(ec);
    co_return values->with(std::move(outcome.result));
}

template <class Where, class Items, class Fn, class Consume, class Hooks, class T = chunk_result_of<Items, Fn>>
net::awaitable<chunk_result> stream_chunks(Where where, Items items, chunk_options options, Fn fn, Consume consume,
                                           Hooks hooks) {
    static_assert(!std::is_void_v<T>, "the function of transform_chunks returns something");
    const net::any_io_executor home = co_await net::this_coro::executor;
    const auto stream = std::make_shared<chunk_stream<T>>(context_of(home), options.order);
    auto run = make_chunk_run<chunk_stream<T>>(home, std::move(where), std::move(items), options, std::move(fn),
                                               std::move(hooks), stream);
    stream->set(run, options.ahead != 0 ? options.ahead : run->plan().workers * 2);
    const chunk_consumer<T> me(stream);
    run->announce();
    async_run_chunks(std::move(run), home, [stream](error_code ec, chunk_outcome o) { stream->end(ec, std::move(o)); });
    std::exception_ptr error;
    try {
        for (;;) {
            if (auto next = stream->take()) {
                if constexpr (is_awaitable<std::invoke_result_t<Consume&, chunk_value<T>>>) {
                    auto body = consume(std::move(*next));
                    co_await std::move(body);
                } else {
                    consume(std::move(*next));
                }
                next.reset();
                stream->consumed();
            } else if (stream->has_ended()) {
                break;
            } else {
                co_await stream->async_wait(home, net::use_awaitable);
            }
        }
    } catch (...) {
        error = std::current_exception();
    }
    if (!error) co_return stream->result();
    // Cancelled or not: as long as anybody works, this stays.
    stream->stop();
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);
    while (!stream->has_ended()) co_await stream->async_wait(home, as_result);
    co_await net::this_coro::throw_if_cancelled(throws);
    std::rethrow_exception(error);
}

template <class Items, class Fn, class Hooks, class T = chunk_result_of<Items, Fn>>
transform_result<T> collect_chunks_here(Items items, const chunk_options& options, Fn& fn, Hooks hooks) {
    static_assert(!std::is_void_v<T>, "the function of transform_chunks returns something");
    collected_values<T> values;
    auto result = run_chunks_here(std::move(items), options, fn, std::move(hooks),
                                  [&values](chunk_part c, T value) { values.put(c, std::move(value)); });
    return values.with(std::move(result));
}

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_CHUNK_OUTPUT_HPP
