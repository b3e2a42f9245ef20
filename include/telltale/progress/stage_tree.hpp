// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_STAGE_TREE_HPP
#define TELLTALE_PROGRESS_STAGE_TREE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/progress/detail/change_state.hpp>
#include <telltale/progress/detail/stage_state.hpp>
#include <telltale/progress/stage.hpp>
#include <telltale/progress/stage_snapshot.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct stage_tree_options {
    /// Named like the whole. Given one of an earlier run, with its stages: what was done then counts, but is no part of
    /// any rate; its stages wait to be added again.
    stage_snapshot root{};
    std::chrono::duration<double> elapsed{}; ///< the time that took; 0 or more
    /// For the rates: what happened that long ago has a tenth of the weight of now. Greater than zero.
    std::chrono::duration<double> horizon = std::chrono::seconds{15};
};

/// The progress of work that is made of stages, which have weights, and may be made of stages themselves.
///
///     telltale::stage_tree import(executor);
///     auto load = import.root().add("load", {.weight = 3, .total = size, .unit = telltale::progress_unit::bytes});
///     auto index = import.root().add("index");
///     load.advance(block.size()); // in any thread, as often as you like
///
/// Rolled up, a stage with children is as many percent done as its children are, by their weights. Not begun is nothing done,
/// whatever the total. If one that runs has no known total, then the whole has no percentage and no remaining time: what
/// is `done` is the least that it can be. Stages may be added at any time; the percentage is then less than before.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_stage_tree {
public:
    using executor_type = Executor;
    using duration = std::chrono::steady_clock::duration;

    template <class Other>
    struct rebind_executor {
        using other = basic_stage_tree<Other>;
    };

    explicit basic_stage_tree(const Executor& executor) : basic_stage_tree(executor, stage_tree_options()) {}

    /// In a coroutine, name the options before: GCC 12 destroys a temporary aggregate inside a co_await expression twice.
    basic_stage_tree(const Executor& executor, stage_tree_options options)
        : executor_(executor),
          state_(std::make_shared<detail::stage_tree_state>(detail::context_of(executor), options.root, options.elapsed,
                                                            options.horizon)) {}

    basic_stage_tree(const basic_stage_tree&) = delete;
    basic_stage_tree& operator=(const basic_stage_tree&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_stage_tree() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// The whole.
    stage root() const { return {state_, state_->root()}; }

    /// What the work says of itself. Ignored after finish().
    void set_message(std::string message) {
        state_->change([&] { state_->assign_message(std::move(message)); });
    }

    /// Nothing will change any more, whatever the stages were: everybody who waits is told at once.
    void finish() {
        state_->change([&] { state_->assign_finished(); });
    }

    /// How far the whole is now, with the rate and remaining time as seen at this moment.
    progress sample() const { return state_->snapshot().value; }

    /// The same, with all its stages. Looks at each of them.
    stage_tree_snapshot snapshot() const { return state_->snapshot(); }

    /// Waits until something in any stage is different from `since`, but not for less than `min_interval` (0: no limit)
    /// from that look on; finish() ends both. As progress_tracker::async_wait_change; looks at each of the stages.
    ///
    /// @par Completion signature
    /// `void(error_code, stage_tree_snapshot)`
    /// @par Error codes
    /// `errc::closed`: `since` has seen the end already; `operation_aborted`: cancelled, or the tree was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the tree's).
    template <class Token = default_token_t<Executor>>
    auto async_wait_change(stage_tree_snapshot since = {}, duration min_interval = std::chrono::milliseconds{100},
                           Token&& token = {}) {
        return detail::async_start<void(error_code, stage_tree_snapshot)>(
            executor_,
            [state = state_, since = std::move(since), min_interval](auto&& handler, const Executor& executor) {
                detail::start_wait_change(state, std::forward<decltype(handler)>(handler), executor, since,
                                          min_interval);
            },
            std::forward<Token>(token));
    }

private:
    Executor executor_;
    std::shared_ptr<detail::stage_tree_state> state_;
};

using stage_tree = basic_stage_tree<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_STAGE_TREE_HPP
