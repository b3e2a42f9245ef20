// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_SCHEDULE_HPP
#define TELLTALE_POLL_DETAIL_SCHEDULE_HPP

// The bodies of schedule.hpp, which includes this.

#include <telltale/poll/schedule.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point t,
                                                   std::chrono::nanoseconds d) noexcept {
    return d > std::chrono::steady_clock::time_point::max() - t ? std::chrono::steady_clock::time_point::max() : t + d;
}

inline double in_seconds(std::chrono::nanoseconds d) noexcept { return std::chrono::duration<double>(d).count(); }

/// At least 1 ns, and what fits.
inline std::chrono::nanoseconds as_delay(double seconds) noexcept {
    constexpr double longest = 9.0e9;
    if (!(seconds > 0)) return std::chrono::nanoseconds{1};
    return std::max(std::chrono::nanoseconds{1}, std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(
                                                     std::min(seconds, longest) * 1e9)});
}

/// The share that is done, 0 to 1.
inline std::optional<double> share_done(const progress& p) noexcept {
    if (const auto percent = p.percent()) return *percent / 100;
    if (p.unit == progress_unit::percent && p.done >= 0 && p.done <= 100) return p.done / 100;
    return std::nullopt;
}

// Polls by progress: docs/guide/schedules.md.
inline constexpr double closing_share = 0.65; // of what is left, as long as it is far
inline constexpr double closing_error = 0.4; // it is far while this share of it is more than the delay that is aimed at
inline constexpr float step_of_progress = 0.01F; // most APIs round to whole percents

} // namespace detail

inline poll_schedule::poll_schedule(const schedule_options& options, time_point start, std::uint64_t seed,
                                    std::optional<nanoseconds> deadline, double phase) noexcept
    : options_(&options),
      next_(start),
      random_(static_cast<std::uint32_t>(seed ^ (seed >> 32U))),
      phase_(static_cast<std::uint8_t>(std::clamp(phase * 256, 0.0, 255.0))) {
    if (deadline) deadline_ = detail::later(start, std::max(*deadline, nanoseconds::zero()));
}

inline double poll_schedule::spread_phase(std::uint64_t n) noexcept {
    // Multiples of the golden ratio: the fractional parts of any number of them in a row are spread evenly (Knuth, "The
    // Art of Computer Programming", vol. 3, 6.4, theorem S).
    return static_cast<double>((n * 0x9E3779B97F4A7C15U) >> 11U) * 0x1.0p-53;
}

// The hash of 32 bits of https://github.com/skeeto/hash-prospector ("triple32") of a Weyl sequence; uniform in [0, 1).
inline double poll_schedule::random() noexcept {
    std::uint32_t z = (random_ += 0x9E3779B9U);
    z = (z ^ (z >> 17U)) * 0xED5AD4BBU;
    z = (z ^ (z >> 11U)) * 0xAC4C1B51U;
    z = (z ^ (z >> 15U)) * 0x31848BABU;
    return static_cast<double>(z ^ (z >> 14U)) * 0x1.0p-32;
}

inline std::optional<poll_schedule::time_point> poll_schedule::answered(time_point now,
                                                                        const poll_observation& seen) noexcept {
    failures_ = 0;
    const step s = pace(now, seen);
    seen_ = now;
    if (answers_ < 0xFFFF) ++answers_;
    return plan(now, s, seen.hint);
}

inline std::optional<poll_schedule::time_point> poll_schedule::failed(time_point now, const poll_hint* hint) noexcept {
    if (failures_ < 0xFFFF) ++failures_;
    return plan(now, {options_->on_error.delay(failures_, random()), poll_reason::backoff}, hint);
}

inline std::optional<poll_schedule::time_point> poll_schedule::asked(time_point now) noexcept {
    if (over_) return std::nullopt;
    asked_ = 1;
    const time_point soonest = std::max(now, earliest_);
    if (soonest < next_ && soonest < deadline_) {
        next_ = soonest;
        reason_ = poll_reason::command;
    }
    return next_;
}

inline void poll_schedule::restart() noexcept {
    run_ = -1;
    done_ = -1;
    pace_ = 0;
    stalls_ = false;
    overdue_ = false;
    answers_ = 0;
}

inline std::optional<std::chrono::duration<double>> poll_schedule::ran(time_point now) const noexcept {
    if (run_ < 0) return std::nullopt;
    return std::chrono::duration<double>(run_ + detail::in_seconds(std::max(now, seen_) - seen_) / 2);
}

inline poll_schedule::nanoseconds poll_schedule::interval() noexcept {
    const double jitter = std::clamp(options_->jitter, 0.0, 1.0);
    double factor = 1 + jitter * (2 * random() - 1);
    if (answers_ == 0 && phase_ != 128) factor = 0.5 + (phase_ + random()) / 256;
    return detail::as_delay(detail::in_seconds(options_->interval) * factor);
}

inline poll_schedule::step poll_schedule::pace(time_point now, const poll_observation& seen) noexcept {
    step s{nanoseconds::max(), poll_reason::interval};
    switch (options_->pace) {
    case poll_pace::interval: s = {interval(), poll_reason::interval}; break;
    case poll_pace::backoff:
        s = {options_->backoff.delay(std::uint32_t{answers_} + 1, random()), poll_reason::backoff};
        break;
    case poll_pace::adaptive: s = adapt(now, seen); break;
    }
    if (asked_ == 0) return s;
    const nanoseconds soon = options_->on_error.delay(asked_, random());
    if (asked_ < 0xFF) ++asked_;
    if (soon < s.delay) return {soon, poll_reason::command};
    return s;
}

inline poll_schedule::step poll_schedule::adapt(time_point now, const poll_observation& seen) noexcept {
    if (!seen.running) {
        restart();
        return {interval(), poll_reason::interval};
    }
    const double gap = seen_ == time_point::min() ? 0 : detail::in_seconds(std::max(now, seen_) - seen_);
    const bool known = run_ >= 0;
    run_ = static_cast<float>(seen.running_for ? std::max(detail::in_seconds(*seen.running_for), 0.0)
                                               : (known ? run_ + gap : 0.0));
    const double shortest = std::max(detail::in_seconds(options_->min_interval), 1e-9);
    const double longest = std::max(detail::in_seconds(options_->max_interval), shortest);
    const double usual = detail::in_seconds(options_->interval);
    const auto spread = [&](double delay) {
        const double off = std::clamp(options_->jitter, 0.0, 1.0) * (2 * random() - 1) * std::min(usual, delay) / 2;
        return detail::as_delay(std::clamp(delay + off, shortest, longest));
    };

    if (const auto delay = close_in(gap, seen)) return {spread(*delay), poll_reason::predicted_end};
    if (seen.learned != nullptr) {
        using seconds = duration_history::seconds;
        const double late =
            options_->delay_by_duration ? detail::in_seconds(*options_->delay_by_duration) : usual * 0.48;
        if (const auto look = seen.learned->next_look(seconds{run_}, seconds{late}, seconds{longest}))
            return {spread(look->count()), poll_reason::learned_duration};
    }
    return {interval(), poll_reason::interval};
}

// The delay until the next poll, in seconds, where the rest is reported or can be estimated. `gap`: since the last answer.
inline std::optional<double> poll_schedule::close_in(double gap, const poll_observation& seen) noexcept {
    if (seen.progress == nullptr) {
        done_ = -1;
        return std::nullopt;
    }
    const auto& p = *seen.progress;
    std::optional<double> left = estimate(gap, p);
    bool told = true;
    if (p.remaining && std::isfinite(p.remaining->count()))
        left = std::max(p.remaining->count(), 0.0);
    else if (p.rate && p.total && *p.rate > 0 && std::isfinite((*p.total - p.done) / *p.rate))
        left = std::max((*p.total - p.done) / *p.rate, 0.0);
    else
        told = false;
    if (!left) return std::nullopt;

    const double usual = detail::in_seconds(options_->interval);
    const double late = options_->delay_by_progress ? detail::in_seconds(*options_->delay_by_progress) : usual / 4;
    const bool was_overdue = overdue_;
    overdue_ = *left <= 0;
    // It should be over by now: nobody knows for how long it is not.
    if (overdue_) return was_overdue ? std::min(1.5 * gap, usual) : late;
    double delay = *left + late / 10;
    if (*left * detail::closing_error > late) {
        delay = *left * detail::closing_share;
        if (!told) delay = std::min(delay, std::max<double>(run_, usual)); // believed for as long as it was made
    }
    return stalls_ && !told ? std::min(delay, usual) : delay; // it may go on, or end, at any moment
}

// How long it will take, in seconds, by the shares that were done when it was looked at.
inline std::optional<double> poll_schedule::estimate(double gap, const progress& p) noexcept {
    const float before = done_;
    const auto share = detail::share_done(p);
    done_ = share ? static_cast<float>(*share) : -1.0F;
    float left = 1 - done_;
    // Whole percents are rounded, more often down than not.
    if (std::abs(done_ * 100 - std::round(done_ * 100)) < 1e-4F) left -= detail::step_of_progress / 2;
    if (!share || before < 0 || done_ < before) {
        stalls_ = false;
        pace_ = share && run_ > 0 ? done_ / run_ : 0.0F;
    } else if (done_ > before && gap > 0) {
        const float more = done_ - before;
        const auto lately = static_cast<float>(more / gap);
        const float trust = pace_ > 0 ? more / (more + 3 * detail::step_of_progress) : 1.0F;
        pace_ = stalls_ && run_ > 0 ? done_ / run_ : trust * lately + (1 - trust) * pace_;
        stalls_ = false;
    } else if (stalls_ || pace_ * gap > std::min(detail::step_of_progress, left)) {
        stalls_ = true;
        pace_ *= 0.7F;
    }
    if (!share) return std::nullopt;
    if (*share >= 1) return 0.0;
    if (!(pace_ > 0)) return std::nullopt;
    return left / pace_;
}

inline std::optional<poll_schedule::time_point> poll_schedule::plan(time_point now, step s,
                                                                    const poll_hint* hint) noexcept {
    earliest_ = time_point::min();
    if (hint != nullptr) {
        const nanoseconds least =
            std::max(hint->retry_after.value_or(nanoseconds::zero()), hint->interval.value_or(nanoseconds::zero()));
        if (least > nanoseconds::zero()) earliest_ = detail::later(now, least);
    }
    next_ = detail::later(now, std::max(s.delay, nanoseconds{1}));
    reason_ = s.reason;
    if (earliest_ > next_) {
        next_ = earliest_;
        reason_ = poll_reason::hint;
    }
    if (deadline_ == time_point::max()) return next_;
    const nanoseconds closest = std::min(options_->interval, options_->on_error.min);
    if (now >= deadline_) {
        over_ = true;
        return std::nullopt;
    }
    if (next_ >= deadline_ || deadline_ - next_ < closest) {
        next_ = deadline_;
        reason_ = poll_reason::last_poll;
    }
    return next_;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_DETAIL_SCHEDULE_HPP
