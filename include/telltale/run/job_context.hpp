// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_JOB_CONTEXT_HPP
#define TELLTALE_RUN_JOB_CONTEXT_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/progress/progress_tracker.hpp>
#include <telltale/run/approval.hpp>
#include <telltale/run/cpu_meter.hpp>
#include <telltale/run/detail/manager_state.hpp>
#include <telltale/run/detail/manager_waits.hpp>
#include <telltale/run/step.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What a job of a job_manager is given: who it is, the ways to say how far it is, and where it lets itself be steered.
/// Cheap to copy. After the job has ended, or its manager is gone, what is said is ignored.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe.
class job_context {
public:
    using executor_type = net::any_io_executor;
    using duration = std::chrono::steady_clock::duration;

    job_context(std::shared_ptr<detail::manager_state> manager, detail::job_ptr job)
        : manager_(std::move(manager)), job_(std::move(job)), attempt_(job_->attempt) {}

    executor_type get_executor() const noexcept { return manager_->executor(); }

    const job_id& id() const noexcept { return job_->id; }

    const std::string& name() const noexcept { return job_->name; }

    /// Which attempt this is, counted from 1.
    std::uint32_t attempt() const noexcept { return attempt_; }

    /// Counts the job's progress; what it counts is reported no more often than the manager's publish_interval, the
    /// first and the last always, and costs nothing in between. The options of the first call of an attempt hold. The
    /// reference is valid as long as a context of this job is.
    progress_tracker& tracker(progress_tracker_options options = {}) { return manager_->tracker(job_, options); }

    /// Reports progress at once, as often as it is called: for a job that knows it from elsewhere.
    void report_progress(progress p) { manager_->report_progress(job_, p); }

    /// Says something for people, at once.
    void set_message(std::string message) { manager_->set_message(job_, std::move(message)); }

    /// Adds a step, which has a weight in the whole and begins with step::begin. What the steps count is reported as their
    /// progress, no more often than the manager's publish_interval; and rolled up as the job's, unless that has a tracker
    /// of its own. Add the steps that are known before the first begins: the percentage then has all of them in it.
    [[nodiscard]] step add_step(std::string name, stage_options options = {}) {
        std::size_t index = 0;
        auto steps = manager_->add_step(job_, std::move(name), options, index);
        return {manager_, job_, std::move(steps), index};
    }

    /// Adds a step and begins it.
    [[nodiscard]] step begin_step(std::string name, stage_options options = {}) {
        step s = add_step(std::move(name), options);
        s.begin();
        return s;
    }

    /// Tells an event that is not seen in the job itself, at once: a step's, chunk's or worker's, or a custom one. `data`
    /// is a JSON value, or empty.
    void notify(event_kind kind, std::string data = {}) { manager_->notify(job_, {kind, std::move(data)}); }

    /// Whether the job was asked to end: cancelled, or its time is up. A coroutine that awaits need not ask: what it waits
    /// for is cancelled. A function on a pool looks here now and then. Costs one load.
    bool stop_requested() const noexcept { return job_->stop_requested.load(std::memory_order_acquire); }

    /// Throws system_error(operation_aborted) if the job was asked to end: then it is cancelled, or timed out.
    void throw_if_stopped() const {
        if (stop_requested()) throw system_error(net::error::operation_aborted);
    }

    /// Whether the job was asked to pause and has not come to a checkpoint since.
    bool pause_requested() const noexcept { return job_->pause_requested.load(std::memory_order_acquire); }

    /// Measures the CPU time of the calling thread until what is returned is destroyed, for the manager's statistics. Not
    /// across a co_await. (What runs on a pool by submit(spec, pool, function) is measured without asking.)
    [[nodiscard]] cpu_meter::scope measure_cpu() { return manager_->cpu_of(job_).measure(); }

    /// Where the job can be paused: waits while it is. A paused job has given its slot back, so that others run
    /// meanwhile; when it is resumed it waits for one before all others of its priority. Its time limit stands still.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: the job was asked to end, or the wait was cancelled.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting. The job then counts as running, whatever the limit.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_checkpoint(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            get_executor(),
            [manager = manager_, job = job_](auto&& handler, const executor_type& executor) {
                manager->start_checkpoint(std::forward<decltype(handler)>(handler), executor, job);
            },
            std::forward<Token>(token));
    }

    /// As async_checkpoint, but does not suspend unless the job is to pause or to end. Costs two loads then.
    [[nodiscard]] net::awaitable<void> checkpoint() const { return checkpoint_of(*this); }

    /// Pauses the job until somebody approves or rejects (job_manager::approve, the commands of its job_control), or the
    /// time is up. It has no slot meanwhile, as at a checkpoint. `what`: for people, what is to be approved; `timeout`:
    /// absent: it waits for ever.
    ///
    /// @par Completion signature
    /// `void(error_code, approval)`
    /// @par Error codes
    /// `operation_aborted`: the job was asked to end, or the wait was cancelled; `errc::invalid_argument`: the job
    /// waits for an approval already.
    /// @par Per-operation cancellation
    /// terminal, partial and total: takes the request back.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_request_approval(std::string what = {}, std::optional<duration> timeout = {}, Token&& token = {}) {
        return detail::async_start<void(error_code, approval)>(
            get_executor(),
            [manager = manager_, job = job_, what = std::move(what), timeout](auto&& handler,
                                                                              const executor_type& executor) mutable {
                manager->start_approval(std::forward<decltype(handler)>(handler), executor, job, std::move(what),
                                        timeout);
            },
            std::forward<Token>(token));
    }

    /// As async_request_approval: `if (!co_await job.request_approval("deploy", 1h)) co_return;`.
    [[nodiscard]] net::awaitable<approval> request_approval(std::string what = {},
                                                            std::optional<duration> timeout = {}) const {
        return approval_of(*this, std::move(what), timeout);
    }

private:
    static net::awaitable<void> checkpoint_of(job_context self) {
        if (self.stop_requested() || self.pause_requested()) co_await self.async_checkpoint(net::use_awaitable);
    }

    static net::awaitable<approval> approval_of(job_context self, std::string what, std::optional<duration> timeout) {
        co_return co_await self.async_request_approval(std::move(what), timeout, net::use_awaitable);
    }

    std::shared_ptr<detail::manager_state> manager_;
    detail::job_ptr job_;
    std::uint32_t attempt_;
};

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/run/detail/manager_impl.ipp>
#endif

#endif // TELLTALE_RUN_JOB_CONTEXT_HPP
