// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_TASK_GROUP_HPP
#define TELLTALE_SYNC_TASK_GROUP_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/sync/detail/child_group.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What the exception of a child does to the others of its group.
enum class error_policy {
    cancel_others, ///< the first one asks all others to stop
    collect        ///< nothing: the others go on
};

struct task_group_options {
    /// What the exception of a child does to the others. None is lost either way.
    error_policy errors = error_policy::cancel_others;

    /// How many children run at the same time; the others wait for their turn, first come, first served, and have not
    /// begun. 0: no limit.
    std::size_t limit = 0;
};

namespace detail {

class task_group_state final : public child_group {
public:
    task_group_state(const net::any_io_executor& executor, const task_group_options& options)
        : child_group(executor, options.limit), policy_(options.errors) {}

    void spawn_task(net::awaitable<void> task) {
        forget_told();
        auto c = std::make_shared<child_of<std::monostate>>();
        auto body = run_child<put_value>(c, std::move(task));
        spawn(std::move(c), std::move(body), true);
    }

    std::vector<std::exception_ptr> errors() const {
        const std::lock_guard lock(mutex());
        return errors_;
    }

    /// The first error, once.
    std::exception_ptr tell() {
        const std::lock_guard lock(mutex());
        begin_again();
        if (std::exchange(told_, true) || errors_.empty()) return nullptr;
        return errors_.front();
    }

private:
    bool keep(child& c, wait_node*) override {
        if (!c.error || c.cancelled) return false;
        if (std::exchange(told_, false)) errors_.clear();
        errors_.push_back(c.error);
        return policy_ == error_policy::cancel_others;
    }

    void forget_told() {
        std::vector<std::exception_ptr> old;
        const std::lock_guard lock(mutex());
        if (std::exchange(told_, false)) errors_.swap(old);
    }

    const error_policy policy_;
    std::vector<std::exception_ptr> errors_; ///< in the order in which they came
    bool told_ = false;                      ///< join() has thrown the first of them
};

} // namespace detail

/// Coroutines that belong together: spawned while it goes on, joined, cancelled together. The first one that throws
/// cancels the others, or does not (options), and its exception is what join() throws.
///
///     telltale::task_group group(co_await net::this_coro::executor, {.limit = 8}); // eight at a time
///     for (auto& url : urls) group.spawn(fetch(url));
///     co_await group.join();
///
/// No error is lost: `errors()` has all that children threw. Only operation_aborted of a child that was asked to stop is
/// no error. Each child runs on a strand of its own, so on a thread pool children run in parallel and can still be
/// cancelled. For children with results see result_group and when_all.
///
/// An execution context that is destroyed while somebody joins destroys the children first, then whoever joins.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for join and the destructor.
class task_group {
public:
    using executor_type = net::any_io_executor;

    explicit task_group(const executor_type& executor, task_group_options options = {})
        : state_(std::make_shared<detail::task_group_state>(executor, options)) {}

    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Cancels the children that still run, and does not wait for them: what they refer to must outlive them. Join
    /// first where that matters. Those that wait for their turn never begin.
    ~task_group() {
        // In that order: a child that ends at once must not end a wait with success.
        state_->abort_waiters();
        state_->cancel();
    }

    executor_type get_executor() const noexcept { return state_->executor(); }

    /// Starts a coroutine, or queues it where there is a limit. After cancel() it is cancelled as soon as it first
    /// waits, or dropped where it would have to wait for its turn. It may begin to run before this returns.
    void spawn(net::awaitable<void> task) { state_->spawn_task(std::move(task)); }

    /// Asks all children to stop; those that wait for their turn never begin. Until the group is joined, what is spawned
    /// is cancelled too.
    void cancel() { state_->cancel(); }

    /// How many children have not ended.
    std::size_t size() const { return state_->size(); }

    /// How many of these wait for their turn.
    std::size_t waiting() const { return state_->waiting(); }

    /// All that children threw, in the order in which it came: join() throws the first. Kept until the first spawn or
    /// error after join().
    std::vector<std::exception_ptr> errors() const { return state_->errors(); }

    /// Waits until every child has ended.
    ///
    /// @par Completion signature
    /// `void(error_code)`; says nothing about the children's exceptions: join() throws the first, errors() has all.
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the group was destroyed. The children go on.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the group's).
    template <class Token = default_token_t<executor_type>>
    auto async_wait(Token&& token = {}) {
        return state_->async_wait(std::forward<Token>(token));
    }

    /// Waits until every child has ended, then throws the first exception that one of them threw, if any; it is thrown
    /// once. When whoever joins is cancelled, the children are cancelled, and join throws operation_aborted when they
    /// have ended. The group can be used again.
    [[nodiscard]] net::awaitable<void> join() {
        const auto state = state_;
        const bool aborted = co_await detail::join_children(state);
        if (const auto error = state->tell()) std::rethrow_exception(error);
        if (aborted) throw system_error(net::error::operation_aborted);
    }

private:
    std::shared_ptr<detail::task_group_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_TASK_GROUP_HPP
