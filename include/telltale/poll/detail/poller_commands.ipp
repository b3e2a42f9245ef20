// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLLER_COMMANDS_IPP
#define TELLTALE_POLL_DETAIL_POLLER_COMMANDS_IPP

// What a poller_state asks of jobs at their source: to be cancelled, to be started again.

#include <telltale/poll/detail/poller_state.hpp>

namespace telltale::inline TELLTALE_ABI::detail {

/// The door to a job that a poller watches.
class poller_control final : public job_control {
public:
    poller_control(std::weak_ptr<poller_state> poller, job_id id) : poller_(std::move(poller)), id_(std::move(id)) {}

    bool supports(job_command command) const noexcept override {
        const auto p = poller_.lock();
        return p && command == job_command::cancel && p->can_cancel();
    }
    command_result request(job_command command) override {
        const auto p = poller_.lock();
        if (!p) return command_result::refused;
        return command == job_command::cancel ? p->request_cancel(id_) : command_result::unsupported;
    }

private:
    std::weak_ptr<poller_state> poller_;
    job_id id_;
};

TELLTALE_DECL std::shared_ptr<job_control> poller_state::control(const job_id& id) const {
    return std::make_shared<poller_control>(self(), id);
}

TELLTALE_DECL command_result poller_state::request_cancel(const job_id& id) {
    if (!can_cancel()) return command_result::unsupported;
    {
        const std::lock_guard lock(mutex());
        const auto k = watches_.find(id);
        if (k == table::none) return command_result::unknown_job;
        if (watches_[k].ended) return command_result::refused;
    }
    net::post(strand_, [s = self(), id] { s->begin_cancel(id); });
    return command_result::accepted;
}

TELLTALE_DECL void poller_state::begin_cancel(const job_id& id) {
    const auto f = std::make_shared<poll_flight>();
    {
        const std::lock_guard lock(mutex());
        const auto k = watches_.find(id);
        if (k == table::none || watches_[k].ended) return;
        poller_watch& w = watches_[k];
        if (w.more().cancelling) return; // it is asked already
        w.extra->cancelling = f.get();
        w.extra->cancel_asked = calendar_now();
        w.extra->refusal = {};
        f->what = poll_flight::purpose::cancel;
        f->started = time_->now();
        f->entries.push_back(k);
        f->ids.push_back(w.remote_id());
        f->left = 1;
        enlist(*f);
        if (options_.poll_timeout) {
            f->until = later(f->started, *options_.poll_timeout);
            if (!next_timeout_) next_timeout_ = f->until;
        }
        if (recording()) note(flight_kind::cancel_requested, id);
    }
    tell_notes();
    launch(f);
    wake();
}

TELLTALE_DECL net::awaitable<void> poller_state::ask_to_cancel(std::shared_ptr<poller_state> self, flight_ptr f) {
    std::optional<flight_failure> failure;
    auto result = command_result::accepted;
    try {
        result = co_await self->source_->cancel(f->ids.front());
    } catch (...) {
        failure = failure_of(std::current_exception());
    }
    self->cancel_answered(*f, result, std::move(failure));
}

TELLTALE_DECL void poller_state::cancel_answered(poll_flight& f, command_result result,
                                                 std::optional<flight_failure> failure) {
    poll_news news;
    {
        const std::lock_guard lock(mutex());
        f.until = time_point::max();
        const std::uint32_t k = f.entries.front();
        if (k == table::none) return;
        poller_watch& w = watches_[k];
        watch_extra& x = w.more();
        x.cancelling = nullptr;
        if (failure && f.timed_out && failure->code == net::error::operation_aborted)
            failure = failure_of(errc::deadline_exceeded);
        const time_point now = time_->now();
        if (recording()) {
            auto& n = note(flight_kind::cancel_answered, w.id());
            n.took = now - f.started;
            n.failure = failure;
            if (!failure) n.command = result;
        }
        if (w.ended) return;
        if (failure || result != command_result::accepted) x.cancel_asked.reset();
        if (failure || result == command_result::unsupported) {
            packed_times times;
            w.see(news.seen, times);
            news.refusal = errc::unsupported_command;
            if (failure) news.refusal = failure->code ? failure->code : make_error_code(errc::command_refused);
            news.refused.take(x.cancels);
        } else {
            // It may be over: who asks is told what the next answer says.
            if (result == command_result::refused) x.refusal = errc::command_refused;
            if (result == command_result::unknown_job) x.refusal = errc::unknown_job;
            const auto due = w.plan.asked(now);
            w.commanded = true;
            if (w.flight)
                w.again = true;
            else if (due && !w.retry_due)
                plan_next(k, w, due, now);
        }
    }
    tell(news);
    wake();
}

// With the mutex held. The job is not over, and its source would not cancel it.
TELLTALE_DECL void poller_state::refuse_cancels(poller_watch& w, poll_news& news) {
    if (!w.extra || !w.extra->refusal || w.again) return;
    news.refusal = std::exchange(w.extra->refusal, {});
    news.refused.take(w.extra->cancels);
}

TELLTALE_DECL void poller_state::complete(wait_list& waiters, error_code ec, const job& j) {
    while (wait_node* const n = waiters.pop_front()) static_cast<waiter<job>*>(n)->complete(ec, j);
}

// Nobody watches these any more.
TELLTALE_DECL void poller_state::say_farewell(std::vector<job_id> ids) {
    if (ids.empty() || !can_cancel()) return;
    const auto left = std::make_shared<std::vector<job_id>>(std::move(ids));
    net::post(strand_, [s = self(), left] {
        const std::size_t most = std::min(left->size(), std::max<std::size_t>(s->options_.max_concurrent, 1));
        for (std::size_t i = 0; i < most; ++i) net::co_spawn(s->strand_, farewell(s, left), net::detached);
    });
}

TELLTALE_DECL net::awaitable<void> poller_state::farewell(std::shared_ptr<poller_state> self,
                                                          std::shared_ptr<std::vector<job_id>> ids) {
    while (!ids->empty()) {
        const job_id id = std::move(ids->back());
        ids->pop_back();
        try {
            (void)co_await self->source_->cancel(id);
        } catch (...) { // nobody is there to be told
        }
    }
}

/// With the mutex held. Whether the job, which has failed, is to be started again.
TELLTALE_DECL bool poller_state::begin_retry(std::uint32_t k, poller_watch& w, job& j, packed_times& times,
                                             poll_news& news, time_point now) {
    if (!options_.retry || !source_->can_retry()) return false;
    if (j.state != job_state::failed && j.state != job_state::timed_out) return false;
    auto kind = j.error ? j.error->kind : error_class::unknown;
    if (!j.error && j.state == job_state::timed_out) kind = error_class::timeout;
    const auto delay = options_.retry->delay(kind, w.extra ? w.extra->retries : 0);
    if (!delay) return false;
    const time_point due = later(now, *delay);
    if (const auto deadline = w.plan.deadline(); deadline && due > *deadline) return false;
    if (w.extra && w.extra->cancel_asked) return false;

    auto& x = w.more();
    ++x.retries;
    x.attempt = std::max(x.attempt, j.attempt) + 1;
    x.retry_at = calendar(due);
    w.retry_due = true;
    w.unknown = false;
    w.plan.restart();
    job_report& r = new_report(news.second, w, j, news.at);
    r.attempt = x.attempt;
    r.state = job_state::pending;
    r.message = "failed; it is started again";
    j.progress.reset();
    j.error.reset();
    j.queue_position.reset();
    j.queued.reset();
    j.started.reset();
    j.finished.reset();
    see(j, r);
    times.state = r.at;
    w.again = false;
    plan_next(k, w, due, now);
    return true;
}

/// The source has been asked to start the job again.
TELLTALE_DECL void poller_state::retried(poll_flight& f, job_id as, std::optional<flight_failure> failure) {
    constexpr std::uint32_t most = 5; // requests that fail
    poll_news news;
    {
        const std::lock_guard lock(mutex());
        const time_point now = time_->now();
        if (failure && f.timed_out && failure->code == net::error::operation_aborted)
            failure = failure_of(errc::deadline_exceeded);
        if (failure && f.left != 0) member_.budget()->observe(failure->hint, now);
        land(f);
        const std::uint32_t k = f.entries.front();
        if (k == table::none) return;
        poller_watch& w = watches_[k];
        watch_extra& x = w.more();
        w.flight = nullptr;
        packed_times times;
        job& j = news.seen;
        w.see(j, times);
        news.at = calendar_now();
        if (recording()) {
            auto& n = note(flight_kind::retry_started, w.id());
            n.attempt = x.attempt;
            n.failure = failure;
            if (!failure) n.retry_as = as;
        }
        if (!failure) {
            w.retry_due = false;
            w.missing = 0;
            x.retry_at.reset();
            if (!as.empty() && as != f.ids.front()) {
                x.attempt_base = x.attempt - 1;
                x.remote = std::move(as);
            }
            poll_observation seen;
            seen.running = false;
            if (const auto due = w.plan.answered(now, seen))
                plan_next(k, w, due, now);
            else
                give_up(k, w, j, news);
        } else {
            job_report& r = new_report(news.first, w, j, news.at);
            const bool over = w.plan.failures() + 1 >= most;
            r.health = watch_state::degraded;
            r.health_error = "it could not be started again: " + failure->text;
            if (over) {
                r.health = watch_state::ok;
                r.health_error.clear();
                r.state = job_state::failed;
                r.error = job_error{failure->kind, "it could not be started again: " + failure->text};
                times.state = r.at;
            }
            see(j, r);
            const auto due = w.plan.failed(now, &failure->hint);
            if (over)
                finish(k, w, news, {});
            else if (due)
                plan_next(k, w, due, now);
            else
                give_up(k, w, j, news);
        }
        keep(w, j, times);
        if (news.ended) forget_oldest(news);
    }
    tell(news);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLLER_COMMANDS_IPP
