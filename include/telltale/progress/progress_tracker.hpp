// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_PROGRESS_TRACKER_HPP
#define TELLTALE_PROGRESS_PROGRESS_TRACKER_HPP

#include <telltale/asio.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/progress/detail/change_state.hpp>
#include <telltale/progress/detail/progress_state.hpp>
#include <telltale/progress/progress_snapshot.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct progress_tracker_options {
    std::optional<std::uint64_t> total{}; ///< in `unit`; absent: nobody knows yet
    progress_unit unit = progress_unit::items;
    std::uint64_t done = 0;                  ///< done before this begins: counts, but is no part of the rate
    std::chrono::duration<double> elapsed{}; ///< the time that took; 0 or more
    /// For the rate: what happened that long ago has a tenth of the weight of now. Greater than zero.
    std::chrono::duration<double> horizon = std::chrono::seconds{15};
};

/// Counts what is done, mostly without so much as a locked instruction, and tells whoever waits for it.
///
///     telltale::progress_tracker files(executor, {.total = names.size()});
///     files.advance(); // in any thread, as often as you like
///
/// A reporter or a bar looks at it at its own pace, and is asleep while nothing changes:
///
///     for (telltale::progress_snapshot last; !last.finished;) {
///         last = co_await files.async_wait_change(last, 100ms);
///         show(last.value);
///     }
///
/// It tells what is so: more done than the total, a total of zero, one that changes, and a count that goes back are
/// reported as they are, and no percentage, rate or remaining time is made up for them. Counts are exact up to 2^53.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_progress_tracker {
public:
    using executor_type = Executor;
    using duration = std::chrono::steady_clock::duration;

    template <class Other>
    struct rebind_executor {
        using other = basic_progress_tracker<Other>;
    };

    explicit basic_progress_tracker(const Executor& executor, progress_tracker_options options = {})
        : executor_(executor),
          state_(std::make_shared<detail::progress_state>(detail::context_of(executor), options.total, options.unit,
                                                          options.done, options.elapsed, options.horizon)) {}

    basic_progress_tracker(const basic_progress_tracker&) = delete;
    basic_progress_tracker& operator=(const basic_progress_tracker&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_progress_tracker() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// `n` more are done. A load, a store and a compare, without lock, clock or executor, but when somebody waits for just
    /// this: the first change after a look, or the arrival at the total. Threads do not share what they write to, up to
    /// eight of them (others: one atomic step).
    void advance(std::uint64_t n = 1) { state_->advance(n); }

    /// So much is done, be it more or less than before. Going back begins the measurement of the rate anew. Takes a lock:
    /// what only counts up had better advance().
    void set_done(std::uint64_t done) { state_->set_done(done); }

    /// The total is known, is another, or is unknown after all. Ignored after finish().
    void set_total(std::optional<std::uint64_t> total) {
        state_->change([&] { state_->assign_total(total); });
    }

    /// What the work says of itself. Ignored after finish(). Not for every tick: takes a lock.
    void set_message(std::string message) {
        state_->change([&] { state_->assign_message(std::move(message)); });
    }

    /// Nothing will change any more, whatever the total was: everybody who waits is told at once.
    void finish() {
        state_->change([&] { state_->assign_finished(); });
    }

    /// All that was done before the call; what is done in other threads meanwhile may be in it or not.
    std::uint64_t done() const noexcept { return state_->done(); }

    /// How far it is now, with the rate and remaining time as seen at this moment.
    progress sample() const { return state_->snapshot().value; }

    /// The same, with all else that is known.
    progress_snapshot snapshot() const { return state_->snapshot(); }

    /// Waits until the work is done: finish() was called, or a known total is reached. (A total may still rise
    /// afterwards.)
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the tracker was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the tracker's).
    template <class Token = default_token_t<Executor>>
    auto async_wait_done(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait_done(state, std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// Waits until something is different from `since`, but not for less than `min_interval` (0: no limit) from that
    /// look on; finish() ends both. With a `since` that has seen nothing it completes at once. Takes one timer per call
    /// at most, and nothing while nothing changes. No change is missed, however long it is until the next call.
    ///
    /// @par Completion signature
    /// `void(error_code, progress_snapshot)`
    /// @par Error codes
    /// `errc::closed`: `since` has seen the end already; `operation_aborted`: cancelled, or the tracker was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the tracker's).
    template <class Token = default_token_t<Executor>>
    auto async_wait_change(progress_snapshot since = {}, duration min_interval = std::chrono::milliseconds{100},
                           Token&& token = {}) {
        return detail::async_start<void(error_code, progress_snapshot)>(
            executor_,
            [state = state_, since = std::move(since), min_interval](auto&& handler, const Executor& executor) {
                detail::start_wait_change(state, std::forward<decltype(handler)>(handler), executor, since,
                                          min_interval);
            },
            std::forward<Token>(token));
    }

private:
    Executor executor_;
    std::shared_ptr<detail::progress_state> state_;
};

using progress_tracker = basic_progress_tracker<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_PROGRESS_TRACKER_HPP
