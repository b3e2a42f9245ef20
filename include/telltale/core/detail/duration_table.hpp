// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_DETAIL_DURATION_TABLE_HPP
#define TELLTALE_CORE_DETAIL_DURATION_TABLE_HPP

#include <telltale/version.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace telltale::inline TELLTALE_ABI::detail {

/// The distribution behind duration_history: weights in logarithmic bins; from them, anew after each duration, the share
/// of jobs that takes longer than the lower edge of each bin, and what it costs to watch those to their end. In seconds.
class duration_table {
public:
    void add(double took) noexcept {
        const std::size_t bin = bin_of(took);
        weights_[bin] += static_cast<float>(weight_);
        sum_ += weight_;
        squares_ += weight_ * weight_;
        first_ = std::min(first_, bin);
        last_ = std::max(last_, bin);
        weight_ /= keep;
        if (weight_ > 1e6) {
            for (auto& w : weights_) w = static_cast<float>(w / weight_);
            sum_ /= weight_;
            squares_ /= weight_ * weight_;
            weight_ = 1;
        }
        prepare();
    }

    /// The share of jobs that takes longer than `t`; it falls in a straight line within a bin.
    double left_at(double t) const noexcept {
        if (!(t > 0)) return 1;
        if (t >= edge(bins)) return 0;
        const std::size_t bin = bin_of(t);
        const double low = lower(bin);
        return left_[bin] + (left_[bin + 1] - left_[bin]) * (t - low) / (edge(bin + 1) - low);
    }

    /// How long after `ran` a share of `q` of those that have run for so long is over.
    double remaining(double q, double ran) const noexcept {
        const double target = left_at(ran) * (1 - q);
        std::size_t bin = ran > 0 ? bin_of(ran) : 0;
        while (bin < bins && left_[bin + 1] > target) ++bin;
        if (bin == bins) return std::max(edge(bins) - ran, 0.0);
        const double low = lower(bin);
        const double mass = left_[bin] - left_[bin + 1];
        const double share = mass > 0 ? (left_[bin] - target) / mass : 1;
        return std::max(low + (edge(bin + 1) - low) * share - ran, 0.0);
    }

    /// See duration_history::next_look.
    ///
    /// With r looks per second where the hazard is h, jobs that survive S cost S·r looks per second and are seen
    /// h·S/(2r) late. Of all r with the same mean delay, r = √(k·h) has the fewest looks; k follows from the delay, and
    /// 1/(2k) is the price of a look in seconds of delay for which it is best. That is for short gaps. So the next look
    /// is where price, delay until then and the cost of going on like that from there are least in sum.
    double next_look(double ran, double delay, double longest) const noexcept {
        const double root = rough_ / (2 * delay); // of k
        if (!(root > 0)) return longest;
        const double price = 1 / (2 * root * root);
        const double survive = left_at(ran);
        double best = std::numeric_limits<double>::infinity();
        double when = longest;
        double late = 0; // the integral of (survive - left)
        double density = 0;
        double from = ran;
        double left = survive;
        const auto consider = [&](double t, double late_then, double cost_then) {
            const double cost = price * survive + late_then + cost_then / root;
            if (cost < best + 1e-3 * price * survive) { // where nothing ends, later is as good, and has fewer looks
                best = std::min(best, cost);
                when = t - ran;
            }
        };
        for (std::size_t bin = ran > 0 ? bin_of(ran) : 0; bin < bins; ++bin) {
            const double to = std::min(edge(bin + 1), ran + longest);
            const double left_then = to < edge(bin + 1) ? left_at(to) : double{left_[bin + 1]};
            const double rate = hazard_root(bin);
            const double gap = to - from;
            if (density < 1 && rate > 0 && density + rate * root * gap >= 1) {
                const double t = from + (1 - density) / (rate * root);
                const double l = left + (left_then - left) * (t - from) / gap;
                consider(t, late + (survive - (left + l) / 2) * (t - from),
                         cost_[bin + 1] + (edge(bin + 1) - t) * rate * l);
            }
            density += rate * root * gap;
            late += (survive - (left + left_then) / 2) * gap;
            consider(to, late, cost_[bin + 1] + (edge(bin + 1) - to) * rate * left_then);
            if (to < edge(bin + 1) || late > best) break;
            from = to;
            left = left_then;
        }
        return when;
    }

private:
    static constexpr double shortest = 0.0625; // the upper edge of the first bin
    static constexpr std::size_t per_octave = 16;
    static constexpr std::size_t bins = 26 * per_octave;
    static constexpr double keep = 0.995;

    static std::size_t bin_of(double t) noexcept {
        if (!(t > shortest)) return 0;
        const double bin = 1 + std::floor(std::log2(t / shortest) * double{per_octave});
        return static_cast<std::size_t>(std::min(bin, double{bins - 1}));
    }

    // Upper edge of the bin before.
    static double edge(std::size_t bin) noexcept {
        return shortest * std::exp2((static_cast<double>(bin) - 1) / double{per_octave});
    }

    static double lower(std::size_t bin) noexcept { return bin == 0 ? 0 : edge(bin); }

    // Of the mean hazard in the bin.
    double hazard_root(std::size_t bin) const noexcept {
        const double middle = (left_[bin] + left_[bin + 1]) / 2.0;
        if (!(middle > 0)) return 0;
        return std::sqrt((left_[bin] - left_[bin + 1]) / middle / (edge(bin + 1) - lower(bin)));
    }

    void prepare() noexcept {
        std::array<double, bins> mass{};
        smooth(mass);
        double left = 0;
        left_[bins] = 0;
        for (std::size_t bin = bins; bin-- > 0;) left_[bin] = static_cast<float>(left += mass[bin]);
        rough_ = 0;
        double cost = 0;
        cost_[bins] = 0;
        for (std::size_t bin = bins; bin-- > 0;) {
            const double root = hazard_root(bin);
            if (root > 0) {
                rough_ += mass[bin] / root;
                cost += (left_[bin] + left_[bin + 1]) / 2.0 * root * (edge(bin + 1) - lower(bin));
            }
            cost_[bin] = static_cast<float>(cost);
        }
    }

    void smooth(std::array<double, bins>& mass) const noexcept {
        double mean = 0;
        double square = 0;
        for (std::size_t bin = first_; bin <= last_; ++bin) {
            mean += double{weights_[bin]} * static_cast<double>(bin);
            square += double{weights_[bin]} * static_cast<double>(bin) * static_cast<double>(bin);
        }
        mean /= sum_;
        const double scatter = std::sqrt(std::max(square / sum_ - mean * mean, 0.0));
        const double count = sum_ * sum_ / squares_;
        // A triangle of half the width of Silverman's: jobs of one kind often are of two sorts.
        const auto width = static_cast<std::ptrdiff_t>(std::lround(0.5 * scatter * std::pow(count, -0.2)));
        const double known = count / (count + 1);
        const double each = known / sum_ / static_cast<double>((width + 1) * (width + 1));
        for (std::size_t bin = first_; bin <= last_; ++bin) {
            if (!(weights_[bin] > 0)) continue;
            for (std::ptrdiff_t d = -width; d <= width; ++d)
                mass[clamped(static_cast<std::ptrdiff_t>(bin) + d)] +=
                    double{weights_[bin]} * each * static_cast<double>(width + 1 - std::abs(d));
        }
        const std::size_t low = clamped(static_cast<std::ptrdiff_t>(first_) - 2 * std::ptrdiff_t{per_octave});
        const std::size_t high = clamped(static_cast<std::ptrdiff_t>(last_) + 2 * std::ptrdiff_t{per_octave});
        for (std::size_t bin = low; bin <= high; ++bin) mass[bin] += (1 - known) / static_cast<double>(high - low + 1);
    }

    static std::size_t clamped(std::ptrdiff_t bin) noexcept {
        return static_cast<std::size_t>(std::clamp(bin, std::ptrdiff_t{0}, static_cast<std::ptrdiff_t>(bins) - 1));
    }

    std::array<float, bins> weights_{};
    std::array<float, bins + 1> left_{}; // the share that takes longer than the lower edge
    std::array<float, bins + 1> cost_{}; // the integral of left times the root of the hazard, from there on
    double rough_ = 0;                   // the integral of the density over the root of the hazard
    double weight_ = 1;                  // of the next
    double sum_ = 0;
    double squares_ = 0;
    std::size_t first_ = bins - 1;
    std::size_t last_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_CORE_DETAIL_DURATION_TABLE_HPP
