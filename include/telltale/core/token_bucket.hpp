// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_TOKEN_BUCKET_HPP
#define TELLTALE_CORE_TOKEN_BUCKET_HPP

#include <telltale/version.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>

namespace telltale::inline TELLTALE_ABI {

/// How much may happen: so many per second in the long run, and so many at once after a pause.
struct rate_limit {
    static constexpr std::size_t max_burst = 1'000'000'000;

    double per_second = 1; ///< tokens per second, finite and not below 0; 0: none are added
    std::size_t burst = 1; ///< the most tokens that are kept, and that can be taken at once; 1 to max_burst

    bool valid() const noexcept {
        return std::isfinite(per_second) && per_second >= 0 && burst >= 1 && burst <= max_burst;
    }
    friend bool operator==(const rate_limit&, const rate_limit&) = default;
};

/// A bucket that tokens flow into at a steady rate until it is full, and out of which they are taken. Over any time t
/// no more than burst + per_second * t are taken. Time is passed in: the machine has no clock. Time that goes backwards
/// counts as standing still.
class token_bucket {
public:
    using clock = std::chrono::steady_clock;

    /// A full bucket. `limit` is valid.
    token_bucket(rate_limit limit, clock::time_point now) noexcept
        : limit_(limit), tokens_(static_cast<double>(limit.burst)), last_(now) {}

    rate_limit limit() const noexcept { return limit_; }

    /// What has flowed in at the former rate stays, as far as the new burst has room. `limit` is valid.
    void set_limit(rate_limit limit, clock::time_point now) noexcept {
        settle(level(now), now);
        limit_ = limit;
        tokens_ = std::min(tokens_, static_cast<double>(limit.burst));
    }

    /// How many tokens there are: 0 to burst.
    double available(clock::time_point now) const noexcept { return std::max(level(now), 0.0); }

    /// Takes `n` tokens if there are so many.
    bool try_take(std::size_t n, clock::time_point now) noexcept {
        const double left = level(now) - static_cast<double>(n);
        if (left < -slack) return false;
        if (n > 0) settle(left, now);
        return true;
    }

    /// The first time, not before `now`, at which try_take(n) will give them; the end of time if it never will: more
    /// than burst, or nothing flows in.
    clock::time_point ready_at(std::size_t n, clock::time_point now) const noexcept {
        const double missing = static_cast<double>(n) - level(now);
        if (missing <= slack) return now;
        if (n > limit_.burst || !(limit_.per_second > 0)) return clock::time_point::max();
        now = std::max(now, last_);
        const std::chrono::duration<double> wait{missing / limit_.per_second};
        // Compared as doubles with a day to spare: at the end of time they are coarse.
        if (wait >= std::chrono::duration<double>(clock::time_point::max() - now) - std::chrono::hours{24})
            return clock::time_point::max();
        return now + std::chrono::ceil<clock::duration>(wait);
    }

private:
    // Below the resolution of any clock times any rate that is of use, above the error of a double near max_burst. What
    // is taken too early by it stays owed.
    static constexpr double slack = 1e-6;

    double level(clock::time_point now) const noexcept {
        if (now <= last_) return tokens_;
        const double added = std::chrono::duration<double>(now - last_).count() * limit_.per_second;
        return std::min(tokens_ + added, static_cast<double>(limit_.burst));
    }

    // Only when something changes: many small additions to a large number would be lost in rounding.
    void settle(double tokens, clock::time_point now) noexcept {
        tokens_ = tokens;
        last_ = std::max(last_, now);
    }

    rate_limit limit_;
    double tokens_;
    clock::time_point last_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_TOKEN_BUCKET_HPP
