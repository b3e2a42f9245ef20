// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLLER_ANSWERS_IPP
#define TELLTALE_POLL_DETAIL_POLLER_ANSWERS_IPP

// What a poller_state makes of an answer: what it tells of the job and of the watch, and when it asks again.

#include <telltale/poll/detail/poller_state.hpp>
#include <telltale/poll/detail/status_merge.hpp>

namespace telltale::inline TELLTALE_ABI::detail {

/// The i-th job of a request: answered (null: it is not among the answers), failed, or to be given up without being asked.
/// False: nobody watches it any more.
TELLTALE_DECL bool poller_state::settle(poll_flight& f, std::size_t i, status* answer, const flight_failure* failure,
                                        time_point now, poll_news& news) {
    const std::uint32_t k = f.entries[i];
    if (k == table::none) return false;
    poller_watch& w = watches_[k];
    w.flight = nullptr;
    packed_times times;
    job& j = news.seen;
    w.see(j, times);
    if (f.what == poll_flight::purpose::give_up) {
        give_up(k, w, j, news);
        keep(w, j, times);
    } else {
        ++w.polls;
        std::optional<status> none;
        if (!answer) answer = &none.emplace(not_found());
        const poll_hint hint = failure ? failure->hint : answer->hint;
        const bool over = failure ? failed(w, *failure, j, news) : answered(w, *answer, j, times, news, now);
        if (over) {
            if (!failure) learn(j, w, now);
            if (failure || !begin_retry(k, w, j, times, news, now)) finish(k, w, news, {});
        } else {
            std::optional<time_point> due;
            if (failure) {
                due = w.plan.failed(now, &hint);
            } else {
                poll_observation seen;
                seen.running = j.state == job_state::running;
                if (j.started) seen.running_for = news.at - *j.started;
                if (j.progress) seen.progress = &*j.progress;
                seen.learned = learned(j.kind);
                seen.hint = &hint;
                due = w.plan.answered(now, seen);
                refuse_cancels(w, news);
            }
            if (w.again && due) due = now;
            if (due)
                plan_next(k, w, due, now);
            else
                give_up(k, w, j, news);
        }
        keep(w, j, times);
    }
    if (!w.ended) w.again = false;
    if (news.ended) forget_oldest(news);
    return true;
}

// Whether the job is over.
TELLTALE_DECL bool poller_state::answered(poller_watch& w, status& s, job& j, packed_times& times, poll_news& news,
                                          time_point now) {
    if (!s.found) return missing(w, j, news, now);
    w.missing = 0;
    job_report& r = new_report(news.first, w, j, news.at);
    r.health = watch_state::ok;
    watch_extra* const x = w.extra.get();
    // The attempt before this one, as an API still has it that has just been asked for another.
    const bool before = x && x->retries != 0 && s.attempt && x->attempt_base + *s.attempt < x->attempt;
    const bool changed = !s.unchanged && !before;
    if (changed) {
        if (!s.reason.empty() || s.never_runs || x) {
            w.more().reason = s.reason;
            w.extra->never_runs = s.never_runs;
        }
        if (!s.message && !s.reason.empty()) s.message = s.reason;
        if (s.state)
            w.unknown = false;
        else
            new_word(w, s, j, news, now);
        if (x && x->retries != 0) s.attempt = std::max(x->attempt, x->attempt_base + s.attempt.value_or(0));
    }
    const bool over = changed && s.state && is_terminal(*s.state);
    const job_state state_before = j.state;
    if (changed) merge(r, std::move(s));
    alarm(w, r.word ? *r.word : j.word, r, news, now);
    see(j, r);
    if (r.state && (!w.known || j.state != state_before)) times.state = r.at;
    if (r.state) w.known = true;
    w.observed = r.at;
    return over;
}

// The source has no state for the word.
TELLTALE_DECL void poller_state::new_word(poller_watch& w, const status& s, const job& j, poll_news& news,
                                          time_point now) {
    if (s.word.empty() || (w.unknown && j.word == s.word)) return;
    w.unknown = true;
    news.word = s.word;
    auto& x = w.more();
    x.unknown_since = now;
    x.unknown_at = news.at;
    x.alarm.reset();
    if (options_.unknown_word_alarm > nanoseconds::zero()) x.alarm = later(now, options_.unknown_word_alarm);
}

// Nobody has known for long how the job is.
TELLTALE_DECL void poller_state::alarm(poller_watch& w, const std::string& word, job_report& r, poll_news& news,
                                       time_point now) {
    if (!w.unknown || !w.extra || !w.extra->alarm) return;
    auto& x = *w.extra;
    const nanoseconds so_long = now - x.unknown_since;
    if (so_long < options_.unknown_word_alarm) return;
    r.health = watch_state::degraded;
    r.health_error = "nobody knows what its state means: " + word;
    if (now < *x.alarm) return;
    x.alarm = later(now, options_.unknown_word_alarm);
    news.word = word;
    news.alarm = so_long;
}

TELLTALE_DECL bool poller_state::missing(poller_watch& w, job& j, poll_news& news, time_point now) {
    if (w.missing == 0) w.more().missing_since = now;
    if (w.missing != 0xFF) ++w.missing;
    const bool lost = options_.lost_after != 0 && w.missing >= std::min(options_.lost_after, std::uint32_t{0xFF}) &&
                      now - w.more().missing_since >= options_.lost_grace;
    job_report& r = new_report(news.first, w, j, news.at);
    if (lost) {
        // Some APIs cancel a job by deleting it.
        const bool cancelled = w.extra->cancel_asked && !w.extra->cancelling;
        r.state = cancelled ? job_state::cancelled : job_state::lost;
        r.message = cancelled ? "its source agreed to cancel it, and does not know it any more"
                              : "its source does not know it any more";
        r.health = watch_state::ok;
    } else {
        r.health = watch_state::degraded;
        r.health_error = "not found, " + std::to_string(w.missing) + " times in a row";
    }
    const auto observed = j.observed;
    see(j, r);
    if (lost)
        w.observed = r.at;
    else
        j.observed = observed;
    return lost;
}

TELLTALE_DECL bool poller_state::failed(poller_watch& w, const flight_failure& f, job& j, poll_news& news) {
    const std::uint32_t failures = w.plan.failures() + 1;
    job_report& r = new_report(news.first, w, j, news.at);
    r.health = failures >= options_.unreachable_after ? watch_state::unreachable : watch_state::degraded;
    r.health_error = f.text;
    const bool over = options_.fail_after_errors != 0 && failures >= options_.fail_after_errors;
    if (over) {
        r.state = job_state::failed;
        r.error = job_error{f.kind, f.text};
    }
    see(j, r);
    return over;
}

// Nobody looks any more.
TELLTALE_DECL void poller_state::give_up(std::uint32_t k, poller_watch& w, job& j, poll_news& news) {
    if (j.health.state != watch_state::unreachable) {
        job_report& r = new_report(news.second, w, j, news.at);
        r.health = watch_state::stale;
        r.health_error = "the deadline of the watch is over";
        if (w.plan.failures() != 0) r.health_error += "; before, " + j.health.error;
        see(j, r);
    }
    finish(k, w, news, errc::deadline_exceeded);
}

TELLTALE_DECL void poller_state::plan_next(std::uint32_t k, poller_watch& w, std::optional<time_point> due,
                                           time_point now) {
    due_.set(k, *due);
    if (!recording()) return;
    auto& n = note(flight_kind::decided, w.id());
    n.next = *due - now;
    n.reason = w.commanded || w.again ? poll_reason::command : w.plan.reason();
}

TELLTALE_DECL job_report& poller_state::new_report(std::optional<job_report>& place, poller_watch& w, const job& j,
                                                   timestamp at) const {
    job_report& r = place.emplace();
    r.id = w.id();
    r.by = reporter::observer;
    r.at = at;
    if (w.reported) return r;
    w.reported = true;
    if (!j.name.empty()) r.name = j.name;
    if (!j.kind.empty()) r.kind = j.kind;
    if (!j.labels.empty()) r.labels = j.labels;
    r.control = j.control;
    if (!r.control && options_.offer_control && can_cancel()) r.control = control(r.id);
    return r;
}

TELLTALE_DECL void poller_state::keep(poller_watch& w, const job& j, const packed_times& times) {
    w.last.pack(j, times, scratch_);
}

TELLTALE_DECL void poller_state::finish(std::uint32_t k, poller_watch& w, poll_news& news, error_code ec) {
    w.ended = true;
    w.out_of_time = static_cast<bool>(ec);
    due_.erase(k);
    deadlines_.erase(k);
    monitor_.watching(--active_, news.at);
    news.ended = true;
    news.end = ec;
    if (w.waiters) news.waiters.take(*w.waiters);
    w.waiters.reset();
    if (w.extra) news.waiters.take(w.extra->cancels);
    finished_.emplace_back(k, w.serial);
    if (recording()) note(flight_kind::ended, w.id()).end = ec;
}

// A watch that has ended is remembered for a while.
TELLTALE_DECL void poller_state::forget_oldest(poll_news& news) {
    if (finished_.size() <= options_.keep_finished) return;
    const auto [k, serial] = finished_.front();
    finished_.pop_front();
    if (watches_.has(k) && watches_[k].serial == serial) forget(k, news.dead);
}

TELLTALE_DECL void poller_state::learn(const job& j, const poller_watch& w, time_point now) {
    if (options_.pace != poll_pace::adaptive || (j.state != job_state::succeeded && j.state != job_state::failed))
        return;
    auto ran = w.plan.ran(now);
    if (j.started && j.finished) ran = *j.finished - *j.started;
    if (!ran) return;
    const auto found = histories_.find(j.kind);
    if (found != histories_.end())
        found->second.add(*ran);
    else if (histories_.size() < options_.learn_kinds)
        histories_[j.kind].add(*ran);
}

TELLTALE_DECL const duration_history* poller_state::learned(const std::string& kind) const {
    const auto found = histories_.find(kind);
    return found == histories_.end() ? nullptr : &found->second;
}

TELLTALE_DECL void poller_state::tell(job_report& r) {
    if (recording()) {
        const std::lock_guard lock(mutex());
        auto& n = note(flight_kind::told, r.id);
        n.state = r.state;
        n.word = r.word.value_or("");
        n.health = r.health;
    }
    tell_notes();
    const std::lock_guard lock(sink_mutex_);
    if (sink_ && !silent_) sink_(std::move(r));
}

/// Tells the hooks, the sink, and then those who wait.
TELLTALE_DECL void poller_state::tell(poll_news& news) {
    std::exception_ptr thrown;
    try {
        tell_notes();
        if (!news.word.empty()) {
            if (news.alarm && options_.on_unknown_word_alarm)
                options_.on_unknown_word_alarm(news.seen.id, news.word, *news.alarm);
            else if (!news.alarm && options_.on_unknown_word)
                options_.on_unknown_word(news.seen.id, news.word);
        }
        if (news.first) tell(*news.first);
        if (news.second) tell(*news.second);
    } catch (...) {
        thrown = std::current_exception();
    }
    complete(news.waiters, news.end, news.seen);
    complete(news.refused, news.refusal, news.seen);
    if (thrown) std::rethrow_exception(thrown);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLLER_ANSWERS_IPP
