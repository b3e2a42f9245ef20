// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_PUBLISH_LIMITER_HPP
#define TELLTALE_CORE_PUBLISH_LIMITER_HPP

#include <telltale/core/progress.hpp>
#include <telltale/version.hpp>

#include <chrono>
#include <cmath>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// How often progress is published. Where neither `every_count` nor `every_percent` is given, every look is worth it.
struct publish_limit {
    /// Never more often than this, but for the first and the last. 0 or more; 0: no limit.
    std::chrono::steady_clock::duration min_interval = std::chrono::milliseconds{100};
    /// Not later than this after the one before, if anything came since. Greater than min_interval; absent: however long.
    std::optional<std::chrono::steady_clock::duration> max_interval{};
    std::optional<double> every_count{}; ///< when another so many are done, in the unit of the progress; greater than 0
    std::optional<double> every_percent{}; ///< when another so many percent are done; greater than 0

    bool valid() const noexcept {
        const auto is_step = [](const std::optional<double>& s) { return !s || (std::isfinite(*s) && *s > 0); };
        return min_interval.count() >= 0 && (!max_interval || *max_interval > min_interval) && is_step(every_count) &&
               is_step(every_percent);
    }
    friend bool operator==(const publish_limit&, const publish_limit&) = default;
};

/// Decides which of many progresses are published: the first and the last always, in between as publish_limit says. Of
/// the two steps either is enough; the interval must be over in any case. Time is passed in: the machine has no clock.
///
///     if (limiter.admit(now_done, clock.now())) publish(now_done);
///
/// What was not admitted is not lost: it is the publisher's to look again at next(), when the newest will be.
class publish_limiter {
public:
    using clock = std::chrono::steady_clock;

    /// `limit` is valid.
    explicit publish_limiter(publish_limit limit = {}) noexcept : limit_(limit) {}

    const publish_limit& limit() const noexcept { return limit_; }

    /// Whether to publish this now. `last`: there will be no other; always admitted. Time that goes backwards counts as
    /// standing still.
    bool admit(const progress& p, clock::time_point now, bool last = false) noexcept {
        const bool yes = last || !published_ || (now >= earliest() && (is_step(p) || now >= latest()));
        held_ = !yes;
        if (!yes) {
            held_is_step_ = is_step(p);
            return false;
        }
        published_ = p;
        at_ = now;
        return true;
    }

    /// When what was not admitted last will be; nothing if it was admitted, the end of time if not before it changes.
    std::optional<clock::time_point> next() const noexcept {
        if (!held_) return std::nullopt;
        return held_is_step_ ? earliest() : latest();
    }

    /// The next one is a first one again.
    void reset() noexcept { *this = publish_limiter(limit_); }

private:
    static clock::time_point later(clock::time_point t, clock::duration d) noexcept {
        return t > clock::time_point{} && d > clock::time_point::max() - t ? clock::time_point::max() : t + d;
    }
    clock::time_point earliest() const noexcept { return later(at_, limit_.min_interval); }
    clock::time_point latest() const noexcept {
        return limit_.max_interval ? later(at_, *limit_.max_interval) : clock::time_point::max();
    }

    // Steps are multiples of the size, so that what is published are round numbers, or just past them.
    static bool other_step(double a, double b, double size) noexcept {
        return std::floor(a / size) != std::floor(b / size);
    }

    bool is_step(const progress& p) const noexcept {
        if (!limit_.every_count && !limit_.every_percent) return true;
        if (p.unit != published_->unit) return true;
        if (limit_.every_count && other_step(p.done, published_->done, *limit_.every_count)) return true;
        if (!limit_.every_percent) return false;
        const auto before = published_->percent();
        const auto now = p.percent();
        if (!before || !now) return before.has_value() != now.has_value();
        return other_step(*before, *now, *limit_.every_percent);
    }

    publish_limit limit_;
    std::optional<progress> published_;
    clock::time_point at_{};
    bool held_ = false;
    bool held_is_step_ = false;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_PUBLISH_LIMITER_HPP
