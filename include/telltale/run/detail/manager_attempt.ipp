// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_ATTEMPT_IPP
#define TELLTALE_RUN_DETAIL_MANAGER_ATTEMPT_IPP

#include <telltale/asio.hpp>
#include <telltale/detail/is_aborted.hpp>
#include <telltale/run/detail/manager_attempt.hpp>
#include <telltale/run/detail/manager_state.hpp>
#include <telltale/run/job_context.hpp>
#include <telltale/run/job_failure.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

// An attempt of a job: its beginning, what it says of itself, its end, and what is left of it.

namespace telltale::inline TELLTALE_ABI::detail {

TELLTALE_DECL void manager_state::begin(attempt_under_way attempt) {
    managed_job& job = attempt.job();
    // If it is asked to end from here on, the signal is emitted behind this.
    if (job.stop_requested.load(std::memory_order_acquire)) {
        std::move(attempt).end(std::make_exception_ptr(system_error(net::error::operation_aborted)));
        return;
    }
    struct work {
        net::awaitable<void> operator()() { return job->begin(std::move(context)); }
        managed_job* job; // which attempt_end keeps
        job_context context;
    };
    work body{&job, job_context(self(), attempt.shared_job())};
    net::co_spawn(job.lane->executor(), std::move(body), attempt_end(std::move(attempt)));
}

// The execution context is gone, and with it the attempt.
TELLTALE_DECL void manager_state::abandon(managed_job& job) noexcept {
    {
        const std::lock_guard lock(mutex());
        if (job.rarity) job.rarity->alarm.reset();
        job.lane.reset();
    }
    job.signal.slot().clear(); // where an operation of this manager may have left a reference to it
}

inline bool wants_another_attempt(const job_retry& retry, const job_error& error) {
    try {
        return !retry.when || retry.when(error);
    } catch (...) {
        return false;
    }
}

TELLTALE_DECL void manager_state::end(const job_ptr& job, const std::exception_ptr& e) {
    effects todo;
    std::optional<job_error> error;
    bool aborted = false;
    bool again = false;
    if (e) {
        aborted = is_aborted(e);
        error = describe_error(e);
        const job_retry* retry = nullptr; // which nobody changes
        {
            const std::lock_guard lock(mutex());
            if (aborted && job->asked == managed_job::reason::timed_out)
                error = job_error{error_class::timeout, "the job exceeded its time limit"};
            if (job->rarity && job->attempt < job->rarity->retry.max_attempts) retry = &job->rarity->retry;
        }
        again = retry && wants_another_attempt(*retry, *error);
    }
    {
        const std::lock_guard lock(mutex());
        const auto now = source_.now();
        if (is_terminal(job->state)) { // lost with its manager
            leave_attempt(*job, now);
            todo.forgotten.push_back(index_.erase(*job));
            todo.dispose.push_back(job);
        } else {
            std::optional<progress> last;
            if (job->tracker) {
                job->tracker->finish();
                last = job->tracker->sample();
            }
            job_state state = e ? job_state::failed : job_state::succeeded;
            if (aborted && job->asked == managed_job::reason::cancelled) {
                state = job_state::cancelled;
                error.reset();
            }
            if (aborted && job->asked == managed_job::reason::timed_out) state = job_state::timed_out;
            again = again && job->asked != managed_job::reason::cancelled && !ending_;
            job->error = job->handles > 0 && state == job_state::failed && !again ? e : nullptr;
            if (again) {
                const auto delay = job->rarity->retry.delay.delay(job->attempt, random());
                begin_next_attempt(*job, delay, "attempt " + std::to_string(job->attempt) + ": " + error->message, now);
            } else {
                conclude(*job, state, std::move(error), last, todo, now);
            }
            pump(todo, now);
        }
    }
    carry_out(todo);
}

TELLTALE_DECL void manager_state::report_progress(const job_ptr& job, progress p, std::optional<std::string> message) {
    if (!has_sink_) return;
    {
        const std::lock_guard lock(mutex());
        if (!job->begun || !telling()) return;
        job_report r = report_of(*job);
        r.progress = p;
        r.message = std::move(message);
        tell(std::move(r));
    }
    flush();
}

// With the progress as it is then, so that the two fit together.
TELLTALE_DECL void manager_state::set_message(const job_ptr& job, std::string message) {
    if (!has_sink_) return;
    {
        const std::lock_guard lock(mutex());
        if (!job->begun || !telling()) return;
        job_report r = report_of(*job);
        if (job->tracker) r.progress = job->tracker->sample();
        r.message = std::move(message);
        tell(std::move(r));
    }
    flush();
}

TELLTALE_DECL void manager_state::notify(const job_ptr& job, job_notice notice) {
    if (!has_sink_) return;
    {
        const std::lock_guard lock(mutex());
        if (!job->begun || !telling()) return;
        job_report r = report_of(*job);
        r.notices.push_back(std::move(notice));
        tell(std::move(r));
    }
    flush();
}

TELLTALE_DECL progress_tracker& manager_state::tracker(const job_ptr& job, const progress_tracker_options& options) {
    progress_tracker* counted = nullptr;
    {
        const std::lock_guard lock(mutex());
        if (job->tracker) return *job->tracker;
        job->tracker = std::make_unique<progress_tracker>(executor_, options);
        counted = job->tracker.get();
        if (!job->begun) counted->finish();
        if (!job->begun || !telling()) return *counted;
    }
    publish(job, *counted, {});
    return *counted;
}

TELLTALE_DECL void manager_state::publish(const job_ptr& job, progress_tracker& counted, progress_snapshot last) {
    counted.async_wait_change(last, options_.publish_interval,
                              [s = self(), job, &counted, said = last.message](error_code ec, progress_snapshot now) {
                                  if (ec) return;
                                  {
                                      const std::lock_guard lock(s->mutex());
                                      if (job->tracker.get() != &counted) return; // of a former attempt
                                  }
                                  s->report_progress(job, now.value,
                                                     now.message == said ? std::optional<std::string>{} : now.message);
                                  s->publish(job, counted, std::move(now));
                              });
}

TELLTALE_DECL cpu_meter& manager_state::cpu_of(const job_ptr& job) {
    const std::lock_guard lock(mutex());
    return job->rare().cpu;
}

TELLTALE_DECL void manager_state::add_handle(managed_job& job) {
    const std::lock_guard lock(mutex());
    ++job.handles;
}

// Nobody else can ask for the result.
TELLTALE_DECL void manager_state::release_handle(managed_job& job) noexcept {
    std::exception_ptr error;
    {
        const std::lock_guard lock(mutex());
        if (--job.handles > 0) return;
        error = std::exchange(job.error, nullptr);
        if (job.state != job_state::succeeded) return;
    }
    job.discard();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_ATTEMPT_IPP
