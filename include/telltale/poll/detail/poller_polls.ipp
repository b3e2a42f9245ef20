// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLLER_POLLS_IPP
#define TELLTALE_POLL_DETAIL_POLLER_POLLS_IPP

// The requests of a poller_state: which are started when, and how they end. On the strand.

#include <telltale/poll/detail/poller_state.hpp>

namespace telltale::inline TELLTALE_ABI::detail {

// From any thread.
TELLTALE_DECL void poller_state::wake() {
    if (!woken_.exchange(true)) net::post(strand_, [s = self()] { s->pump(); });
}

TELLTALE_DECL void poller_state::pump() {
    woken_ = false;
    pumping_ = true;
    tell_notes();
    expire(time_->now());
    // Sources that answer without suspending let each of these run on; the rest of the context has its turn, too.
    for (std::size_t started = 0;; ++started) {
        if (started >= std::max<std::size_t>(options_.max_concurrent, 1)) {
            pumping_ = false;
            return wake();
        }
        const auto f = std::make_shared<poll_flight>();
        if (!select(*f)) break;
        launch(f);
    }
    pumping_ = false;
    tell_notes();
    arm();
}

/// Sets the timer to the next time at which there is something to do, unless it fires earlier anyway.
TELLTALE_DECL void poller_state::arm() {
    std::optional<time_point> due;
    {
        const std::lock_guard lock(mutex());
        const auto by = [&due](time_point t) {
            if (t != time_point::max() && (!due || t < *due)) due = t;
        };
        if (!due_.empty()) {
            if (gate_ == poll_wait::nothing)
                by(due_.top_due());
            else if (gate_ != poll_wait::permit) {
                by(gate_until_);
                if (!deadlines_.empty()) by(deadlines_.top_due());
            }
        }
        if (!flights_.empty() && next_timeout_) by(*next_timeout_);
    }
    if (!due) {
        if (std::exchange(armed_, std::nullopt)) clock_.cancel();
        return;
    }
    const nanoseconds since = due->time_since_epoch();
    const nanoseconds over = since % grain_;
    if (over > nanoseconds::zero() && *due < time_point::max() - grain_) *due += grain_ - over;
    if (armed_ && *armed_ <= *due) return;
    armed_ = due;
    clock_.expires_at(*due);
    clock_.async_wait([s = self()](error_code ec) {
        if (ec) return;
        s->armed_.reset();
        s->pump();
    });
}

/// Cancels the requests that take too long.
TELLTALE_DECL void poller_state::expire(time_point now) {
    std::vector<flight_ptr> late;
    {
        const std::lock_guard lock(mutex());
        if (!next_timeout_ || *next_timeout_ > now) return;
        next_timeout_.reset();
        for (const auto& f : flights_) {
            if (f->until == time_point::max()) continue;
            if (f->until <= now) {
                f->until = time_point::max();
                f->timed_out = true;
                late.push_back(f);
            } else {
                next_timeout_ = std::min(next_timeout_.value_or(time_point::max()), f->until);
            }
        }
    }
    for (const auto& f : late) {
        if (!f->running) continue;
        f->cancelled = true;
        f->signal.emit(net::cancellation_type::terminal);
    }
}

TELLTALE_DECL bool poller_state::select(poll_flight& f) {
    const time_point now = time_->now();
    const std::lock_guard lock(mutex());
    if (!select_locked(f, now)) return false;
    enlist(f);
    return true;
}

/// Whether there is something to do now; then it is in `f`, which is aloft.
TELLTALE_DECL bool poller_state::select_locked(poll_flight& f, time_point now) {
    gate_ = poll_wait::nothing;
    f.entries.clear();
    f.ids.clear();
    f.what = poll_flight::purpose::poll;
    if (due_.empty() || due_.top_due() > now) {
        if (std::exchange(in_line_, false)) member_.leave();
        return false;
    }
    std::uint32_t k = due_.top();
    if (watches_[k].plan.may_poll() || watches_[k].commanded) {
        gate_ = pass(f, now);
        if (gate_ == poll_wait::nothing) {
            f.what = watches_[k].retry_due ? poll_flight::purpose::retry : poll_flight::purpose::poll;
            noted_gate_ = gate_;
            take_off(f, now);
            return true;
        }
        // Nobody is asked: a watch ends all the same when its time is over.
        if (gate_ == poll_wait::permit) return false;
        if (recording() && (gate_ != noted_gate_ || gate_until_ != noted_until_)) {
            noted_gate_ = gate_;
            noted_until_ = gate_until_;
            auto& n = note(flight_kind::decided);
            n.waits = gate_;
            if (gate_until_ != time_point::max()) n.next = gate_until_ - now;
        }
        while (!deadlines_.empty() && !due_.due(deadlines_.top()))
            deadlines_.erase(deadlines_.top()); // it is asked for now
        if (deadlines_.empty() || deadlines_.top_due() > now) return false;
        k = deadlines_.top();
    }
    f.what = poll_flight::purpose::give_up;
    f.entries.push_back(k);
    f.left = 1;
    watches_[k].flight = &f;
    due_.erase(k);
    deadlines_.erase(k);
    return true;
}

/// What a poll that is due waits for, or leave for it, which is kept in `f`.
TELLTALE_DECL poll_wait poller_state::pass(poll_flight& f, time_point now) {
    if (aloft_ >= std::max<std::size_t>(options_.max_concurrent, 1)) return poll_wait::permit;
    if (breaker_) {
        f.pass = breaker_->try_pass(now);
        if (!f.pass) {
            gate_until_ = breaker_->probing() ? time_point::max() : breaker_->until();
            return poll_wait::breaker;
        }
    }
    auto answer = member_.try_start(now);
    in_line_ = !answer.permit;
    if (answer.permit) {
        f.permit = std::move(answer.permit);
        return poll_wait::nothing;
    }
    if (f.pass) breaker_->abandoned(*std::exchange(f.pass, std::nullopt));
    gate_until_ = answer.again;
    // Another poller's permit: it is not this one's landing that ends the wait.
    return answer.waits == poll_wait::permit ? poll_wait::budget : answer.waits;
}

/// The job that is due first, and with a source that can be asked for many those that are due soon.
TELLTALE_DECL void poller_state::take_off(poll_flight& f, time_point now) {
    f.started = now;
    f.number = ++flight_number_;
    f.timed_out = false;
    f.until = options_.poll_timeout ? later(now, *options_.poll_timeout) : time_point::max();
    if (f.until != time_point::max() && !next_timeout_) next_timeout_ = f.until;
    f.aloft = true;
    ++aloft_;
    monitor_.poll_started(now - due_.top_due());

    std::size_t most = f.what == poll_flight::purpose::poll ? std::max<std::size_t>(source_->batch_limit(), 1) : 1;
    const double window = static_cast<double>(options_.interval.count()) * std::clamp(options_.batch_window, 0.0, 1.0);
    const time_point soon = most > 1 ? later(now, nanoseconds{static_cast<nanoseconds::rep>(window)}) : now;
    for (; most != 0 && !due_.empty() && due_.top_due() <= soon; --most) {
        const std::uint32_t k = due_.top();
        poller_watch& w = watches_[k];
        if (!f.entries.empty() && (w.retry_due || w.plan.not_before() > now || !w.plan.may_poll())) break;
        due_.erase(k);
        w.flight = &f;
        w.commanded = false;
        f.entries.push_back(k);
        f.ids.push_back(w.remote_id());
    }
    f.left = f.entries.size();
    // The texts of what is likely the next, and what may be the one after it, are in no cache.
    if (!due_.empty()) watches_[due_.top()].prefetch_texts();
    for (std::size_t i = 1; i < std::min<std::size_t>(due_.size(), 5); ++i) watches_[due_.early(i)].prefetch();
    if (recording() && f.what == poll_flight::purpose::poll) {
        auto& n = note(flight_kind::poll_started);
        n.poll = f.number;
        for (const auto k : f.entries) n.ids.emplace_back(watches_[k].id());
    }
}

/// With the mutex held.
TELLTALE_DECL void poller_state::land(poll_flight& f) {
    if (!std::exchange(f.aloft, false)) return;
    --aloft_;
    f.until = time_point::max();
    if (gate_ == poll_wait::permit) gate_ = poll_wait::nothing;
    f.permit.release();
    if (f.pass) breaker_->abandoned(*std::exchange(f.pass, std::nullopt));
}

/// With the mutex held, as soon as it is about any watch: stop() must find it.
TELLTALE_DECL void poller_state::enlist(poll_flight& f) {
    if (f.enlisted) return;
    f.enlisted = true;
    f.place = flights_.size();
    flights_.push_back(f.shared_from_this());
}

TELLTALE_DECL void poller_state::launch(const flight_ptr& f) {
    auto begin = f->what == poll_flight::purpose::cancel ? ask_to_cancel(self(), f) : fly(self(), f);
    net::co_spawn(strand_, std::move(begin),
                  net::bind_cancellation_slot(
                      f->signal.slot(), net::bind_executor(strand_, [s = self(), f](const std::exception_ptr& failure) {
                          s->landing_over(*f);
                          // A sink or hook has thrown.
                          if (failure && !f->cancelled) std::rethrow_exception(failure);
                      })));
}

/// The coroutine has ended.
TELLTALE_DECL void poller_state::landing_over(poll_flight& f) {
    f.running = false;
    bool more = false;
    {
        const std::lock_guard lock(mutex());
        land(f);
        flights_.back()->place = f.place;
        std::swap(flights_[f.place], flights_.back());
        flights_.pop_back();
        more = !due_.empty() && due_.top_due() <= time_->now();
    }
    if (more)
        wake();
    else if (!pumping_)
        arm();
}

TELLTALE_DECL net::awaitable<void> poller_state::fly(std::shared_ptr<poller_state> self, flight_ptr f) {
    constexpr int in_a_row = 256;
    for (int n = 1;; ++n) {
        std::optional<flight_failure> failure;
        bool answered = false; // what is thrown from then on was thrown by a sink or a hook
        try {
            // An answer is large, and stays where it is made.
            if (f->what == poll_flight::purpose::retry) {
                job_id as = co_await self->source_->retry(f->ids.front());
                answered = true;
                self->retried(*f, std::move(as), {});
            } else if (f->what == poll_flight::purpose::give_up) {
                answered = true;
                self->landed(*f, {}, {});
            } else if (self->source_->batch_limit() > 1) {
                std::vector<status> answers = co_await self->source_->poll_many(f->ids);
                answered = true;
                self->landed(*f, answers, {});
            } else {
                status answer = co_await self->source_->poll(f->ids.front());
                answered = true;
                self->landed(*f, {&answer, 1}, {});
            }
        } catch (...) {
            if (answered) throw;
            failure = failure_of(std::current_exception());
        }
        if (failure && f->what == poll_flight::purpose::retry)
            self->retried(*f, {}, std::move(failure));
        else if (failure)
            self->landed(*f, {}, std::move(failure));
        const bool more = n != in_a_row && !f->cancelled && self->select(*f);
        self->tell_notes();
        if (!more) co_return;
    }
}

/// Whether it is the API that failed, and not what it was asked.
inline bool counts_as_failure(const flight_failure& f) noexcept {
    if (f.http_status == 0 || f.http_status >= 500) return true;
    return f.http_status == 408 || f.http_status == 429;
}

/// Of one job among several that were answered.
inline std::optional<flight_failure> failure_in(std::span<const status> answers, std::size_t i) {
    if (i >= answers.size() || !answers[i].unreadable) return std::nullopt;
    return failure_of(answers[i].unreadable);
}

TELLTALE_DECL void poller_state::landed(poll_flight& f, std::span<status> answers,
                                        std::optional<flight_failure> failure) {
    const time_point now = time_->now();
    const timestamp at = calendar_now();
    lock_type lock(mutex());
    if (f.what == poll_flight::purpose::poll) {
        if (failure && f.timed_out && failure->code == net::error::operation_aborted)
            failure = failure_of(errc::deadline_exceeded);
        if (f.left == 0) { // nobody wants to know
        } else if (failure) {
            member_.budget()->observe(failure->hint, now);
            monitor_.poll_failed(at, failure->kind, failure->text);
        } else {
            if (!answers.empty()) member_.budget()->observe(answers.front().hint, now);
            monitor_.poll_answered(at);
        }
        if (f.pass && f.left != 0) {
            const auto p = *std::exchange(f.pass, std::nullopt);
            if (failure && counts_as_failure(*failure))
                breaker_->failed(p, now);
            else
                breaker_->succeeded(p, now);
        }
        land(f);
        if (recording()) note_landing(f, answers, failure, now);
    }
    for (std::size_t i = 0; i < f.entries.size(); ++i) {
        const auto own = failure ? failure : failure_in(answers, i);
        poll_news news;
        news.at = at;
        if (!lock) lock.lock();
        const bool known = settle(f, i, i < answers.size() ? &answers[i] : nullptr, own ? &*own : nullptr, now, news);
        lock.unlock();
        if (known) tell(news);
    }
}

TELLTALE_DECL void poller_state::note_landing(const poll_flight& f, std::span<const status> answers,
                                              const std::optional<flight_failure>& failure, time_point now) {
    for (std::size_t i = 0; i < f.entries.size(); ++i) {
        if (f.entries[i] == table::none) continue;
        auto& n = note(flight_kind::poll_ended, watches_[f.entries[i]].id());
        n.poll = f.number;
        n.took = now - f.started;
        n.failure = failure ? failure : failure_in(answers, i);
        if (!n.failure) n.answer = i < answers.size() ? answers[i] : not_found();
    }
}

TELLTALE_DECL flight_entry& poller_state::note(flight_kind kind, std::string_view id) {
    auto& n = notes_.emplace_back();
    n.kind = kind;
    n.at = calendar_now();
    n.id = job_id(id);
    return n;
}

TELLTALE_DECL void poller_state::tell_notes() {
    if (!recording()) return;
    const std::lock_guard in_order(sink_mutex_);
    if (recorder_is_done_) return;
    std::vector<flight_entry> notes;
    {
        const std::lock_guard lock(mutex());
        notes.swap(notes_);
        recorder_is_done_ = stopped_;
    }
    for (const auto& n : notes) options_.recorder(n);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLLER_POLLS_IPP
