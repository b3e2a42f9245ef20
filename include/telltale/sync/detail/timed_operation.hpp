// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_DETAIL_TIMED_OPERATION_HPP
#define TELLTALE_SYNC_DETAIL_TIMED_OPERATION_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/is_aborted.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/sync/timer.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

inline void assign_deadline_exceeded(error_code& ec) noexcept { ec = errc::deadline_exceeded; }

inline void assign_deadline_exceeded(std::exception_ptr& e) {
    e = std::make_exception_ptr(system_error(make_error_code(errc::deadline_exceeded)));
}

template <class T>
struct spawn_signature_of {
    using type = void(std::exception_ptr, T);
};
template <>
struct spawn_signature_of<void> {
    using type = void(std::exception_ptr);
};
template <class T>
using spawn_signature = typename spawn_signature_of<T>::type;

/// Starts a coroutine as an operation, on the executor that is associated with the handler.
template <class T, class Executor>
struct spawn_operation {
    template <class Handler>
    void operator()(Handler&& handler) {
        const auto executor = net::get_associated_executor(handler);
        net::co_spawn(executor, std::move(coroutine), std::forward<Handler>(handler));
    }

    net::awaitable<T, Executor> coroutine;
};

// All but the final handler runs on the strand, and both cancellation signals are emitted there.
template <class Handler, class Executor, class Error, class... Values>
class timed_operation : public std::enable_shared_from_this<timed_operation<Handler, Executor, Error, Values...>> {
    using strand_type = net::strand<Executor>;
    using handler_executor = net::associated_executor_t<Handler, Executor>;

public:
    template <class H>
    timed_operation(const Executor& executor, H&& handler)
        : strand_(net::make_strand(executor)),
          handler_(std::forward<H>(handler)),
          work_(track_work(net::get_associated_executor(handler_, executor))) {}

    // Limit: how long, or until when.
    template <class Operation, class Limit>
    void start(Operation operation, Limit limit) {
        if (auto slot = net::get_associated_cancellation_slot(handler_); slot.is_connected())
            slot.assign([weak = this->weak_from_this()](net::cancellation_type type) {
                if (const auto self = weak.lock())
                    net::dispatch(self->strand_, [self, type] { self->signal_.emit(type); });
            });
        deadline_ = deadline_of(limit);
        net::dispatch(strand_, [self = this->shared_from_this(), operation = std::move(operation)]() mutable {
            self->run(std::move(operation));
        });
    }

private:
    struct on_end {
        using executor_type = strand_type;
        using cancellation_slot_type = net::cancellation_slot;
        using allocator_type = net::associated_allocator_t<Handler>;
        executor_type get_executor() const noexcept { return self->strand_; }
        cancellation_slot_type get_cancellation_slot() const noexcept { return self->signal_.slot(); }
        allocator_type get_allocator() const noexcept { return net::get_associated_allocator(self->handler_); }

        void operator()(Error error, Values... values) { self->finish(std::move(error), std::move(values)...); }

        std::shared_ptr<timed_operation> self;
    };

    using time_point = std::chrono::steady_clock::time_point;

    time_point deadline_of(time_point deadline) const { return deadline; }
    time_point deadline_of(std::chrono::steady_clock::duration limit) const {
        const time_point now = steady_now(strand_);
        return limit > time_point::max() - now ? time_point::max() : now + limit;
    }

    // The timer one turn later: what need not wait has ended by then, and to arm a timer is dear.
    template <class Operation>
    void run(Operation operation) {
        operation(on_end{this->shared_from_this()});
        if (!ended_) net::post(strand_, [self = this->shared_from_this()] { self->arm(); });
    }

    void arm() {
        if (ended_) return;
        timer_.emplace(strand_);
        timer_->expires_at(deadline_);
        timer_->async_wait(net::bind_executor(strand_, [self = this->shared_from_this()](error_code ec) {
            if (ec || self->ended_) return;
            self->expired_ = true;
            self->signal_.emit(net::cancellation_type::terminal);
        }));
    }

    void finish(Error error, Values... values) {
        ended_ = true;
        if (timer_) timer_->cancel();
        if (expired_ && is_aborted(error)) assign_deadline_exceeded(error);
        const auto executor = std::move(*work_);
        work_.reset();
        bound_completion<Handler, Error, Values...> completion{
            std::move(handler_), std::tuple<Error, Values...>(std::move(error), std::move(values)...)};
        net::dispatch(executor, std::move(completion));
    }

    strand_type strand_;
    std::optional<basic_timer<strand_type>> timer_;
    std::chrono::steady_clock::time_point deadline_{};
    Handler handler_;
    std::optional<tracked_executor<handler_executor>> work_;
    net::cancellation_signal signal_;
    bool expired_ = false;
    bool ended_ = false;
};

template <class Signature>
struct timed_start;

template <class Error, class... Values>
struct timed_start<void(Error, Values...)> {
    template <class Executor, class Operation, class Limit, class Handler>
    static void start(const Executor& executor, Operation operation, Limit limit, Handler&& handler) {
        using state = timed_operation<std::decay_t<Handler>, Executor, Error, Values...>;
        std::make_shared<state>(executor, std::forward<Handler>(handler))->start(std::move(operation), limit);
    }
};

template <class Signature, class Executor, class Operation, class Limit, class Handler>
void start_timed(const Executor& executor, Operation operation, Limit limit, Handler&& handler) {
    timed_start<Signature>::start(executor, std::move(operation), limit, std::forward<Handler>(handler));
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_TIMED_OPERATION_HPP
