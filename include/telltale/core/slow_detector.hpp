// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_SLOW_DETECTOR_HPP
#define TELLTALE_CORE_SLOW_DETECTOR_HPP

#include <telltale/version.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct slow_detector_options {
    /// The modified z-score from which on a measurement is slow. 3.5, which Iglewicz and Hoaglin recommend, is 5.2 times
    /// the median absolute deviation above the median.
    double score = 3.5;
    double factor = 1.5;       ///< and it is not slow unless it is so many times the median; at least 1
    std::size_t window = 64;   ///< against how many of the latest it is measured; at least 1
    std::size_t min_count = 8; ///< as long as there were fewer, nothing is slow; at least 1, at most `window`
};

/// Which of many like measurements are slow: far above the median, as these measurements scatter.
///
/// The modified z-score 0.6745 (x - median) / MAD of B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers",
/// 1993 (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.17), over a window of the latest measurements. Slow ones
/// are in the window too: half of them would have to be slow to hide a slow one, and work that has become slower for
/// good is no longer told of after half a window.
///
/// Takes some hundred nanoseconds for a measurement. Knows no clock and no unit.
class slow_detector {
public:
    explicit slow_detector(slow_detector_options options = {}) : options_(options) {
        options_.window = std::max<std::size_t>(options_.window, 1);
        options_.min_count = std::clamp<std::size_t>(options_.min_count, 1, options_.window);
    }

    /// Whether `value` is slow beside those before it. It is one of them from now on. What is not finite is ignored.
    bool sample(double value) {
        const auto most = limit();
        add(value);
        return most && std::isfinite(value) && value > *most;
    }

    /// The same for one that was compared with limit().
    void add(double value) {
        if (!std::isfinite(value)) return;
        if (latest_.size() < options_.window) {
            latest_.push_back(value);
        } else {
            sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), latest_[oldest_]));
            latest_[oldest_] = value;
            oldest_ = (oldest_ + 1) % options_.window;
        }
        sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), value), value);
    }

    /// Above this the next measurement is slow; nothing as long as there were too few.
    std::optional<double> limit() const noexcept {
        if (sorted_.size() < options_.min_count) return std::nullopt;
        const double middle = *median();
        return std::max(middle * options_.factor, middle + options_.score * *mad() / 0.6745);
    }

    /// Of the window; nothing while it is empty.
    std::optional<double> median() const noexcept {
        const std::size_t n = sorted_.size();
        if (n == 0) return std::nullopt;
        return n % 2 != 0 ? sorted_[n / 2] : (sorted_[n / 2 - 1] + sorted_[n / 2]) / 2;
    }

    /// The median of the absolute deviations from the median; nothing while the window is empty.
    std::optional<double> mad() const noexcept {
        const auto middle = median();
        if (!middle) return std::nullopt;
        // Sorted as they are, the deviations grow to both sides of the median: count outwards.
        const std::size_t n = sorted_.size();
        std::size_t right =
            static_cast<std::size_t>(std::lower_bound(sorted_.begin(), sorted_.end(), *middle) - sorted_.begin());
        std::size_t left = right;
        double previous = 0;
        double deviation = 0;
        for (std::size_t i = 0; i <= n / 2; ++i) {
            previous = deviation;
            if (left == 0 || (right != n && sorted_[right] - *middle < *middle - sorted_[left - 1]))
                deviation = sorted_[right++] - *middle;
            else
                deviation = *middle - sorted_[--left];
        }
        return n % 2 != 0 ? deviation : (previous + deviation) / 2;
    }

private:
    slow_detector_options options_;
    std::vector<double> latest_; // a ring
    std::size_t oldest_ = 0;
    std::vector<double> sorted_; // the same
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_SLOW_DETECTOR_HPP
