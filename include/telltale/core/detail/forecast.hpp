// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_DETAIL_FORECAST_HPP
#define TELLTALE_CORE_DETAIL_FORECAST_HPP

#include <telltale/core/detail/work_history.hpp>
#include <telltale/version.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace telltale::inline TELLTALE_ABI::detail {

/// 10 %, 50 % and 90 %, in seconds.
struct quantiles {
    double low = 0;
    double middle = 0;
    double high = 0;
};

/// What is believed of a job before anything is seen. Found on the development workloads of benchmarks/estimates.cpp.
struct forecast_prior {
    static constexpr double outlier = 4;       // so many scales above its neighbours, a bin holds an event
    static constexpr double least_scale = 0.1; // share of the median bin
    static constexpr double noise = 0.1;       // variance of a bin, relative ...
    static constexpr double noise_bins = 1.5;  // ... that weighs as many bins as this
    static constexpr double slope = 0.8;       // the pace changes by so much of itself over the job; standard deviation
    static constexpr double most_rise = 2;     // that is believed; relative
    static constexpr double line_odds = 1;     // of a line against a constant
    static constexpr double step_odds = 0.05;  // of a step against a constant
    static constexpr double constant_drift = 0.2; // what no model knows of, where all is left; standard deviation
    static constexpr double line_drift = 0.3;
    static constexpr double step_drift = 0.5;
    static constexpr double first_event = 0.75; // of what happened once, the part that is taken for chance
    static constexpr double surprise = 0.1;     // what may come besides: share of the time taken so far
};

/// The time that work will take, from the history of the work before it.
///
/// The pace ahead is averaged over three models, a constant, a straight line and one step, each as likely as it
/// explains the history (Bayesian model averaging: Hoeting, Madigan, Raftery and Volinsky 1999, Statistical Science
/// 14(4), eq. 1 to 3; the weights from the approximation of Schwarz: Kass and Raftery 1995, JASA 90(430), section 4.1).
/// Bins far above their neighbours are events: cut off there, and expected again as often as they came.
class forecast {
public:
    /// Takes in a history of at least one bin; none of it is kept.
    void fit(const work_history& history) noexcept {
        bins_ = static_cast<double>(history.size());
        width_ = history.width();
        row pace{};
        for (std::size_t i = 0; i < history.size(); ++i) pace[i] = history[i];
        take_events(pace, history.size());
        double sum = 0;
        for (std::size_t i = 0; i < history.size(); ++i) sum += pace[i];
        mean_ = sum / bins_;
        for (std::size_t i = 0; i < history.size(); ++i) pace[i] = mean_ > 0 ? pace[i] / mean_ - 1 : 0;
        constant_noise_ = noise(pace, history.size(), 1);
        fit_line(pace, history.size());
        fit_step(pace, history.size());
    }

    /// Of the time that the next `work` > 0 takes. The middle is zero or not finite where nothing can be said.
    quantiles of(double work) const noexcept {
        const double left = work / width_;
        const double all = bins_ + left;
        const double share = left / all;
        const std::array models{constant(share), line(all, share), step(share)};
        double top = models[0].weight;
        for (const auto& m : models) top = std::max(top, m.weight);
        double total = 0;
        double level = 0;
        for (const auto& m : models) {
            const double w = std::exp(m.weight - top);
            total += w;
            level += w * m.level;
        }
        level /= total;
        double variance = 0; // of a mixture: within, and between
        for (const auto& m : models)
            variance += std::exp(m.weight - top) / total *
                        (m.variance + m.noise / std::max(left, 0.25) + (m.level - level) * (m.level - level));

        const double base = mean_ * left * std::exp(level);
        const double spread = normal_90 * std::sqrt(variance);
        const double events = events_ * left / bins_;
        const double middle_event = event_quantile(0.5, events);
        const double below = std::hypot(base * -std::expm1(-spread), middle_event - event_quantile(0.1, events));
        const double above = std::hypot(base * std::expm1(spread), event_quantile(0.9, events) - middle_event);
        quantiles q;
        q.middle = base + middle_event;
        q.low = q.middle - below; // which is no more than the sum of its two parts
        q.high = q.middle + above + forecast_prior::surprise * mean_ * bins_ * share;
        return q;
    }

private:
    using row = std::array<double, work_history::capacity>;

    static constexpr double normal_90 = 1.2815515655446004; // of the standard normal distribution, 90 %

    struct model {
        double level = 0;    // logarithm of the pace ahead over the mean pace
        double variance = 0; // of the level
        double noise = 0;    // of one bin ahead, as it counts in long sums
        double weight = 0;   // logarithm
    };

    static double square(double x) noexcept { return x * x; }

    static double median(double a, double b, double c) noexcept {
        return std::max(std::min(a, b), std::min(std::max(a, b), c));
    }
    // Without the lowest and the highest of four, which cannot be it.
    static double median(double a, double b, double c, double d, double e) noexcept {
        return median(std::max(std::min(a, b), std::min(c, d)), std::min(std::max(a, b), std::max(c, d)), e);
    }
    static double median(row v, std::size_t size) noexcept {
        const auto middle = v.begin() + static_cast<std::ptrdiff_t>(size / 2);
        std::nth_element(v.begin(), middle, v.begin() + static_cast<std::ptrdiff_t>(size));
        return *middle;
    }

    // A Hampel filter (Davies and Gather 1993, JASA 88(423); Pearson 2002, IEEE Trans. Control Syst. Technol. 10(1)):
    // what is far above the median of its neighbourhood. A step or a slow phase has neighbours like it and stays; the
    // newest bin has none yet.
    void take_events(row& pace, std::size_t size) noexcept {
        events_ = event_size_ = event_square_ = 0;
        if (size < 4) return;
        row local{};
        row away{};
        for (std::size_t i = 0; i < size; ++i) {
            const std::size_t first = i < 2 ? 0 : i - 2;
            const std::size_t last = std::min(i + 3, size);
            const double* const near = &pace[first];
            if (last - first == 3)
                local[i] = median(near[0], near[1], near[2]);
            else // of four, the lower of the two in the middle
                local[i] = median(near[0], near[1], near[2], near[3], last - first == 5 ? near[4] : 0);
            away[i] = std::abs(pace[i] - local[i]);
        }
        // 1.4826: the standard deviation of a normal distribution over its median absolute deviation
        const double scale = std::max(1.4826 * median(away, size), forecast_prior::least_scale * median(pace, size));
        double count = 0;
        for (std::size_t i = 0; i < size; ++i) {
            const double excess = pace[i] - local[i] - forecast_prior::outlier * scale;
            if (!(excess > 0)) continue;
            pace[i] -= excess;
            count += 1;
            event_size_ += excess;
            event_square_ += excess * excess;
        }
        if (count == 0) return;
        event_size_ /= count;
        event_square_ /= count;
        events_ = count - forecast_prior::first_event;
    }

    // The variance of the residuals as it counts in a long sum: that of the means of blocks, times their length, the
    // largest of all lengths (batch means: Flegal and Jones 2010, Annals of Statistics 38(2)).
    double noise(const row& residual, std::size_t size, double parameters) const noexcept {
        double result = 0;
        for (std::size_t length = 1; length == 1 || size / length >= 4; length *= 2) {
            const std::size_t blocks = size / length;
            double squares = 0;
            for (std::size_t b = 1; b <= blocks; ++b) {
                double sum = 0;
                for (std::size_t i = size - b * length; i < size - (b - 1) * length; ++i) sum += residual[i];
                squares += sum * sum;
            }
            const double freedom = std::max(static_cast<double>(blocks) - parameters, 0.5);
            result = std::max(result, squares / (freedom * static_cast<double>(length)));
        }
        return (result * bins_ + forecast_prior::noise * forecast_prior::noise_bins) /
               (bins_ + forecast_prior::noise_bins);
    }

    void fit_line(const row& pace, std::size_t size) noexcept {
        if (size < 3) return;
        const double centre = (bins_ - 1) / 2;
        const double squares = bins_ * (bins_ * bins_ - 1) / 12;
        double slope = 0;
        for (std::size_t i = 0; i < size; ++i) slope += (static_cast<double>(i) - centre) * pace[i];
        slope_ = slope / squares;
        row residual{};
        for (std::size_t i = 0; i < size; ++i) residual[i] = pace[i] - slope_ * (static_cast<double>(i) - centre);
        line_noise_ = noise(residual, size, 2);
        slope_variance_ = line_noise_ / squares;
    }

    // The split that explains most; at least three bins on either side.
    void fit_step(const row& pace, std::size_t size) noexcept {
        step_noise_ = 0;
        double before = 0;
        double best = 0;
        double best_before = 0;
        std::size_t split = 0;
        for (std::size_t i = 1; i + 3 <= size; ++i) {
            before += pace[i - 1];
            const double gain = before * before * (1 / static_cast<double>(i) + 1 / static_cast<double>(size - i));
            if (i < 3 || gain <= best) continue;
            best = gain;
            best_before = before;
            split = i;
        }
        if (split == 0) return;
        const double after = -best_before / static_cast<double>(size - split); // the sum of all is zero
        row residual{};
        for (std::size_t i = 0; i < size; ++i)
            residual[i] = pace[i] - (i < split ? best_before / static_cast<double>(split) : after);
        step_noise_ = noise(residual, size, 2);
        step_variance_ = step_noise_ / static_cast<double>(size - split);
        step_level_ = std::log(std::max(1 + after, 0.01));
        step_weight_ = best / step_noise_ / 2;
    }

    model constant(double share) const noexcept {
        return {0, constant_noise_ / bins_ + square(forecast_prior::constant_drift * share), constant_noise_, 0};
    }

    // The logarithm of the pace that a line leads to, `rise` above 1. A pace that falls falls towards zero, one that
    // rises may be a line or an exponential: between them.
    static double led_to(double rise) noexcept {
        rise = std::clamp(rise, -forecast_prior::most_rise, forecast_prior::most_rise);
        return rise < 0 ? rise : std::log((1 + rise + std::exp(rise)) / 2);
    }

    // The slope has a normal prior, so its posterior is a shrunken one (ridge regression as Bayes: Hoerl and Kennard
    // 1970, Technometrics 12(1)), and the odds of the line are those of Wakefield 2009 (Genetic Epidemiology 33(1)).
    // From the middle of the past to the middle of what is left is half of it all.
    model line(double all, double share) const noexcept {
        if (bins_ < 3) return {0, 0, 0, impossible};
        const double lever = all / 2;
        const double prior = square(forecast_prior::slope / all);
        const double trust = prior / (prior + slope_variance_);
        return {led_to(trust * slope_ * lever),
                line_noise_ / bins_ + (1 - trust) * prior * lever * lever + square(forecast_prior::line_drift * share),
                line_noise_,
                std::log(forecast_prior::line_odds) + std::log1p(-trust) / 2 +
                    trust * slope_ * slope_ / slope_variance_ / 2};
    }

    // Where it is, and how high, are two parameters more.
    model step(double share) const noexcept {
        if (step_noise_ == 0) return {0, 0, 0, impossible};
        return {step_level_, step_variance_ + square(forecast_prior::step_drift * share), step_noise_,
                std::log(forecast_prior::step_odds) - 1.5 * std::log(bins_) + step_weight_};
    }

    // Of the sum of as many events as come when `expected` are: none, or a gamma distribution with the moments that
    // such a sum has when it is not zero (compound Poisson: Feller 1971, vol. 2, VI.4), its quantile by Wilson and
    // Hilferty 1931 (PNAS 17(12)).
    double event_quantile(double p, double expected) const noexcept {
        const double none = std::exp(-expected);
        if (p <= none || event_size_ == 0) return 0;
        const double mean = expected * event_size_ / (1 - none);
        const double second = (expected * event_square_ + square(expected * event_size_)) / (1 - none);
        const double c = std::max(second / (mean * mean) - 1, 1e-9) / 9;
        const double root = 1 - c + normal_quantile((p - none) / (1 - none)) * std::sqrt(c);
        return root > 0 ? mean * root * root * root : 0;
    }

    // Abramowitz and Stegun 1964, 26.2.23; the error is below 4.5e-4.
    static double normal_quantile(double p) noexcept {
        const double tail = std::max(p < 0.5 ? p : 1 - p, 1e-12);
        const double t = std::sqrt(-2 * std::log(tail));
        const double z =
            t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
        return p < 0.5 ? -z : z;
    }

    static constexpr double impossible = -1e300;

    double bins_ = 0;
    double width_ = 1;
    double mean_ = 0; // seconds of a bin, without the events
    double constant_noise_ = 0;
    double line_noise_ = 0;
    double slope_ = 0; // of the pace over its mean, per bin
    double slope_variance_ = 0;
    double step_noise_ = 0; // zero: there is no step
    double step_variance_ = 0;
    double step_level_ = 0;
    double step_weight_ = 0;
    double events_ = 0;       // that count
    double event_size_ = 0;   // seconds, mean
    double event_square_ = 0; // of their squares, mean
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_CORE_DETAIL_FORECAST_HPP
