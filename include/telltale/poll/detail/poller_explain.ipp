// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLLER_EXPLAIN_IPP
#define TELLTALE_POLL_DETAIL_POLLER_EXPLAIN_IPP

// What a poller_state knows of a job and of itself.

#include <telltale/poll/detail/poller_state.hpp>

namespace telltale::inline TELLTALE_ABI::detail {

TELLTALE_DECL void poller_state::explain(explanation& e, std::uint32_t k, const poller_watch& w,
                                         const stuck_options& limits) const {
    const time_point now = time_->now();
    const timestamp at = calendar_now();
    const auto date = [&](time_point t) { return at + std::chrono::duration_cast<timestamp::duration>(t - now); };
    packed_times times;
    job j;
    w.see(j, times);
    e.id = std::move(j.id);
    e.name = std::move(j.name);
    e.source = options_.source_name.value_or("");
    e.attempt = j.attempt;
    e.progress = j.progress;
    e.queue_position = j.queue_position;
    e.error = std::move(j.error);
    e.health = std::move(j.health);
    e.watched_since = times.watched;
    e.last_answer = j.observed;
    if (w.known || w.ended) {
        e.state = j.state;
        e.since = times.state;
        if (j.state == job_state::running && j.started) e.since = j.started;
        if ((j.state == job_state::queued || j.state == job_state::pending) && (j.queued || j.created))
            e.since = j.queued ? j.queued : j.created;
        if (is_terminal(j.state) && j.finished) e.since = j.finished;
        if (*e.since == timestamp{}) e.since.reset();
    }
    if (const auto* x = w.extra.get()) {
        e.reason = x->reason;
        e.never_runs = x->never_runs;
        e.cancel_requested = x->cancel_asked;
        e.retry_at = x->retry_at;
        if (w.unknown) e.unknown_since = x->unknown_at;
    }
    if (w.unknown)
        e.unknown_word = j.word;
    else
        e.word = std::move(j.word);
    e.failures = w.plan.failures();
    e.polls = w.polls;
    e.polling = w.flight != nullptr;
    if (const auto deadline = w.plan.deadline()) e.deadline = date(*deadline);
    e.over = w.ended;
    if (w.out_of_time) e.end = errc::deadline_exceeded;
    if (const auto due = due_.due(k)) {
        e.next_poll = date(*due);
        if (!w.retry_due) e.why_then = w.commanded ? poll_reason::command : w.plan.reason();
        if (e.last_answer && w.plan.failures() == 0) e.interval = *e.next_poll - *e.last_answer;
        if (*due <= now) {
            e.waits = gate_;
            if (aloft_ >= std::max<std::size_t>(options_.max_concurrent, 1)) e.waits = poll_wait::permit;
            if (e.waits != poll_wait::nothing && e.waits != poll_wait::permit && gate_until_ != time_point::max())
                e.waits_until = date(gate_until_);
        }
    }
    if (e.state && !w.ended && e.since) {
        std::optional<nanoseconds> expected;
        if (const auto* const h = learned(j.kind))
            if (const auto median = h->quantile(0.5)) expected = std::chrono::duration_cast<nanoseconds>(*median);
        e.stuck = find_stuck(*e.state, *e.since, at, limits, expected, e.never_runs);
    }
}

TELLTALE_DECL std::optional<explanation> poller_state::explain(const job_id& id) const {
    const std::lock_guard lock(mutex());
    const auto k = watches_.find(id);
    if (k == table::none) return std::nullopt;
    std::optional<explanation> e(std::in_place);
    explain(*e, k, watches_[k], stuck_options{});
    return e;
}

TELLTALE_DECL std::vector<explanation> poller_state::stuck(const stuck_options& limits) const {
    std::vector<explanation> result;
    const std::lock_guard lock(mutex());
    watches_.each([&](std::uint32_t k, const poller_watch& w) {
        if (w.ended || !w.known) return;
        explanation e;
        explain(e, k, w, limits);
        if (e.stuck) result.push_back(std::move(e));
    });
    std::sort(result.begin(), result.end(), [](const explanation& a, const explanation& b) {
        return a.since != b.since ? a.since < b.since : a.id < b.id;
    });
    return result;
}

TELLTALE_DECL poller_health poller_state::health() const {
    const std::lock_guard lock(mutex());
    auto monitor = monitor_;
    if (gate_ != poll_wait::nothing && gate_ != poll_wait::permit && gate_until_ != time_point::max() &&
        gate_until_ > time_->now())
        monitor.blocked(calendar(gate_until_));
    return monitor.health(calendar_now(), aloft_);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLLER_EXPLAIN_IPP
