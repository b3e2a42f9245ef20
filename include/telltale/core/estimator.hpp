// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_ESTIMATOR_HPP
#define TELLTALE_CORE_ESTIMATOR_HPP

#include <telltale/core/detail/forecast.hpp>
#include <telltale/core/detail/forecast_checks.hpp>
#include <telltale/core/detail/work_history.hpp>
#include <telltale/version.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// When a job will be done, as far as its past tells: 0 <= low <= remaining <= high, all finite.
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

    /// 0 to 1; 0.8 is aimed at. Nothing before the first check.
    std::optional<double> share() const noexcept {
        if (checked == 0) return std::nullopt;
        return static_cast<double>(held) / checked;
    }
    friend bool operator==(const band_coverage&, const band_coverage&) = default;
};

/// Rate and remaining time out of samples of "so much is done now".
///
/// The rate is a time-weighted exponential average, smoothed twice and corrected for a short history (the estimator of
/// indicatif, https://docs.rs/indicatif, src/state.rs): what the job does just now. The remaining time stands on the
/// whole history instead, and comes with a band: see detail/forecast.hpp, and docs/guide/remaining_time.md for what it
/// is worth. Both are aware of stalls: time without an advance counts, whether somebody looks or not.
///
/// A value of fixed size, about 550 bytes. Time is passed in: the machine has no clock. Not finite amounts are ignored.
class estimator {
public:
    using clock = std::chrono::steady_clock;

    /// `horizon`: of the rate; what happened that long ago has a tenth of the weight of now. Greater than zero.
    explicit estimator(std::chrono::duration<double> horizon = std::chrono::seconds{15}) noexcept
        : decay_(-3.321928094887362 / horizon.count()) {} // log2(10)

    /// Says how much was done at `now`. The first sample is the baseline: what was done before it is neither part of
    /// the rate nor of a prediction. Going backwards starts anew. `checked`: whether to predict on the way and to look what
    /// has come of it (coverage()), for which a forecast is fitted each time; false where nobody asks for a prediction, because
    /// the job says itself what is left.
    void sample(double done, clock::time_point now, bool checked = true) noexcept {
        if (!std::isfinite(done)) return;
        if (!started_ || done < done_) {
            const double decay = decay_;
            *this = estimator();
            decay_ = decay;
            started_ = last_ = now;
            baseline_ = recorded_ = done_ = done;
            return;
        }
        done_ = done;
        // Idle time is accounted for when there is progress, or asked for; what is done in no time, with the next.
        if (done == recorded_ || now <= last_ || !std::isfinite(done - baseline_)) return;
        const double work = done - recorded_;
        const double time = seconds(now - last_);
        const double weight = std::exp2(decay_ * time);
        unknown_ *= weight;
        once_ = once_ * weight + work / time * (1 - weight);
        twice_ = twice_ * weight + once_ / (1 - unknown_) * (1 - weight);
        advances_ += 1;
        elapsed_ += time;
        squares_ += time * time;
        const double before = elapsed_ - time;
        checks_.advance(recorded_ - baseline_, work, before, time);
        fitted_ &= !history_.add(work, time);
        if (checked && history_.size() >= 4 && checks_.due(done - baseline_))
            checks_.remember(fitted_forecast(), done - baseline_, elapsed_);
        recorded_ = done;
        last_ = now;
    }

    /// Units per second as seen at `now`; nothing before there was progress.
    std::optional<double> rate(clock::time_point now) const noexcept {
        if (!(elapsed_ > 0)) return std::nullopt;
        const double weight = std::exp2(decay_ * idle(now));
        const double known = 1 - unknown_ * weight; // the share that stands on samples, not on the zero it began with
        return (twice_ * weight + once_ * weight / known * (1 - weight)) / known;
    }

    /// Time until `total` is done, as seen at `now`: the middle of predict().
    std::optional<std::chrono::duration<double>> remaining(double total, clock::time_point now) noexcept {
        const auto p = predict(total, now);
        if (!p) return std::nullopt;
        return p->remaining;
    }

    /// Time until `total` is done, as seen at `now`, with its band. Nothing where no honest prediction is possible: no
    /// progress was seen since the baseline, or the numbers are beyond reason. Zero when the total is reached.
    std::optional<prediction> predict(double total, clock::time_point now) noexcept {
        if (started_ && done_ >= total) return prediction{};
        if (!(elapsed_ > 0)) return std::nullopt;
        const auto q = checks_.calibrate(fitted_forecast().of(total - recorded_));
        if (!(q.middle > 0) || !std::isfinite(q.high)) return std::nullopt;

        // Time that passes was foreseen as long as an advance takes. Who looks at any moment finds himself in a gap of
        // the mean length E[t²]/E[t] (Feller 1971, vol. 2, I.4); what is longer is a stall, and lasts as long again,
        // with 80 % between a ninth and nine times as long (Gott 1993, Nature 363, p. 315; so for a tail like Pareto's).
        const double foreseen = std::min({idle(now), elapsed_ / advances_, q.middle});
        const double stalled = std::max(idle(now) - squares_ / elapsed_, 0.0);
        const auto ahead = [foreseen](double t, double more) {
            return std::chrono::duration<double>(std::max(t - foreseen, 0.0) + more);
        };
        return prediction{ahead(q.middle, stalled), ahead(q.low, stalled / 9), ahead(q.high, stalled * 9)};
    }

    /// What has become of the estimator's own predictions so far. While the job runs it predicts how long the next
    /// part will take, a quarter of what is done, half of it or as much again, and checks it when that is done.
    band_coverage coverage() const noexcept { return {checks_.checked(), checks_.held()}; }

private:
    static double seconds(clock::duration d) noexcept { return std::chrono::duration<double>(d).count(); }

    // Only when it is asked for: to fit it costs many times what a sample does.
    const detail::forecast& fitted_forecast() noexcept {
        if (!std::exchange(fitted_, true)) forecast_.fit(history_);
        return forecast_;
    }

    double idle(clock::time_point now) const noexcept { return now > last_ ? seconds(now - last_) : 0; }

    double decay_; // of the weights of the rate: a power of two per second
    std::optional<clock::time_point> started_;
    clock::time_point last_{}; // when `recorded_` was reached
    double baseline_ = 0;
    double recorded_ = 0;
    double done_ = 0; // more than recorded if no time has passed since
    double once_ = 0;
    double twice_ = 0;
    double unknown_ = 1; // the weight of what was before the first sample
    double elapsed_ = 0; // seconds from the baseline to `last_`
    double advances_ = 0;
    double squares_ = 0; // of the gaps between advances
    detail::work_history history_;
    detail::forecast forecast_;
    bool fitted_ = true; // to the history as it is; there is nothing yet to fit to
    detail::forecast_checks checks_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_ESTIMATOR_HPP
