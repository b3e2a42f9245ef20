// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_IMPL_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_IMPL_HPP

#include <telltale/detail/is_aborted.hpp>
#include <telltale/run/detail/manager_state.hpp>
#include <telltale/run/job_context.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

inline job_id manager_state::submit(job_spec spec, std::unique_ptr<job_work> work, error_code& ec) {
    effects todo;
    job_id id;
    {
        const std::lock_guard lock(mutex());
        if (spec.id.empty()) {
            do {
                spec.id = std::to_string(next_id_++);
            } while (find_state(spec.id));
        }
        if (stopped_) ec = errc::closed;
        if (!stopped_ && find_state(spec.id)) ec = errc::duplicate_job;
        if (ec) return {};
        id = spec.id;
        const auto job = std::make_shared<managed_job>();
        job->spec = std::move(spec);
        job->work = std::move(work);
        jobs_.emplace(id, job);
        job->place = queue_.insert(queue_.end(), job);
        ++counts_.queued;

        job_report r = report_of(*job);
        r.state = job_state::queued;
        r.name = job->spec.name;
        r.kind = job->spec.kind;
        r.labels = job->spec.labels;
        r.control = std::make_shared<managed_job_control>(self(), id);
        if (counts_.running >= options_.max_running && queue_.size() <= options_.told_positions)
            r.queue_position = job->position = static_cast<std::uint32_t>(queue_.size());
        tell(std::move(r));
        pump(todo);
    }
    carry_out(todo);
    return id;
}

inline void manager_state::pump(effects& todo) {
    const std::size_t before = queue_.size();
    while (!queue_.empty() && counts_.running < options_.max_running) {
        const job_ptr job = std::move(queue_.front());
        queue_.pop_front();
        job->strand.emplace(net::make_strand(executor_));
        job->state = job_state::running;
        --counts_.queued;
        ++counts_.running;
        job_report r = report_of(*job);
        r.state = job_state::running;
        tell(std::move(r));
        todo.start.push_back(job);
    }
    if (queue_.size() != before) renumber();
}

inline void manager_state::renumber() {
    std::uint32_t position = 0;
    for (const auto& job : queue_) {
        if (position == options_.told_positions) return;
        if (job->position == ++position) continue;
        job->position = position;
        job_report r = report_of(*job);
        r.queue_position = position;
        tell(std::move(r));
    }
}

inline void manager_state::conclude(const job_ptr& job, job_state state, std::optional<job_error> error,
                                    std::optional<progress> last, effects& todo) {
    --(job->state == job_state::queued ? counts_.queued : counts_.running);
    if (state == job_state::succeeded) ++counts_.succeeded;
    if (state == job_state::failed) ++counts_.failed;
    if (state == job_state::cancelled) ++counts_.cancelled;
    if (state == job_state::timed_out) ++counts_.timed_out;
    job->state = state;

    job_report r = report_of(*job);
    r.state = state;
    r.progress = last;
    r.error = std::move(error);
    tell(std::move(r));

    while (wait_node* const n = job->waiters.pop_front()) todo.ended.emplace_back(static_cast<done_waiter*>(n), state);
    todo.dispose.push_back(std::move(job->work));
    jobs_.erase(job->spec.id);
    ended_.emplace(job->spec.id, state);
    ended_order_.push_back(job->spec.id);
    if (ended_order_.size() > options_.keep_ended) {
        ended_.erase(ended_order_.front());
        ended_order_.pop_front();
    }
    if (jobs_.empty()) todo.drained.take(drainers_);
}

// Whether the queue has changed.
inline bool manager_state::ask_to_end(const job_ptr& job, effects& todo) {
    if (job->state == job_state::queued) {
        queue_.erase(job->place);
        conclude(job, job_state::cancelled, {}, {}, todo);
        return true;
    }
    if (job->asked == managed_job::reason::none) {
        job->asked = managed_job::reason::cancelled;
        todo.cancel.push_back(job);
    }
    return false;
}

inline command_result manager_state::cancel(const job_id& id) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) return ended_.contains(id) ? command_result::refused : command_result::unknown_job;
        if (closed_) return command_result::refused;
        const job_ptr job = found->second;
        if (ask_to_end(job, todo)) renumber();
    }
    carry_out(todo);
    return command_result::accepted;
}

// For whoever knocks at a job's control, perhaps with a lock held that the sink needs too: nothing is told from here.
inline command_result manager_state::cancel_later(const job_id& id) {
    {
        const std::lock_guard lock(mutex());
        if (!jobs_.contains(id)) return ended_.contains(id) ? command_result::refused : command_result::unknown_job;
        if (closed_) return command_result::refused;
    }
    net::post(executor_, [s = self(), id] { s->cancel(id); });
    return command_result::accepted;
}

inline void manager_state::stop() {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        stopped_ = true;
        while (!queue_.empty()) ask_to_end(job_ptr(queue_.front()), todo);
        for (const auto& [id, job] : jobs_) ask_to_end(job, todo);
    }
    carry_out(todo);
}

// What waits in the queue is cancelled. What runs is asked to end, and told as lost: nobody will tell how it ends.
inline void manager_state::close() noexcept {
    effects todo;
    wait_list waiters;
    {
        const std::lock_guard lock(mutex());
        stopped_ = true;
        take_all(waiters);
        while (!queue_.empty()) ask_to_end(job_ptr(queue_.front()), todo);
        for (const auto& [id, job] : jobs_) {
            ask_to_end(job, todo);
            job_report r = report_of(*job);
            r.state = job_state::lost;
            r.message = "its manager was destroyed";
            tell(std::move(r));
        }
        closed_ = true;
    }
    carry_out(todo);
    waiters.finish_all(net::error::operation_aborted);
    if (telling_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
    const std::lock_guard lock(sink_mutex_);
    sink_ = nullptr;
}

inline void manager_state::carry_out(effects& todo) {
    flush();
    todo.dispose.clear();
    for (const auto& job : todo.start) net::post(*job->strand, [s = self(), job] { s->begin(job); });
    // A signal is emitted where the job runs: elsewhere it would be a race with its operations.
    for (const auto& job : todo.cancel)
        net::post(*job->strand, [job] { job->signal.emit(net::cancellation_type::terminal); });
    for (const auto& [w, state] : todo.ended) w->complete({}, state);
    todo.drained.finish_all({});
}

// One thread at a time. Whoever comes meanwhile waits, so that what it did has been told when it returns; but for the
// sink itself, whose doings are told by the loop that called it.
inline void manager_state::flush() {
    const auto me = std::this_thread::get_id();
    if (telling_.load(std::memory_order_relaxed) == me) return;
    const std::lock_guard sink_lock(sink_mutex_);
    telling_.store(me, std::memory_order_relaxed);
    for (;;) {
        job_report next;
        {
            const std::lock_guard lock(mutex());
            if (outbox_.empty()) break;
            next = std::move(outbox_.front());
            outbox_.pop_front();
        }
        try {
            sink_(std::move(next));
        } catch (...) { // it must not; the jobs go on
        }
    }
    telling_.store(std::thread::id{}, std::memory_order_relaxed);
}

inline net::awaitable<void> run_managed(std::shared_ptr<managed_job> job, job_context context) {
    co_await job->work->begin(std::move(context));
}

inline void manager_state::begin(const job_ptr& job) {
    bool asked = false;
    {
        const std::lock_guard lock(mutex());
        asked = job->asked != managed_job::reason::none;
    }
    if (asked) {
        end(job, std::make_exception_ptr(system_error(net::error::operation_aborted)));
        return;
    }
    if (job->spec.time_limit) {
        job->limit.emplace(net::any_io_executor(*job->strand));
        job->limit->expires_after(*job->spec.time_limit);
        job->limit->async_wait([s = self(), weak = std::weak_ptr(job)](error_code ec) {
            if (const auto late = weak.lock(); late && !ec) s->time_out(late);
        });
    }
    job_context context(self(), job);
    net::co_spawn(*job->strand, run_managed(job, std::move(context)),
                  net::bind_cancellation_slot(job->signal.slot(),
                                              net::bind_executor(*job->strand, [s = self(), job](std::exception_ptr e) {
                                                  s->end(job, std::move(e));
                                              })));
}

inline void manager_state::time_out(const job_ptr& job) {
    {
        const std::lock_guard lock(mutex());
        if (job->state != job_state::running || job->asked != managed_job::reason::none) return;
        job->asked = managed_job::reason::timed_out;
    }
    job->signal.emit(net::cancellation_type::terminal);
}

inline void manager_state::end(const job_ptr& job, std::exception_ptr e) {
    job->limit.reset();
    effects todo;
    std::optional<progress> last;
    progress_tracker* counted = nullptr;
    {
        const std::lock_guard lock(mutex());
        counted = job->tracker.get();
    }
    if (counted) {
        counted->finish();
        last = counted->sample();
    }
    {
        const std::lock_guard lock(mutex());
        job_state state = job_state::succeeded;
        std::optional<job_error> error;
        if (e && job->asked != managed_job::reason::none && is_aborted(e)) {
            const bool late = job->asked == managed_job::reason::timed_out;
            state = late ? job_state::timed_out : job_state::cancelled;
            if (late) error = job_error{error_class::timeout, "the job exceeded its time limit"};
        } else if (e) {
            state = job_state::failed;
            error = describe_error(e);
        }
        conclude(job, state, std::move(error), last, todo);
        pump(todo);
    }
    carry_out(todo);
}

inline void manager_state::report_progress(const job_ptr& job, progress p, std::optional<std::string> message) {
    {
        const std::lock_guard lock(mutex());
        if (job->state != job_state::running) return;
        job_report r = report_of(*job);
        r.progress = p;
        r.message = std::move(message);
        tell(std::move(r));
    }
    flush();
}

// With the progress as it is then, so that the two fit together.
inline void manager_state::set_message(const job_ptr& job, std::string message) {
    progress_tracker* counted = nullptr;
    {
        const std::lock_guard lock(mutex());
        counted = job->tracker.get();
    }
    std::optional<progress> now;
    if (counted) now = counted->sample();
    {
        const std::lock_guard lock(mutex());
        if (job->state != job_state::running) return;
        job_report r = report_of(*job);
        r.progress = now;
        r.message = std::move(message);
        tell(std::move(r));
    }
    flush();
}

inline progress_tracker& manager_state::tracker(const job_ptr& job, const progress_tracker_options& options) {
    bool first = false;
    bool over = false;
    {
        const std::lock_guard lock(mutex());
        first = !job->tracker;
        over = job->state != job_state::running;
        if (first) job->tracker = std::make_unique<progress_tracker>(net::any_io_executor(*job->strand), options);
    }
    if (over) job->tracker->finish();
    if (first && !over) publish(job, {});
    return *job->tracker;
}

inline void manager_state::publish(const job_ptr& job, progress_snapshot last) {
    job->tracker->async_wait_change(
        last, options_.publish_interval, [s = self(), job, said = last.message](error_code ec, progress_snapshot now) {
            if (ec) return;
            s->report_progress(job, now.value, now.message == said ? std::optional<std::string>{} : now.message);
            s->publish(job, std::move(now));
        });
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_IMPL_HPP
