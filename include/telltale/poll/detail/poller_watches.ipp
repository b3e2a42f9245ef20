// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLLER_WATCHES_IPP
#define TELLTALE_POLL_DETAIL_POLLER_WATCHES_IPP

// What can be asked of a poller_state from any thread, and who waits in it.

#include <telltale/poll/detail/poller_state.hpp>

namespace telltale::inline TELLTALE_ABI::detail {

inline schedule_options schedule_of(const poller_options& o) {
    schedule_options s;
    s.pace = o.pace;
    s.interval = o.interval;
    s.jitter = o.jitter;
    s.backoff = o.backoff;
    s.on_error = o.backoff;
    s.min_interval = o.min_interval;
    s.max_interval = o.max_interval;
    return s;
}

/// Polls that are due within so little time are made together, for a wake of the timer costs as much as several: a power of
/// ten, less than a hundredth of the interval, at most 10 ms.
inline std::chrono::nanoseconds grain_of(std::chrono::nanoseconds interval) {
    std::chrono::nanoseconds grain = std::chrono::milliseconds{10};
    while (grain > interval / 100 && grain > std::chrono::nanoseconds{1}) grain /= 10;
    return grain;
}

TELLTALE_DECL std::shared_ptr<poller_state> poller_state::create(const net::any_io_executor& executor,
                                                                 std::unique_ptr<erased_source> source, job_sink sink,
                                                                 poller_options options) {
    return std::make_shared<poller_state>(executor, std::move(source), std::move(sink), std::move(options));
}

TELLTALE_DECL poller_state::poller_state(const net::any_io_executor& executor, std::unique_ptr<erased_source> source,
                                         job_sink sink, poller_options options)
    : wait_state(context_of(executor)),
      strand_(net::make_strand(executor)),
      options_(std::move(options)),
      schedule_(schedule_of(options_)),
      seed_(seed_or_random(options_.seed)),
      grain_(grain_of(options_.interval)),
      time_(&time_source_of(executor)),
      source_(std::move(source)),
      sink_(std::move(sink)),
      clock_(net::any_io_executor(strand_)),
      monitor_(options_.health, options_.source_name.value_or("")),
      serial_(seed_),
      member_(options_.budget ? options_.budget
                              : std::make_shared<poll_budget>(budget_options{
                                    .max_concurrent = std::max<std::size_t>(options_.max_concurrent, 1)}),
              [this] {
                  if (const auto s = weak_from_this().lock()) static_cast<poller_state&>(*s).wake();
              }) {
    if (options_.breaker) breaker_.emplace(*options_.breaker, seed_);
    if (!recording()) return;
    auto& n = note(flight_kind::poller_started);
    auto plain = std::make_shared<poller_options>(options_);
    plain->on_unknown_word = {};
    plain->on_unknown_word_alarm = {};
    plain->recorder = {};
    plain->budget = {};
    if (options_.budget) {
        n.budget = options_.budget->options();
        n.budget->within = {};
    }
    n.options = std::move(plain);
    n.seed = seed_;
    n.steady = time_->now().time_since_epoch();
    n.batch_limit = source_->batch_limit();
    n.can_cancel = source_->can_cancel();
    n.can_retry = source_->can_retry();
}

TELLTALE_DECL poller_state::~poller_state() = default;

TELLTALE_DECL bool poller_state::watch(job_id id, watch_options given) {
    if (id.empty()) throw system_error(make_error_code(errc::invalid_argument), "the id of a job is empty");
    const time_point now = time_->now();
    std::unique_ptr<watch_extra> dead;
    {
        const std::lock_guard lock(mutex());
        if (stopped_) return false;
        if (const auto k = watches_.find(id); k != table::none) {
            if (!watches_[k].ended) return false;
            forget(k, dead);
        }
        // Those that begin together are spread over the interval; of a source that is asked for many jobs at once, as many
        // stay together as can be.
        if (burst_at_ == time_point::min() || now - burst_at_ > options_.interval / 2) {
            burst_at_ = now;
            burst_ = 0;
        }
        const std::uint64_t place = burst_++ / std::max<std::size_t>(source_->batch_limit(), 1);
        const auto k = watches_.emplace(id, schedule_, now, serial_++, given.deadline,
                                        place == 0 ? 0.5 : poll_schedule::spread_phase(place));
        poller_watch& w = watches_[k];
        job j;
        j.name = given.name;
        j.kind = given.kind;
        j.labels = given.labels;
        packed_times times;
        times.watched = calendar_now();
        keep(w, j, times);
        if (given.control) w.more().control = given.control;
        if (given.when_unwatched == remote_job::cancel) w.more().cancel_when_unwatched = true;
        due_.set(k, now);
        if (const auto deadline = w.plan.deadline()) deadlines_.set(k, *deadline);
        monitor_.watching(++active_, times.watched);
        if (recording()) {
            auto plain = std::make_shared<watch_options>(std::move(given));
            plain->control = {};
            note(flight_kind::watched, id).watch = std::move(plain);
        }
    }
    wake();
    return true;
}

// With the mutex held. The request that is about this job alone has no more sense.
TELLTALE_DECL void poller_state::detach(poller_watch& w) {
    poll_flight* const f = std::exchange(w.flight, nullptr);
    if (!f) return;
    for (auto& k : f->entries)
        if (k != table::none && &watches_[k] == &w) k = table::none;
    if (--f->left == 0) cancel(*f);
}

// Signals are emitted on the strand: elsewhere it would be a race with the coroutine, which may have gone on to another poll.
TELLTALE_DECL void poller_state::cancel(poll_flight& flight) {
    net::post(strand_, [f = flight.shared_from_this(), number = flight.number] {
        if (!f->running || f->number != number) return;
        f->cancelled = true;
        f->signal.emit(net::cancellation_type::terminal);
    });
}

// With the mutex held. What may hold objects of the user's lives on in `dead`.
TELLTALE_DECL void poller_state::forget(std::uint32_t k, std::unique_ptr<watch_extra>& dead) {
    poller_watch& w = watches_[k];
    if (w.extra && w.extra->cancelling) {
        w.extra->cancelling->entries.front() = table::none;
        w.extra->cancelling = nullptr;
    }
    dead = std::move(w.extra);
    due_.erase(k);
    deadlines_.erase(k);
    watches_.erase(k);
}

TELLTALE_DECL bool poller_state::unwatch(const job_id& id) {
    wait_list waiters;
    std::unique_ptr<watch_extra> dead;
    std::vector<job_id> left;
    {
        const std::lock_guard lock(mutex());
        const auto k = watches_.find(id);
        if (k == table::none) return false;
        poller_watch& w = watches_[k];
        if (w.waiters) waiters.take(*w.waiters);
        if (w.extra) waiters.take(w.extra->cancels);
        if (!w.ended) {
            monitor_.watching(--active_, calendar_now());
            if (w.extra && w.extra->cancel_when_unwatched) left.push_back(w.remote_id());
        }
        detach(w);
        forget(k, dead);
        if (recording()) note(flight_kind::unwatched, id);
    }
    say_farewell(std::move(left));
    waiters.finish_all(net::error::operation_aborted);
    wake(); // there may be nothing to wait for any more
    return true;
}

TELLTALE_DECL void poller_state::stop() {
    {
        const std::lock_guard lock(sink_mutex_);
        silent_ = true;
    }
    wait_list waiters;
    std::vector<job_id> left;
    std::vector<std::unique_ptr<watch_extra>> dead;
    {
        const std::lock_guard lock(mutex());
        if (stopped_) return;
        stopped_ = true;
        active_ = 0;
        monitor_.watching(0, calendar_now());
        take_all(waiters);
        watches_.each([&](std::uint32_t, poller_watch& w) {
            if (!w.ended && w.extra && w.extra->cancel_when_unwatched) left.push_back(w.remote_id());
            if (w.extra) dead.push_back(std::move(w.extra));
        });
        watches_.clear();
        due_.clear();
        deadlines_.clear();
        finished_.clear();
        member_.leave();
        for (const auto& f : flights_) {
            for (auto& k : f->entries) k = table::none;
            f->left = 0;
            cancel(*f);
        }
        if (recording()) note(flight_kind::stopped);
    }
    tell_notes();
    say_farewell(std::move(left));
    waiters.finish_all(net::error::operation_aborted);
    wake();
}

TELLTALE_DECL bool poller_state::poll_now(const job_id& id) {
    {
        const std::lock_guard lock(mutex());
        const auto k = watches_.find(id);
        if (k == table::none || watches_[k].ended) return false;
        poller_watch& w = watches_[k];
        if (recording()) note(flight_kind::poll_requested, id);
        if (w.retry_due) return true; // there is nothing to see before
        w.commanded = true;
        if (w.flight)
            w.again = true;
        else
            plan_next(k, w, time_->now(), time_->now());
    }
    wake();
    return true;
}

TELLTALE_DECL std::optional<job> poller_state::find(const job_id& id) const {
    const std::lock_guard lock(mutex());
    const auto k = watches_.find(id);
    if (k == table::none) return std::nullopt;
    packed_times times;
    std::optional<job> j(std::in_place);
    watches_[k].see(*j, times);
    return j;
}

TELLTALE_DECL wait_list* poller_state::attempt(const job_id& id, error_code& ec, job& result) {
    const auto k = watches_.find(id);
    if (k == table::none) {
        ec = errc::unknown_job;
        return nullptr;
    }
    poller_watch& w = watches_[k];
    if (!w.ended) {
        if (!w.waiters) w.waiters = std::make_unique<wait_list>();
        return w.waiters.get();
    }
    if (w.out_of_time) ec = errc::deadline_exceeded;
    packed_times times;
    w.see(result, times);
    return nullptr;
}

TELLTALE_DECL wait_list* poller_state::attempt_cancel(const job_id& id, error_code& ec, job& result) {
    const auto k = watches_.find(id);
    if (k == table::none || watches_[k].ended) return attempt(id, ec, result);
    if (can_cancel()) return &watches_[k].more().cancels;
    ec = errc::unsupported_command;
    packed_times times;
    watches_[k].see(result, times);
    return nullptr;
}

TELLTALE_DECL void poller_state::take_all(wait_list& all) noexcept {
    watches_.each([&](std::uint32_t, poller_watch& w) {
        if (w.waiters) all.take(*w.waiters);
        if (w.extra) all.take(w.extra->cancels);
    });
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLLER_WATCHES_IPP
