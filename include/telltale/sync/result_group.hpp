// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_RESULT_GROUP_HPP
#define TELLTALE_SYNC_RESULT_GROUP_HPP

#include <telltale/asio.hpp>
#include <telltale/sync/detail/outcome_group.hpp>
#include <telltale/sync/outcome.hpp>
#include <telltale/sync/task_group.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// A task_group whose children have results: taken one by one as they come, or all together in the order of spawn().
///
///     telltale::result_group<page> group(co_await net::this_coro::executor, {.limit = 8});
///     for (auto& url : urls) group.spawn(fetch(url));
///     while (auto next = co_await group.next()) show(urls[next->index], next->take());
///
/// Outcomes that nobody has taken are kept, values and exceptions alike: spawn no faster than you take. `limit` bounds
/// what runs, not what is kept. Each child runs on a strand of its own.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for join, settle and the destructor.
template <class T>
class result_group {
    using state_type = detail::outcome_group<T>;

public:
    using executor_type = net::any_io_executor;

    explicit result_group(const executor_type& executor, task_group_options options = {})
        : state_(std::make_shared<state_type>(executor, options.limit,
                                              options.errors == error_policy::cancel_others ? detail::stop_at::error
                                                                                            : detail::stop_at::never)) {
    }

    result_group(const result_group&) = delete;
    result_group& operator=(const result_group&) = delete;

    /// As ~task_group: cancels the children and does not wait for them. Outcomes that were not taken are lost.
    ~result_group() {
        // In that order: a child that ends at once must not end a wait with success.
        state_->abort_waiters();
        state_->cancel();
    }

    executor_type get_executor() const noexcept { return state_->executor(); }

    /// As task_group::spawn. Returns the number of the child, which its outcome has as `index`: 0, 1, 2, ...
    std::size_t spawn(net::awaitable<T> task) {
        auto c = std::make_shared<typename state_type::child_type>();
        auto body = detail::run_child<detail::put_value>(c, std::move(task));
        return state_->spawn(std::move(c), std::move(body), true);
    }

    /// Asks all children to stop; those that wait for their turn never begin. Until the group is joined or next() says
    /// that none is left, what is spawned is cancelled too.
    void cancel() { state_->cancel(); }

    /// How many children have not ended.
    std::size_t size() const { return state_->size(); }

    /// How many of these wait for their turn.
    std::size_t waiting() const { return state_->waiting(); }

    /// Waits for the next child that ends, in whatever order. Several may wait; each outcome is given to one of them.
    ///
    /// @par Completion signature
    /// `void(error_code, std::optional<outcome<T>>)`; no outcome if no child is left and all outcomes are taken.
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the group was destroyed. What a child throws is in its outcome.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; no outcome is lost. The children go on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the group's).
    template <class Token = default_token_t<executor_type>>
    auto async_next(Token&& token = {}) {
        return detail::async_start<void(error_code, std::optional<outcome<T>>)>(
            state_->executor(),
            [state = state_](auto&& handler, const executor_type& executor) {
                state_type::start_next(state, std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// As async_next, but does not suspend when an outcome is there or no child is left.
    [[nodiscard]] net::awaitable<std::optional<outcome<T>>> next() {
        std::optional<outcome<T>> result;
        if (!state_->try_next(result)) result = co_await async_next(net::use_awaitable);
        co_return result;
    }

    /// Waits until every child has ended. The outcomes that were not taken before, in the order of spawn(), cancelled
    /// ones too; throws nothing of theirs. When whoever awaits this is cancelled, the children are cancelled, and what
    /// they end with is the result. The group can be used again.
    [[nodiscard]] net::awaitable<std::vector<outcome<T>>> settle() {
        const auto state = state_;
        co_await detail::join_children(state);
        auto outcomes = state->take();
        detail::put_in_order(outcomes);
        co_return outcomes;
    }

    /// Waits until every child has ended. Their values, of those that were not taken before, in the order of spawn(). If a
    /// child threw, throws its exception, the first one's; or operation_aborted if children were cancelled. Nothing is
    /// lost then: next() and settle() still have all outcomes. Cancelling is as for settle().
    [[nodiscard]] net::awaitable<std::vector<typename outcome<T>::value_type>> join() {
        const auto state = state_;
        co_await detail::join_children(state);
        auto outcomes = state->take();
        if (const auto error = detail::first_error(outcomes)) {
            state->put_back(std::move(outcomes));
            std::rethrow_exception(error);
        }
        detail::put_in_order(outcomes);
        co_return detail::values_of(std::move(outcomes));
    }

private:
    std::shared_ptr<state_type> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_RESULT_GROUP_HPP
