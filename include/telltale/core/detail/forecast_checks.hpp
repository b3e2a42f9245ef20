// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_DETAIL_FORECAST_CHECKS_HPP
#define TELLTALE_CORE_DETAIL_FORECAST_CHECKS_HPP

#include <telltale/core/detail/forecast.hpp>
#include <telltale/version.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace telltale::inline TELLTALE_ABI::detail {

/// Remembers what was predicted of the next part of the work, and checks it when that is done. Work is counted from the
/// baseline, time in seconds from it.
///
/// Where bands did not hold, later ones are wider: either side follows its own misses, which are to be 10 % (adaptive
/// conformal inference: Gibbs and Candès 2021, NeurIPS 34, eq. 2; on the width instead of the level, like the quantile
/// tracking of Angelopoulos, Candès and Tibshirani 2023, NeurIPS 36). It never makes a band narrower than the forecast:
/// a past without an event does not tell that none will come.
class forecast_checks {
public:
    /// `work` more is done now than `done`, which was reached at `then`; it took `time`.
    void advance(double done, double work, double then, double time) noexcept {
        for (auto& p : pending_) {
            if (p.target == 0 || p.target > done + work) continue;
            const double took = then + time * (p.target - done) / work - p.made;
            ++checked_;
            held_ += took >= p.low && took <= p.high;
            follow(widen_low_, took < p.low);
            follow(widen_high_, took > p.high);
            p.target = 0;
        }
    }

    /// Whether it is time to predict the next part.
    bool due(double done) const noexcept { return done >= next_; }

    /// Predicts the next part.
    void remember(const forecast& ahead, double done, double now) noexcept {
        next_ = done * 1.25;
        const auto free = std::find_if(pending_.begin(), pending_.end(), [](const auto& p) { return p.target == 0; });
        if (free == pending_.end()) return;
        const double part = done * parts[turn_];
        turn_ = (turn_ + 1) % parts.size();
        const quantiles q = calibrate(ahead.of(part));
        *free = {done + part, now, q.low, q.high};
    }

    quantiles calibrate(quantiles q) const noexcept {
        if (widen_low_ > 0 && q.low > 0) q.low = q.middle * std::pow(q.low / q.middle, std::exp(widen_low_));
        if (widen_high_ > 0 && q.middle > 0) q.high = q.middle * std::pow(q.high / q.middle, std::exp(widen_high_));
        return q;
    }

    std::uint32_t checked() const noexcept { return checked_; }
    std::uint32_t held() const noexcept { return held_; }

private:
    struct pending {
        double target = 0; // work; zero: none
        double made = 0;
        double low = 0;
        double high = 0;
    };

    static constexpr std::array parts{0.25, 0.5, 1.0};

    static void follow(double& widen, bool missed) noexcept {
        widen = std::clamp(widen + 0.1 * ((missed ? 1.0 : 0.0) - 0.1), 0.0, 0.5);
    }

    std::array<pending, 4> pending_{};
    double next_ = 0;
    double widen_low_ = 0; // logarithm of the factor on the logarithm of the side of a band
    double widen_high_ = 0;
    std::size_t turn_ = 0;
    std::uint32_t checked_ = 0;
    std::uint32_t held_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_CORE_DETAIL_FORECAST_CHECKS_HPP
