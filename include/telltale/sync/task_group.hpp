// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_TASK_GROUP_HPP
#define TELLTALE_SYNC_TASK_GROUP_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>

#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

class task_group_state final : public wait_state {
public:
    struct child {
        explicit child(net::strand<net::any_io_executor> s) : strand(std::move(s)) {}

        net::strand<net::any_io_executor> strand;
        net::cancellation_signal signal;
        // On the strand only:
        bool started = false;
        bool asked_to_stop = false;
        bool ended = false;
    };

    using wait_state::wait_state;

    void add(std::shared_ptr<child> c) {
        bool cancelled = false;
        {
            const std::lock_guard lock(mutex());
            cancelled = cancelled_;
            children_.push_back(c);
        }
        if (cancelled) cancel(std::move(c));
    }

    // On the child's strand.
    void remove(const std::shared_ptr<child>& c, std::exception_ptr error) {
        c->ended = true;
        wait_list joined;
        bool failed = false;
        std::exception_ptr first;
        {
            const std::lock_guard lock(mutex());
            children_.remove(c);
            if (error && !error_ && !cancelled_) {
                error_ = std::move(error);
                failed = true;
            }
            if (children_.empty()) joined.take(waiters_);
        }
        if (failed) cancel();
        joined.finish_all({});
    }

    void cancel() {
        std::list<std::shared_ptr<child>> children;
        {
            const std::lock_guard lock(mutex());
            cancelled_ = true;
            children = children_;
        }
        for (auto& c : children) cancel(c);
    }

    // Signals are emitted where the child runs: elsewhere it would be a race with its operations. And not before it runs:
    // in newer Asio the exception of a coroutine that is cancelled before its first step leaves the context's run().
    static void cancel(std::shared_ptr<child> c) {
        auto& strand = c->strand;
        net::post(strand, [c = std::move(c)] {
            c->asked_to_stop = true;
            if (c->started && !c->ended) c->signal.emit(net::cancellation_type::terminal);
        });
    }

    static net::awaitable<void> run(std::shared_ptr<child> c, net::awaitable<void> task) {
        c->started = true;
        if (c->asked_to_stop) cancel(c);
        co_await std::move(task);
    }

    // With the mutex held.
    wait_list* list_to_wait_in() noexcept { return children_.empty() ? nullptr : &waiters_; }

    std::exception_ptr take_error() {
        const std::lock_guard lock(mutex());
        cancelled_ = false;
        return std::exchange(error_, nullptr);
    }

    std::size_t size() const {
        const std::lock_guard lock(mutex());
        return children_.size();
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    std::list<std::shared_ptr<child>> children_;
    std::exception_ptr error_;
    bool cancelled_ = false;
};

} // namespace detail

/// Coroutines that belong together: spawned while it goes on, joined, cancelled together. The first one that throws
/// cancels the others, and its exception is what join() throws.
///
///     telltale::task_group group(co_await net::this_coro::executor);
///     for (auto& url : urls) group.spawn(fetch(url));
///     co_await group.join();
///
/// Each child runs on a strand of its own, so on a thread pool children run in parallel and can still be cancelled.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for join and the destructor.
class task_group {
public:
    using executor_type = net::any_io_executor;

    explicit task_group(executor_type executor)
        : executor_(std::move(executor)),
          state_(std::make_shared<detail::task_group_state>(detail::context_of(executor_))) {}

    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Cancels the children that still run, and does not wait for them: what they refer to must outlive them. Join
    /// first where that matters.
    ~task_group() {
        state_->cancel();
        state_->finish_all(net::error::operation_aborted);
    }

    executor_type get_executor() const noexcept { return executor_; }

    /// Starts a coroutine. After cancel() it is cancelled as soon as it first waits.
    void spawn(net::awaitable<void> task) {
        auto c = std::make_shared<detail::task_group_state::child>(net::make_strand(executor_));
        auto slot = c->signal.slot();
        auto strand = c->strand;
        state_->add(c);
        net::co_spawn(
            strand, detail::task_group_state::run(c, std::move(task)),
            net::bind_cancellation_slot(slot, net::bind_executor(strand, [state = state_, c](std::exception_ptr e) {
                                            state->remove(c, std::move(e));
                                        })));
    }

    /// Asks all children to stop. What they throw from then on is not reported: it was asked for.
    void cancel() { state_->cancel(); }

    /// How many children have not ended.
    std::size_t size() const { return state_->size(); }

    /// Waits until every child has ended.
    ///
    /// @par Completion signature
    /// `void(error_code)`; says nothing about the children's exceptions: join() rethrows the first.
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the group was destroyed. The children go on.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    template <class Token = default_token_t<executor_type>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const executor_type& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->list_to_wait_in(); });
            },
            std::forward<Token>(token));
    }

    /// Waits until every child has ended, then throws the first exception that one of them threw, if any. When whoever
    /// joins is cancelled, the children are cancelled, and join throws operation_aborted when they have ended. The group
    /// can be used again.
    [[nodiscard]] net::awaitable<void> join() {
        const bool throws = co_await net::this_coro::throw_if_cancelled();
        co_await net::this_coro::throw_if_cancelled(false);
        const auto [aborted] = co_await async_wait(as_result);
        if (aborted) {
            cancel();
            // Without a slot: this wait is not cancelled again.
            co_await async_wait(net::bind_cancellation_slot(net::cancellation_slot{}, as_result));
        }
        co_await net::this_coro::throw_if_cancelled(throws);
        if (const auto error = state_->take_error()) std::rethrow_exception(error);
        if (aborted) throw system_error(aborted);
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::task_group_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_TASK_GROUP_HPP
