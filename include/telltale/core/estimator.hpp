// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_ESTIMATOR_HPP
#define TELLTALE_CORE_ESTIMATOR_HPP

#include <telltale/version.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// When a job will be done, as far as its past tells: low <= remaining <= high.
struct prediction {
    std::chrono::duration<double> remaining{}; ///< as likely too long as too short
    std::chrono::duration<double> low{};       ///< the 10 % quantile
    std::chrono::duration<double> high{};      ///< the 90 % quantile

    friend bool operator==(const prediction&, const prediction&) = default;
};

/// How many predicted bands an estimator has checked against what came, and how many of them held.
struct band_coverage {
    std::uint32_t checked = 0;
    std::uint32_t held = 0;

    /// 0 to 1, 0.8 is aimed at; nothing before the first check.
    std::optional<double> share() const noexcept {
        if (checked == 0) return std::nullopt;
        return static_cast<double>(held) / checked;
    }
    friend bool operator==(const band_coverage&, const band_coverage&) = default;
};

/// Rate and remaining time out of samples of "so much is done now".
///
/// A time-weighted exponential average, smoothed twice and corrected for a short history; the time since the last
/// advance counts as no progress, so a stalled job's rate falls and its remaining time grows (the estimator of
/// indicatif, https://docs.rs/indicatif, src/state.rs). Time is passed in: the machine has no clock.
class estimator {
public:
    using clock = std::chrono::steady_clock;

    /// `horizon`: what happened that long ago has a tenth of the weight of now. Greater than zero.
    explicit estimator(std::chrono::duration<double> horizon = std::chrono::seconds{15}) noexcept
        : horizon_(horizon.count()) {}

    /// Says how much was done at `now`. The first sample is the baseline: what was done before it is not part of the
    /// rate. Going backwards starts anew.
    void sample(double done, clock::time_point now) noexcept {
        if (!started_ || done < done_) {
            *this = estimator(std::chrono::duration<double>(horizon_));
            started_ = now;
            last_ = now;
            done_ = done;
            return;
        }
        if (done == done_ || now <= last_) return; // idle time is accounted for when there is progress, or asked for
        const double dt = seconds(now - last_);
        const double weight = std::pow(0.1, dt / horizon_);
        const double fresh = (done - done_) / dt;
        once_ = once_ * weight + fresh * (1 - weight);
        const double normal = once_ / known(now);
        twice_ = twice_ * weight + normal * (1 - weight);
        done_ = done;
        last_ = now;
    }

    /// Units per second as seen at `now`; nothing before there was progress.
    std::optional<double> rate(clock::time_point now) const noexcept {
        if (!started_ || last_ == *started_) return std::nullopt;
        const double idle = now > last_ ? seconds(now - last_) : 0;
        const double weight = std::pow(0.1, idle / horizon_);
        const auto until = now > last_ ? now : last_;
        const double normal = once_ * weight / known(until);
        return (twice_ * weight + normal * (1 - weight)) / known(until);
    }

    /// Time until `total` is done, as seen at `now`; nothing where no honest prediction is possible.
    std::optional<std::chrono::duration<double>> remaining(double total, clock::time_point now) const noexcept {
        if (started_ && done_ >= total) return std::chrono::duration<double>{0};
        const auto speed = rate(now);
        if (!speed || !(*speed > 0)) return std::nullopt;
        const double left = (total - done_) / *speed;
        if (!std::isfinite(left)) return std::nullopt;
        return std::chrono::duration<double>{left};
    }

    /// The same with its band; nothing where no honest prediction is possible.
    std::optional<prediction> predict(double total, clock::time_point now) const noexcept {
        const auto left = remaining(total, now);
        if (!left) return std::nullopt;
        return prediction{*left, *left * 0.8, *left * 1.3};
    }

    /// What has become of the estimator's own predictions so far.
    band_coverage coverage() const noexcept { return {}; }

private:
    static double seconds(clock::duration d) noexcept { return std::chrono::duration<double>(d).count(); }

    // The share of the average that stands on samples rather than on the zero it began with.
    double known(clock::time_point now) const noexcept {
        return 1 - std::pow(0.1, seconds(now - *started_) / horizon_);
    }

    double horizon_;
    std::optional<clock::time_point> started_;
    clock::time_point last_{};
    double done_ = 0;
    double once_ = 0;
    double twice_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_ESTIMATOR_HPP
