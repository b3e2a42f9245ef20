// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_SCHEDULE_HPP
#define TELLTALE_POLL_SCHEDULE_HPP

#include <telltale/core/backoff.hpp>
#include <telltale/core/duration_history.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/poll/poll_hint.hpp>
#include <telltale/poll/poll_reason.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// How the time of the next poll is found while polls are answered.
enum class poll_pace : std::uint8_t {
    interval, ///< always the interval
    backoff,  ///< after the n-th answer the n-th delay of `backoff`, as the Smithy waiters do
    adaptive  ///< by the job's progress, or by what jobs of its kind have taken; the interval where neither is known
};

/// How often to look. One object for all watches of a poller: a poll_schedule refers to it.
struct schedule_options {
    poll_pace pace = poll_pace::interval;
    std::chrono::nanoseconds interval = std::chrono::seconds{15}; ///< after an answer; greater than zero
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff backoff{};  ///< for the pace of that name
    telltale::backoff on_error{}; ///< after a failed poll, by the number of failures in a row

    /// For the adaptive pace: never more often, and never more seldom. Greater than zero, and not below min_interval.
    std::chrono::nanoseconds min_interval = std::chrono::seconds{2};
    std::chrono::nanoseconds max_interval = std::chrono::minutes{2};
    /// For the adaptive pace: how late the end is to be seen, on the average. By progress, and by learned durations; greater
    /// than zero. Absent: a quarter, and 0.48 of the interval. Half of it is what the interval itself does.
    std::optional<std::chrono::nanoseconds> delay_by_progress{};
    std::optional<std::chrono::nanoseconds> delay_by_duration{};
};

/// What an answer said that matters for when to ask again.
struct poll_observation {
    bool running = true; ///< false: it waits, in a queue or for somebody, so nothing can be predicted
    std::optional<std::chrono::nanoseconds> running_for{}; ///< absent: since it was first seen to run
    const telltale::progress* progress = nullptr;          ///< null: not reported
    const duration_history* learned = nullptr;             ///< of jobs of its kind; null: nothing is known
    const poll_hint* hint = nullptr;                       ///< null: none
};

/// When to poll next: a plain machine, stepped with the time, without a clock or a timer. 64 bytes.
///
/// The first poll is due at the start. With a deadline there is one last poll exactly at the deadline, as in the Smithy
/// waiters (https://smithy.io/2.0/additional-specs/waiters.html): a poll that would be closer to the deadline than the
/// shortest delay is put off until then. What an API asks for by a hint is obeyed in any case.
///
///     poll_schedule plan(options, now, seed);
///     for (auto due = plan.next(); due; due = ok ? plan.answered(now, seen) : plan.failed(now)) { ... }
///
/// The adaptive pace (docs/guide/schedules.md): where progress is reported, polls close in on the predicted end, each
/// after a share of what is left. Where it is not, they are placed where jobs of its kind end: duration_history::next_look.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe. The options may be shared if nobody changes them.
class poll_schedule {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using nanoseconds = std::chrono::nanoseconds;

    /// `options` outlives the schedule. `seed`: of the jitter; the same seed gives the same times. `deadline`: counted
    /// from `start`; absent: as long as it takes. `phase`: 0 to 1, the first interval is (0.5 + phase) times as long as
    /// the others; watches that begin at the same time are spread evenly by phases that are, as spread_phase() gives them.
    poll_schedule(const schedule_options& options, time_point start, std::uint64_t seed,
                  std::optional<nanoseconds> deadline = {}, double phase = 0.5) noexcept;
    poll_schedule(const schedule_options&&, time_point, std::uint64_t, std::optional<nanoseconds> = {},
                  double = 0.5) = delete;

    /// The phase of the n-th watch: those of any number of watches in a row are spread evenly.
    static double spread_phase(std::uint64_t n) noexcept;

    /// When the next poll is due; absent: the deadline is over and so is the last poll.
    std::optional<time_point> next() const noexcept {
        if (over_) return std::nullopt;
        return next_;
    }

    /// Why just then. Meaningless without next().
    poll_reason reason() const noexcept { return reason_; }

    /// The API has forbidden a poll of this job before; long ago: it has not.
    time_point not_before() const noexcept { return earliest_; }

    /// False: what is due is the end of the watch, without a poll: the API has forbidden one until later.
    bool may_poll() const noexcept { return next_ >= earliest_; }

    /// When the last poll is due, if there is a deadline.
    std::optional<time_point> deadline() const noexcept {
        if (deadline_ == time_point::max()) return std::nullopt;
        return deadline_;
    }

    /// Failures in a row.
    std::uint32_t failures() const noexcept { return failures_; }

    /// The poll that was due ended at `now` with an answer that is not the end. Returns next().
    std::optional<time_point> answered(time_point now, const poll_observation& seen = {}) noexcept;

    /// The poll that was due failed at `now`. Returns next().
    std::optional<time_point> failed(time_point now, const poll_hint* hint = nullptr) noexcept;

    /// Somebody asked something of the job (to be cancelled): the next poll is due as soon as the API allows, and those
    /// after it, while nothing comes of it, by the delays of on_error, as long as these are shorter. Returns next().
    std::optional<time_point> asked(time_point now) noexcept;

    /// The job begins anew, as another attempt: nothing is known of its progress or of how long it has run.
    void restart() noexcept;

    /// How long a job ran whose end was seen at `now`, as far as polls can tell: until the middle between that poll and
    /// the one before. Absent: it was never seen running. What duration_history::add() wants, unless the API tells.
    std::optional<std::chrono::duration<double>> ran(time_point now) const noexcept;

private:
    struct step {
        nanoseconds delay;
        poll_reason reason;
    };

    step pace(time_point now, const poll_observation& seen) noexcept;
    step adapt(time_point now, const poll_observation& seen) noexcept;
    std::optional<double> close_in(double gap, const poll_observation& seen) noexcept;
    std::optional<double> estimate(double gap, const progress& p) noexcept;
    std::optional<time_point> plan(time_point now, step s, const poll_hint* hint) noexcept;
    nanoseconds interval() noexcept;
    double random() noexcept;

    const schedule_options* options_;
    time_point next_;
    time_point deadline_ = time_point::max();
    time_point earliest_ = time_point::min(); // by hints
    time_point seen_ = time_point::min();     // the last answer
    std::uint32_t random_;
    float run_ = -1;  // seconds that the job had run at seen_; negative: not seen running
    float done_ = -1; // the share that was done at seen_; negative: not reported
    float pace_ = 0;  // shares per second; 0: not known
    std::uint16_t failures_ = 0;
    std::uint16_t answers_ = 0;
    std::uint8_t phase_;     // in 1/256
    std::uint8_t asked_ = 0; // answers since somebody asked something, plus 1; 0: nobody did
    poll_reason reason_ = poll_reason::first;
    bool over_ : 1 = false;
    bool stalls_ : 1 = false;  // its progress does not go on as it did
    bool overdue_ : 1 = false; // it should be over, as it says
};

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/poll/detail/schedule.hpp>

#endif // TELLTALE_POLL_SCHEDULE_HPP
