// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BOARD_BOARD_HPP
#define TELLTALE_BOARD_BOARD_HPP

#include <telltale/asio.hpp>
#include <telltale/board/detail/board_state.hpp>
#include <telltale/core/cursor.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/filter.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/event/emitter.hpp>
#include <telltale/event/subscription.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// One table of jobs and one ordered journal of what happened to them. The rules of job_state are enforced here and
/// nowhere else.
///
/// Producers report; consumers take a snapshot and every event after it. Neither knows the other.
///
///     telltale::board board(executor);
///     board.report({.id = "42", .state = job_state::queued});
///     auto [jobs, at, events] = board.watch();
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
class board {
public:
    using executor_type = net::any_io_executor;
    using job_ptr = std::shared_ptr<const job>;

    explicit board(executor_type executor, board_options options = {})
        : executor_(std::move(executor)), state_(detail::board_state::create(detail::context_of(executor_), options)) {}

    board(const board&) = delete;
    board& operator=(const board&) = delete;

    /// Whoever waits for a job gets operation_aborted; subscriptions end after what is unread; sinks that are still
    /// about are ignored from now on.
    ~board() { state_->close(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Takes a report in. What breaks the rules of job_state changes nothing, is counted, and is told as an event
    /// transition_refused. A report without an id is refused with an exception: std::invalid_argument.
    void report(job_report r) { state_->report(std::move(r)); }

    /// Where producers can report to. May outlive the board.
    job_sink sink() const;

    /// Tells a user's own event: `data` is a JSON value; `id` may name a job on the board.
    void emit_custom(std::string data, std::string_view id = {}) { state_->emit_custom(std::move(data), id); }

    /// The job as it is now, or null.
    job_ptr find(std::string_view id) const { return state_->find(id); }

    /// The jobs that pass the filter, in the order of their creation.
    std::vector<job_ptr> jobs(const filter& wanted = {}) const { return state_->jobs(wanted); }

    /// The place of the last event in the journal.
    cursor position() const { return state_->journal().position(); }

    /// How many reports were refused so far.
    std::uint64_t refused() const { return state_->refused(); }

    /// A snapshot, and everything that happens after it.
    struct view {
        std::vector<job_ptr> jobs;
        cursor at;
        subscription<event> events;
    };

    /// The jobs that pass the filter as they are now, and a subscription that continues exactly there: no event is
    /// missed, and none is seen twice, between the two. `options.filter` says nothing about the snapshot; `options.from`
    /// is replaced.
    view watch(filter wanted = {}, subscription_options<event> options = {}) {
        return watch_on(executor_, std::move(wanted), std::move(options));
    }

    /// The same, with the subscription on another executor.
    view watch_on(executor_type executor, filter wanted = {}, subscription_options<event> options = {});

    /// Only the events, from a cursor or from now on. `wanted` and `options.filter` must agree (see filtered()).
    subscription<event> subscribe(filter wanted = {}, subscription_options<event> options = {}) {
        return subscribe_on(executor_, std::move(wanted), std::move(options));
    }

    subscription<event> subscribe_on(executor_type executor, filter wanted = {},
                                     subscription_options<event> options = {});

    /// Passes a command to the job's control.
    command_result request(std::string_view id, job_command command);

    /// Waits until the job is in a terminal state.
    ///
    /// @par Completion signature
    /// `void(error_code, job)`
    /// @par Error codes
    /// `errc::unknown_job`: no such job on the board; `operation_aborted`: cancelled, or the board was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the job goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the board's).
    template <class Token = default_token_t<executor_type>>
    auto async_wait(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job)>(
            executor_,
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                detail::start_wait<job>(state, std::forward<decltype(handler)>(handler), executor,
                                        [&](std::tuple<error_code, job>& result) {
                                            return state->attempt(id, std::get<0>(result), std::get<1>(result));
                                        });
            },
            std::forward<Token>(token));
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::board_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/board/detail/board.ipp>
#endif

#endif // TELLTALE_BOARD_BOARD_HPP
