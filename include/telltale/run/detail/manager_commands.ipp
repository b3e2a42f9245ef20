// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_COMMANDS_IPP
#define TELLTALE_RUN_DETAIL_MANAGER_COMMANDS_IPP

#include <telltale/core/json_writer.hpp>
#include <telltale/run/detail/manager_attempt.hpp>
#include <telltale/run/detail/manager_state.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What others want of a manager and its jobs: commands, the end of all, and what is due at its time.

namespace telltale::inline TELLTALE_ABI::detail {

TELLTALE_DECL command_result manager_state::may(const managed_job& job, job_command command) const {
    const auto accepted_if = [](bool yes) { return yes ? command_result::accepted : command_result::refused; };
    if (closed_) return command_result::refused;
    const bool over = is_terminal(job.state);
    switch (command) {
    case job_command::cancel: return accepted_if(!over);
    case job_command::pause:
        if (job.begun && !job.pausable) return command_result::unsupported;
        return accepted_if(!over && job.asked == managed_job::reason::none);
    case job_command::resume: return accepted_if(!over && job.pause_requested.load(std::memory_order_relaxed));
    case job_command::retry:
        if (!job.rarity || !job.rarity->retry.on_command) return command_result::unsupported;
        return accepted_if(over && job.state != job_state::succeeded && job.state != job_state::lost && !stopped_);
    case job_command::approve:
    case job_command::reject: break;
    }
    return accepted_if(job.rarity && job.rarity->asks);
}

TELLTALE_DECL command_result manager_state::request(std::string_view id, job_command command, std::string comment) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        const auto now = source_.now();
        forget_old(now, todo.forgotten);
        managed_job* const job = index_.find(id);
        if (!job) return command_result::unknown_job;
        if (const auto allowed = may(*job, command); allowed != command_result::accepted) return allowed;
        switch (command) {
        case job_command::cancel: ask_to_end(*job, managed_job::reason::cancelled, todo, now); break;
        case job_command::pause: pause(*job); break;
        case job_command::resume: resume(*job, todo, now); break;
        case job_command::retry: retry(*job, now); break;
        case job_command::approve: answer(*job, {approval_result::approved, std::move(comment)}, todo, now); break;
        case job_command::reject: answer(*job, {approval_result::rejected, std::move(comment)}, todo, now); break;
        }
        pump(todo, now);
        renumber(now);
    }
    carry_out(todo);
    return command_result::accepted;
}

// For whoever knocks at a job's control, perhaps with a lock held that the sink needs too: nothing is told from here.
TELLTALE_DECL command_result manager_state::request_later(const job_id& id, job_command command) {
    {
        const std::lock_guard lock(mutex());
        const managed_job* const job = index_.find(id);
        if (!job) return closed_ ? command_result::refused : command_result::unknown_job;
        if (const auto allowed = may(*job, command); allowed != command_result::accepted) return allowed;
    }
    net::post(executor_, [s = self(), id, command] { s->request(id, command); });
    return command_result::accepted;
}

TELLTALE_DECL bool manager_state::supports(std::string_view id, job_command command) const {
    const std::lock_guard lock(mutex());
    const managed_job* const job = index_.find(id);
    return job && may(*job, command) != command_result::unsupported;
}

TELLTALE_DECL void manager_state::ask_to_end(managed_job& job, managed_job::reason why, effects& todo,
                                             clock::time_point now) {
    if (!job.begun) {
        conclude(job, job_state::cancelled, {}, {}, todo, now);
        return;
    }
    if (job.asked != managed_job::reason::none) return;
    job.asked = why;
    job.stop_requested.store(true, std::memory_order_release);
    if (job.in_queue) queue_.erase(job);
    todo.aborted.take(job.held);
    if (job.rarity) {
        todo.aborted.take(job.rarity->approval_waiters);
        job.rarity->asks.reset();
        clear_alarm(job);
    }
    if (!job.lane) return; // its execution context is gone
    todo.cancel.push_back(to_cancel{job.shared_from_this(), job.lane->executor(), job.attempt});
}

TELLTALE_DECL void manager_state::ask_all_to_end(effects& todo) {
    ending_ = true;
    const auto now = source_.now();
    std::vector<managed_job*> live; // those that end at once leave the queue, and may be forgotten
    live.reserve(live_);
    queue_.for_first(queue_.size(), [&](managed_job& job) { live.push_back(&job); });
    index_.for_each([&](managed_job& job) {
        if (!is_terminal(job.state) && !job.in_queue) live.push_back(&job);
    });
    for (managed_job* const job : live) ask_to_end(*job, managed_job::reason::cancelled, todo, now);
}

TELLTALE_DECL void manager_state::pause(managed_job& job) {
    job.pause_requested.store(true, std::memory_order_relaxed);
    if (job.state != job_state::queued) return;
    if (job.in_queue) queue_.erase(job);
    move_to(job, job_state::paused);
    tell_state(job);
}

TELLTALE_DECL void manager_state::resume(managed_job& job, effects& todo, clock::time_point now) {
    job.pause_requested.store(false, std::memory_order_relaxed);
    if (job.state != job_state::paused || (job.rarity && job.rarity->asks)) return;
    if (job.begun) return go_on(job, todo, now);
    move_to(job, job_state::queued);
    if (!job.rarity || job.rarity->alarm_for != job_rarity::purpose::next_attempt) enqueue(job, now);
    tell_state(job);
}

// An attempt that was held wants a slot, before all others of its priority.
TELLTALE_DECL void manager_state::go_on(managed_job& job, effects& todo, clock::time_point now,
                                        std::optional<job_notice> notice) {
    job.position = 0;
    queue_.push_front(job);
    if (!held_ && occupied_ < max_running_ && queue_.front() == &job) {
        queue_.erase(job);
        return let_run(job, todo, now, std::move(notice));
    }
    move_to(job, job_state::queued);
    tell_state(job, std::move(notice));
    renumber(now);
}

TELLTALE_DECL void manager_state::retry(managed_job& job, clock::time_point now) {
    ended_.erase(job);
    ++live_;
    job.kept = false;
    job.error = nullptr;
    begin_next_attempt(job, clock::duration::zero(), {}, now);
}

TELLTALE_DECL void manager_state::hold(managed_job& job, clock::time_point now) {
    job.ran += now - job.since;
    release_slot(job);
    move_to(job, job_state::paused);
    if (job.rarity && job.rarity->alarm_for == job_rarity::purpose::time_limit) {
        const auto limit = job.rarity->left.value_or(*job.rarity->time_limit);
        job.rarity->left = std::max(limit - (now - job.rarity->alarm_since), clock::duration::zero());
        clear_alarm(job);
    }
}

TELLTALE_DECL void manager_state::ask(managed_job& job, std::string what, std::optional<clock::duration> timeout,
                                      effects& todo) {
    const auto now = source_.now();
    approval_request& asked = job.rare().asks.emplace(approval_request{std::move(what), {}});
    if (job.in_queue) queue_.erase(job);
    if (job.state == job_state::running)
        hold(job, now);
    else
        move_to(job, job_state::paused);
    if (timeout) {
        asked.until = source_.system_now() + std::chrono::duration_cast<timestamp::duration>(*timeout);
        set_alarm(job, job_rarity::purpose::approval, *timeout, now);
    }
    if (telling()) {
        job_report r = report_of(job);
        r.state = job_state::paused;
        r.approval = asked;
        r.notices.push_back({event_kind::approval_requested, {}});
        tell(std::move(r));
    }
    pump(todo, now);
}

// The wait was cancelled by the job's own doing (a time limit of its own): it runs, with a slot or without.
TELLTALE_DECL void manager_state::left_hold(const job_ptr& job) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        if (!job->begun || job->asked != managed_job::reason::none || job->state == job_state::running) return;
        if (job->rarity && job->rarity->approval_waiters.empty() && job->rarity->asks) {
            job->rarity->asks.reset();
            clear_alarm(*job);
        }
        if (!job->held.empty() || (job->rarity && job->rarity->asks)) return;
        if (job->in_queue) queue_.erase(*job);
        let_run(*job, todo, source_.now());
    }
    carry_out(todo);
}

inline job_notice notice_of_answer(const approval_request& asked, const approval& a) {
    constexpr event_kind kinds[]{event_kind::approval_approved, event_kind::approval_rejected,
                                 event_kind::approval_timed_out};
    job_notice notice{kinds[static_cast<std::size_t>(a.result)], {}};
    json_writer out(notice.data);
    out.begin_object().member("what", asked.what);
    if (!a.comment.empty()) out.member("comment", a.comment);
    out.end_object();
    return notice;
}

TELLTALE_DECL void manager_state::answer(managed_job& job, approval a, effects& todo, clock::time_point now) {
    job_notice notice = notice_of_answer(*job.rarity->asks, a);
    job.rarity->asks.reset();
    clear_alarm(job);
    while (wait_node* const n = job.rarity->approval_waiters.pop_front()) {
        std::get<approval>(static_cast<approval_waiter*>(n)->result()) = a;
        job.held.push_back(*n);
    }
    go_on(job, todo, now, std::move(notice));
}

TELLTALE_DECL void manager_state::set_alarm(managed_job& job, job_rarity::purpose what, clock::duration after,
                                            clock::time_point now) {
    job_rarity& rare = job.rare();
    if (!rare.alarm) rare.alarm.emplace(executor_);
    rare.alarm_for = what;
    rare.alarm_since = now;
    rare.alarm->expires_after(after);
    rare.alarm->async_wait(
        [weak = std::weak_ptr(self()), weak_job = job.weak_from_this(), number = ++rare.alarm_number](error_code ec) {
            if (ec) return;
            const auto s = weak.lock();
            const auto j = weak_job.lock();
            if (s && j) s->on_alarm(j, number);
        });
}

TELLTALE_DECL void manager_state::clear_alarm(managed_job& job) noexcept {
    if (!job.rarity || job.rarity->alarm_for == job_rarity::purpose::none) return;
    job.rarity->alarm_for = job_rarity::purpose::none;
    ++job.rarity->alarm_number;
    job.rarity->alarm.reset();
}

TELLTALE_DECL void manager_state::on_alarm(const job_ptr& job, std::uint64_t number) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        if (closed_ || job->rarity->alarm_number != number) return;
        const auto now = source_.now();
        const auto what = std::exchange(job->rarity->alarm_for, job_rarity::purpose::none);
        if (what == job_rarity::purpose::time_limit) ask_to_end(*job, managed_job::reason::timed_out, todo, now);
        if (what == job_rarity::purpose::approval) answer(*job, {approval_result::timed_out, {}}, todo, now);
        if (what == job_rarity::purpose::next_attempt && job->state == job_state::queued) enqueue(*job, now);
        pump(todo, now);
        renumber(now);
    }
    carry_out(todo);
}

TELLTALE_DECL void manager_state::set_max_running(std::size_t n) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        max_running_ = n;
        pump(todo, source_.now());
    }
    carry_out(todo);
}

TELLTALE_DECL void manager_state::hold_queue(bool hold) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        held_ = hold;
        pump(todo, source_.now());
    }
    carry_out(todo);
}

TELLTALE_DECL void manager_state::stop() {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        stopped_ = true;
        ask_all_to_end(todo);
    }
    carry_out(todo);
}

// Takes no more, and sets the time at which the rest is asked to end: the earliest that was asked for.
TELLTALE_DECL void manager_state::shut_down(clock::duration drain) {
    if (drain <= clock::duration::zero()) return stop();
    const std::lock_guard lock(mutex());
    stopped_ = true;
    const auto now = source_.now();
    const auto at = drain > clock::time_point::max() - now ? clock::time_point::max() : now + drain;
    if (closed_ || live_ == 0 || at >= deadline_at_) return;
    deadline_at_ = at;
    if (!deadline_) deadline_.emplace(executor_);
    deadline_->expires_at(at);
    deadline_->async_wait([weak = std::weak_ptr(self())](error_code ec) {
        if (const auto s = weak.lock(); s && !ec) s->stop();
    });
}

// What waits is cancelled. What runs is asked to end, and told as lost: nobody will tell how it ends.
TELLTALE_DECL void manager_state::close() noexcept {
    effects todo;
    wait_list waiters;
    {
        const std::lock_guard lock(mutex());
        stopped_ = true;
        take_all(waiters);
        ask_all_to_end(todo);
        std::vector<managed_job*> ended;
        index_.for_each([&](managed_job& job) {
            if (is_terminal(job.state)) return ended.push_back(&job);
            if (telling()) {
                job_report r = report_of(job);
                r.state = job_state::lost;
                r.message = "its manager was destroyed";
                tell(std::move(r));
            }
            move_to(job, job_state::lost);
        });
        for (managed_job* const job : ended) {
            if (std::exchange(job->kept, false))
                todo.dispose.push_back(job->shared_from_this()); // a handle may keep it
            forget(*job, todo.forgotten);
        }
        closed_ = true;
        lanes_.clear();
    }
    carry_out(todo);
    waiters.finish_all(net::error::operation_aborted);
    if (telling_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
    const std::lock_guard lock(sink_mutex_);
    sink_ = nullptr;
}

TELLTALE_DECL void manager_state::take_all(wait_list& all) noexcept {
    all.take(drainers_);
    index_.for_each([&all](managed_job& job) {
        all.take(job.waiters);
        all.take(job.held);
        if (!job.rarity) return;
        all.take(job.rarity->approval_waiters);
        job.rarity->alarm.reset();
    });
    tidy_.reset();
    tidying_ = false;
    deadline_.reset();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_COMMANDS_IPP
