// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_SCHEDULE_HPP
#define TELLTALE_POLL_SCHEDULE_HPP

#include <telltale/core/backoff.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// How often to look.
struct schedule_options {
    std::chrono::nanoseconds interval = std::chrono::seconds{15}; ///< after an answer; greater than zero
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff on_error{};                       ///< after a failed poll, by the number of failures in a row
    std::optional<std::chrono::nanoseconds> deadline{}; ///< counted from the start; absent: as long as it takes
};

/// When to poll next: a plain machine, stepped with the time, without a clock or a timer.
///
/// The first poll is due at the start. With a deadline there is one last poll exactly at the deadline, as in the Smithy
/// waiters (https://smithy.io/2.0/additional-specs/waiters.html): a poll that would be closer to the deadline than the
/// shortest delay (the lesser of `interval` and `on_error.min`) is put off until then.
///
///     poll_schedule plan(options, now, seed);
///     for (auto due = plan.next(); due; due = ok ? plan.answered(now) : plan.failed(now)) { ... }
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class poll_schedule {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using nanoseconds = std::chrono::nanoseconds;

    /// `seed`: of the jitter; the same seed gives the same times.
    poll_schedule(const schedule_options& options, time_point start, std::uint64_t seed) noexcept
        : options_(options), random_(seed), next_(start) {
        options_.jitter = std::clamp(options_.jitter, 0.0, 1.0);
        if (options_.deadline) deadline_ = later(start, std::max(*options_.deadline, nanoseconds::zero()));
    }

    /// When the next poll is due; absent: the deadline is over and so is the last poll.
    std::optional<time_point> next() const noexcept { return next_; }

    /// When the last poll is due, if there is a deadline.
    std::optional<time_point> deadline() const noexcept { return deadline_; }

    /// Failures in a row.
    std::uint32_t failures() const noexcept { return failures_; }

    /// The poll that was due ended at `now` with an answer that is not the end. Returns next().
    std::optional<time_point> answered(time_point now) noexcept {
        failures_ = 0;
        const double factor = 1 + options_.jitter * (2 * random() - 1);
        return plan(now, scaled(options_.interval, factor));
    }

    /// The poll that was due failed at `now`. Returns next().
    std::optional<time_point> failed(time_point now) noexcept {
        ++failures_;
        return plan(now, options_.on_error.delay(failures_, random()));
    }

private:
    static time_point later(time_point t, nanoseconds d) noexcept {
        return d > time_point::max() - t ? time_point::max() : t + d;
    }

    static nanoseconds scaled(nanoseconds d, double factor) noexcept {
        const double ns = static_cast<double>(d.count()) * factor;
        constexpr double most = 9.0e18; // fits
        return std::max(nanoseconds{1}, nanoseconds{static_cast<nanoseconds::rep>(std::min(ns, most))});
    }

    std::optional<time_point> plan(time_point now, nanoseconds delay) noexcept {
        next_ = later(now, delay);
        if (!deadline_) return next_;
        const nanoseconds closest = std::min(options_.interval, options_.on_error.min);
        if (now >= *deadline_)
            next_.reset();
        else if (*next_ >= *deadline_ || *deadline_ - *next_ < closest)
            next_ = *deadline_;
        return next_;
    }

    // SplitMix64 (https://prng.di.unimi.it/splitmix64.c); uniform in [0, 1).
    double random() noexcept {
        std::uint64_t z = (random_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1.0p-53;
    }

    schedule_options options_;
    std::uint64_t random_;
    std::optional<time_point> next_;
    std::optional<time_point> deadline_;
    std::uint32_t failures_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_SCHEDULE_HPP
