// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// telltale 0.1.0 in one file, made by single_include/amalgamate.py: do not edit.
// It needs Asio and nothing else; json/ and beast/ are not part of it.

// begin <telltale/telltale.hpp>

#ifndef TELLTALE_TELLTALE_HPP
#define TELLTALE_TELLTALE_HPP

// Everything that needs only Asio. What needs simdjson is in json/, what needs Boost.Beast in beast/ and dashboard/, and
// what tests need in testing/.

// begin <telltale/asio.hpp>

#ifndef TELLTALE_ASIO_HPP
#define TELLTALE_ASIO_HPP

// begin <telltale/version.hpp>

#ifndef TELLTALE_VERSION_HPP
#define TELLTALE_VERSION_HPP

#define TELLTALE_VERSION_MAJOR 0
#define TELLTALE_VERSION_MINOR 1
#define TELLTALE_VERSION_PATCH 0
#define TELLTALE_VERSION_STRING "0.1.0"

// Everything in telltale lives in an inline namespace that names the version and the Asio it was built on, so that
// object files built for different ones do not link instead of misbehaving.
#if defined(TELLTALE_USE_BOOST_ASIO)
#define TELLTALE_ABI v0_boost_asio
#else
#define TELLTALE_ABI v0_asio
#endif

namespace telltale::inline TELLTALE_ABI {}

#endif // TELLTALE_VERSION_HPP
// end <telltale/version.hpp>

// Asio asks macros of the standard library, and so must come after some header of it: in a program of which one file
// includes Asio first and another does not, what one allocates by aligned_alloc the other frees by operator delete.
#include <cstddef>

// The seam: the only header that names which Asio telltale is built on. `telltale::net` is standalone Asio, or Boost.Asio
// where the build defines TELLTALE_USE_BOOST_ASIO (CMake target telltale::boost). It is never detected.
//
// Supported: standalone Asio 1.22.1 and newer, Boost.Asio of Boost 1.81 and newer.

#if defined(TELLTALE_USE_BOOST_ASIO)

#include <boost/asio/version.hpp>
#if BOOST_ASIO_VERSION < 102600
#error "telltale needs Boost.Asio of Boost 1.81 or newer"
#endif
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/descriptor_base.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#define TELLTALE_ASIO_VERSION BOOST_ASIO_VERSION

namespace telltale::inline TELLTALE_ABI {
namespace net = ::boost::asio;
namespace sys = ::boost::system;
} // namespace telltale::inline TELLTALE_ABI

#else // standalone Asio

// Asio before 1.26 does not see the coroutines of Clang with libstdc++.
#if defined(__clang__) && !defined(ASIO_HAS_CO_AWAIT)
#define ASIO_HAS_CO_AWAIT 1
#endif
#if defined(__clang__) && !defined(ASIO_HAS_STD_COROUTINE)
#define ASIO_HAS_STD_COROUTINE 1
#endif

#include <asio/version.hpp>
#if ASIO_VERSION < 102201
#error "telltale needs standalone Asio 1.22.1 or newer"
#endif
#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/descriptor_base.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/recycling_allocator.hpp>
#include <asio/redirect_error.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/this_coro.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#if ASIO_VERSION >= 102300
#include <asio/append.hpp>
#include <asio/as_tuple.hpp>
#include <asio/deferred.hpp>
#else
#include <asio/experimental/append.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#endif
#include <system_error>

#define TELLTALE_ASIO_VERSION ASIO_VERSION

namespace telltale::inline TELLTALE_ABI {
namespace net = ::asio;
namespace sys = ::std;
} // namespace telltale::inline TELLTALE_ABI

#endif

#include <type_traits>

namespace telltale::inline TELLTALE_ABI {

/// The error code of the Asio in use: std::error_code, or boost::system::error_code on Boost.Asio.
using error_code = sys::error_code;
using error_category = sys::error_category;
using system_error = sys::system_error;

// Tokens that were still experimental in the oldest supported Asio.
#if !defined(TELLTALE_USE_BOOST_ASIO) && TELLTALE_ASIO_VERSION < 102300
using net::experimental::append;
using net::experimental::as_tuple;
using net::experimental::deferred;
#else
using net::append;
using net::as_tuple;
using net::deferred;
#endif

/// The completion token that an operation takes when none is given: what the executor type asks for, else
/// use_awaitable, so that `co_await object.async_operation()` works on every supported Asio.
template <class Executor>
using default_token_t = std::conditional_t<std::is_void_v<net::default_completion_token_t<Executor>>,
                                           net::use_awaitable_t<Executor>, net::default_completion_token_t<Executor>>;

/// co_await with the error as a value: `auto [ec, value] = co_await x.async_op(as_result);`
inline constexpr auto as_result = as_tuple(net::use_awaitable);

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_ASIO_HPP
// end <telltale/asio.hpp>
// begin <telltale/board/board.hpp>

#ifndef TELLTALE_BOARD_BOARD_HPP
#define TELLTALE_BOARD_BOARD_HPP

// <telltale/asio.hpp> is above
// begin <telltale/board/detail/board_state.hpp>

#ifndef TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP
#define TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP

// <telltale/asio.hpp> is above
// begin <telltale/board/detail/apply.hpp>

#ifndef TELLTALE_BOARD_DETAIL_APPLY_HPP
#define TELLTALE_BOARD_DETAIL_APPLY_HPP

// begin <telltale/core/estimator.hpp>

#ifndef TELLTALE_CORE_ESTIMATOR_HPP
#define TELLTALE_CORE_ESTIMATOR_HPP

// begin <telltale/core/detail/forecast.hpp>

#ifndef TELLTALE_CORE_DETAIL_FORECAST_HPP
#define TELLTALE_CORE_DETAIL_FORECAST_HPP

// begin <telltale/core/detail/work_history.hpp>

#ifndef TELLTALE_CORE_DETAIL_WORK_HISTORY_HPP
#define TELLTALE_CORE_DETAIL_WORK_HISTORY_HPP

// <telltale/version.hpp> is above

#include <array>
#include <cstddef>

namespace telltale::inline TELLTALE_ABI::detail {

/// How long work took, in bins of equal work: 16 to 31 of them once there was enough, however long it goes on. When they
/// are full, neighbours are merged.
class work_history {
public:
    static constexpr std::size_t capacity = 32;

    /// `work` was done in `time` seconds, evenly as far as we know. Both are greater than zero and finite. The first
    /// amount is the first width. Says whether the bins changed.
    bool add(double work, double time) noexcept {
        if (width_ == 0) width_ = work;
        while (work > room()) halve();
        const double pace = time / work;
        bool changed = false;
        while (open_work_ + work >= width_) {
            const double part = width_ - open_work_;
            bins_[size_++] = static_cast<float>(open_time_ + part * pace);
            open_work_ = 0;
            open_time_ = 0;
            work -= part;
            changed = true;
            if (size_ == capacity) halve();
        }
        if (work > 0) {
            open_work_ += work;
            open_time_ += work * pace;
        }
        return changed;
    }

    std::size_t size() const noexcept { return size_; }

    /// The work of a bin.
    double width() const noexcept { return width_; }

    /// Seconds, oldest first.
    double operator[](std::size_t i) const noexcept { return static_cast<double>(bins_[i]); }

private:
    double room() const noexcept { return static_cast<double>(capacity - size_) * width_ - open_work_; }

    void halve() noexcept {
        for (std::size_t i = 0; i + 1 < size_; i += 2) bins_[i / 2] = bins_[i] + bins_[i + 1];
        if (size_ % 2 == 1) {
            open_work_ += width_;
            open_time_ += static_cast<double>(bins_[size_ - 1]);
        }
        size_ /= 2;
        width_ *= 2;
    }

    std::array<float, capacity> bins_{};
    std::size_t size_ = 0;
    double width_ = 0;
    double open_work_ = 0; // of the bin that is not full yet
    double open_time_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_CORE_DETAIL_WORK_HISTORY_HPP
// end <telltale/core/detail/work_history.hpp>
// <telltale/version.hpp> is above

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

    template <std::size_t N>
    static double median(std::array<double, N> v, std::size_t size) noexcept {
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
            std::array<double, 5> near{};
            const std::size_t first = i < 2 ? 0 : i - 2;
            const std::size_t last = std::min(i + 3, size);
            std::copy(pace.begin() + static_cast<std::ptrdiff_t>(first),
                      pace.begin() + static_cast<std::ptrdiff_t>(last), near.begin());
            if (last - first == 4) near[4] = 0; // an even number: the lower of the two in the middle
            local[i] = median(near, (last - first) | 1);
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
// end <telltale/core/detail/forecast.hpp>
// begin <telltale/core/detail/forecast_checks.hpp>

#ifndef TELLTALE_CORE_DETAIL_FORECAST_CHECKS_HPP
#define TELLTALE_CORE_DETAIL_FORECAST_CHECKS_HPP

// <telltale/core/detail/forecast.hpp> is above
// <telltale/version.hpp> is above

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

    /// Predicts the next part, if it is time to.
    void remember(const forecast& ahead, double done, double now) noexcept {
        if (done < next_) return;
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
// end <telltale/core/detail/forecast_checks.hpp>
// <telltale/core/detail/work_history.hpp> is above
// <telltale/version.hpp> is above

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>

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
    /// the rate nor of a prediction. Going backwards starts anew.
    void sample(double done, clock::time_point now) noexcept {
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
        if (history_.add(work, time)) forecast_.fit(history_);
        if (history_.size() >= 4) checks_.remember(forecast_, done - baseline_, elapsed_);
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
    std::optional<std::chrono::duration<double>> remaining(double total, clock::time_point now) const noexcept {
        const auto p = predict(total, now);
        if (!p) return std::nullopt;
        return p->remaining;
    }

    /// Time until `total` is done, as seen at `now`, with its band. Nothing where no honest prediction is possible: no
    /// progress was seen since the baseline, or the numbers are beyond reason. Zero when the total is reached.
    std::optional<prediction> predict(double total, clock::time_point now) const noexcept {
        if (started_ && done_ >= total) return prediction{};
        if (!(elapsed_ > 0)) return std::nullopt;
        const auto q = checks_.calibrate(forecast_.of(total - recorded_));
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
    detail::forecast_checks checks_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_ESTIMATOR_HPP
// end <telltale/core/estimator.hpp>
// begin <telltale/core/event.hpp>

#ifndef TELLTALE_CORE_EVENT_HPP
#define TELLTALE_CORE_EVENT_HPP

// begin <telltale/core/job.hpp>

#ifndef TELLTALE_CORE_JOB_HPP
#define TELLTALE_CORE_JOB_HPP

// begin <telltale/core/job_control.hpp>

#ifndef TELLTALE_CORE_JOB_CONTROL_HPP
#define TELLTALE_CORE_JOB_CONTROL_HPP

// <telltale/version.hpp> is above

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What somebody can ask of a job.
enum class job_command : std::uint8_t { cancel, pause, resume, retry, approve, reject };

inline constexpr std::size_t job_command_count = 6;

/// What became of the asking. Accepted means on its way: that it happened is told by the job's own events.
enum class command_result : std::uint8_t {
    accepted,
    unsupported, ///< this job cannot do that
    refused,     ///< not now: it is over already, for example
    unknown_job
};

namespace detail {
inline constexpr std::array<std::string_view, job_command_count> job_command_names{"cancel", "pause",   "resume",
                                                                                   "retry",  "approve", "reject"};
inline constexpr std::array<std::string_view, 4> command_result_names{"accepted", "unsupported", "refused",
                                                                      "unknown_job"};
} // namespace detail

constexpr std::string_view to_string(job_command c) noexcept {
    return detail::job_command_names[static_cast<std::size_t>(c)];
}

constexpr std::string_view to_string(command_result r) noexcept {
    return detail::command_result_names[static_cast<std::size_t>(r)];
}

constexpr std::optional<job_command> parse_job_command(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::job_command_names.size(); ++i)
        if (detail::job_command_names[i] == name) return static_cast<job_command>(i);
    return std::nullopt;
}

/// The one door through which commands reach a job. A producer hands it over with the job; the page, the API and a
/// WebSocket client knock there.
///
/// @par Thread safety
/// Called from any thread; implementations hand the work to their own executor and return at once.
class job_control {
public:
    virtual ~job_control() = default;

    /// Whether the command exists for this job at all (not whether it would be accepted now).
    virtual bool supports(job_command command) const noexcept = 0;

    /// Asks. Does not wait until it has happened.
    virtual command_result request(job_command command) = 0;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_CONTROL_HPP
// end <telltale/core/job_control.hpp>
// begin <telltale/core/job_state.hpp>

#ifndef TELLTALE_CORE_JOB_STATE_HPP
#define TELLTALE_CORE_JOB_STATE_HPP

// <telltale/version.hpp> is above

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// Where a job stands. The last six are terminal: the attempt is over.
enum class job_state : std::uint8_t {
    pending,   ///< known, not accepted yet
    queued,    ///< accepted, waits for a slot
    paused,    ///< held by somebody: paused, manual, blocked
    running,   ///< doing its work
    succeeded, ///< ended as it should
    failed,    ///< ended with an error
    cancelled, ///< ended because somebody asked for it
    timed_out, ///< exceeded its own limit (a wait that ran out of time is errc::deadline_exceeded, not this)
    skipped,   ///< will never run, on purpose
    lost       ///< vanished where it ran
};

inline constexpr std::size_t job_state_count = 10;

namespace detail {
inline constexpr std::array<std::string_view, job_state_count> job_state_names{
    "pending", "queued", "paused", "running", "succeeded", "failed", "cancelled", "timed_out", "skipped", "lost"};
} // namespace detail

/// The state's name as it is written in JSON, for example "timed_out".
constexpr std::string_view to_string(job_state s) noexcept {
    return detail::job_state_names[static_cast<std::size_t>(s)];
}

/// The state with this name, or nothing. Exact, lower case: the words of a foreign API are mapped by `acceptors`.
constexpr std::optional<job_state> parse_job_state(std::string_view name) noexcept {
    for (std::size_t i = 0; i < job_state_count; ++i)
        if (detail::job_state_names[i] == name) return static_cast<job_state>(i);
    return std::nullopt;
}

constexpr bool is_terminal(job_state s) noexcept { return s >= job_state::succeeded; }

/// Who says that a job changed its state.
enum class reporter : std::uint8_t {
    producer, ///< runs the job itself and sees every state: moves strictly along the table
    observer  ///< looks at it now and then: may have missed states, so any jump forward is legal
};

/// What the rules say of a change.
enum class transition : std::uint8_t { unchanged, allowed, refused };

namespace detail {

constexpr std::uint16_t states() noexcept { return 0; }

template <class... More>
constexpr std::uint16_t states(job_state s, More... more) noexcept {
    return static_cast<std::uint16_t>((1U << static_cast<unsigned>(s)) | states(more...));
}

inline constexpr std::uint16_t terminal_states = states(job_state::succeeded, job_state::failed, job_state::cancelled,
                                                        job_state::timed_out, job_state::skipped, job_state::lost);

// clang-format off
/// Row: from. Bit: to. Drawn in docs/guide/states.md.
inline constexpr std::array<std::uint16_t, job_state_count> producer_rules{
    /* pending  */ states(job_state::queued, job_state::paused, job_state::failed, job_state::cancelled,
                          job_state::skipped, job_state::lost),
    /* queued   */ states(job_state::paused, job_state::running, job_state::failed, job_state::cancelled,
                          job_state::timed_out, job_state::skipped, job_state::lost),
    /* paused   */ states(job_state::queued, job_state::running, job_state::failed, job_state::cancelled,
                          job_state::timed_out, job_state::skipped, job_state::lost),
    /* running  */ states(job_state::paused, job_state::succeeded, job_state::failed, job_state::cancelled,
                          job_state::timed_out, job_state::lost),
    /* terminal */ 0, 0, 0, 0, 0, 0};

inline constexpr std::array<std::uint16_t, job_state_count> observer_rules{
    /* pending  */ terminal_states | states(job_state::queued, job_state::paused, job_state::running),
    /* queued   */ terminal_states | states(job_state::paused, job_state::running),
    /* paused   */ terminal_states | states(job_state::queued, job_state::running),
    /* running  */ terminal_states | states(job_state::paused),
    /* terminal */ 0, 0, 0, 0, 0, 0};
// clang-format on

} // namespace detail

/// What the rules say of going from one state to another within one attempt. The only place where they are kept.
///
/// A producer moves strictly along the table. An observer may jump forward over states that it did not see. Backwards
/// (running to queued, for example) and out of a terminal state is refused to both; a retry is a new attempt.
constexpr transition check_transition(job_state from, job_state to, reporter by) noexcept {
    if (from == to) return transition::unchanged;
    const auto& rules = by == reporter::producer ? detail::producer_rules : detail::observer_rules;
    const unsigned row = rules[static_cast<std::size_t>(from)];
    return ((row >> static_cast<unsigned>(to)) & 1U) != 0 ? transition::allowed : transition::refused;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_STATE_HPP
// end <telltale/core/job_state.hpp>
// begin <telltale/core/progress.hpp>

#ifndef TELLTALE_CORE_PROGRESS_HPP
#define TELLTALE_CORE_PROGRESS_HPP

// <telltale/version.hpp> is above

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What a progress counts.
enum class progress_unit : std::uint8_t { items, bytes, steps, shots, percent, seconds };

namespace detail {
inline constexpr std::array<std::string_view, 6> progress_unit_names{"items", "bytes",   "steps",
                                                                     "shots", "percent", "seconds"};
} // namespace detail

constexpr std::string_view to_string(progress_unit u) noexcept {
    return detail::progress_unit_names[static_cast<std::size_t>(u)];
}

constexpr std::optional<progress_unit> parse_progress_unit(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::progress_unit_names.size(); ++i)
        if (detail::progress_unit_names[i] == name) return static_cast<progress_unit>(i);
    return std::nullopt;
}

/// How far a job is. What is not known is absent, never zero.
struct progress {
    double done = 0;               ///< in `unit`; whole numbers are exact up to 2^53
    std::optional<double> total{}; ///< in `unit`; absent: nobody knows
    progress_unit unit = progress_unit::items;
    std::optional<double> rate{}; ///< units per second, measured lately; absent: no measurement
    std::optional<std::chrono::duration<double>> remaining{}; ///< predicted; absent: no honest prediction is possible
    /// The band around it: in one case of ten it takes less than low, in one of ten more than high. Absent: not known.
    std::optional<std::chrono::duration<double>> remaining_low{};
    std::optional<std::chrono::duration<double>> remaining_high{};

    /// 0 to 100, or nothing where that would be a lie: the total is unknown, zero, or less than what is done.
    constexpr std::optional<double> percent() const noexcept {
        if (!total || !(*total > 0) || !(done >= 0) || done > *total) return std::nullopt;
        return 100.0 * done / *total;
    }

    friend bool operator==(const progress&, const progress&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_PROGRESS_HPP
// end <telltale/core/progress.hpp>
// begin <telltale/core/time.hpp>

#ifndef TELLTALE_CORE_TIME_HPP
#define TELLTALE_CORE_TIME_HPP

// <telltale/version.hpp> is above

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// A moment on the calendar, as it is shown and stored. Waiting is done on the steady clock, never on this one.
using timestamp = std::chrono::system_clock::time_point;

/// RFC 3339 in UTC with milliseconds: "2026-11-21T23:20:00.123Z". Years 0000 to 9999. `digits`: of the fraction, 3 to 9.
inline std::string to_rfc3339(timestamp t, int digits = 3) {
    using namespace std::chrono;
    const auto day = floor<days>(t);
    const year_month_day date{day};
    const hh_mm_ss time{floor<nanoseconds>(t - day)};
    char text[64];
    const int n =
        std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%09lld", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                      static_cast<int>(time.seconds().count()), static_cast<long long>(time.subseconds().count()));
    std::string result(text, static_cast<std::size_t>(n - 9 + digits));
    result += 'Z';
    return result;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_TIME_HPP
// end <telltale/core/time.hpp>
// begin <telltale/core/watch_health.hpp>

#ifndef TELLTALE_CORE_WATCH_HEALTH_HPP
#define TELLTALE_CORE_WATCH_HEALTH_HPP

// <telltale/core/time.hpp> is above

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// How well a job can be seen. Says nothing about the job: one that cannot be reached may be running happily.
enum class watch_state : std::uint8_t {
    ok,
    degraded,    ///< the last look failed, earlier ones did not
    unreachable, ///< several looks in a row failed
    stale        ///< nobody has looked for too long
};

namespace detail {
inline constexpr std::array<std::string_view, 4> watch_state_names{"ok", "degraded", "unreachable", "stale"};
} // namespace detail

constexpr std::string_view to_string(watch_state s) noexcept {
    return detail::watch_state_names[static_cast<std::size_t>(s)];
}

constexpr std::optional<watch_state> parse_watch_state(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::watch_state_names.size(); ++i)
        if (detail::watch_state_names[i] == name) return static_cast<watch_state>(i);
    return std::nullopt;
}

/// The health of the watch on a job.
struct watch_health {
    watch_state state = watch_state::ok;
    std::optional<timestamp> since{}; ///< when it entered this state
    std::string error{};              ///< what the last look that failed said; empty when ok

    friend bool operator==(const watch_health&, const watch_health&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_WATCH_HEALTH_HPP
// end <telltale/core/watch_health.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Names a job within one board. Not empty.
using job_id = std::string;

using label_map = std::map<std::string, std::string, std::less<>>;

/// What kind of thing went wrong.
enum class error_class : std::uint8_t { unknown, api, timeout, authentication, permission, query, resource, network };

namespace detail {
inline constexpr std::array<std::string_view, 8> error_class_names{"unknown",    "api",   "timeout",  "authentication",
                                                                   "permission", "query", "resource", "network"};
} // namespace detail

constexpr std::string_view to_string(error_class c) noexcept {
    return detail::error_class_names[static_cast<std::size_t>(c)];
}

constexpr std::optional<error_class> parse_error_class(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::error_class_names.size(); ++i)
        if (detail::error_class_names[i] == name) return static_cast<error_class>(i);
    return std::nullopt;
}

/// Why a job failed.
struct job_error {
    error_class kind = error_class::unknown; ///< "class" in JSON
    std::string message{};                   ///< for people; as the job or its API said it

    friend bool operator==(const job_error&, const job_error&) = default;
};

/// A part of a job that has a name: steps follow each other, or run side by side.
struct job_step {
    std::string name{};
    job_state state = job_state::pending; ///< pending, running, succeeded, failed, cancelled or skipped
    std::optional<telltale::progress> progress{};
    std::optional<timestamp> started{};
    std::optional<timestamp> finished{};

    friend bool operator==(const job_step&, const job_step&) = default;
};

/// What a paused job waits for somebody to decide.
struct approval_request {
    std::string what{};               ///< for people: what is to be approved
    std::optional<timestamp> until{}; ///< then nobody's answer counts as none; absent: it waits for ever

    friend bool operator==(const approval_request&, const approval_request&) = default;
};

/// All that is known of a job at one moment: a value, copied freely.
struct job {
    job_id id{};
    std::string name{}; ///< for people; may be empty
    std::string kind{}; ///< jobs of one kind take similar times; may be empty
    job_state state = job_state::pending;
    std::uint32_t attempt = 1; ///< counts from 1; a retry is the next attempt
    std::string word{};        ///< the API's own word for the state, kept raw; empty for local jobs
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 1 is next; absent: not queued, or not told
    label_map labels{};
    std::string message{}; ///< the latest thing that the job said of itself; may be empty
    std::shared_ptr<const std::vector<job_step>>
        steps{};                                ///< of this attempt, in the order of their beginning; null: none
    std::optional<approval_request> approval{}; ///< only while paused

    std::optional<timestamp> created{};
    std::optional<timestamp> queued{};
    std::optional<timestamp> started{};  ///< of this attempt
    std::optional<timestamp> finished{}; ///< of this attempt
    std::optional<timestamp> observed{}; ///< when somebody last looked and got an answer

    std::optional<job_error> error{};
    watch_health health{};
    std::shared_ptr<job_control> control{}; ///< null: this job takes no commands
};

/// Whether the job knows the command, and is in a state for it: only an ended one is retried, only a paused one resumed,
/// only one that asks for an approval approved.
inline bool accepts(const job& j, job_command c) noexcept {
    if (!j.control || !j.control->supports(c)) return false;
    switch (c) {
    case job_command::cancel: return !is_terminal(j.state);
    case job_command::pause: return !is_terminal(j.state) && j.state != job_state::paused;
    case job_command::resume: return j.state == job_state::paused && !j.approval;
    case job_command::retry: return is_terminal(j.state);
    case job_command::approve:
    case job_command::reject: break;
    }
    return j.approval.has_value();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_HPP
// end <telltale/core/job.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What happened.
enum class event_kind : std::uint8_t {
    job_created,
    job_queued,
    job_started,
    job_paused,
    job_resumed,
    job_progressed, ///< the only kind of which a slow reader gets the latest per job instead of all
    job_succeeded,
    job_failed,
    job_cancelled,
    job_timed_out,
    job_skipped,
    job_lost,
    job_retrying, ///< a new attempt began
    job_updated,  ///< name, labels, message, queue position or commands changed
    step_started, ///< `data` names the step: {"step":"load"}. How far it is, is in the job (`steps`): job_progressed
    step_completed,
    step_failed,
    chunk_completed, ///< `data`: docs/guide/hooks.md
    worker_started,
    worker_stopped,
    approval_requested, ///< the job is paused until somebody approves or rejects: its `approval` says of what
    approval_approved,
    approval_rejected,
    approval_timed_out,
    watch_health_changed,
    transition_refused, ///< a report broke the rules of job_state; `data` has "from" and "to"
    custom              ///< a user's own: `data` is the user's JSON
};

inline constexpr std::size_t event_kind_count = 27;

namespace detail {
inline constexpr std::array<std::string_view, event_kind_count> event_kind_names{
    "job_created",          "job_queued",         "job_started",
    "job_paused",           "job_resumed",        "job_progressed",
    "job_succeeded",        "job_failed",         "job_cancelled",
    "job_timed_out",        "job_skipped",        "job_lost",
    "job_retrying",         "job_updated",        "step_started",
    "step_completed",       "step_failed",        "chunk_completed",
    "worker_started",       "worker_stopped",     "approval_requested",
    "approval_approved",    "approval_rejected",  "approval_timed_out",
    "watch_health_changed", "transition_refused", "custom"};
} // namespace detail

constexpr std::string_view to_string(event_kind k) noexcept {
    return detail::event_kind_names[static_cast<std::size_t>(k)];
}

constexpr std::optional<event_kind> parse_event_kind(std::string_view name) noexcept {
    for (std::size_t i = 0; i < event_kind_count; ++i)
        if (detail::event_kind_names[i] == name) return static_cast<event_kind>(i);
    return std::nullopt;
}

/// The event that tells of a job's arrival in a state.
constexpr event_kind arrival_in(job_state s) noexcept {
    constexpr std::array<event_kind, job_state_count> kinds{
        event_kind::job_created,   event_kind::job_queued, event_kind::job_paused,    event_kind::job_started,
        event_kind::job_succeeded, event_kind::job_failed, event_kind::job_cancelled, event_kind::job_timed_out,
        event_kind::job_skipped,   event_kind::job_lost};
    return kinds[static_cast<std::size_t>(s)];
}

/// Something that happened, with the whole job as it was just after. Cheap to copy: the job is shared.
struct event {
    event_kind kind = event_kind::custom;
    timestamp time{};
    std::shared_ptr<const telltale::job> job{}; ///< null only for a custom event that belongs to no job
    std::string data{};                         ///< a JSON value that belongs to the kind; empty: none
};

/// Progress is latest-wins per job: of the unread progress of one job, a reader gets only the newest. Every other kind
/// has an empty key and is never dropped for a newer one.
inline std::string_view conflation_key(const event& e) noexcept {
    return e.kind == event_kind::job_progressed && e.job ? std::string_view{e.job->id} : std::string_view{};
}

/// What a subscription can name to hear of this event: the id of the job, and under its name the value of each label.
template <class Visitor>
void routing_keys(const event& e, Visitor&& visit) {
    if (!e.job) return;
    visit(std::string_view{e.job->id}, std::string_view{});
    for (const auto& [name, value] : e.job->labels)
        if (!name.empty()) visit(std::string_view{value}, std::string_view{name});
}

/// The kind, as a number below 64.
constexpr unsigned routing_class(const event& e) noexcept { return static_cast<unsigned>(e.kind); }

/// What an event takes in memory, about: with its job, which it may share with others.
inline std::size_t byte_size(const event& e) noexcept {
    std::size_t bytes = sizeof(event) + e.data.size();
    if (!e.job) return bytes;
    const job& j = *e.job;
    bytes += sizeof(job) + j.id.size() + j.name.size() + j.kind.size() + j.word.size() + j.message.size();
    for (const auto& [name, value] : j.labels) bytes += sizeof(label_map::value_type) + name.size() + value.size();
    if (j.error) bytes += j.error->message.size();
    if (j.steps)
        for (const job_step& s : *j.steps) bytes += sizeof(job_step) + s.name.size();
    if (j.approval) bytes += j.approval->what.size();
    return bytes + j.health.error.size();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_EVENT_HPP
// end <telltale/core/event.hpp>
// <telltale/core/job.hpp> is above
// begin <telltale/core/job_report.hpp>

#ifndef TELLTALE_CORE_JOB_REPORT_HPP
#define TELLTALE_CORE_JOB_REPORT_HPP

// <telltale/core/event.hpp> is above
// <telltale/core/job.hpp> is above

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Something that happened to a job and is not seen in it: a chunk was completed, a worker started.
struct job_notice {
    event_kind kind = event_kind::custom; ///< a step's, chunk's, worker's or approval's, or custom
    std::string data{};                   ///< a JSON value that belongs to the kind; empty: none
};

/// What a producer has to say of a job: "42 is now running, 37 %". What is absent stays as it was.
struct job_report {
    job_id id{};
    reporter by = reporter::producer;
    timestamp at{};                         ///< when it was so; the epoch: when the report arrives
    std::optional<job_state> state{};       ///< checked against the rules for `by`
    std::optional<std::uint32_t> attempt{}; ///< greater than before: a new attempt, which may begin in any state
    std::optional<std::string> word{};
    std::optional<std::string> name{};
    std::optional<std::string> kind{};
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 0: no longer queued
    std::optional<label_map> labels{};
    std::optional<std::string> message{};
    std::shared_ptr<const std::vector<job_step>> steps{};
    std::optional<approval_request> approval{}; ///< goes with the state paused, and ends with it
    std::vector<job_notice> notices{};          ///< each is told as an event of its kind, after the change
    std::optional<job_error> error{};
    std::optional<watch_state> health{}; ///< absent: this report says nothing about the watch
    std::string health_error{};          ///< with a health that is not ok: why
    std::optional<timestamp> created{};
    std::optional<timestamp> queued{};
    std::optional<timestamp> started{};
    std::optional<timestamp> finished{};
    std::shared_ptr<job_control> control{}; ///< null: stays as it was
};

/// Where a producer says it: a board's sink, a test's recorder, or any function of the user's own. Called from the
/// thread of the producer; must not block for long and must not throw.
using job_sink = std::function<void(job_report)>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_REPORT_HPP
// end <telltale/core/job_report.hpp>
// begin <telltale/core/json_writer.hpp>

#ifndef TELLTALE_CORE_JSON_WRITER_HPP
#define TELLTALE_CORE_JSON_WRITER_HPP

// <telltale/version.hpp> is above

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// Writes JSON (RFC 8259) to the end of a string, without white space.
///
/// The output is always valid UTF-8 and valid JSON: each ill-formed sequence of bytes in a string becomes U+FFFD, control
/// characters are escaped, and a number that JSON cannot say (NaN, infinity) becomes null. Nesting is the caller's to
/// get right.
class json_writer {
public:
    /// Appends to `out`, which must outlive the writer.
    explicit json_writer(std::string& out) noexcept : out_(out), start_(out.size()) {}

    json_writer& begin_object() { return open('{'); }
    json_writer& end_object() { return close('}'); }
    json_writer& begin_array() { return open('['); }
    json_writer& end_array() { return close(']'); }

    json_writer& key(std::string_view name) {
        value(name);
        out_ += ':';
        return *this;
    }

    json_writer& value(std::string_view text) {
        separate();
        out_ += '"';
        append_escaped(text);
        out_ += '"';
        return *this;
    }
    json_writer& value(const char* text) { return value(std::string_view{text}); }

    template <std::same_as<bool> Bool>
    json_writer& value(Bool b) {
        return raw(b ? "true" : "false");
    }

    template <std::integral Int>
        requires(!std::same_as<Int, bool> && !std::same_as<Int, char>)
    json_writer& value(Int number) {
        char text[24];
        return raw({text, std::to_chars(text, text + sizeof text, number).ptr});
    }

    /// The shortest text that reads back as the same number; with an exponent where a reader that takes whole numbers for
    /// 64-bit integers (simdjson is one) would refuse it.
    json_writer& value(double number) {
        if (!std::isfinite(number)) return null();
        char text[32];
        const bool large = std::fabs(number) >= 9.2e18;
        const auto end = large ? std::to_chars(text, text + sizeof text, number, std::chars_format::scientific)
                               : std::to_chars(text, text + sizeof text, number);
        return raw({text, end.ptr});
    }

    json_writer& null() { return raw("null"); }

    /// A value that is JSON already.
    json_writer& raw(std::string_view json) {
        separate();
        out_ += json;
        return *this;
    }

    /// One member of an object: key and value.
    template <class T>
    json_writer& member(std::string_view name, const T& v) {
        key(name);
        return value(v);
    }

private:
    json_writer& open(char bracket) {
        separate();
        out_ += bracket;
        return *this;
    }

    json_writer& close(char bracket) {
        out_ += bracket;
        return *this;
    }

    // Strings end in a quote, so the last character says whether a value stands before this one.
    void separate() {
        if (out_.size() == start_) return;
        const char last = out_.back();
        if (last != '{' && last != '[' && last != ':') out_ += ',';
    }

    void append_escaped(std::string_view text);

    std::string& out_;
    std::size_t start_;
};

namespace detail {

/// The length of the well-formed UTF-8 sequence at the beginning of `text` (table 3-7 of the Unicode Standard), or 0;
/// then `bad` is the length of the maximal ill-formed part, which one U+FFFD replaces (section 3.9, "U+FFFD Substitution of Maximal Subparts").
constexpr std::size_t utf8_sequence(std::string_view text, std::size_t& bad) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    bad = 1;
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if (i >= text.size() || byte(i) < low || byte(i) > high) return 0;
        bad = i + 1;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

} // namespace detail

inline void json_writer::append_escaped(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::size_t clean = 0; // start of the part that is copied as it is
    std::size_t i = 0;
    const auto flush = [&] { out_.append(text.substr(clean, i - clean)); };
    while (i < text.size()) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            ++i;
            continue;
        }
        if (c >= 0x80) {
            std::size_t bad = 0;
            if (const std::size_t length = detail::utf8_sequence(text.substr(i), bad)) {
                i += length;
                continue;
            }
            flush();
            out_ += "\xEF\xBF\xBD";
            i += bad;
            clean = i;
            continue;
        }
        flush();
        switch (c) {
        case '"': out_ += "\\\""; break;
        case '\\': out_ += "\\\\"; break;
        case '\b': out_ += "\\b"; break;
        case '\f': out_ += "\\f"; break;
        case '\n': out_ += "\\n"; break;
        case '\r': out_ += "\\r"; break;
        case '\t': out_ += "\\t"; break;
        default:
            out_ += "\\u00";
            out_ += hex[c >> 4U];
            out_ += hex[c & 15U];
        }
        clean = ++i;
    }
    flush();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JSON_WRITER_HPP
// end <telltale/core/json_writer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// What a report does to a job: the rules of the board as a plain function, without lock, clock or Asio.

namespace telltale::inline TELLTALE_ABI::detail {

/// A job on the board, and what is remembered of it besides.
struct job_record {
    std::shared_ptr<const job> current; ///< null: not yet known
    std::unique_ptr<estimator> speed;   ///< null: no progress yet
};

struct applied {
    std::vector<event> events; ///< in order; none: nothing that anybody would want to know
    bool refused = false;
    bool ended = false; ///< this report brought the job into a terminal state
};

inline std::string refusal(job_state from, job_state to, reporter by) {
    std::string data;
    json_writer out(data);
    out.begin_object().member("from", to_string(from)).member("to", to_string(to));
    out.member("by", by == reporter::producer ? "producer" : "observer").end_object();
    return data;
}

template <class T>
bool assign_if_new(T& to, const std::optional<T>& from) {
    if (!from || *from == to) return false;
    to = *from;
    return true;
}

/// A change of the job that is being built up from a report.
class application {
public:
    application(job_record& record, job_report report, timestamp now)
        : record_(record),
          report_(std::move(report)),
          at_(report_.at == timestamp{} ? now : report_.at),
          first_(!record.current),
          next_(first_ ? job{} : *record.current) {}

    applied run() {
        if (first_) create();
        const bool stale = report_.attempt && *report_.attempt < next_.attempt;
        if (report_.attempt && *report_.attempt > next_.attempt) begin_attempt();
        const job_state before = next_.state;
        const job_state wanted = report_.state.value_or(before);
        transition moved = check_transition(before, wanted, report_.by);
        // The first state of an attempt is whatever it is: there is no earlier one to come from.
        if (fresh_ && moved == transition::refused) moved = transition::allowed;
        if (stale) moved = transition::refused;

        if (report_.by == reporter::observer && report_.health.value_or(watch_state::ok) == watch_state::ok)
            next_.observed = at_;
        const bool health = change_health();
        if (moved == transition::refused) {
            result_.refused = true;
            publish();
            tell(event_kind::transition_refused, refusal(before, wanted, report_.by));
            if (health) tell(event_kind::watch_health_changed);
            return std::move(result_);
        }
        bool progressed = change_progress(is_terminal(before));
        progressed |= change_steps();
        const bool updated = change_description(is_terminal(before));
        if (moved == transition::allowed) arrive(wanted);
        publish();
        if (moved == transition::allowed)
            tell(before == job_state::paused && wanted == job_state::running ? event_kind::job_resumed
                                                                             : arrival_in(wanted));
        else if (progressed)
            tell(event_kind::job_progressed);
        else if (updated && !fresh_)
            tell(event_kind::job_updated);
        for (job_notice& n : report_.notices) tell(n.kind, std::move(n.data));
        if (health) tell(event_kind::watch_health_changed);
        return std::move(result_);
    }

private:
    void create() {
        fresh_ = true;
        next_.id = report_.id;
        next_.created = report_.created.value_or(at_);
        if (report_.attempt) next_.attempt = *report_.attempt;
        report_.created.reset();
        change_description(false);
        publish();
        tell(event_kind::job_created);
    }

    void begin_attempt() {
        fresh_ = true;
        next_.attempt = *report_.attempt;
        next_.state = job_state::pending;
        next_.progress.reset();
        next_.error.reset();
        next_.queued.reset();
        next_.started.reset();
        next_.finished.reset();
        next_.message.clear();
        next_.steps.reset();
        next_.approval.reset();
        record_.speed.reset();
        publish();
        tell(event_kind::job_retrying);
    }

    void arrive(job_state state) {
        const bool again = next_.state == job_state::paused;
        next_.state = state;
        if (state != job_state::queued) next_.queue_position.reset();
        if (state != job_state::paused) next_.approval.reset();
        const auto set = [&](std::optional<timestamp>& time, const std::optional<timestamp>& told) {
            time = told ? told : time && again ? time : at_;
        };
        if (state == job_state::queued) set(next_.queued, report_.queued);
        if (state == job_state::running) set(next_.started, report_.started);
        if (!is_terminal(state)) return;
        if (report_.started) next_.started = report_.started;
        next_.finished = report_.finished.value_or(at_);
        if (next_.progress) {
            next_.progress->rate.reset();
            next_.progress->remaining.reset();
            next_.progress->remaining_low.reset();
            next_.progress->remaining_high.reset();
        }
        result_.ended = true;
    }

    bool change_progress(bool over) {
        if (!report_.progress || over) return false;
        progress p = *report_.progress;
        if (!p.rate) {
            const std::chrono::steady_clock::time_point when(
                std::chrono::duration_cast<std::chrono::steady_clock::duration>(at_.time_since_epoch()));
            if (!record_.speed) record_.speed = std::make_unique<estimator>();
            record_.speed->sample(p.done, when);
            p.rate = record_.speed->rate(when);
            if (p.total && !p.remaining) {
                if (const auto predicted = record_.speed->predict(*p.total, when)) {
                    p.remaining = predicted->remaining;
                    p.remaining_low = predicted->low;
                    p.remaining_high = predicted->high;
                }
            }
        }
        if (next_.progress == p) return false;
        next_.progress = p;
        return true;
    }

    bool change_steps() {
        if (!report_.steps || (next_.steps && *next_.steps == *report_.steps)) return false;
        next_.steps = report_.steps;
        return true;
    }

    bool change_description(bool over) {
        bool changed = assign_if_new(next_.word, report_.word);
        changed |= assign_if_new(next_.name, report_.name);
        changed |= assign_if_new(next_.kind, report_.kind);
        changed |= assign_if_new(next_.labels, report_.labels);
        changed |= assign_if_new(next_.message, report_.message);
        if (!over && report_.approval && next_.approval != report_.approval) {
            next_.approval = report_.approval;
            changed = true;
        }
        if (report_.error && next_.error != report_.error) {
            next_.error = report_.error;
            changed = true;
        }
        if (report_.queue_position && !over) {
            const std::optional<std::uint32_t> place = *report_.queue_position ? report_.queue_position : std::nullopt;
            changed |= next_.queue_position != place;
            next_.queue_position = place;
        }
        if (report_.created) next_.created = report_.created;
        if (report_.control && report_.control != next_.control) {
            next_.control = report_.control;
            changed = true;
        }
        return changed;
    }

    bool change_health() {
        if (!report_.health) return false;
        const bool changed = *report_.health != next_.health.state;
        if (changed || !next_.health.since) next_.health.since = at_;
        next_.health.state = *report_.health;
        next_.health.error = *report_.health == watch_state::ok ? std::string{} : report_.health_error;
        return changed;
    }

    void publish() { record_.current = std::make_shared<const job>(next_); }

    void tell(event_kind kind, std::string data = {}) {
        result_.events.push_back(event{kind, at_, record_.current, std::move(data)});
    }

    job_record& record_;
    job_report report_;
    timestamp at_;
    bool first_;
    bool fresh_ = false; // the first report of this attempt
    job next_;
    applied result_;
};

inline applied apply(job_record& record, job_report report, timestamp now) {
    return application(record, std::move(report), now).run();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BOARD_DETAIL_APPLY_HPP
// end <telltale/board/detail/apply.hpp>
// <telltale/core/event.hpp> is above
// begin <telltale/core/filter.hpp>

#ifndef TELLTALE_CORE_FILTER_HPP
#define TELLTALE_CORE_FILTER_HPP

// <telltale/core/event.hpp> is above

#include <algorithm>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Which jobs and events somebody wants to hear of. Empty members let everything pass; all of them must agree.
struct filter {
    std::vector<job_id> jobs{};      ///< only these
    std::vector<event_kind> kinds{}; ///< only these kinds of events; says nothing about jobs
    label_map labels{};              ///< the job has each of these labels with this value

    /// Whether a job passes: its id and labels.
    bool matches(const job& j) const {
        if (!jobs.empty() && std::find(jobs.begin(), jobs.end(), j.id) == jobs.end()) return false;
        return std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
            const auto found = j.labels.find(wanted.first);
            return found != j.labels.end() && found->second == wanted.second;
        });
    }

    /// Whether an event passes: its kind, and its job. An event without a job passes only a filter without jobs and
    /// labels.
    bool matches(const event& e) const {
        if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), e.kind) == kinds.end()) return false;
        if (e.job) return matches(*e.job);
        return jobs.empty() && labels.empty();
    }

    bool empty() const noexcept { return jobs.empty() && kinds.empty() && labels.empty(); }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_FILTER_HPP
// end <telltale/core/filter.hpp>
// <telltale/core/job.hpp> is above
// <telltale/core/job_report.hpp> is above
// begin <telltale/detail/time_source.hpp>

#ifndef TELLTALE_DETAIL_TIME_SOURCE_HPP
#define TELLTALE_DETAIL_TIME_SOURCE_HPP

// <telltale/asio.hpp> is above
// begin <telltale/detail/waiter.hpp>

#ifndef TELLTALE_DETAIL_WAITER_HPP
#define TELLTALE_DETAIL_WAITER_HPP

// <telltale/asio.hpp> is above
// begin <telltale/detail/completion.hpp>

#ifndef TELLTALE_DETAIL_COMPLETION_HPP
#define TELLTALE_DETAIL_COMPLETION_HPP

// <telltale/asio.hpp> is above

#include <memory>
#include <tuple>
#include <typeinfo>
#include <utility>
#include <variant>

// How a handler is brought to its executor: with the work counted until then, and out of which memory.

namespace telltale::inline TELLTALE_ABI::detail {

/// An executor that counts as work of its context for as long as it exists. (executor_work_guard of the oldest supported
/// Asio does not take a strand of any_io_executor.)
template <class Executor>
auto track_work(const Executor& executor) {
    return net::prefer(executor, net::execution::outstanding_work.tracked);
}
template <class Executor>
using tracked_executor = decltype(track_work(std::declval<const Executor&>()));

/// Where a completion is posted to, counted as work of its context until then.
template <class Executor>
class completion_executor {
public:
    explicit completion_executor(const Executor& executor) : work_(track_work(executor)) {}

    template <class Function>
    void post(Function&& function) && {
        const auto work = std::move(work_);
        net::post(work, std::forward<Function>(function));
    }

private:
    tracked_executor<Executor> work_;
};

/// An any_io_executor holds an io_context's own executor nearly always. To ask for that once is cheaper by half a
/// completion than to go through the type-erased prefer, require and execute.
template <>
class completion_executor<net::any_io_executor> {
    using direct_executor = net::io_context::executor_type;

public:
    explicit completion_executor(const net::any_io_executor& executor) {
        // The target() of the oldest supported Asio does not look at the type.
        if (executor.target_type() == typeid(direct_executor))
            work_.template emplace<1>(track_work(*executor.target<direct_executor>()));
        else
            work_.template emplace<0>(track_work(executor));
    }

    template <class Function>
    void post(Function&& function) && {
        const auto work = std::move(work_);
        if (const auto* const direct = std::get_if<1>(&work)) // whose copies, in post, need not count as work each
            net::post(net::prefer(*direct, net::execution::outstanding_work.untracked),
                      std::forward<Function>(function));
        else
            net::post(std::get<0>(work), std::forward<Function>(function));
    }

private:
    std::variant<net::any_io_executor, tracked_executor<direct_executor>> work_;
};

/// A handler and its arguments, ready to run.
template <class Handler, class... Values>
struct bound_completion {
    using allocator_type = net::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }

    void operator()() {
        std::apply([this](auto&&... v) { std::move(handler)(std::move(v)...); }, std::move(values));
    }

    Handler handler;
    std::tuple<Values...> values;
};

/// The allocator of what a handler's operation needs: the handler's own, or else the blocks that Asio keeps for reuse.
template <class T>
struct operation_allocator {
    using type = T;
};
template <class T>
struct operation_allocator<std::allocator<T>> {
    using type = net::recycling_allocator<T>;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_COMPLETION_HPP
// end <telltale/detail/completion.hpp>
// begin <telltale/detail/initiation.hpp>

#ifndef TELLTALE_DETAIL_INITIATION_HPP
#define TELLTALE_DETAIL_INITIATION_HPP

// <telltale/asio.hpp> is above

#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// The initiation of an operation that is started by calling `start(handler, executor)`. Named, and with an executor,
/// because adapters such as cancel_after ask an initiation for it.
template <class Executor, class Start>
struct initiation {
    using executor_type = Executor;
    executor_type get_executor() const noexcept { return executor; }

    template <class Handler>
    void operator()(Handler&& handler) {
        start(std::forward<Handler>(handler), executor);
    }

    Executor executor;
    Start start;
};

template <class Signature, class Executor, class Start, class Token>
auto async_start(const Executor& executor, Start start, Token&& token) {
    return net::async_initiate<Token, Signature>(initiation<Executor, Start>{executor, std::move(start)}, token);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_INITIATION_HPP
// end <telltale/detail/initiation.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>

// How an operation of telltale waits. Each primitive has a shared state derived from wait_state; a suspended operation is a
// waiter in one of the state's wait_lists. Whoever takes a waiter off its list, under the state's mutex, owns it and
// completes it after unlocking: so a value or permit that was given to a waiter cannot be lost to a cancellation that
// comes later. Completion is always posted to the handler's associated executor, which is kept busy (outstanding
// work) until then. An execution context that is destroyed first destroys the waiters, whatever cycles they are in.

namespace telltale::inline TELLTALE_ABI::detail {

class wait_state;
struct wait_cancel;

/// One suspended operation. Links and canceller are protected by the mutex of its state.
class wait_node {
public:
    wait_node() = default;
    wait_node(const wait_node&) = delete;
    wait_node& operator=(const wait_node&) = delete;

    /// Completes the operation with `ec` and the values in its result. Not with the state's mutex held.
    virtual void finish(error_code ec) = 0;

    /// Completes the operation with what is in its result. Not with the state's mutex held.
    virtual void ready() = 0;

    /// Destroys the handler without calling it, and frees this. Not with the state's mutex held.
    virtual void destroy() noexcept = 0;

protected:
    ~wait_node() = default;

private:
    friend class wait_list;
    friend struct wait_cancel;
    inline void unlink() noexcept;

    wait_node* previous_ = nullptr;
    wait_node* next_ = nullptr;
    wait_cancel* canceller_ = nullptr;
};

/// What an operation that can be cancelled leaves in its cancellation slot.
struct wait_cancel {
    inline explicit wait_cancel(std::shared_ptr<wait_state> s) noexcept;
    wait_cancel(const wait_cancel&) = delete;
    wait_cancel& operator=(const wait_cancel&) = delete;
    inline ~wait_cancel();

    void arm(wait_node& n) noexcept {
        node = &n;
        n.canceller_ = this;
    }

    // Nothing has happened yet while an operation waits, so all types of cancellation can be granted.
    inline void operator()(net::cancellation_type type);

    std::shared_ptr<wait_state> state;
    wait_node* node = nullptr;
};

void wait_node::unlink() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
    if (canceller_) std::exchange(canceller_, nullptr)->node = nullptr;
}

/// First in, first out. Does not own its nodes once they are popped; must be empty when destroyed.
class wait_list {
public:
    wait_list() noexcept {
        head_.previous_ = &head_;
        head_.next_ = &head_;
    }

    bool empty() const noexcept { return head_.next_ == &head_; }

    void push_back(wait_node& n) noexcept {
        n.previous_ = head_.previous_;
        n.next_ = &head_;
        head_.previous_->next_ = &n;
        head_.previous_ = &n;
    }

    /// The oldest, or null.
    wait_node* front() noexcept { return empty() ? nullptr : head_.next_; }

    /// The oldest, no longer cancellable; or null.
    wait_node* pop_front() noexcept {
        if (empty()) return nullptr;
        wait_node* const first = head_.next_;
        first->unlink();
        return first;
    }

    /// Moves all nodes of `other` to the end, no longer cancellable.
    void take(wait_list& other) noexcept {
        while (wait_node* const n = other.pop_front()) push_back(*n);
    }

    /// Completes all with `ec`. For a list that nobody else can reach.
    void finish_all(error_code ec) {
        while (wait_node* const n = pop_front()) n->finish(ec);
    }

    /// Completes all with the results that they have. For a list that nobody else can reach.
    void ready_all() {
        while (wait_node* const n = pop_front()) n->ready();
    }

    void destroy_all() noexcept {
        while (wait_node* const n = pop_front()) n->destroy();
    }

private:
    struct sentinel final : wait_node {
        void finish(error_code) override {}
        void ready() override {}
        void destroy() noexcept override {}
    };
    sentinel head_;
};

/// A waiter whose operation completes with `void(error_code, Values...)`.
template <class... Values>
class waiter : public wait_node {
public:
    /// Posts the handler, and frees this when that is called. Not with the state's mutex held.
    void complete(error_code ec, Values... values) {
        std::get<error_code>(result_) = ec;
        assign(std::index_sequence_for<Values...>{}, values...);
        ready();
    }

    void finish(error_code ec) final {
        std::get<error_code>(result_) = ec;
        ready();
    }

    /// What it will complete with; empty values until then.
    std::tuple<error_code, Values...>& result() noexcept { return result_; }

protected:
    ~waiter() = default;

private:
    template <std::size_t... I>
    void assign(std::index_sequence<I...>, Values&... values) {
        ((std::get<I + 1>(result_) = std::move(values)), ...);
    }

    std::tuple<error_code, Values...> result_;
};

template <class Handler, class Executor, class... Values>
class waiter_of final : public waiter<Values...> {
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = typename operation_allocator<
        typename std::allocator_traits<net::associated_allocator_t<Handler>>::template rebind_alloc<waiter_of>>::type;

public:
    template <class H>
    static waiter_of& create(H&& handler, const Executor& fallback) {
        allocator_type allocator = allocator_for(handler);
        waiter_of* const p = std::allocator_traits<allocator_type>::allocate(allocator, 1);
        try {
            return *::new (static_cast<void*>(p)) waiter_of(std::forward<H>(handler), fallback);
        } catch (...) {
            std::allocator_traits<allocator_type>::deallocate(allocator, p, 1);
            throw;
        }
    }

    auto cancellation_slot() const noexcept { return net::get_associated_cancellation_slot(handler_); }

    void ready() override { std::move(executor_).post(completion(this)); }

    void destroy() noexcept override { [[maybe_unused]] const Handler handler = take_handler(); }

private:
    // What is posted: owns the waiter, which so need not be moved.
    class completion {
    public:
        using allocator_type = net::associated_allocator_t<Handler>;

        explicit completion(waiter_of* w) noexcept : waiter_(w) {}
        completion(completion&& other) noexcept : waiter_(std::exchange(other.waiter_, nullptr)) {}
        completion& operator=(completion&&) = delete;
        ~completion() {
            if (waiter_) waiter_->destroy();
        }

        allocator_type get_allocator() const noexcept { return net::get_associated_allocator(waiter_->handler_); }

        void operator()() {
            waiter_of* const w = std::exchange(waiter_, nullptr);
            auto result = std::move(w->result());
            Handler handler = w->take_handler();
            std::apply([&handler](auto&&... v) { std::move(handler)(std::move(v)...); }, std::move(result));
        }

    private:
        waiter_of* waiter_;
    };

    template <class H>
    waiter_of(H&& handler, const Executor& fallback)
        : handler_(std::forward<H>(handler)), executor_(net::get_associated_executor(handler_, fallback)) {}
    ~waiter_of() = default;

    static allocator_type allocator_for(const Handler& handler) noexcept {
        if constexpr (std::is_constructible_v<allocator_type, net::associated_allocator_t<Handler>>)
            return allocator_type(net::get_associated_allocator(handler));
        else
            return allocator_type();
    }

    // Frees the memory before the handler runs or dies, as Asio promises to handlers.
    Handler take_handler() noexcept {
        Handler handler(std::move(handler_));
        allocator_type allocator = allocator_for(handler);
        this->~waiter_of();
        std::allocator_traits<allocator_type>::deallocate(allocator, this, 1);
        return handler;
    }

    Handler handler_;
    completion_executor<executor_type> executor_;
};

/// The wait_states of one execution context.
struct wait_registry {
    std::mutex mutex;
    wait_state* first = nullptr;
};

/// Destroys all waiters of an execution context when that shuts down.
class wait_service final : public net::execution_context::service {
public:
    using key_type = wait_service;
    static inline net::execution_context::id id;

    explicit wait_service(net::execution_context& context) : service(context) {}

    const std::shared_ptr<wait_registry>& registry() const noexcept { return registry_; }

private:
    inline void shutdown() noexcept override;

    std::shared_ptr<wait_registry> registry_ = std::make_shared<wait_registry>();
};

template <class Executor>
net::execution_context& context_of(const Executor& executor) {
    return net::query(executor, net::execution::context);
}

/// What an object and its suspended operations share.
class wait_state : public std::enable_shared_from_this<wait_state> {
public:
    /// `shared`: the mutex of an object that has several of these, and lives as long; null: one of its own.
    explicit wait_state(net::execution_context& context, std::mutex* shared = nullptr)
        : mutex_(shared ? shared : &own_mutex_), registry_(net::use_service<wait_service>(context).registry()) {
        const std::lock_guard lock(registry_->mutex);
        next_ = registry_->first;
        if (next_) next_->link_ = &next_;
        link_ = &registry_->first;
        registry_->first = this;
    }

    wait_state(const wait_state&) = delete;
    wait_state& operator=(const wait_state&) = delete;

    virtual ~wait_state() {
        const std::lock_guard lock(registry_->mutex);
        unregister();
    }

    std::mutex& mutex() const noexcept { return *mutex_; }

    /// Completes everything that waits with `ec`.
    void finish_all(error_code ec) {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            take_all(all);
        }
        all.finish_all(ec);
    }

    /// Moves every waiter into `all`. With the mutex held.
    virtual void take_all(wait_list& all) noexcept = 0;

    /// Called with the mutex held when a waiter has left its list because it was cancelled. Moves those that need wait no
    /// longer into `ready`; each has its result.
    virtual void after_cancel([[maybe_unused]] wait_list& ready) noexcept {}

    void unregister() noexcept {
        if (!link_) return;
        *link_ = next_;
        if (next_) next_->link_ = link_;
        link_ = nullptr;
        next_ = nullptr;
    }

private:
    std::mutex own_mutex_;
    std::mutex* const mutex_;
    std::shared_ptr<wait_registry> registry_;
    wait_state* next_ = nullptr;
    wait_state** link_ = nullptr;
};

wait_cancel::wait_cancel(std::shared_ptr<wait_state> s) noexcept : state(std::move(s)) {}

wait_cancel::~wait_cancel() {
    const std::lock_guard lock(state->mutex());
    if (node) node->canceller_ = nullptr;
}

void wait_cancel::operator()(net::cancellation_type type) {
    if (type == net::cancellation_type::none) return;
    // The slot may be given another handler, and this be destroyed, as soon as one of these runs.
    const auto kept = state;
    wait_node* cancelled = nullptr;
    wait_list ready;
    {
        const std::lock_guard lock(kept->mutex());
        cancelled = node;
        if (!cancelled) return;
        cancelled->unlink();
        kept->after_cancel(ready);
    }
    cancelled->finish(net::error::operation_aborted);
    ready.ready_all();
}

void wait_service::shutdown() noexcept {
    for (;;) {
        std::shared_ptr<wait_state> state;
        {
            const std::lock_guard lock(registry_->mutex);
            if (!registry_->first) return;
            state = registry_->first->weak_from_this().lock(); // null: its destructor waits for this mutex
            registry_->first->unregister();
        }
        if (!state) continue;
        wait_list all;
        {
            const std::lock_guard lock(state->mutex());
            state->take_all(all);
        }
        all.destroy_all();
    }
}

/// Starts an operation that completes with `void(error_code, Values...)`.
///
/// `attempt` is called with the mutex of `state` held. It returns null after having put the result into the tuple it was
/// given, or the list in which the operation has to wait.
template <class... Values, class State, class Handler, class Executor, class Attempt>
void start_wait(const std::shared_ptr<State>& state, Handler&& handler, const Executor& executor, Attempt attempt) {
    auto& op = waiter_of<std::decay_t<Handler>, Executor, Values...>::create(std::forward<Handler>(handler), executor);
    // Before locking: the slot destroys what it had, which may be of this very state.
    wait_cancel* canceller = nullptr;
    if (auto slot = op.cancellation_slot(); slot.is_connected()) canceller = &slot.template emplace<wait_cancel>(state);
    {
        const std::lock_guard lock(state->mutex());
        if (wait_list* const list = attempt(op.result())) {
            list->push_back(op);
            if (canceller) canceller->arm(op);
            return;
        }
    }
    op.ready();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_WAITER_HPP
// end <telltale/detail/waiter.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// One timer in virtual time.
class virtual_timer_state final : public wait_state {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using wait_state::wait_state;

    // All with the mutex held.
    wait_list& waiters_until(time_point due) noexcept {
        due_ = due;
        return waiters_;
    }
    /// Somebody waits for just that time, and not for a later one that was set since.
    bool is_due(time_point at) const noexcept { return due_ == at && !waiters_.empty(); }
    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    time_point due_{};
};

/// What the clock of an execution context shows: the real one, or a test's virtual one. Every wait of the library and
/// every time that it records goes through here.
class time_source final : public net::execution_context::service {
public:
    using key_type = time_source;
    using clock = std::chrono::steady_clock;
    static inline net::execution_context::id id;

    explicit time_source(net::execution_context& context) : service(context) {}

    bool is_virtual() const noexcept { return virtual_.load(std::memory_order_acquire); }

    clock::time_point now() const {
        if (!is_virtual()) return clock::now();
        const std::lock_guard lock(mutex_);
        return now_;
    }

    std::chrono::system_clock::time_point system_now() const {
        if (!is_virtual()) return std::chrono::system_clock::now();
        const std::lock_guard lock(mutex_);
        return calendar_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(now_.time_since_epoch());
    }

    /// From now on time stands still at `now` until advance(); the calendar shows `calendar`.
    void make_virtual(clock::time_point now, std::chrono::system_clock::time_point calendar) {
        const std::lock_guard lock(mutex_);
        now_ = now;
        calendar_ = calendar - std::chrono::duration_cast<std::chrono::system_clock::duration>(now.time_since_epoch());
        virtual_.store(true, std::memory_order_release);
    }

    void add(clock::time_point expiry, std::weak_ptr<virtual_timer_state> timer) {
        const std::lock_guard lock(mutex_);
        timers_.emplace(expiry, std::move(timer));
    }

    /// When the next timer with a waiter is due.
    std::optional<clock::time_point> next_expiry() {
        const std::lock_guard lock(mutex_);
        while (!timers_.empty()) {
            if (const auto timer = timers_.begin()->second.lock()) {
                const std::lock_guard timer_lock(timer->mutex());
                if (timer->is_due(timers_.begin()->first)) return timers_.begin()->first;
            }
            timers_.erase(timers_.begin());
        }
        return std::nullopt;
    }

    /// Moves virtual time forward and completes, in order, every wait that has become due.
    void advance_to(clock::time_point to) {
        for (;;) {
            std::shared_ptr<virtual_timer_state> due;
            clock::time_point at;
            {
                const std::lock_guard lock(mutex_);
                now_ = std::max(now_, to);
                if (timers_.empty() || timers_.begin()->first > to) return;
                at = timers_.begin()->first;
                due = timers_.begin()->second.lock();
                timers_.erase(timers_.begin());
            }
            if (!due) continue;
            wait_list waiters;
            {
                const std::lock_guard lock(due->mutex());
                if (due->is_due(at)) due->take_all(waiters);
            }
            waiters.finish_all({});
        }
    }

private:
    void shutdown() noexcept override {}

    mutable std::mutex mutex_;
    std::atomic<bool> virtual_{false};
    // Of virtual time:
    clock::time_point now_{};
    std::chrono::system_clock::time_point calendar_{};
    std::multimap<clock::time_point, std::weak_ptr<virtual_timer_state>> timers_; // equal keys: first in, first out
};

template <class Executor>
time_source& time_source_of(const Executor& executor) {
    return net::use_service<time_source>(context_of(executor));
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_TIME_SOURCE_HPP
// end <telltale/detail/time_source.hpp>
// <telltale/detail/waiter.hpp> is above
// begin <telltale/error.hpp>

#ifndef TELLTALE_ERROR_HPP
#define TELLTALE_ERROR_HPP

// <telltale/asio.hpp> is above

#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What can go wrong in telltale itself. Cancellation is never one of these: it is always net::error::operation_aborted.
enum class errc {
    deadline_exceeded = 1, ///< the time given to the wait is over; says nothing about the job
    closed,                ///< the object was closed by its owner: there is nothing more to wait for
    fell_behind,           ///< a subscription lost events and was asked to end rather than go on
    unknown_job,           ///< no job has this id
    duplicate_job,         ///< a job with this id exists already
    invalid_argument,      ///< an option or argument is out of its documented range
    malformed_json,        ///< the body is not JSON
    truncated_json,        ///< the body ends in the middle of a JSON value
    missing_field,         ///< the JSON has no value at the place that the profile names
    wrong_type,            ///< the JSON has a value of another type than the profile says
    malformed_profile,     ///< the description of a job API is wrong
    body_too_large,        ///< the answer is larger than its limit
    http_status,           ///< the server answered with a status that is not a success
    malformed_url,         ///< the URL is not one, or of a scheme that is not supported
    too_many_connections,  ///< the limit of connections is reached
    slow_client,           ///< a client could not keep up and its policy is to be closed
    malformed_http,        ///< the peer does not speak HTTP/1.x
    program_not_found,     ///< the program to run, or the interpreter that its first line names, is not there
    not_executable,        ///< the program to run is there, but may not be run or is none
    bad_working_folder,    ///< the folder in which to run a program is not one, or may not be gone to
    job_cancelled,         ///< the job has no result, for it was cancelled
    job_timed_out,         ///< the job has no result, for it exceeded its time limit
    malformed_checkpoint,  ///< the bytes are no checkpoint, one of something else, or damaged
    truncated_checkpoint,  ///< the bytes end before the checkpoint does
    checkpoint_version     ///< the checkpoint was written by another version of telltale
};

/// Groups that a caller tests for: `if (ec == condition::timeout)`.
enum class condition {
    cancelled = 1, ///< operation_aborted
    timeout,       ///< deadline_exceeded, or a time-out of the transport
    transient      ///< trying the same again may succeed: time-outs, refused or broken connections
};

namespace detail {

class category_impl final : public error_category {
public:
    const char* name() const noexcept override { return "telltale"; }
    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
        case errc::deadline_exceeded: return "the time given to this wait is over";
        case errc::closed: return "closed";
        case errc::fell_behind: return "the subscription fell behind and lost events";
        case errc::unknown_job: return "no job has this id";
        case errc::duplicate_job: return "a job with this id exists already";
        case errc::invalid_argument: return "invalid argument";
        case errc::malformed_json: return "malformed JSON";
        case errc::truncated_json: return "JSON ends too early";
        case errc::missing_field: return "a field that the profile names is missing";
        case errc::wrong_type: return "a field has another type than the profile says";
        case errc::malformed_profile: return "malformed profile of a job API";
        case errc::body_too_large: return "the answer is larger than its limit";
        case errc::http_status: return "the server answered with an error status";
        case errc::malformed_url: return "malformed URL";
        case errc::too_many_connections: return "too many connections";
        case errc::slow_client: return "the client did not keep up";
        case errc::malformed_http: return "malformed HTTP message";
        case errc::program_not_found: return "the program was not found";
        case errc::not_executable: return "the program may not be run, or is none";
        case errc::bad_working_folder: return "the working folder is not there, or may not be gone to";
        case errc::job_cancelled: return "the job was cancelled";
        case errc::job_timed_out: return "the job exceeded its time limit";
        case errc::malformed_checkpoint: return "not a checkpoint, or a damaged one";
        case errc::truncated_checkpoint: return "the checkpoint ends too early";
        case errc::checkpoint_version: return "a checkpoint of another version";
        }
        return "unknown telltale error";
    }
};

class condition_category_impl final : public error_category {
public:
    const char* name() const noexcept override { return "telltale.condition"; }
    std::string message(int value) const override {
        switch (static_cast<condition>(value)) {
        case condition::cancelled: return "cancelled";
        case condition::timeout: return "timed out";
        case condition::transient: return "may succeed when tried again";
        }
        return "unknown telltale condition";
    }
    bool equivalent(const error_code& ec, int value) const noexcept override;
};

} // namespace detail

/// The category of errc, named "telltale".
inline const error_category& telltale_category() noexcept {
    static const detail::category_impl instance;
    return instance;
}

/// The category of condition, named "telltale.condition".
inline const error_category& condition_category() noexcept {
    static const detail::condition_category_impl instance;
    return instance;
}

inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), telltale_category()}; }

inline sys::error_condition make_error_condition(condition c) noexcept {
    return {static_cast<int>(c), condition_category()};
}

} // namespace telltale::inline TELLTALE_ABI

template <>
struct telltale::sys::is_error_code_enum<telltale::errc> : std::true_type {};
template <>
struct telltale::sys::is_error_condition_enum<telltale::condition> : std::true_type {};

namespace telltale::inline TELLTALE_ABI::detail {

inline bool condition_category_impl::equivalent(const error_code& ec, int value) const noexcept {
    const bool timeout = ec == errc::deadline_exceeded || ec == net::error::timed_out;
    switch (static_cast<condition>(value)) {
    case condition::cancelled: return ec == net::error::operation_aborted;
    case condition::timeout: return timeout;
    case condition::transient:
        return timeout || ec == net::error::connection_refused || ec == net::error::connection_reset ||
               ec == net::error::connection_aborted || ec == net::error::broken_pipe || ec == net::error::eof ||
               ec == net::error::host_unreachable || ec == net::error::network_unreachable ||
               ec == net::error::network_down || ec == net::error::host_not_found_try_again;
    }
    return false;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_ERROR_HPP
// end <telltale/error.hpp>
// begin <telltale/event/emitter.hpp>

#ifndef TELLTALE_EVENT_EMITTER_HPP
#define TELLTALE_EVENT_EMITTER_HPP

// begin <telltale/core/cursor.hpp>

#ifndef TELLTALE_CORE_CURSOR_HPP
#define TELLTALE_CORE_CURSOR_HPP

// <telltale/version.hpp> is above

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// A place in an ordered stream of events: "everything up to and including `offset` has been seen".
///
/// Offsets count from 1 within an epoch; offset 0 is before the first event. The epoch names one life of the stream:
/// cursors of different epochs cannot be compared, and a stream never continues a foreign epoch.
struct cursor {
    std::uint64_t epoch = 0;
    std::uint64_t offset = 0;

    friend bool operator==(const cursor&, const cursor&) = default;
};

/// "<epoch in hexadecimal>:<offset>".
inline std::string to_string(const cursor& c) {
    char text[40];
    char* end = std::to_chars(text, text + 20, c.epoch, 16).ptr;
    *end++ = ':';
    end = std::to_chars(end, text + sizeof text, c.offset).ptr;
    return {text, end};
}

/// What to_string wrote; anything else gives nothing.
inline std::optional<cursor> parse_cursor(std::string_view text) noexcept {
    cursor c;
    const char* const end = text.data() + text.size();
    const auto epoch = std::from_chars(text.data(), end, c.epoch, 16);
    if (epoch.ec != std::errc{} || epoch.ptr == end || *epoch.ptr != ':') return std::nullopt;
    const auto offset = std::from_chars(epoch.ptr + 1, end, c.offset);
    if (offset.ec != std::errc{} || offset.ptr != end) return std::nullopt;
    return c;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_CURSOR_HPP
// end <telltale/core/cursor.hpp>
// begin <telltale/event/delivery.hpp>

#ifndef TELLTALE_EVENT_DELIVERY_HPP
#define TELLTALE_EVENT_DELIVERY_HPP

// <telltale/core/cursor.hpp> is above

#include <cstdint>
#include <memory>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// What a subscription receives: an event, or the statement that events are missing here. Cheap to copy.
template <class Event>
struct delivery {
    /// The place of the event in the stream; of a gap: of the last event that is missing.
    cursor at{};
    /// Null: this is a gap.
    std::shared_ptr<const Event> event{};
    /// Of a gap: how many events are missing, counting those that a filter would have held back where that cannot be
    /// told; absent where nobody knows (a cursor of a former life of the stream).
    std::optional<std::uint64_t> lost{};

    bool is_gap() const noexcept { return event == nullptr; }

    const Event& operator*() const noexcept { return *event; }
    const Event* operator->() const noexcept { return event.get(); }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_DELIVERY_HPP
// end <telltale/event/delivery.hpp>
// begin <telltale/event/detail/stream.hpp>

#ifndef TELLTALE_EVENT_DETAIL_STREAM_HPP
#define TELLTALE_EVENT_DETAIL_STREAM_HPP

// <telltale/asio.hpp> is above
// <telltale/core/cursor.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/event/detail/event_traits.hpp>

#ifndef TELLTALE_EVENT_DETAIL_EVENT_TRAITS_HPP
#define TELLTALE_EVENT_DETAIL_EVENT_TRAITS_HPP

// <telltale/version.hpp> is above

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

// What an emitter asks of a type of events, by functions that argument-dependent lookup finds beside the type.

namespace telltale::inline TELLTALE_ABI::detail {

struct ignore_key {
    void operator()(std::string_view, std::string_view) const noexcept {}
};

template <class Event>
concept has_conflation_key = requires(const Event& e) {
    { conflation_key(e) } -> std::convertible_to<std::string_view>;
};

template <class Event>
concept has_routing_keys = requires(const Event& e) {
    routing_keys(e, ignore_key{});
};

template <class Event>
concept has_routing_class = requires(const Event& e) {
    { routing_class(e) } -> std::convertible_to<unsigned>;
};

inline constexpr unsigned routing_classes = 64;

template <class Event>
std::string_view conflation_key_of(const Event& e) {
    if constexpr (has_conflation_key<Event>)
        return conflation_key(e);
    else
        return {};
}

/// Calls visit(value, name) for each.
template <class Event, class Visitor>
void visit_routing_keys([[maybe_unused]] const Event& e, [[maybe_unused]] Visitor visit) {
    if constexpr (has_routing_keys<Event>) routing_keys(e, visit);
}

/// Below routing_classes, or routing_classes: none.
template <class Event>
unsigned routing_class_of([[maybe_unused]] const Event& e) {
    if constexpr (has_routing_class<Event>) {
        const unsigned c = routing_class(e);
        return c < routing_classes ? c : routing_classes;
    } else {
        return routing_classes;
    }
}

template <class Event>
std::size_t byte_size_of(const Event& e) {
    if constexpr (requires {
                      { byte_size(e) } -> std::convertible_to<std::size_t>;
                  })
        return byte_size(e);
    else
        return sizeof(Event);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_EVENT_TRAITS_HPP
// end <telltale/event/detail/event_traits.hpp>
// begin <telltale/event/detail/subscriber.hpp>

#ifndef TELLTALE_EVENT_DETAIL_SUBSCRIBER_HPP
#define TELLTALE_EVENT_DETAIL_SUBSCRIBER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/cursor.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/event/delivery.hpp> is above
// <telltale/event/detail/event_traits.hpp> is above
// begin <telltale/event/detail/unread_events.hpp>

#ifndef TELLTALE_EVENT_DETAIL_UNREAD_EVENTS_HPP
#define TELLTALE_EVENT_DETAIL_UNREAD_EVENTS_HPP

// <telltale/version.hpp> is above

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Events in the order of their places: a ring that grows, from which one in the middle can be taken out.
template <class Event>
class unread_events {
public:
    struct entry {
        std::uint64_t place = 0;
        std::shared_ptr<const Event> event{}; ///< null: taken out
    };

    bool empty() const noexcept { return size_ == 0; }

    /// Without those taken out.
    std::size_t size() const noexcept { return size_; }

    /// The oldest. Not if empty.
    const entry& front() const noexcept { return ring_[first_]; }

    void push(std::uint64_t place, const std::shared_ptr<const Event>& event) {
        if (used_ == ring_.size()) grow();
        entry& e = at(used_);
        e.place = place;
        e.event = event;
        ++used_;
        ++size_;
    }

    entry pop() noexcept {
        entry oldest = std::move(at(0));
        --size_;
        drop_front();
        if (size_ == 0 && ring_.size() > kept_when_empty) ring_ = {};
        return oldest;
    }

    /// The event at this place if it is there, or null.
    const Event* find(std::uint64_t place) const noexcept {
        const std::size_t i = index_of(place);
        return i < used_ && at(i).place == place ? at(i).event.get() : nullptr;
    }

    /// Takes out an event that find() found.
    void erase(std::uint64_t place) noexcept {
        const std::size_t i = index_of(place);
        at(i).event.reset();
        --size_;
        if (i == 0)
            drop_front();
        else if (used_ > 2 * size_ + 16)
            compact();
    }

private:
    // A reader that fell behind once does not keep the memory of it.
    static constexpr std::size_t kept_when_empty = 64;

    entry& at(std::size_t i) noexcept { return ring_[(first_ + i) & (ring_.size() - 1)]; }
    const entry& at(std::size_t i) const noexcept { return ring_[(first_ + i) & (ring_.size() - 1)]; }

    // The first that is not before `place`.
    std::size_t index_of(std::uint64_t place) const noexcept {
        std::size_t low = 0;
        for (std::size_t high = used_; low < high;) {
            const std::size_t middle = low + (high - low) / 2;
            if (at(middle).place < place)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    // The first entry is always an event, never one taken out.
    void drop_front() noexcept {
        do {
            first_ = (first_ + 1) & (ring_.size() - 1);
            --used_;
        } while (used_ > 0 && !at(0).event);
    }

    void compact() noexcept {
        std::size_t to = 0;
        for (std::size_t from = 0; from < used_; ++from)
            if (at(from).event && from != to++) at(to - 1) = std::move(at(from));
        used_ = to;
    }

    void grow() {
        std::vector<entry> larger(ring_.empty() ? 8 : 2 * ring_.size());
        for (std::size_t i = 0; i < used_; ++i) larger[i] = std::move(at(i));
        ring_.swap(larger);
        first_ = 0;
    }

    std::vector<entry> ring_; // its size is a power of two, or nothing
    std::size_t first_ = 0;
    std::size_t used_ = 0; // with those taken out
    std::size_t size_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_UNREAD_EVENTS_HPP
// end <telltale/event/detail/unread_events.hpp>
// begin <telltale/event/subscription_options.hpp>

#ifndef TELLTALE_EVENT_SUBSCRIPTION_OPTIONS_HPP
#define TELLTALE_EVENT_SUBSCRIPTION_OPTIONS_HPP

// <telltale/core/cursor.hpp> is above

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What becomes of a subscription whose reader falls behind by more than its capacity.
enum class overflow_policy : std::uint8_t {
    gap, ///< the oldest unread events are dropped, and the reader is told how many, where they are missing
    end  ///< the subscription ends with errc::fell_behind after what is unread; position() is where to resume
};

/// One of the things by which an event is found without asking every subscription: a value, under a name where events
/// have values of several sorts (of telltale::event: a job's id without a name, and its labels).
struct routing_key {
    std::string value{};
    std::string name{};

    friend auto operator<=>(const routing_key&, const routing_key&) = default;
};

/// What a subscription wants. `keys`, `classes` and `filter` must all agree. To a subscription that is told apart by keys
/// or classes, an event that it does not want costs nothing; `filter` is asked for each event that is left.
/// filtered() makes the options for telltale::event from a telltale::filter.
template <class Event>
struct subscription_options {
    /// Unread events that are kept, at least 1.
    std::size_t capacity = 1024;
    overflow_policy overflow = overflow_policy::gap;
    /// Whether an unread event is replaced by a newer one of the same conflation_key. If not, it counts as any other.
    bool conflate = true;
    /// Only events that have one of these by their routing_keys; empty: all. Without effect on events without.
    std::vector<routing_key> keys{};
    /// Bit i: events whose routing_class is i; no bit: all. Without effect on events without.
    std::uint64_t classes = 0;
    /// Which events are wanted; empty: all. Called by the emitter with its lock held: fast, without side effects, and
    /// never back into the emitter.
    std::function<bool(const Event&)> filter{};
    /// Continue after this place: what history has of it comes first, and a gap if it does not reach back to it.
    /// Absent: from now on.
    std::optional<cursor> from{};
};

/// How a subscription fares: `delivered + unread + conflated + dropped` is how many events it wanted since it began.
struct subscription_statistics {
    std::uint64_t delivered = 0; ///< events that the reader was given, without gaps
    std::uint64_t conflated = 0; ///< unread events that a newer one of the same key replaced
    std::uint64_t dropped = 0;   ///< events of which gaps tell, where their number is known
    std::size_t unread = 0;      ///< events that wait for the reader: its lag
    cursor position{};           ///< of what was received last, or where the subscription began
    cursor newest{};             ///< of the last event of the emitter, wanted or not
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_SUBSCRIPTION_OPTIONS_HPP
// end <telltale/event/subscription_options.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// An event on its way to the subscriptions.
template <class Event>
struct told_event {
    explicit told_event(Event&& e) : event(std::make_shared<const Event>(std::move(e))) { describe(); }
    told_event(std::shared_ptr<const Event> e, cursor where) : event(std::move(e)), at(where) { describe(); }

    void describe() {
        kind = routing_class_of(*event);
        if (const std::string_view key = conflation_key_of(*event); !key.empty())
            key_hash = std::hash<std::string_view>{}(key) | 1U;
    }

    std::shared_ptr<const Event> event;
    cursor at{};
    unsigned kind = routing_classes;
    std::size_t key_hash = 0; ///< of the conflation key; 0: none
};

/// What a subscription and its suspended operations share. Its mutex is that of the stream, which is held wherever nothing
/// else is said.
template <class Event>
class subscriber final : public wait_state {
public:
    /// `stream`: kept alive; `mutex`: in it.
    subscriber(net::execution_context& context, std::shared_ptr<const void> stream, std::mutex& mutex,
               subscription_options<Event> options)
        : wait_state(context, &mutex), stream_(std::move(stream)), options_(std::move(options)) {
        options_.capacity = std::max<std::size_t>(options_.capacity, 1);
        auto& keys = options_.keys;
        if constexpr (!has_routing_keys<Event>) keys.clear();
        if constexpr (!has_routing_class<Event>) options_.classes = 0;
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    }

    const std::vector<routing_key>& keys() const noexcept { return options_.keys; }
    std::uint64_t classes() const noexcept { return options_.classes; }

    /// For an event by whose keys this subscription was found, or that was not asked for keys.
    bool wants(const told_event<Event>& told) const {
        if (options_.classes != 0 && (told.kind == routing_classes || (options_.classes >> told.kind & 1U) == 0))
            return false;
        return !options_.filter || options_.filter(*told.event);
    }

    /// Called for each event in order. An operation that waited for it goes into `woken`, ready.
    void tell(const told_event<Event>& told, wait_list& woken) {
        if (ended_ || seen_ == told.at.offset || !wants(told)) return;
        seen_ = told.at.offset; // an event may be found by several keys
        if (wait_node* const reader = receivers_.pop_front()) {
            auto& result = static_cast<waiter<delivery<Event>>*>(reader)->result();
            std::get<1>(result) = delivery<Event>{told.at, told.event, std::nullopt};
            position_ = told.at;
            ++counts_.delivered;
            woken.push_back(*reader);
            return;
        }
        keep(told, options_.capacity);
        woken.take(watchers_);
    }

    /// Fills a subscription that is not read yet with history, however long.
    void preload(const told_event<Event>& told) { keep(told, std::numeric_limits<std::size_t>::max()); }

    void start_at(cursor at) noexcept { position_ = at; }

    void miss(cursor until, std::optional<std::uint64_t> lost) {
        gap_ = delivery<Event>{until, nullptr, lost};
        counts_.dropped += lost.value_or(0);
        something_.store(true, std::memory_order_relaxed);
    }

    /// What is unread can still be read, then reading gives `reason`.
    void end(error_code reason) noexcept {
        if (!ended_) end_ = reason;
        ended_ = true;
        something_.store(true, std::memory_order_relaxed);
    }

    /// Nothing can be read any more. What was unread, for destruction without the mutex.
    unread_events<Event> abandon() noexcept {
        ended_ = true;
        end_ = net::error::operation_aborted;
        gap_.reset();
        return std::exchange(unread_, {});
    }

    /// Whether there is something to read. Any time, without the mutex: then it may be news soon.
    bool has_something() const noexcept { return something_.load(std::memory_order_relaxed); }

    /// The next event or gap. False: there is none.
    bool take(delivery<Event>& next) noexcept {
        if (gap_) {
            next = *std::exchange(gap_, std::nullopt);
        } else if (!unread_.empty()) {
            auto oldest = unread_.pop();
            next = delivery<Event>{{epoch_, oldest.place}, std::move(oldest.event), std::nullopt};
            ++counts_.delivered;
        } else {
            return false;
        }
        position_ = next.at;
        if (unread_.empty() && !ended_) something_.store(false, std::memory_order_relaxed);
        return true;
    }

    /// As often as there is something, but at most `max` times, into `all`.
    void take_some(std::vector<delivery<Event>>& all, std::size_t max) {
        all.reserve(all.size() + std::min(max, unread_.size() + (gap_ ? 1 : 0)));
        for (; max > 0; --max)
            if (!take(all.emplace_back())) return all.pop_back();
    }

    /// Why there will never be anything to read again, or nothing.
    error_code reason() const noexcept { return unread_.empty() && !gap_ ? end_ : error_code{}; }

    // An operation that wants one: with its result, or the list in which it has to wait.
    wait_list* attempt(error_code& ec, delivery<Event>& next) noexcept {
        if (take(next)) return nullptr;
        ec = end_;
        return ended_ ? nullptr : &receivers_;
    }

    // An operation that wants to know when there is something.
    wait_list* attempt(error_code& ec) noexcept {
        if (!unread_.empty() || gap_) return nullptr;
        ec = end_;
        return ended_ ? nullptr : &watchers_;
    }

    cursor position() const noexcept { return position_; }

    subscription_statistics statistics(cursor newest) const noexcept {
        auto s = counts_;
        s.unread = unread_.size();
        s.position = position_;
        s.newest = newest;
        return s;
    }

    void set_epoch(std::uint64_t epoch) noexcept { epoch_ = epoch; }

    void take_all(wait_list& all) noexcept override {
        all.take(receivers_);
        all.take(watchers_);
    }

private:
    void keep(const told_event<Event>& told, std::size_t capacity) {
        if constexpr (has_conflation_key<Event>)
            if (told.key_hash != 0 && options_.conflate) supersede(told);
        if (unread_.size() >= capacity) {
            if (options_.overflow == overflow_policy::end) return end(make_error_code(errc::fell_behind));
            if (!gap_) gap_ = delivery<Event>{{}, nullptr, 0};
            gap_->at = {epoch_, unread_.pop().place};
            if (gap_->lost) ++*gap_->lost; // else nobody knows how many
            ++counts_.dropped;
        }
        unread_.push(told.at.offset, told.event);
        if (!has_something()) something_.store(true, std::memory_order_relaxed);
    }

    // Takes out an unread event of the same key. `newest_` may name places that were read long ago.
    void supersede(const told_event<Event>& told) {
        std::uint64_t& newest = newest_[told.key_hash];
        const Event* const older = unread_.find(newest);
        if (older && conflation_key_of(*older) == conflation_key_of(*told.event)) {
            unread_.erase(newest);
            ++counts_.conflated;
        }
        newest = told.at.offset;
        if (newest_.size() <= 2 * unread_.size() + 64) return;
        const std::uint64_t oldest = unread_.empty() ? told.at.offset : unread_.front().place;
        std::erase_if(newest_, [oldest](const auto& entry) { return entry.second < oldest; });
    }

    // Read for every event:
    wait_list receivers_; // want an event
    wait_list watchers_;  // want to know that there is one
    std::uint64_t seen_ = 0;
    std::uint64_t epoch_ = 0;
    unread_events<Event> unread_;
    std::optional<delivery<Event>> gap_; // stands before all that is unread
    bool ended_ = false;
    std::atomic<bool> something_{false};
    cursor position_;
    subscription_statistics counts_;
    error_code end_;
    std::unordered_map<std::size_t, std::uint64_t> newest_; // hash of a conflation key: the place of its newest event
    std::shared_ptr<const void> stream_;
    subscription_options<Event> options_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_SUBSCRIBER_HPP
// end <telltale/event/detail/subscriber.hpp>
// begin <telltale/event/detail/subscriber_index.hpp>

#ifndef TELLTALE_EVENT_DETAIL_SUBSCRIBER_INDEX_HPP
#define TELLTALE_EVENT_DETAIL_SUBSCRIBER_INDEX_HPP

// <telltale/event/detail/event_traits.hpp> is above
// <telltale/event/detail/subscriber.hpp> is above

#include <array>
#include <cstddef>
#include <functional>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Finds the subscriptions that may want an event: those of its keys, those of its class, and those that want everything.
template <class Event>
class subscriber_index {
    struct link;

public:
    /// Some subscriptions, in no particular order.
    class group {
    public:
        template <class Function>
        void for_each(Function f) const {
            for (const link& l : links_) f(*l.to);
        }
        std::size_t size() const noexcept { return links_.size(); }

    private:
        friend class subscriber_index;
        std::vector<link> links_;
    };

    bool empty() const noexcept { return places_.empty(); }
    std::size_t size() const noexcept { return places_.size(); }

    void add(subscriber<Event>& s) {
        auto& at = places_[&s];
        try {
            if (!s.keys().empty()) {
                for (const auto& key : s.keys()) insert(s, at, by_key_[key]);
                for (const auto& key : s.keys()) named_keys_ += key.name.empty() ? 0U : 1U;
            } else if (s.classes() != 0) {
                for (unsigned c = 0; c < by_class_.size(); ++c)
                    if ((s.classes() >> c & 1U) != 0) insert(s, at, by_class_[c]);
            } else {
                insert(s, at, everything_);
            }
        } catch (...) {
            erase(at);
            places_.erase(&s);
            throw;
        }
    }

    void remove(subscriber<Event>& s) noexcept {
        const auto found = places_.find(&s);
        if (found == places_.end()) return;
        erase(found->second);
        for (const auto& key : s.keys()) {
            named_keys_ -= key.name.empty() ? 0U : 1U;
            if (const auto bucket = by_key_.find(key); bucket != by_key_.end() && bucket->second.links_.empty())
                by_key_.erase(bucket);
        }
        places_.erase(found);
    }

    /// Adds to `found` the groups, none empty, in which the subscriptions are that this event concerns.
    void find(const Event& e, std::vector<const group*>& found) const {
        if (everything_.size() > 0) found.push_back(&everything_);
        if constexpr (has_routing_class<Event>)
            if (const unsigned c = routing_class_of(e); c < by_class_.size() && by_class_[c].size() > 0)
                found.push_back(&by_class_[c]);
        if constexpr (has_routing_keys<Event>) {
            if (by_key_.empty()) return;
            visit_routing_keys(e, [&](std::string_view value, std::string_view name = {}) {
                if (named_keys_ == 0 && !name.empty()) return;
                if (const auto bucket = by_key_.find(key_view{value, name}); bucket != by_key_.end())
                    found.push_back(&bucket->second);
            });
        }
    }

    template <class Function>
    void for_each(Function f) const {
        for (const auto& [s, at] : places_) f(*s);
    }

private:
    // Where a subscription stands, and where that is written down: so that taking one out of many is one step.
    struct place {
        group* in;
        std::size_t index;
    };
    using places = std::vector<place>;
    struct link {
        subscriber<Event>* to;
        places* written;
        std::size_t number;
    };

    struct key_view {
        std::string_view value;
        std::string_view name;
        key_view(std::string_view v, std::string_view n) noexcept : value(v), name(n) {}
        key_view(const routing_key& k) noexcept : value(k.value), name(k.name) {} // NOLINT(google-explicit-constructor)
        bool operator==(const key_view&) const = default;
    };
    struct key_hash {
        using is_transparent = void;
        std::size_t operator()(key_view k) const noexcept {
            const std::hash<std::string_view> hash;
            return k.name.empty() ? hash(k.value) : hash(k.value) * 31U + hash(k.name);
        }
    };
    struct key_equal {
        using is_transparent = void;
        bool operator()(key_view a, key_view b) const noexcept { return a == b; }
    };

    static void insert(subscriber<Event>& s, places& at, group& g) {
        at.reserve(at.size() + 1);
        g.links_.push_back({&s, &at, at.size()});
        at.push_back({&g, g.links_.size() - 1});
    }

    static void erase(places& at) noexcept {
        for (const place& p : at) {
            auto& links = p.in->links_;
            links[p.index] = links.back();
            (*links[p.index].written)[links[p.index].number].index = p.index;
            links.pop_back();
        }
        at.clear();
    }

    group everything_;
    std::array<group, has_routing_class<Event> ? routing_classes : 0> by_class_;
    std::unordered_map<routing_key, group, key_hash, key_equal> by_key_;
    std::size_t named_keys_ = 0;
    std::unordered_map<subscriber<Event>*, places> places_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_SUBSCRIBER_INDEX_HPP
// end <telltale/event/detail/subscriber_index.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Events that are to be destroyed without the mutex. Nearly always one.
template <class Event>
class forgotten_events {
public:
    void add(std::shared_ptr<const Event> event) {
        if (first_)
            more_.push_back(std::move(event));
        else
            first_ = std::move(event);
    }

private:
    std::shared_ptr<const Event> first_;
    std::vector<std::shared_ptr<const Event>> more_;
};

/// The last events, as many as fit.
template <class Event>
class event_history {
public:
    event_history(std::size_t limit, std::size_t byte_limit) : limit_(limit), byte_limit_(byte_limit) {}

    bool enabled() const noexcept { return limit_ > 0; }
    std::size_t size() const noexcept { return events_.size(); }
    const std::shared_ptr<const Event>& operator[](std::size_t i) const noexcept { return events_[i].event; }

    void add(const std::shared_ptr<const Event>& event, forgotten_events<Event>& forgotten) {
        const std::size_t bytes = byte_size_of(*event);
        events_.push_back({event, bytes});
        bytes_ += bytes;
        while (events_.size() > limit_ || bytes_ > byte_limit_) {
            bytes_ -= events_.front().bytes;
            forgotten.add(std::move(events_.front().event));
            events_.pop_front();
        }
    }

private:
    struct entry {
        std::shared_ptr<const Event> event;
        std::size_t bytes;
    };
    std::deque<entry> events_;
    const std::size_t limit_;
    const std::size_t byte_limit_;
    std::size_t bytes_ = 0;
};

/// What an emitter and its subscriptions share.
template <class Event>
class event_stream : public std::enable_shared_from_this<event_stream<Event>> {
public:
    event_stream(std::size_t history, std::size_t history_bytes)
        : history_(history, history_bytes), active_(history > 0) {}

    void emit(Event&& e) {
        if (!active_.load(std::memory_order_acquire)) {
            // Nobody listens and nothing is kept. A place in this life of the stream means nothing from here on.
            if (!skipped_.load(std::memory_order_relaxed)) skipped_.store(true, std::memory_order_relaxed);
            return;
        }
        tell(std::move(e));
    }

    std::shared_ptr<subscriber<Event>> add(net::execution_context& context, subscription_options<Event> options) {
        const auto from = options.from;
        auto s = std::make_shared<subscriber<Event>>(context, this->shared_from_this(), mutex_, std::move(options));
        const std::lock_guard lock(mutex_);
        if (closed_) {
            s->end(make_error_code(errc::closed));
        } else {
            index_.add(*s);
            active_.store(true, std::memory_order_release);
        }
        if (skipped_.exchange(false)) at_ = cursor{new_epoch(), 0};
        s->set_epoch(at_.epoch);
        s->start_at(from.value_or(at_));
        if (from) replay(*s, *from);
        return s;
    }

    void remove(subscriber<Event>& s) {
        wait_list waiting;
        unread_events<Event> unread;
        {
            const std::lock_guard lock(mutex_);
            index_.remove(s);
            active_.store(history_.enabled() || !index_.empty(), std::memory_order_release);
            unread = s.abandon();
            s.take_all(waiting);
        }
        waiting.finish_all(net::error::operation_aborted);
    }

    void close() {
        wait_list waiting;
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
            index_.for_each([&](subscriber<Event>& s) {
                s.end(make_error_code(errc::closed));
                s.take_all(waiting);
            });
        }
        waiting.finish_all(make_error_code(errc::closed));
    }

    cursor now() const {
        const std::lock_guard lock(mutex_);
        return at_;
    }

    std::size_t subscribers() const {
        const std::lock_guard lock(mutex_);
        return closed_ ? 0 : index_.size();
    }

    std::mutex& mutex() noexcept { return mutex_; }

    // With the mutex held.
    cursor newest() const noexcept { return at_; }

private:
    void tell(Event&& e) {
        forgotten_events<Event> forgotten;
        struct ready_at_exit { // also where a filter throws
            wait_list list;
            ~ready_at_exit() { list.ready_all(); }
        } woken;
        {
            const std::lock_guard lock(mutex_);
            found_.clear();
            index_.find(e, found_);
            if (found_.empty() && !history_.enabled()) {
                ++at_.offset;
                return;
            }
            told_event<Event> told(std::move(e));
            told.at = {at_.epoch, ++at_.offset};
            if (history_.enabled()) history_.add(told.event, forgotten);
            for (const auto* const group : found_)
                group->for_each([&](subscriber<Event>& s) { s.tell(told, woken.list); });
        }
        woken.list.ready_all();
    }

    static std::uint64_t new_epoch() {
        std::random_device random;
        return (static_cast<std::uint64_t>(random()) << 32U | random()) | 1U;
    }

    // With the mutex held.
    void replay(subscriber<Event>& s, const cursor& from) {
        if (from.epoch != at_.epoch || from.offset > at_.offset) {
            s.miss(at_, std::nullopt);
            return;
        }
        const std::uint64_t kept_after = at_.offset - history_.size();
        if (from.offset < kept_after) s.miss(cursor{at_.epoch, kept_after}, kept_after - from.offset);
        const std::uint64_t first = from.offset > kept_after ? from.offset - kept_after : 0;
        for (std::uint64_t i = first; i < history_.size(); ++i) {
            const told_event<Event> told(history_[i], {at_.epoch, kept_after + i + 1});
            if (has_key_of(s, *told.event) && s.wants(told)) s.preload(told);
        }
    }

    static bool has_key_of(const subscriber<Event>& s, const Event& e) {
        if (s.keys().empty()) return true;
        bool found = false;
        visit_routing_keys(e, [&](std::string_view value, std::string_view name = {}) {
            found = found || std::any_of(s.keys().begin(), s.keys().end(),
                                         [&](const auto& key) { return key.value == value && key.name == name; });
        });
        return found;
    }

    mutable std::mutex mutex_;
    cursor at_{new_epoch(), 0};
    event_history<Event> history_;
    subscriber_index<Event> index_;
    std::vector<const typename subscriber_index<Event>::group*> found_; // kept for its memory
    bool closed_ = false;
    std::atomic<bool> active_;
    std::atomic<bool> skipped_{false};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_STREAM_HPP
// end <telltale/event/detail/stream.hpp>
// begin <telltale/event/subscription.hpp>

#ifndef TELLTALE_EVENT_SUBSCRIPTION_HPP
#define TELLTALE_EVENT_SUBSCRIPTION_HPP

// <telltale/asio.hpp> is above
// <telltale/core/cursor.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/event/delivery.hpp> is above
// begin <telltale/event/detail/receive_some.hpp>

#ifndef TELLTALE_EVENT_DETAIL_RECEIVE_SOME_HPP
#define TELLTALE_EVENT_DETAIL_RECEIVE_SOME_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/event/delivery.hpp> is above
// <telltale/event/detail/subscriber.hpp> is above

#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Waits until there is something to read, and takes as much as is there when its turn comes to run: events that were
/// emitted meanwhile are in the same batch.
template <class Event, class Handler, class Executor>
class receive_some_operation {
public:
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = net::associated_allocator_t<Handler>;
    using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;

    template <class H>
    receive_some_operation(std::shared_ptr<subscriber<Event>> from, const Executor& executor, H&& handler,
                           std::size_t max, std::vector<delivery<Event>> batch)
        : from_(std::move(from)),
          executor_(executor),
          handler_(std::forward<H>(handler)),
          max_(max),
          batch_(std::move(batch)) {}

    executor_type get_executor() const noexcept { return net::get_associated_executor(handler_, executor_); }
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler_); }
    cancellation_slot_type get_cancellation_slot() const noexcept {
        return net::get_associated_cancellation_slot(handler_);
    }

    static void start(receive_some_operation op) {
        const auto from = op.from_;
        const Executor executor = op.executor_;
        start_wait<>(from, std::move(op), executor,
                     [&from](std::tuple<error_code>& result) { return from->attempt(std::get<0>(result)); });
    }

    void operator()(error_code ec) {
        if (!ec) {
            {
                const std::lock_guard lock(from_->mutex());
                from_->take_some(batch_, max_);
            }
            if (batch_.empty()) return start(std::move(*this)); // another reader was faster
        }
        from_.reset();
        std::move(handler_)(ec, std::move(batch_));
    }

private:
    std::shared_ptr<subscriber<Event>> from_;
    Executor executor_;
    Handler handler_;
    std::size_t max_;
    std::vector<delivery<Event>> batch_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_RECEIVE_SOME_HPP
// end <telltale/event/detail/receive_some.hpp>
// <telltale/event/detail/stream.hpp> is above
// <telltale/event/subscription_options.hpp> is above

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// The reading end of an emitter: events in order, each once, bounded. Ended by being destroyed.
///
/// Where events have a conflation_key (the progress of a job), an unread event is replaced by a newer one of the same
/// key; no other event is ever lost without a gap that says so.
///
///     auto events = board.subscribe();
///     const auto told = co_await events.receive();
///     if (told.is_gap()) look_at_everything(board.jobs()); // so many are missing: told.lost
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for statistics(); the emitter may be used from any thread all the
/// same.
template <class Event, class Executor = net::any_io_executor>
class subscription {
public:
    using executor_type = Executor;
    using delivery_type = delivery<Event>;
    using batch_type = std::vector<delivery_type>;

    static constexpr std::size_t all = std::numeric_limits<std::size_t>::max(); ///< for `max`: no limit

    /// For emitter::subscribe().
    subscription(const Executor& executor, std::shared_ptr<detail::event_stream<Event>> stream,
                 subscription_options<Event> options)
        : executor_(executor),
          stream_(std::move(stream)),
          state_(stream_->add(detail::context_of(executor), std::move(options))) {}

    subscription(subscription&&) noexcept = default;
    subscription& operator=(subscription&&) = delete;

    /// Whoever still waits gets operation_aborted. What is unread is gone; another subscription can have it, from
    /// position() on.
    ~subscription() {
        if (state_) stream_->remove(*state_);
    }

    executor_type get_executor() const noexcept { return executor_; }

    /// Where the reader is: the place of what was received last, or where the subscription began. Give it as `from` to
    /// go on from there later.
    cursor position() const {
        const std::lock_guard lock(state_->mutex());
        return state_->position();
    }

    /// How the reader fares. Any thread, while the subscription exists.
    subscription_statistics statistics() const {
        const std::lock_guard lock(state_->mutex());
        return state_->statistics(stream_->newest());
    }

    /// What is unread, or nothing. Never suspends.
    [[nodiscard]] std::optional<delivery_type> try_receive() {
        std::optional<delivery_type> result;
        if (!state_->has_something()) return result;
        const std::lock_guard lock(state_->mutex());
        if (!state_->take(result.emplace())) result.reset();
        return result;
    }

    /// Replaces what is in `batch` by what is unread, at most `max`. How many there were. Never suspends.
    std::size_t try_receive_some(batch_type& batch, std::size_t max = all) {
        batch.clear();
        if (!state_->has_something()) return 0;
        const std::lock_guard lock(state_->mutex());
        state_->take_some(batch, max);
        return batch.size();
    }

    /// Waits for the next event or gap.
    ///
    /// @par Completion signature
    /// `void(error_code, delivery<Event>)`
    /// @par Error codes
    /// `errc::closed`: the emitter is gone and all was read; `errc::fell_behind`: with overflow_policy::end;
    /// `operation_aborted`: cancelled, or the subscription was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting. No event is lost: one that was given stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the subscription's).
    template <class Token = default_token_t<Executor>>
    auto async_receive(Token&& token = {}) {
        return detail::async_start<void(error_code, delivery_type)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<delivery_type>(state, std::forward<decltype(handler)>(handler), executor,
                                                  [&state](std::tuple<error_code, delivery_type>& result) {
                                                      return state->attempt(std::get<0>(result), std::get<1>(result));
                                                  });
            },
            std::forward<Token>(token));
    }

    /// As async_receive, but does not suspend when something is unread. Throws system_error.
    [[nodiscard]] net::awaitable<delivery_type, Executor> receive() {
        // Where it will have to wait, without a coroutine more.
        if (!state_->has_something()) return async_receive(net::use_awaitable_t<Executor>{});
        return receive_unread();
    }

    /// Waits until something is unread, and takes all of it, at most `max` and at least 1. What was emitted until the
    /// handler ran belongs to it. A batch that was received before can be given as `reuse`, for its memory.
    ///
    /// @par Completion signature
    /// `void(error_code, std::vector<delivery<Event>>)`, never empty without an error
    /// @par Error codes, cancellation, executor
    /// as async_receive; an operation that ends with an error has taken nothing.
    template <class Token = default_token_t<Executor>>
        requires(!std::same_as<std::remove_cvref_t<Token>, batch_type>)
    auto async_receive_some(std::size_t max, Token&& token = {}) {
        return async_receive_some(batch_type{}, max, std::forward<Token>(token));
    }
    template <class Token = default_token_t<Executor>>
    auto async_receive_some(batch_type reuse, std::size_t max, Token&& token = {}) {
        reuse.clear();
        return detail::async_start<void(error_code, batch_type)>(
            executor_,
            [state = state_, batch = std::move(reuse),
             max = std::max<std::size_t>(max, 1)](auto&& handler, const Executor& executor) mutable {
                using operation = detail::receive_some_operation<Event, std::decay_t<decltype(handler)>, Executor>;
                operation::start(
                    operation(state, executor, std::forward<decltype(handler)>(handler), max, std::move(batch)));
            },
            std::forward<Token>(token));
    }

    /// As async_receive_some, but does not suspend when something is unread. Throws system_error.
    [[nodiscard]] net::awaitable<batch_type, Executor> receive_some(std::size_t max = all, batch_type reuse = {}) {
        if (try_receive_some(reuse, std::max<std::size_t>(max, 1)) > 0) co_return std::move(reuse);
        co_return co_await async_receive_some(std::move(reuse), max, net::use_awaitable_t<Executor>{});
    }

private:
    net::awaitable<delivery_type, Executor> receive_unread() {
        if (auto d = try_receive()) co_return std::move(*d);
        co_return co_await async_receive(net::use_awaitable_t<Executor>{});
    }

    Executor executor_;
    std::shared_ptr<detail::event_stream<Event>> stream_;
    std::shared_ptr<detail::subscriber<Event>> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_SUBSCRIPTION_HPP
// end <telltale/event/subscription.hpp>
// <telltale/event/subscription_options.hpp> is above

#include <cstddef>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct emitter_options {
    /// How many past events are kept for subscriptions that begin with a cursor. 0: none.
    std::size_t history = 0;
    /// How many bytes of them, by their byte_size; what does not fit is forgotten, oldest first.
    std::size_t history_bytes = std::size_t{64} << 20U;
};

/// Tells events to whoever subscribes: in one order for all, each subscription with its own bound.
///
///     telltale::emitter<std::string> news;
///     auto reader = news.subscribe(executor);
///     news.emit("hello");
///     auto d = co_await reader.receive();
///
/// Without a subscription and without history emit costs a load and a branch; otherwise it costs as much as there are
/// subscriptions that want the event, not as there are subscriptions.
///
/// `Event` is movable. Functions beside it, found by argument-dependent lookup, say more of it; each may be missing:
/// - `std::string_view conflation_key(const Event&)`: events with the same non-empty key are latest-wins;
/// - `void routing_keys(const Event&, auto&& visit)` calls `visit(value)` or `visit(value, name)`, both std::string_view,
///   for each key by which subscriptions can ask for it (subscription_options::keys);
/// - `unsigned routing_class(const Event&)`, below 64: what sort of event it is (subscription_options::classes);
/// - `std::size_t byte_size(const Event&)`: what it takes in memory; without: sizeof(Event).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Event>
class emitter {
public:
    explicit emitter(emitter_options options = {})
        : stream_(std::make_shared<detail::event_stream<Event>>(options.history, options.history_bytes)) {}

    emitter(const emitter&) = delete;
    emitter& operator=(const emitter&) = delete;

    /// Subscriptions can read what is unread, and then get errc::closed.
    ~emitter() { stream_->close(); }

    /// Tells an event to all who want it. Never waits for a reader. What a filter throws comes out here; some have been
    /// told then, others not.
    void emit(Event e) { stream_->emit(std::move(e)); }

    /// Begins to listen: from now on, or after a cursor. `executor`: where handlers run that have no executor of their
    /// own. Costs as much as there is history to look through.
    template <class Executor>
    [[nodiscard]] subscription<Event, Executor> subscribe(const Executor& executor,
                                                          subscription_options<Event> options = {}) {
        return {executor, stream_, std::move(options)};
    }

    /// The place of the last event.
    cursor position() const { return stream_->now(); }

    /// How many subscriptions there are at this moment.
    std::size_t subscribers() const { return stream_->subscribers(); }

private:
    std::shared_ptr<detail::event_stream<Event>> stream_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_EMITTER_HPP
// end <telltale/event/emitter.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct board_options {
    /// Events that are kept for subscriptions which begin with a cursor.
    std::size_t history = 10'000;
    /// How many bytes of them, about.
    std::size_t history_bytes = std::size_t{64} << 20U;
    /// Jobs in a terminal state that are kept; of more, those that ended first are forgotten. Others are never forgotten.
    std::size_t finished_jobs = 10'000;
};

namespace detail {

class board_state final : public wait_state {
public:
    board_state(net::execution_context& context, board_options options)
        : wait_state(context),
          time_(&net::use_service<time_source>(context)),
          options_(options),
          journal_(std::make_unique<emitter<event>>(emitter_options{options.history, options.history_bytes})) {}

    emitter<event>& journal() noexcept { return *journal_; }

    void report(job_report r) {
        if (r.id.empty()) throw std::invalid_argument("telltale::board: a report without a job id");
        wait_list waiters;
        std::shared_ptr<const job> ended;
        {
            const std::lock_guard lock(mutex());
            if (closed_) return;
            entry& e = find_or_add(r.id);
            const timestamp now = time_->system_now();
            applied result = apply(e.record, std::move(r), now);
            if (result.refused) ++refused_;
            for (auto& told : result.events) journal_->emit(std::move(told));
            if (result.ended) {
                ended = e.record.current;
                waiters.take(e.waiters);
                finished_.push_back(ended->id);
            }
            forget_finished();
        }
        while (wait_node* const n = waiters.pop_front()) static_cast<waiter<job>*>(n)->complete({}, *ended);
    }

    void emit_custom(std::string data, std::string_view id) {
        const std::lock_guard lock(mutex());
        if (closed_) return;
        const auto found = jobs_.find(id);
        journal_->emit(event{event_kind::custom, time_->system_now(),
                             found == jobs_.end() ? nullptr : found->second->record.current, std::move(data)});
    }

    std::shared_ptr<const job> find(std::string_view id) const {
        const std::lock_guard lock(mutex());
        const auto found = jobs_.find(id);
        return found == jobs_.end() ? nullptr : found->second->record.current;
    }

    /// Nothing is reported while this is held.
    [[nodiscard]] std::unique_lock<std::mutex> freeze() const { return std::unique_lock(mutex()); }

    std::vector<std::shared_ptr<const job>> jobs(const std::unique_lock<std::mutex>&, const filter& wanted) const {
        std::vector<std::shared_ptr<const job>> result;
        for (const auto& e : order_)
            if (wanted.matches(*e.record.current)) result.push_back(e.record.current);
        return result;
    }

    std::vector<std::shared_ptr<const job>> jobs(const filter& wanted) const { return jobs(freeze(), wanted); }

    std::uint64_t refused() const {
        const std::lock_guard lock(mutex());
        return refused_;
    }

    void close() {
        {
            const std::lock_guard lock(mutex());
            closed_ = true;
        }
        journal_.reset();
        finish_all(net::error::operation_aborted);
    }

    // With the mutex held.
    wait_list* attempt(const job_id& id, error_code& ec, job& result) {
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) {
            ec = errc::unknown_job;
            return nullptr;
        }
        entry& e = *found->second;
        if (!is_terminal(e.record.current->state)) return &e.waiters;
        result = *e.record.current;
        return nullptr;
    }

    void take_all(wait_list& all) noexcept override {
        for (auto& e : order_) all.take(e.waiters);
    }

private:
    struct entry {
        job_id id;
        job_record record;
        wait_list waiters;
    };

    entry& find_or_add(const job_id& id) {
        if (const auto found = jobs_.find(id); found != jobs_.end()) return *found->second;
        entry& e = order_.emplace_back();
        e.id = id;
        jobs_.emplace(std::string_view(e.id), std::prev(order_.end()));
        return e;
    }

    void forget_finished() {
        while (finished_.size() > options_.finished_jobs) {
            const job_id id = std::move(finished_.front());
            finished_.pop_front();
            const auto found = jobs_.find(id);
            // It may have begun another attempt since, or be forgotten already.
            if (found == jobs_.end() || !is_terminal(found->second->record.current->state)) continue;
            const auto place = found->second;
            jobs_.erase(found);
            order_.erase(place);
        }
    }

    time_source* time_;
    board_options options_;
    std::list<entry> order_; // by creation
    std::unordered_map<std::string_view, std::list<entry>::iterator> jobs_;
    std::deque<job_id> finished_;
    std::unique_ptr<emitter<event>> journal_; // its mutex comes after this one
    std::uint64_t refused_ = 0;
    bool closed_ = false;
};

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP
// end <telltale/board/detail/board_state.hpp>
// <telltale/core/cursor.hpp> is above
// <telltale/core/event.hpp> is above
// <telltale/core/filter.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/event/emitter.hpp> is above
// begin <telltale/event/filtered.hpp>

#ifndef TELLTALE_EVENT_FILTERED_HPP
#define TELLTALE_EVENT_FILTERED_HPP

// <telltale/core/event.hpp> is above
// <telltale/core/filter.hpp> is above
// <telltale/event/subscription_options.hpp> is above

#include <algorithm>
#include <cstdint>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Options for what passes a filter, told to the emitter as data: an event costs nothing to the subscriptions of other
/// jobs and kinds, however many there are. `options.keys` and `options.classes` are replaced; `options.filter` must
/// agree, too.
///
///     auto events = emitter.subscribe(executor, telltale::filtered({.jobs = {"42"}}));
inline subscription_options<event> filtered(filter wanted, subscription_options<event> options = {}) {
    options.keys.clear();
    options.classes = 0;
    for (const event_kind k : wanted.kinds) options.classes |= std::uint64_t{1} << static_cast<unsigned>(k);
    wanted.kinds.clear();
    for (auto& id : wanted.jobs) options.keys.push_back({std::move(id), {}});
    wanted.jobs.clear();
    if (options.keys.empty()) {
        // Any of the labels will do to be found by; but without a name it would be taken for a job.
        const auto named = std::find_if(wanted.labels.begin(), wanted.labels.end(),
                                        [](const auto& label) { return !label.first.empty(); });
        if (named != wanted.labels.end()) {
            options.keys.push_back({named->second, named->first});
            wanted.labels.erase(named);
        }
    }
    if (!wanted.labels.empty())
        options.filter = [labels = std::move(wanted), also = std::move(options.filter)](const event& e) {
            return labels.matches(e) && (!also || also(e));
        };
    return options;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_FILTERED_HPP
// end <telltale/event/filtered.hpp>
// <telltale/event/subscription.hpp> is above

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// One table of jobs and one ordered journal of what happened to them. The rules of job_state are enforced here and
/// nowhere else.
///
/// Producers report; consumers take a snapshot and every event after it. Neither knows the other.
///
///     telltale::board board(executor);
///     board.report({.id = "42", .state = job_state::queued});
///     auto [jobs, at, events] = board.watch();
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
class board {
public:
    using executor_type = net::any_io_executor;
    using job_ptr = std::shared_ptr<const job>;

    explicit board(executor_type executor, board_options options = {})
        : executor_(std::move(executor)),
          state_(std::make_shared<detail::board_state>(detail::context_of(executor_), options)) {}

    board(const board&) = delete;
    board& operator=(const board&) = delete;

    /// Whoever waits for a job gets operation_aborted; subscriptions end after what is unread; sinks that are still
    /// about are ignored from now on.
    ~board() { state_->close(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Takes a report in. What breaks the rules of job_state changes nothing, is counted, and is told as an event
    /// transition_refused. A report without an id is refused with an exception: std::invalid_argument.
    void report(job_report r) { state_->report(std::move(r)); }

    /// Where producers can report to. May outlive the board.
    job_sink sink() const;

    /// Tells a user's own event: `data` is a JSON value; `id` may name a job on the board.
    void emit_custom(std::string data, std::string_view id = {}) { state_->emit_custom(std::move(data), id); }

    /// The job as it is now, or null.
    job_ptr find(std::string_view id) const { return state_->find(id); }

    /// The jobs that pass the filter, in the order of their creation.
    std::vector<job_ptr> jobs(const filter& wanted = {}) const { return state_->jobs(wanted); }

    /// The place of the last event in the journal.
    cursor position() const { return state_->journal().position(); }

    /// How many reports were refused so far.
    std::uint64_t refused() const { return state_->refused(); }

    /// A snapshot, and everything that happens after it.
    struct view {
        std::vector<job_ptr> jobs;
        cursor at;
        subscription<event> events;
    };

    /// The jobs that pass the filter as they are now, and a subscription that continues exactly there: no event is
    /// missed, and none is seen twice, between the two. `options.filter` says nothing about the snapshot; `options.from`
    /// is replaced.
    view watch(filter wanted = {}, subscription_options<event> options = {}) {
        return watch_on(executor_, std::move(wanted), std::move(options));
    }

    /// The same, with the subscription on another executor.
    view watch_on(executor_type executor, filter wanted = {}, subscription_options<event> options = {});

    /// Only the events, from a cursor or from now on. `wanted` and `options.filter` must agree (see filtered()).
    subscription<event> subscribe(filter wanted = {}, subscription_options<event> options = {}) {
        return subscribe_on(executor_, std::move(wanted), std::move(options));
    }

    subscription<event> subscribe_on(executor_type executor, filter wanted = {},
                                     subscription_options<event> options = {});

    /// Passes a command to the job's control.
    command_result request(std::string_view id, job_command command);

    /// Waits until the job is in a terminal state.
    ///
    /// @par Completion signature
    /// `void(error_code, job)`
    /// @par Error codes
    /// `errc::unknown_job`: no such job on the board; `operation_aborted`: cancelled, or the board was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the job goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the board's).
    template <class Token = default_token_t<executor_type>>
    auto async_wait(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job)>(
            executor_,
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                detail::start_wait<job>(state, std::forward<decltype(handler)>(handler), executor,
                                        [&](std::tuple<error_code, job>& result) {
                                            return state->attempt(id, std::get<0>(result), std::get<1>(result));
                                        });
            },
            std::forward<Token>(token));
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::board_state> state_;
};

inline job_sink board::sink() const {
    return [weak = std::weak_ptr(state_)](job_report r) {
        if (const auto state = weak.lock()) state->report(std::move(r));
    };
}

inline board::view board::watch_on(executor_type executor, filter wanted, subscription_options<event> options) {
    options.from.reset();
    const auto locked = state_->freeze();
    auto jobs = state_->jobs(locked, wanted);
    auto at = position();
    return {std::move(jobs), at, subscribe_on(std::move(executor), std::move(wanted), std::move(options))};
}

inline subscription<event> board::subscribe_on(executor_type executor, filter wanted,
                                               subscription_options<event> options) {
    return state_->journal().subscribe(executor, filtered(std::move(wanted), std::move(options)));
}

inline command_result board::request(std::string_view id, job_command command) {
    const job_ptr j = find(id);
    if (!j) return command_result::unknown_job;
    if (!j->control || !j->control->supports(command)) return command_result::unsupported;
    return j->control->request(command);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BOARD_BOARD_HPP
// end <telltale/board/board.hpp>
// begin <telltale/board/show_jobs.hpp>

#ifndef TELLTALE_BOARD_SHOW_JOBS_HPP
#define TELLTALE_BOARD_SHOW_JOBS_HPP

// <telltale/asio.hpp> is above
// <telltale/board/board.hpp> is above
// <telltale/core/event.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/error.hpp> is above
// <telltale/event/delivery.hpp> is above
// <telltale/event/subscription.hpp> is above
// begin <telltale/progress/bar_writer.hpp>

#ifndef TELLTALE_PROGRESS_BAR_WRITER_HPP
#define TELLTALE_PROGRESS_BAR_WRITER_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/time.hpp> is above
// begin <telltale/progress/bar.hpp>

#ifndef TELLTALE_PROGRESS_BAR_HPP
#define TELLTALE_PROGRESS_BAR_HPP

// <telltale/core/job.hpp> is above
// begin <telltale/progress/bar_item.hpp>

#ifndef TELLTALE_PROGRESS_BAR_ITEM_HPP
#define TELLTALE_PROGRESS_BAR_ITEM_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/core/time.hpp> is above
// <telltale/core/watch_health.hpp> is above
// begin <telltale/progress/stage_snapshot.hpp>

#ifndef TELLTALE_PROGRESS_STAGE_SNAPSHOT_HPP
#define TELLTALE_PROGRESS_STAGE_SNAPSHOT_HPP

// <telltale/core/progress.hpp> is above
// begin <telltale/progress/progress_snapshot.hpp>

#ifndef TELLTALE_PROGRESS_PROGRESS_SNAPSHOT_HPP
#define TELLTALE_PROGRESS_PROGRESS_SNAPSHOT_HPP

// <telltale/core/progress.hpp> is above

#include <chrono>
#include <cstdint>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What a look at a progress_tracker showed. Given back to progress_tracker::async_wait_change it means "I have seen
/// this": one that was made by default has seen nothing.
struct progress_snapshot {
    progress value{};
    std::string message{};
    bool finished = false; ///< nothing will change any more
    std::chrono::duration<double>
        elapsed{}; ///< since the beginning, up to the end, with what a resumed one took before
    std::chrono::steady_clock::time_point at{}; ///< when it was looked at
    std::uint64_t count = 0;                    ///< `value.done`, exactly
    std::uint64_t revision = 0;                 ///< counts the changes of all but the count; 0: never looked
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_PROGRESS_SNAPSHOT_HPP
// end <telltale/progress/progress_snapshot.hpp>
// <telltale/version.hpp> is above

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// How a stage of a stage_tree is.
enum class stage_state : std::uint8_t { pending, running, done, failed };

namespace detail {
inline constexpr std::array<std::string_view, 4> stage_state_names{"pending", "running", "done", "failed"};

/// As a count, whatever it is.
constexpr std::uint64_t as_count(double d) noexcept {
    if (!(d > 0)) return 0;
    return d < 0x1p64 ? static_cast<std::uint64_t>(d) : std::uint64_t{0} - 1;
}
} // namespace detail

constexpr std::string_view to_string(stage_state s) noexcept {
    return detail::stage_state_names[static_cast<std::size_t>(s)];
}

/// What a look at a stage showed, with the stages that it is made of.
struct stage_snapshot {
    std::string name{};
    double weight = 1; ///< among its neighbours
    stage_state state = stage_state::pending;
    /// One without children: what it counts. One with children: percent, by their weights. If it is not known how much one of
    /// them has before it, there is no total and so no percentage: `done` is how much it is at least.
    progress value{};
    std::chrono::duration<double> elapsed{}; ///< since it began, up to its end
    std::string message{};                   ///< what it says of itself, or why it failed
    std::uint64_t count = 0;                 ///< `value.done` of one without children, exactly
    std::vector<stage_snapshot> children{};

    friend bool operator==(const stage_snapshot&, const stage_snapshot&) = default;
};

/// What a look at a stage_tree showed. `value` is that of the root. Given back to stage_tree::async_wait_change it means
/// "I have seen this".
struct stage_tree_snapshot : progress_snapshot {
    stage_snapshot root{};
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_STAGE_SNAPSHOT_HPP
// end <telltale/progress/stage_snapshot.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What a line of bars shows, and in `parts` the lines that stand indented below it. A job with its steps is one; so is
/// anything else that takes a while.
struct bar_item {
    std::string key{};                                      ///< tells it from others; empty: the name does
    std::string name{};                                     ///< for people
    job_state state = job_state::running;                   ///< one that is over is shown once more, above the bars
    std::optional<telltale::progress> progress{};           ///< absent: no bar
    std::optional<std::chrono::duration<double>> elapsed{}; ///< since it began, or until it was over
    std::string note{};                                     ///< why it failed, or what it waits for
    std::optional<std::uint32_t> queue_position{};
    watch_state health = watch_state::ok;
    std::uint32_t attempt = 1; ///< one that runs again after it was over is the next attempt
    std::vector<bar_item> parts{};
};

namespace detail {

inline std::optional<std::chrono::duration<double>> elapsed_of(std::optional<timestamp> from,
                                                               std::optional<timestamp> to) {
    if (!from || !to || *to < *from) return std::nullopt; // clocks of other machines are set back, too
    return *to - *from;
}

inline bar_item item_of(const job_step& s, std::optional<timestamp> now) {
    return {.name = s.name,
            .state = s.state,
            .progress = s.progress,
            .elapsed = elapsed_of(s.started, s.finished ? s.finished : now)};
}

} // namespace detail

/// The job and its steps as lines. `now` is the time of the calendar: without it, only what is over tells how long it
/// took.
inline bar_item to_bar_item(const job& j, std::optional<timestamp> now = {}) {
    bar_item item{.key = j.id,
                  .name = j.name.empty() ? j.id : j.name,
                  .state = j.state,
                  .progress = j.progress,
                  .elapsed = detail::elapsed_of(j.started, j.finished ? j.finished : now),
                  .queue_position = j.queue_position,
                  .health = j.health.state,
                  .attempt = j.attempt};
    if (j.error)
        item.note = j.error->message;
    else if (j.approval)
        item.note = "waits for approval of " + j.approval->what;
    if (!j.steps) return item;
    item.parts.reserve(j.steps->size());
    for (const job_step& s : *j.steps) item.parts.push_back(detail::item_of(s, now));
    return item;
}

/// A stage and those that it is made of as lines.
inline bar_item to_bar_item(const stage_snapshot& s) {
    static constexpr std::array<job_state, 4> states{job_state::pending, job_state::running, job_state::succeeded,
                                                     job_state::failed};
    bar_item item{.name = s.name,
                  .state = states[static_cast<std::size_t>(s.state)],
                  .progress = s.value,
                  .elapsed = s.elapsed,
                  .note = s.message};
    if (s.state == stage_state::pending) item.elapsed.reset();
    item.parts.reserve(s.children.size());
    for (const stage_snapshot& child : s.children) item.parts.push_back(to_bar_item(child));
    return item;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_BAR_ITEM_HPP
// end <telltale/progress/bar_item.hpp>
// begin <telltale/progress/detail/bar_line.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_BAR_LINE_HPP
#define TELLTALE_PROGRESS_DETAIL_BAR_LINE_HPP

// <telltale/core/job_state.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/core/watch_health.hpp> is above
// <telltale/progress/bar_item.hpp> is above
// begin <telltale/progress/detail/text.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_TEXT_HPP
#define TELLTALE_PROGRESS_DETAIL_TEXT_HPP

// <telltale/core/progress.hpp> is above
// begin <telltale/progress/detail/character_width.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_CHARACTER_WIDTH_HPP
#define TELLTALE_PROGRESS_DETAIL_CHARACTER_WIDTH_HPP

// <telltale/version.hpp> is above

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>

// How many columns of a terminal a character takes, as the C library of a current system says too (wcwidth); but it knows
// them whatever the locale is.

namespace telltale::inline TELLTALE_ABI::detail {

struct code_range {
    char32_t first;
    char32_t last;
};

// Unicode 14; code points that are not assigned yet go with their neighbours.
// clang-format off
// Categories Mn, Me and Cf, and the vowels and finals of Hangul.
inline constexpr std::array<code_range, 315> zero_width{{
    {0x300, 0x36F}, {0x483, 0x489}, {0x591, 0x5BD}, {0x5BF, 0x5BF}, {0x5C1, 0x5C2}, {0x5C4, 0x5C5}, {0x5C7, 0x5C7},
    {0x600, 0x605}, {0x610, 0x61A}, {0x61C, 0x61C}, {0x64B, 0x65F}, {0x670, 0x670}, {0x6D6, 0x6DD}, {0x6DF, 0x6E4},
    {0x6E7, 0x6E8}, {0x6EA, 0x6ED}, {0x70F, 0x70F}, {0x711, 0x711}, {0x730, 0x74A}, {0x7A6, 0x7B0}, {0x7EB, 0x7F3},
    {0x7FD, 0x7FD}, {0x816, 0x819}, {0x81B, 0x823}, {0x825, 0x827}, {0x829, 0x82D}, {0x859, 0x85B}, {0x890, 0x89F},
    {0x8CA, 0x902}, {0x93A, 0x93A}, {0x93C, 0x93C}, {0x941, 0x948}, {0x94D, 0x94D}, {0x951, 0x957}, {0x962, 0x963},
    {0x981, 0x981}, {0x9BC, 0x9BC}, {0x9C1, 0x9C4}, {0x9CD, 0x9CD}, {0x9E2, 0x9E3}, {0x9FE, 0xA02}, {0xA3C, 0xA3C},
    {0xA41, 0xA51}, {0xA70, 0xA71}, {0xA75, 0xA75}, {0xA81, 0xA82}, {0xABC, 0xABC}, {0xAC1, 0xAC8}, {0xACD, 0xACD},
    {0xAE2, 0xAE3}, {0xAFA, 0xB01}, {0xB3C, 0xB3C}, {0xB3F, 0xB3F}, {0xB41, 0xB44}, {0xB4D, 0xB56}, {0xB62, 0xB63},
    {0xB82, 0xB82}, {0xBC0, 0xBC0}, {0xBCD, 0xBCD}, {0xC00, 0xC00}, {0xC04, 0xC04}, {0xC3C, 0xC3C}, {0xC3E, 0xC40},
    {0xC46, 0xC56}, {0xC62, 0xC63}, {0xC81, 0xC81}, {0xCBC, 0xCBC}, {0xCBF, 0xCBF}, {0xCC6, 0xCC6}, {0xCCC, 0xCCD},
    {0xCE2, 0xCE3}, {0xD00, 0xD01}, {0xD3B, 0xD3C}, {0xD41, 0xD44}, {0xD4D, 0xD4D}, {0xD62, 0xD63}, {0xD81, 0xD81},
    {0xDCA, 0xDCA}, {0xDD2, 0xDD6}, {0xE31, 0xE31}, {0xE34, 0xE3A}, {0xE47, 0xE4E}, {0xEB1, 0xEB1}, {0xEB4, 0xEBC},
    {0xEC8, 0xECD}, {0xF18, 0xF19}, {0xF35, 0xF35}, {0xF37, 0xF37}, {0xF39, 0xF39}, {0xF71, 0xF7E}, {0xF80, 0xF84},
    {0xF86, 0xF87}, {0xF8D, 0xFBC}, {0xFC6, 0xFC6}, {0x102D, 0x1030}, {0x1032, 0x1037}, {0x1039, 0x103A},
    {0x103D, 0x103E}, {0x1058, 0x1059}, {0x105E, 0x1060}, {0x1071, 0x1074}, {0x1082, 0x1082}, {0x1085, 0x1086},
    {0x108D, 0x108D}, {0x109D, 0x109D}, {0x1160, 0x11FF}, {0x135D, 0x135F}, {0x1712, 0x1714}, {0x1732, 0x1733},
    {0x1752, 0x1753}, {0x1772, 0x1773}, {0x17B4, 0x17B5}, {0x17B7, 0x17BD}, {0x17C6, 0x17C6}, {0x17C9, 0x17D3},
    {0x17DD, 0x17DD}, {0x180B, 0x180F}, {0x1885, 0x1886}, {0x18A9, 0x18A9}, {0x1920, 0x1922}, {0x1927, 0x1928},
    {0x1932, 0x1932}, {0x1939, 0x193B}, {0x1A17, 0x1A18}, {0x1A1B, 0x1A1B}, {0x1A56, 0x1A56}, {0x1A58, 0x1A60},
    {0x1A62, 0x1A62}, {0x1A65, 0x1A6C}, {0x1A73, 0x1A7F}, {0x1AB0, 0x1B03}, {0x1B34, 0x1B34}, {0x1B36, 0x1B3A},
    {0x1B3C, 0x1B3C}, {0x1B42, 0x1B42}, {0x1B6B, 0x1B73}, {0x1B80, 0x1B81}, {0x1BA2, 0x1BA5}, {0x1BA8, 0x1BA9},
    {0x1BAB, 0x1BAD}, {0x1BE6, 0x1BE6}, {0x1BE8, 0x1BE9}, {0x1BED, 0x1BED}, {0x1BEF, 0x1BF1}, {0x1C2C, 0x1C33},
    {0x1C36, 0x1C37}, {0x1CD0, 0x1CD2}, {0x1CD4, 0x1CE0}, {0x1CE2, 0x1CE8}, {0x1CED, 0x1CED}, {0x1CF4, 0x1CF4},
    {0x1CF8, 0x1CF9}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x206F}, {0x20D0, 0x20F0},
    {0x2CEF, 0x2CF1}, {0x2D7F, 0x2D7F}, {0x2DE0, 0x2DFF}, {0x302A, 0x302D}, {0x3099, 0x309A}, {0xA66F, 0xA672},
    {0xA674, 0xA67D}, {0xA69E, 0xA69F}, {0xA6F0, 0xA6F1}, {0xA802, 0xA802}, {0xA806, 0xA806}, {0xA80B, 0xA80B},
    {0xA825, 0xA826}, {0xA82C, 0xA82C}, {0xA8C4, 0xA8C5}, {0xA8E0, 0xA8F1}, {0xA8FF, 0xA8FF}, {0xA926, 0xA92D},
    {0xA947, 0xA951}, {0xA980, 0xA982}, {0xA9B3, 0xA9B3}, {0xA9B6, 0xA9B9}, {0xA9BC, 0xA9BD}, {0xA9E5, 0xA9E5},
    {0xAA29, 0xAA2E}, {0xAA31, 0xAA32}, {0xAA35, 0xAA36}, {0xAA43, 0xAA43}, {0xAA4C, 0xAA4C}, {0xAA7C, 0xAA7C},
    {0xAAB0, 0xAAB0}, {0xAAB2, 0xAAB4}, {0xAAB7, 0xAAB8}, {0xAABE, 0xAABF}, {0xAAC1, 0xAAC1}, {0xAAEC, 0xAAED},
    {0xAAF6, 0xAAF6}, {0xABE5, 0xABE5}, {0xABE8, 0xABE8}, {0xABED, 0xABED}, {0xFB1E, 0xFB1E}, {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0x101FD, 0x101FD}, {0x102E0, 0x102E0}, {0x10376, 0x1037A},
    {0x10A01, 0x10A0F}, {0x10A38, 0x10A3F}, {0x10AE5, 0x10AE6}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11001, 0x11001}, {0x11038, 0x11046}, {0x11070, 0x11070},
    {0x11073, 0x11074}, {0x1107F, 0x11081}, {0x110B3, 0x110B6}, {0x110B9, 0x110BA}, {0x110BD, 0x110BD},
    {0x110C2, 0x110CD}, {0x11100, 0x11102}, {0x11127, 0x1112B}, {0x1112D, 0x11134}, {0x11173, 0x11173},
    {0x11180, 0x11181}, {0x111B6, 0x111BE}, {0x111C9, 0x111CC}, {0x111CF, 0x111CF}, {0x1122F, 0x11231},
    {0x11234, 0x11234}, {0x11236, 0x11237}, {0x1123E, 0x1123E}, {0x112DF, 0x112DF}, {0x112E3, 0x112EA},
    {0x11300, 0x11301}, {0x1133B, 0x1133C}, {0x11340, 0x11340}, {0x11366, 0x11374}, {0x11438, 0x1143F},
    {0x11442, 0x11444}, {0x11446, 0x11446}, {0x1145E, 0x1145E}, {0x114B3, 0x114B8}, {0x114BA, 0x114BA},
    {0x114BF, 0x114C0}, {0x114C2, 0x114C3}, {0x115B2, 0x115B5}, {0x115BC, 0x115BD}, {0x115BF, 0x115C0},
    {0x115DC, 0x115DD}, {0x11633, 0x1163A}, {0x1163D, 0x1163D}, {0x1163F, 0x11640}, {0x116AB, 0x116AB},
    {0x116AD, 0x116AD}, {0x116B0, 0x116B5}, {0x116B7, 0x116B7}, {0x1171D, 0x1171F}, {0x11722, 0x11725},
    {0x11727, 0x1172B}, {0x1182F, 0x11837}, {0x11839, 0x1183A}, {0x1193B, 0x1193C}, {0x1193E, 0x1193E},
    {0x11943, 0x11943}, {0x119D4, 0x119DB}, {0x119E0, 0x119E0}, {0x11A01, 0x11A0A}, {0x11A33, 0x11A38},
    {0x11A3B, 0x11A3E}, {0x11A47, 0x11A47}, {0x11A51, 0x11A56}, {0x11A59, 0x11A5B}, {0x11A8A, 0x11A96},
    {0x11A98, 0x11A99}, {0x11C30, 0x11C3D}, {0x11C3F, 0x11C3F}, {0x11C92, 0x11CA7}, {0x11CAA, 0x11CB0},
    {0x11CB2, 0x11CB3}, {0x11CB5, 0x11CB6}, {0x11D31, 0x11D45}, {0x11D47, 0x11D47}, {0x11D90, 0x11D91},
    {0x11D95, 0x11D95}, {0x11D97, 0x11D97}, {0x11EF3, 0x11EF4}, {0x13430, 0x13438}, {0x16AF0, 0x16AF4},
    {0x16B30, 0x16B36}, {0x16F4F, 0x16F4F}, {0x16F8F, 0x16F92}, {0x16FE4, 0x16FE4}, {0x1BC9D, 0x1BC9E},
    {0x1BCA0, 0x1BCA3}, {0x1CF00, 0x1CF46}, {0x1D167, 0x1D169}, {0x1D173, 0x1D182}, {0x1D185, 0x1D18B},
    {0x1D1AA, 0x1D1AD}, {0x1D242, 0x1D244}, {0x1DA00, 0x1DA36}, {0x1DA3B, 0x1DA6C}, {0x1DA75, 0x1DA75},
    {0x1DA84, 0x1DA84}, {0x1DA9B, 0x1DAAF}, {0x1E000, 0x1E02A}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}, {0x1E8D0, 0x1E8D6}, {0x1E944, 0x1E94A}, {0xE0001, 0xE007F}, {0xE0100, 0xE01EF}
}};
// East Asian Width W and F.
inline constexpr std::array<code_range, 88> double_width{{
    {0x1100, 0x115F}, {0x231A, 0x231B}, {0x2329, 0x232A}, {0x23E9, 0x23EC}, {0x23F0, 0x23F0}, {0x23F3, 0x23F3},
    {0x25FD, 0x25FE}, {0x2614, 0x2615}, {0x2648, 0x2653}, {0x267F, 0x267F}, {0x2693, 0x2693}, {0x26A1, 0x26A1},
    {0x26AA, 0x26AB}, {0x26BD, 0x26BE}, {0x26C4, 0x26C5}, {0x26CE, 0x26CE}, {0x26D4, 0x26D4}, {0x26EA, 0x26EA},
    {0x26F2, 0x26F3}, {0x26F5, 0x26F5}, {0x26FA, 0x26FA}, {0x26FD, 0x26FD}, {0x2705, 0x2705}, {0x270A, 0x270B},
    {0x2728, 0x2728}, {0x274C, 0x274C}, {0x274E, 0x274E}, {0x2753, 0x2755}, {0x2757, 0x2757}, {0x2795, 0x2797},
    {0x27B0, 0x27B0}, {0x27BF, 0x27BF}, {0x2B1B, 0x2B1C}, {0x2B50, 0x2B50}, {0x2B55, 0x2B55}, {0x2E80, 0x3029},
    {0x302E, 0x303E}, {0x3041, 0x3096}, {0x309B, 0x3247}, {0x3250, 0x4DBF}, {0x4E00, 0xA4C6}, {0xA960, 0xA97C},
    {0xAC00, 0xD7A3}, {0xF900, 0xFAD9}, {0xFE10, 0xFE19}, {0xFE30, 0xFE6B}, {0xFF01, 0xFF60}, {0xFFE0, 0xFFE6},
    {0x16FE0, 0x16FE3}, {0x16FF0, 0x18D08}, {0x1AFF0, 0x1B2FB}, {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF},
    {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F265}, {0x1F300, 0x1F320}, {0x1F32D, 0x1F335},
    {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0},
    {0x1F3F4, 0x1F3F4}, {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D},
    {0x1F54B, 0x1F54E}, {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596}, {0x1F5A4, 0x1F5A4},
    {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6D2}, {0x1F6D5, 0x1F6DF},
    {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC}, {0x1F7E0, 0x1F7F0}, {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945},
    {0x1F947, 0x1F9FF}, {0x1FA70, 0x1FAF6}, {0x20000, 0x2EBE0}, {0x2F800, 0x2FA1D}, {0x30000, 0x3134A}
}};
// clang-format on

template <std::size_t N>
constexpr bool is_in(const std::array<code_range, N>& sorted, char32_t c) noexcept {
    const auto after = std::upper_bound(sorted.begin(), sorted.end(), c,
                                        [](char32_t value, const code_range& r) { return value < r.first; });
    return after != sorted.begin() && c <= std::prev(after)->last;
}

/// 0 to 2.
constexpr std::size_t columns_of(char32_t c) noexcept {
    if (c < 0x300) return 1;
    return is_in(zero_width, c) ? 0 : is_in(double_width, c) ? 2 : 1;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_CHARACTER_WIDTH_HPP
// end <telltale/progress/detail/character_width.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

// Text for terminals: what a foreign API calls its jobs must not be able to move the cursor or to break the layout.

namespace telltale::inline TELLTALE_ABI::detail {

struct code_point {
    char32_t value = 0;
    std::size_t length = 1; // in bytes
    bool valid = false;
};

/// The first code point of a text that is not empty. Of invalid UTF-8, one byte.
inline code_point first_code_point(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1, true};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
    char32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {};
        value = (value << 6U) | (byte(i) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
    return {value, length, true};
}

/// Whether it could do something to a terminal, or to the order of what stands beside it.
inline bool is_control(char32_t c) noexcept {
    static constexpr std::array<code_range, 7> controls{{{0, 0x1F},
                                                         {0x7F, 0x9F},
                                                         {0x61C, 0x61C},
                                                         {0x200E, 0x200F},
                                                         {0x2028, 0x202E},
                                                         {0x2066, 0x2069},
                                                         {0xFEFF, 0xFEFF}}};
    return is_in(controls, c);
}

inline std::size_t columns(std::string_view text) noexcept {
    std::size_t n = 0;
    for (; !text.empty();) {
        const code_point c = first_code_point(text);
        n += c.valid ? columns_of(c.value) : 1;
        text.remove_prefix(c.length);
    }
    return n;
}

/// What makes one picture of several characters: terminals do not agree on how wide that is, so each stands for itself.
constexpr bool is_joiner(char32_t c) noexcept { return c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F); }

/// The text without anything that is not to be seen: controls and broken UTF-8 become '?', white space becomes a space,
/// and where the terminal has no UTF-8, all that is not ASCII becomes '?'.
inline std::string clean(std::string_view text, bool unicode) {
    std::string result;
    for (; !text.empty();) {
        const code_point c = first_code_point(text);
        const bool space = c.valid && (c.value == '\n' || c.value == '\t' || c.value == '\r');
        if (space)
            result += ' ';
        else if (!c.valid || is_control(c.value) || (!unicode && c.value > 0x7E))
            result += '?';
        else if (!is_joiner(c.value))
            result += text.substr(0, c.length);
        text.remove_prefix(c.length);
    }
    return result;
}

/// A clean text cut down to so many columns, with a mark where something is missing.
inline std::string cut(std::string_view text, std::size_t width, bool unicode) {
    if (columns(text) <= width) return std::string(text);
    if (width == 0) return {};
    std::string result;
    std::size_t used = 0;
    for (; !text.empty();) {
        const code_point c = first_code_point(text);
        const std::size_t n = c.valid ? columns_of(c.value) : 1;
        if (used + n > width - 1) break;
        used += n;
        result += text.substr(0, c.length);
        text.remove_prefix(c.length);
    }
    return result + (unicode ? "\u2026" : "~");
}

/// Of a line with colours, how many bytes are one character or one change of colour, which takes no columns.
inline std::size_t next_column(std::string_view line, std::size_t& columns) noexcept {
    columns = 0;
    if (line.front() == '\x1b') return std::min(line.size() - 1, line.find('m')) + 1;
    const code_point c = first_code_point(line);
    columns = c.valid ? columns_of(c.value) : 1;
    return c.length;
}

/// How many rows of a terminal of that width a line with colours takes that runs over its edge. A wide character that
/// does not fit at the end of a row begins the next.
inline std::size_t rows_of(std::string_view line, std::size_t width) noexcept {
    std::size_t rows = 1;
    std::size_t used = 0;
    while (!line.empty()) {
        std::size_t n = 0;
        line.remove_prefix(next_column(line, n));
        if (used + n > width && used > 0) {
            ++rows;
            used = 0;
        }
        used += n;
    }
    return rows;
}

/// A line with colours, without what does not fit; changes of colour stay.
inline std::string cut_coloured(std::string_view line, std::size_t width) {
    std::string result;
    std::size_t used = 0;
    while (!line.empty()) {
        std::size_t n = 0;
        const std::size_t length = next_column(line, n);
        used += n;
        if (n == 0 || used <= width) result += line.substr(0, length);
        line.remove_prefix(length);
    }
    return result;
}

/// The lines of a text, each clean; a line break at the end does not begin another.
inline std::vector<std::string> clean_lines(std::string_view text, bool unicode) {
    std::vector<std::string> lines;
    do {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(clean(line, unicode));
        text.remove_prefix(std::min(end + 1, text.size()));
    } while (!text.empty());
    return lines;
}

/// A text cut down to so many columns, or filled up to them with spaces.
inline std::string fit(std::string_view text, std::size_t width, bool unicode) {
    std::string result = cut(text, width, unicode);
    result.append(width - std::min(width, columns(result)), ' ');
    return result;
}

template <class... Args>
std::string print(const char* format, Args... args) {
    std::array<char, 64> text{};
    const int n = std::snprintf(text.data(), text.size(), format, args...);
    return {text.data(), std::min(text.size() - 1, static_cast<std::size_t>(std::max(n, 0)))};
}

/// "0:12", "1:02:03", "2d 03h"; rounded up: what is left is never nothing.
inline std::string human_duration(std::chrono::duration<double> d) {
    if (!(d.count() < 3.2e10)) return "ages"; // a thousand years; also what is not a number
    const auto s = static_cast<long long>(std::ceil(std::max(0.0, d.count())));
    if (s >= 86'400) return print("%lldd %02lldh", s / 86'400, s % 86'400 / 3600);
    if (s >= 3600) return print("%lld:%02lld:%02lld", s / 3600, s % 3600 / 60, s % 60);
    return print("%lld:%02lld", s / 60, s % 60);
}

/// What has passed: rounded down.
inline std::string human_elapsed(std::chrono::duration<double> d) {
    return human_duration(std::chrono::duration<double>(std::floor(d.count())));
}

/// How long something took: "0.3 s", and from ten seconds on as above.
inline std::string human_took(std::chrono::duration<double> d) {
    return d.count() < 9.95 ? print("%.1f s", std::max(0.0, d.count())) : human_elapsed(d);
}

struct human_scale {
    double divisor = 1;
    const char* suffix = "";
};

/// In which a value is best read.
inline human_scale scale_for(double value, progress_unit unit) {
    const bool bytes = unit == progress_unit::bytes;
    static constexpr std::array<const char*, 7> binary{" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    static constexpr std::array<const char*, 7> decimal{"", "k", "M", "G", "T", "P", "E"};
    human_scale scale{1, bytes ? binary[0] : decimal[0]};
    if (!bytes && std::abs(value) < 100'000) return scale;
    const double step = bytes ? 1024 : 1000;
    for (std::size_t i = 1; i < binary.size() && std::abs(value) >= scale.divisor * step; ++i)
        scale = {scale.divisor * step, bytes ? binary[i] : decimal[i]};
    return scale;
}

inline std::string human_number(double value, human_scale scale) {
    const double scaled = value / scale.divisor;
    const bool whole = scale.divisor == 1 ? scaled == std::floor(scaled) || scaled >= 100 : scaled >= 100;
    return print(whole ? "%.0f" : "%.1f", scaled);
}

/// "1.2 MiB", "12345", "3.4M", "0:12".
inline std::string human_amount(double value, progress_unit unit) {
    if (unit == progress_unit::seconds) return human_duration(std::chrono::duration<double>(value));
    const human_scale scale = scale_for(value, unit);
    return human_number(value, scale) + scale.suffix;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_TEXT_HPP
// end <telltale/progress/detail/text.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct bar_style {
    bool unicode = true; ///< bars of block characters, and names in their own script; else ASCII
    bool colour = false; ///< ANSI colours
};

namespace detail {

struct bar_texts {
    std::string name;
    std::string state;     // "queued, place 3", "failed after 0:07: no such file"
    std::string percent;   // "42 %"
    std::string amount;    // "1.2/3.4 MiB"
    std::string rate;      // "120 KiB/s"
    std::string elapsed;   // "for 0:31"; of what is over the state tells it
    std::string remaining; // "0:12 left"
    std::string band;      // " (0:08 to 0:20)"
};

inline std::string state_text(const bar_item& item, bool unicode) {
    std::string text(to_string(item.state));
    std::replace(text.begin(), text.end(), '_', ' ');
    if (is_terminal(item.state) && item.elapsed)
        text += (item.state == job_state::succeeded ? " in " : " after ") + human_took(*item.elapsed);
    if (item.state == job_state::queued && item.queue_position)
        text += ", place " + std::to_string(*item.queue_position);
    if (!item.note.empty()) text += ": " + clean(item.note, unicode);
    if (item.health != watch_state::ok && !is_terminal(item.state)) text += ", " + std::string(to_string(item.health));
    return text;
}

inline bar_texts texts_of(const bar_item& item, bool unicode) {
    bar_texts t;
    t.name = clean(item.name, unicode);
    t.state = state_text(item, unicode);
    if (item.elapsed && !is_terminal(item.state)) t.elapsed = "for " + human_elapsed(*item.elapsed);
    if (!item.progress) return t;
    const progress& p = *item.progress;
    // Rounded down: 100 % is only what is complete.
    if (const auto percent = p.percent()) t.percent = print("%.0f %%", std::floor(*percent));
    if (p.unit != progress_unit::percent) {
        if (p.total && p.unit != progress_unit::seconds) {
            const human_scale scale = scale_for(*p.total, p.unit);
            t.amount = human_number(p.done, scale) + "/" + human_number(*p.total, scale) + scale.suffix;
        } else {
            t.amount = human_amount(p.done, p.unit);
            if (p.total) t.amount += "/" + human_amount(*p.total, p.unit);
        }
        // How fast it was just before it was over is no longer of interest.
        if (p.rate && p.unit != progress_unit::seconds && !is_terminal(item.state))
            t.rate = human_amount(*p.rate, p.unit) + "/s";
    }
    if (!p.remaining || is_terminal(item.state)) return t;
    t.remaining = human_duration(*p.remaining) + " left";
    if (!p.remaining_low || !p.remaining_high) return t;
    const std::string low = human_duration(*p.remaining_low);
    const std::string high = human_duration(*p.remaining_high);
    if (low != high) t.band = " (" + low + " to " + high + ")";
    return t;
}

/// A line of a terminal, no wider than it may be.
class bar_line {
public:
    bar_line(const bar_item& item, std::size_t width, const bar_style& style, std::size_t depth = 0) : style_(style) {
        const bar_texts t = texts_of(item, style.unicode);
        const std::size_t name_width = std::clamp<std::size_t>(width / 4, 8, 24);
        if (width < name_width + 6) { // only the name and how it is
            const std::string& how = t.percent.empty() || is_terminal(item.state) ? t.state : t.percent;
            const std::size_t least = detail::columns(how) + 2; // with one column of the name
            const std::string name = width > least ? cut(t.name, width - least + 1, style.unicode) : t.name;
            add(cut(name + " " + how, width, style.unicode));
            return;
        }
        add(fit(std::string(std::min(2 * depth, name_width / 2), ' ') + t.name, name_width, style.unicode));
        const std::size_t room = width - name_width;
        if (item.state == job_state::running && !t.percent.empty())
            running(item, t, room);
        else
            other(item, t, room);
    }

    const std::string& text() const noexcept { return text_; }

private:
    static constexpr std::size_t least_bar = 10;
    static constexpr std::size_t most_bar = 40;

    void running(const bar_item& item, const bar_texts& t, std::size_t room) {
        const std::string health = item.health == watch_state::ok ? "" : std::string(to_string(item.health));
        const std::string banded = t.remaining + t.band;
        std::vector<std::string_view> parts{t.percent, t.amount, t.rate, t.elapsed, banded, health};
        // What goes on a narrow line: the band, the rate, the time that it took, the amount, the time that is left. What is
        // wrong goes last.
        const auto too_much = [&] { return needed(parts) + least_bar + 1 > room; };
        if (too_much()) parts[4] = t.remaining;
        for (const std::size_t drop : std::array<std::size_t, 4>{2, 3, 1, 4})
            if (too_much()) parts[drop] = {};
        const std::size_t rest = needed(parts);
        if (rest + least_bar + 1 <= room) bar(*item.progress->percent(), std::min(room - rest - 1, most_bar));
        for (std::size_t i = 0; i < parts.size(); ++i)
            if (!parts[i].empty() && columns_ < limit(room)) part(parts[i], i == 5 ? yellow : "", room);
        // What it says of itself, where it is not only a scrap.
        if (!item.note.empty() && columns_ + 12 <= limit(room)) part(clean(item.note, style_.unicode), "", room);
    }

    void other(const bar_item& item, const bar_texts& t, std::size_t room) {
        part(t.state, colour_of(item), room);
        if (!t.percent.empty() && !is_terminal(item.state)) part(t.percent, "", room);
        for (const std::string* const text : {&t.amount, &t.rate, &t.elapsed})
            if (!text->empty() && detail::columns(*text) + 1 < limit(room) - std::min(columns_, limit(room)))
                part(*text, "", room);
    }

    std::size_t limit(std::size_t room) const noexcept { return name_columns_ + room; }

    static std::size_t needed(const std::vector<std::string_view>& parts) {
        std::size_t n = 0;
        for (const auto part : parts)
            if (!part.empty()) n += detail::columns(part) + 2;
        return n;
    }

    void part(std::string_view text, const char* colour, std::size_t room) {
        const std::size_t left = limit(room) - std::min(limit(room), columns_);
        const std::size_t gap = columns_ == name_columns_ ? 1 : 2;
        if (left <= gap) return;
        add(std::string(gap, ' '));
        add(cut(text, left - gap, style_.unicode), colour);
    }

    void bar(double percent, std::size_t width) {
        const double cells = percent / 100 * static_cast<double>(style_.unicode ? width : width - 2);
        std::string filled;
        std::string empty;
        if (style_.unicode) {
            static constexpr std::array<const char*, 8> eighths{"",       "\u258f", "\u258e", "\u258d",
                                                                "\u258c", "\u258b", "\u258a", "\u2589"};
            const auto full = static_cast<std::size_t>(cells);
            const auto part = static_cast<std::size_t>((cells - std::floor(cells)) * 8);
            for (std::size_t i = 0; i < full; ++i) filled += "\u2588";
            filled += eighths[part];
            for (std::size_t i = full + (part != 0 ? 1 : 0); i < width; ++i) empty += "\u2591";
        } else {
            filled = "[" + std::string(static_cast<std::size_t>(cells), '#');
            empty = std::string(width - 1 - filled.size(), '.') + "]";
        }
        add(" ");
        add(filled, cyan);
        add(empty);
    }

    void add(std::string_view text, const char* colour = "") {
        const bool coloured = style_.colour && *colour != '\0' && !text.empty();
        if (coloured) text_ += colour;
        text_ += text;
        if (coloured) text_ += "\x1b[0m";
        columns_ += detail::columns(text);
        if (name_columns_ == 0) name_columns_ = columns_;
    }

    static constexpr const char* red = "\x1b[31m";
    static constexpr const char* green = "\x1b[32m";
    static constexpr const char* yellow = "\x1b[33m";
    static constexpr const char* cyan = "\x1b[36m";

    static const char* colour_of(const bar_item& item) noexcept {
        if (item.health != watch_state::ok && !is_terminal(item.state)) return yellow;
        switch (item.state) {
        case job_state::succeeded: return green;
        case job_state::failed:
        case job_state::timed_out:
        case job_state::lost: return red;
        case job_state::cancelled:
        case job_state::skipped:
        case job_state::paused: return yellow;
        case job_state::pending:
        case job_state::queued:
        case job_state::running: break;
        }
        return "";
    }

    bar_style style_;
    std::string text_;
    std::size_t columns_ = 0;
    std::size_t name_columns_ = 0;
};

inline std::string plain_line(const bar_item& item, const bar_style& style) {
    const bar_texts t = texts_of(item, style.unicode);
    std::string line = t.name + ": " + t.state;
    for (const std::string* const text : {&t.percent, &t.amount, &t.rate, &t.elapsed, &t.remaining})
        if (!text->empty()) line += ", " + *text;
    return line + t.band;
}

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_DETAIL_BAR_LINE_HPP
// end <telltale/progress/detail/bar_line.hpp>

#include <cstddef>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// One line of at most `width` columns: name, bar, percent, amount, rate, time that it took and that is left, with its
/// band, and state. On a narrow line the least important parts are left out. What is not known is not shown: without a
/// total there is no bar. Its parts are not shown either.
///
/// A function of its arguments only: no terminal, no clock. Whatever the texts contain, the line has no control
/// characters but, with `style.colour`, the colours.
inline std::string render_bar(const bar_item& item, std::size_t width, const bar_style& style = {}) {
    return detail::bar_line(item, width, style).text();
}

inline std::string render_bar(const job& j, std::size_t width, const bar_style& style = {}) {
    return render_bar(to_bar_item(j), width, style);
}

/// One line of plain text, however long: for logs and pipes.
inline std::string render_plain(const bar_item& item, const bar_style& style = {.unicode = false}) {
    return detail::plain_line(item, style);
}

inline std::string render_plain(const job& j, const bar_style& style = {.unicode = false}) {
    return render_plain(to_bar_item(j), style);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_BAR_HPP
// end <telltale/progress/bar.hpp>
// <telltale/progress/bar_item.hpp> is above
// begin <telltale/progress/detail/bar_screen.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP
#define TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/core/time.hpp> is above
// <telltale/progress/bar_item.hpp> is above
// <telltale/progress/detail/bar_line.hpp> is above
// <telltale/progress/detail/text.hpp> is above

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

struct screen_size {
    std::size_t width = 80;
    std::size_t height = 24;
};

/// Of what is shown: enough to know whether a line is needed.
struct bar_head {
    std::string_view key;
    job_state state;
    std::uint32_t attempt;
};

inline bar_head head_of(const bar_item& item) noexcept {
    return {item.key.empty() ? item.name : item.key, item.state, item.attempt};
}
inline bar_head head_of(const std::shared_ptr<const job>& j) noexcept { return {j->id, j->state, j->attempt}; }

inline bar_item to_item(bar_item item, std::optional<timestamp>) noexcept { return item; }
inline bar_item to_item(const std::shared_ptr<const job>& j, std::optional<timestamp> now) {
    return to_bar_item(*j, now);
}

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

/// What has to be written so that a terminal shows the items, or so that a log does. Sans I/O: the times and the size are
/// passed in. Items are jobs or bar_items.
class bar_screen {
public:
    using clock = std::chrono::steady_clock;

    struct settings {
        bool terminal = true;
        bool reflows = true; ///< lines that have become too long for the terminal run on in the next row
        bar_style style{};
        clock::duration redraw{};
        clock::duration plain{};
    };

    explicit bar_screen(settings s) : settings_(s) {}

    bool too_early(clock::time_point now) const noexcept { return drawn_ && now - *drawn_ < settings_.redraw; }

    /// `calendar` is for the time since a job began; may be absent.
    template <class Items>
    std::string update(const Items& items, clock::time_point now, std::optional<timestamp> calendar, screen_size size) {
        drawn_ = now;
        return show(items, now, calendar, size, false);
    }

    /// The last that is shown: everything has its final line, and no bar is left to be redrawn.
    template <class Items>
    std::string finish(const Items& items, clock::time_point now, std::optional<timestamp> calendar, screen_size size) {
        return show(items, now, calendar, size, true);
    }

    std::string log(std::string_view message, screen_size size) {
        std::string text;
        for (const std::string& line : clean_lines(message, settings_.style.unicode)) text += line + "\n";
        if (!settings_.terminal) return text;
        const std::size_t old = rows_of_frame(size);
        for (std::string& line : frame_) line = cut_coloured(line, size.width); // until they are drawn for that width
        return draw_at(old, text);
    }

private:
    struct shown {
        job_state state{};
        std::uint32_t attempt = 0;
        bool final = false; // has had its last line
        clock::time_point at{};
        std::uint64_t seen = 0; // in which pass over the items
    };
    using shown_map = std::unordered_map<std::string, shown, text_hash, std::equal_to<>>;

    struct row {
        const bar_item* item;
        std::size_t depth;
    };

    template <class Items>
    std::string show(const Items& items, clock::time_point now, std::optional<timestamp> calendar, screen_size size,
                     bool last) {
        ++pass_;
        std::string text = settings_.terminal ? draw(items, calendar, size, last) : list(items, now, calendar, last);
        std::erase_if(shown_, [this](const auto& entry) { return entry.second.seen != pass_; });
        return text;
    }

    shown_map::iterator find(std::string_view key, bool& fresh) {
        auto found = shown_.find(key);
        fresh = found == shown_.end();
        if (fresh) found = shown_.emplace(key, shown{}).first;
        found->second.seen = pass_;
        return found;
    }

    // A terminal

    template <class Items>
    std::string draw(const Items& items, std::optional<timestamp> calendar, screen_size size, bool last) {
        const std::size_t width = std::max<std::size_t>(size.width, 2) - 1; // some terminals wrap at the last column
        const std::size_t most = std::max<std::size_t>(size.height, 3) - 2;
        std::string above;
        std::vector<bar_item> live; // running first, then what waits: no more of each than there is room for
        std::vector<bar_item> waiting;
        std::size_t count = 0;
        for (const auto& i : items) {
            const bar_head head = head_of(i);
            const bool over = is_terminal(head.state) || last;
            bool fresh = false;
            shown& s = find(head.key, fresh)->second;
            if (fresh || s.attempt != head.attempt || s.state != head.state || !over)
                s = {head.state, head.attempt, false, {}, pass_};
            if (over) {
                if (!std::exchange(s.final, true)) above += final_line(to_item(i, calendar), width);
                continue;
            }
            ++count;
            auto& list = head.state == job_state::running ? live : waiting;
            if (list.size() <= most) list.push_back(to_item(i, calendar));
        }
        live.insert(live.end(), std::move_iterator(waiting.begin()), std::move_iterator(waiting.end()));
        std::vector<std::string> frame = lines(live, count, most, width);
        if (above.empty() && frame == frame_) return {};
        const std::size_t old = rows_of_frame(size);
        frame_ = std::move(frame);
        return draw_at(old, above);
    }

    std::string final_line(bar_item item, std::size_t width) const {
        if (item.progress && !is_terminal(item.state))
            item.progress->remaining.reset(); // nobody will see whether it is so
        return bar_line(item, width, settings_.style).text() + "\n";
    }

    /// Where not all rows fit, parts that are over go first, then those that wait, then what is last.
    std::vector<std::string> lines(const std::vector<bar_item>& items, std::size_t count, std::size_t most,
                                   std::size_t width) const {
        std::vector<row> rows;
        for (int less = 0; less < 3; ++less) {
            rows.clear();
            for (const bar_item& i : items) add_rows(rows, i, 0, less);
            if (rows.size() <= most) break;
        }
        std::size_t hidden = count - items.size();
        if (rows.size() + (hidden != 0 ? 1 : 0) > most) {
            hidden += rows.size() - (most - 1);
            rows.resize(most - 1);
        }
        std::vector<std::string> all;
        all.reserve(rows.size() + 1);
        for (const row& r : rows) all.push_back(bar_line(*r.item, width, settings_.style, r.depth).text());
        if (hidden != 0) all.push_back(cut("and " + std::to_string(hidden) + " more", width, settings_.style.unicode));
        return all;
    }

    static void add_rows(std::vector<row>& rows, const bar_item& item, std::size_t depth, int less) {
        rows.push_back({&item, depth});
        for (const bar_item& part : item.parts) {
            if (less > 0 && is_terminal(part.state)) continue;
            if (less > 1 && part.state != job_state::running) continue;
            add_rows(rows, part, depth + 1, less);
        }
    }

    /// Lines that were drawn in a wider terminal take more than one row of a narrower one.
    std::size_t rows_of_frame(screen_size size) const {
        std::size_t rows = 0;
        for (const std::string& line : frame_) rows += settings_.reflows ? rows_of(line, size.width) : 1;
        return rows;
    }

    /// The lines above the bars, and the bars, in the place of the last `old` rows above the cursor.
    std::string draw_at(std::size_t old, const std::string& above) const {
        const std::string up = old == 0 ? "" : "\x1b[" + std::to_string(old) + "A";
        std::string all = old == 0 ? "" : "\r" + up;
        if (!above.empty() || frame_.empty()) { // else each line replaces one
            for (std::size_t i = 0; i < old; ++i)
                all += "\x1b[K\x1b[B"; // not all at once: tmux would keep that to scroll to
            all += up + above;
        }
        if (frame_.empty()) return all;
        // The terminal does not wrap the bars: it may have become narrower just now, or may think that a character is wider
        // than we do.
        all += "\x1b[?7l";
        for (const std::string& line : frame_) all += line + "\x1b[K\n";
        return all + "\x1b[?7h\x1b[J";
    }

    // Not a terminal

    template <class Items>
    std::string list(const Items& items, clock::time_point now, std::optional<timestamp> calendar, bool last) {
        std::string all;
        for (const auto& i : items) {
            const bar_head head = head_of(i);
            bool fresh = false;
            const shown& s = find(head.key, fresh)->second;
            if (s.final && s.attempt == head.attempt && s.state == head.state) continue;
            const bar_item item = to_item(i, calendar);
            list(all, item, head.key, {}, now, last);
        }
        return all;
    }

    void list(std::string& all, const bar_item& item, std::string_view key, const std::string& path,
              clock::time_point now, bool last) {
        bool fresh = false;
        shown& s = find(key, fresh)->second;
        const bool changed = fresh || s.state != item.state || s.attempt != item.attempt;
        const bool due = item.state == job_state::running && item.progress && now - s.at >= settings_.plain;
        const bool over = is_terminal(item.state);
        const bool final = last && !over && !s.final;
        const bar_item named = with_path(item, path);
        // The parts come first, when all is over.
        const auto parts = [&] {
            for (const bar_item& part : item.parts)
                list(all, part, std::string(key) + '\0' + std::string(head_of(part).key), named.name, now, false);
        };
        if (over) parts();
        if (changed || due || final) {
            s.state = item.state;
            s.attempt = item.attempt;
            s.final = last || (over && path.empty());
            s.at = now;
            all += plain_line(named, settings_.style) + "\n";
        }
        if (!over) parts();
    }

    static bar_item with_path(const bar_item& item, const std::string& path) {
        bar_item named = item;
        named.parts.clear();
        if (!path.empty()) named.name = path + " > " + item.name;
        return named;
    }

    settings settings_;
    std::optional<clock::time_point> drawn_;
    shown_map shown_;
    std::uint64_t pass_ = 0;
    std::vector<std::string> frame_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP
// end <telltale/progress/detail/bar_screen.hpp>
// begin <telltale/progress/detail/file_output.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_FILE_OUTPUT_HPP
#define TELLTALE_PROGRESS_DETAIL_FILE_OUTPUT_HPP

// <telltale/version.hpp> is above

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

#if defined(__unix__) || defined(__APPLE__)
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <unistd.h>
#define TELLTALE_HAS_FILE_DESCRIPTORS 1
#endif

namespace telltale::inline TELLTALE_ABI::detail {

/// Writes text whole and in order to a file. Bars are not worth a program's life: when nobody reads any more (a closed
/// pipe, a terminal that is gone) there is no signal and no error, and nothing more is written. Where the file does not
/// block and is full, as a terminal is that shares its mode with a standard input of Asio's, the rest waits for the next
/// time.
class file_output {
public:
    explicit file_output(std::FILE* file) noexcept : file_(file) {}

    /// Nobody will ever read what is written.
    bool is_broken() const noexcept { return broken_; }

    /// The last text is not through yet.
    bool is_full() {
        if (!rest_.empty()) send(0);
        return !rest_.empty();
    }

    /// With `patience`, waits so long while the file takes nothing; what does not go then is written with the next.
    void write(std::string_view text, int patience_ms) {
        if (broken_ || rest_.size() > most_kept) return;
        rest_ += text;
        send(patience_ms);
    }

private:
    static constexpr std::size_t most_kept = 1 << 20;

#if defined(TELLTALE_HAS_FILE_DESCRIPTORS)
    /// Keeps the calling thread free of the SIGPIPE of its own writes; leaves one alone that was there before.
    class no_sigpipe {
    public:
        no_sigpipe() noexcept {
            sigset_t pending{};
            sigemptyset(&pipe_);
            sigaddset(&pipe_, SIGPIPE);
            ::sigpending(&pending);
            was_pending_ = sigismember(&pending, SIGPIPE) == 1;
            ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
        }
        no_sigpipe(const no_sigpipe&) = delete;
        no_sigpipe& operator=(const no_sigpipe&) = delete;
        ~no_sigpipe() {
            sigset_t pending{};
            int signal = 0;
            ::sigpending(&pending);
            if (!was_pending_ && sigismember(&pending, SIGPIPE) == 1) ::sigwait(&pipe_, &signal);
            ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        }

    private:
        sigset_t pipe_{};
        sigset_t before_{};
        bool was_pending_ = false;
    };

    void send(int patience_ms) {
        const no_sigpipe guard;
        std::fflush(file_); // what the program has written by itself comes first
        const int fd = ::fileno(file_);
        std::size_t sent = 0;
        while (sent < rest_.size()) {
            const auto n = ::write(fd, rest_.data() + sent, rest_.size() - sent);
            if (n > 0) {
                sent += static_cast<std::size_t>(n);
            } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
                pollfd ready{fd, POLLOUT, 0};
                if (patience_ms == 0 || ::poll(&ready, 1, patience_ms) == 0) break;
            } else if (n == 0 || errno != EINTR) {
                broken_ = true;
                sent = rest_.size();
            }
        }
        rest_.erase(0, sent);
    }
#else
    void send(int) {
        broken_ = std::fwrite(rest_.data(), 1, rest_.size(), file_) != rest_.size() || std::fflush(file_) != 0;
        rest_.clear();
    }
#endif

    std::FILE* file_;
    std::string rest_;
    bool broken_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_FILE_OUTPUT_HPP
// end <telltale/progress/detail/file_output.hpp>
// begin <telltale/progress/detail/terminal.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_TERMINAL_HPP
#define TELLTALE_PROGRESS_DETAIL_TERMINAL_HPP

// <telltale/progress/detail/bar_line.hpp> is above
// <telltale/progress/detail/bar_screen.hpp> is above

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/ioctl.h>
#include <unistd.h>
#define TELLTALE_HAS_TERMINAL 1
#endif

namespace telltale::inline TELLTALE_ABI::detail {

inline std::string_view environment(const char* name) {
    const char* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody sets it meanwhile
    return value ? std::string_view(value) : std::string_view();
}

inline bool is_terminal_file([[maybe_unused]] std::FILE* file) {
#if defined(TELLTALE_HAS_TERMINAL)
    return ::isatty(::fileno(file)) == 1 && environment("TERM") != "dumb";
#else
    return false;
#endif
}

/// https://no-color.org; UTF-8 by the rules of POSIX: LC_ALL, else LC_CTYPE, else LANG.
inline bar_style style_of_terminal(bool terminal) {
    bar_style style;
    style.colour = terminal && environment("NO_COLOR").empty();
    std::string_view locale = environment("LC_ALL");
    if (locale.empty()) locale = environment("LC_CTYPE");
    if (locale.empty()) locale = environment("LANG");
    std::string upper(locale);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    style.unicode = upper.find("UTF-8") != std::string::npos || upper.find("UTF8") != std::string::npos;
    return style;
}

/// Whether lines that have become too long when the window was made narrower run on in the next row, as in nearly all
/// terminals of today. Those that cut them say who they are.
inline bool terminal_reflows() {
    const std::string_view term = environment("TERM");
    return environment("XTERM_VERSION").empty() && term != "linux" && !term.starts_with("vt") &&
           !(term.starts_with("screen") && environment("TMUX").empty());
}

inline std::size_t size_from(const char* name, std::size_t otherwise) {
    const std::string_view text = environment(name);
    std::size_t n = 0;
    const auto end = text.data() + text.size();
    return std::from_chars(text.data(), end, n).ptr == end && n > 0 ? n : otherwise;
}

/// Asked for every time: windows are resized.
inline screen_size size_of_terminal([[maybe_unused]] std::FILE* file) {
#if defined(TELLTALE_HAS_TERMINAL)
    winsize size{};
    if (::ioctl(::fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
        return {size.ws_col, size.ws_row};
#endif
    return {size_from("COLUMNS", 80), size_from("LINES", 24)};
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_TERMINAL_HPP
// end <telltale/progress/detail/terminal.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct bar_writer_options {
    /// How often the bars are drawn anew at most.
    std::chrono::steady_clock::duration redraw_interval = std::chrono::milliseconds{100};
    /// Not on a terminal: how often the progress of one job is told at most.
    std::chrono::steady_clock::duration plain_interval = std::chrono::seconds{5};
    std::optional<bool> terminal{};   ///< absent: whether the file is one, and TERM is not "dumb"
    std::optional<bar_style> style{}; ///< absent: by NO_COLOR and the locale
};

/// Shows jobs in a terminal: a bar for every job that is not over, with its steps, in place, and above them a line for
/// each that is over. Where the file is not a terminal: a line for every change of state, and now and then one of
/// progress; no control codes.
///
///     telltale::bar_writer bars(stderr);
///     while (...) bars.update(board.jobs(), telltale::steady_now(executor), telltale::system_now(executor));
///     bars.finish(board.jobs(), telltale::steady_now(executor), telltale::system_now(executor));
///
/// `now` limits how often is drawn; `calendar`, which may be left out, is for the time that a job has taken so far. For
/// anything but jobs there are bar_items. show_jobs (board/) does the loop for a board, show_progress for a tracker.
///
/// The window may be resized meanwhile. Nobody else may write to the terminal: log() writes above the bars. When nobody
/// reads any more nothing happens, here or to the program: see docs/guide/terminal.md.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class bar_writer {
public:
    using clock = std::chrono::steady_clock;
    using job_list = std::vector<std::shared_ptr<const job>>;
    using item_list = std::vector<bar_item>;

    /// `out` must stay open as long as this is used.
    explicit bar_writer(std::FILE* out, bar_writer_options options = {})
        : file_(out),
          out_(out),
          terminal_(options.terminal.value_or(detail::is_terminal_file(out))),
          redraw_interval_(options.redraw_interval),
          screen_({.terminal = terminal_,
                   .reflows = detail::terminal_reflows(),
                   .style = options.style.value_or(detail::style_of_terminal(terminal_)),
                   .redraw = options.redraw_interval,
                   .plain = options.plain_interval}) {}

    bool is_terminal() const noexcept { return terminal_; }
    clock::duration redraw_interval() const noexcept { return redraw_interval_; }

    /// Shows all as they are; whoever is not among them is not shown any more. False: it is too early since the last time
    /// (or the terminal has not taken that yet), and nothing was done; call again later.
    bool update(const job_list& jobs, clock::time_point now, std::optional<timestamp> calendar = {}) {
        return update_all(jobs, now, calendar);
    }
    bool update(const item_list& items, clock::time_point now) { return update_all(items, now, {}); }

    /// Writes a line, or several, above the bars. What could move the cursor becomes '?'.
    void log(std::string_view text) { out_.write(screen_.log(text, size()), patience_ms); }

    /// Shows every job a last time, now, and leaves the cursor below.
    void finish(const job_list& jobs, clock::time_point now, std::optional<timestamp> calendar = {}) {
        out_.write(screen_.finish(jobs, now, calendar, size()), patience_ms);
    }
    void finish(const item_list& items, clock::time_point now) {
        out_.write(screen_.finish(items, now, {}, size()), patience_ms);
    }

private:
    static constexpr int patience_ms = 1000;

    detail::screen_size size() const { return detail::size_of_terminal(file_); }

    template <class Items>
    bool update_all(const Items& items, clock::time_point now, std::optional<timestamp> calendar) {
        if (out_.is_broken()) return true;
        if (screen_.too_early(now) || out_.is_full()) return false;
        out_.write(screen_.update(items, now, calendar, size()), 0);
        return true;
    }

    std::FILE* file_;
    detail::file_output out_;
    bool terminal_;
    clock::duration redraw_interval_;
    detail::bar_screen screen_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_BAR_WRITER_HPP
// end <telltale/progress/bar_writer.hpp>
// begin <telltale/sync/timer.hpp>

#ifndef TELLTALE_SYNC_TIMER_HPP
#define TELLTALE_SYNC_TIMER_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/time_source.hpp> is above
// <telltale/detail/waiter.hpp> is above

#include <chrono>
#include <memory>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// The steady time of an executor's context: real, or what a test's virtual_clock shows.
template <class Executor>
std::chrono::steady_clock::time_point steady_now(const Executor& executor) {
    return detail::time_source_of(executor).now();
}

/// The time on the calendar of an executor's context: real, or what a test's virtual_clock shows.
template <class Executor>
std::chrono::system_clock::time_point system_now(const Executor& executor) {
    return detail::time_source_of(executor).system_now();
}

/// A steady_timer that follows the clock of its execution context, so that code which waits with it can be tested in
/// virtual time. Costs nothing over a steady_timer otherwise.
///
///     telltale::timer pause(executor);
///     pause.expires_after(5s);
///     co_await pause.async_wait();
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
template <class Executor>
class basic_timer {
public:
    using executor_type = Executor;
    using clock_type = std::chrono::steady_clock;
    using duration = clock_type::duration;
    using time_point = clock_type::time_point;

    template <class Other>
    struct rebind_executor {
        using other = basic_timer<Other>;
    };

    explicit basic_timer(const Executor& executor)
        : real_(executor),
          source_(&detail::time_source_of(executor)),
          virtual_(source_->is_virtual() ? std::make_shared<detail::virtual_timer_state>(detail::context_of(executor))
                                         : nullptr) {}

    basic_timer(basic_timer&&) = default;
    basic_timer& operator=(basic_timer&&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_timer() {
        if (virtual_) virtual_->finish_all(net::error::operation_aborted);
    }

    executor_type get_executor() noexcept { return real_.get_executor(); }

    /// The time on this timer's clock.
    time_point now() const { return source_->now(); }

    time_point expiry() const { return real_.expiry(); }

    /// Sets when the timer expires; whoever waits for the former time gets operation_aborted.
    void expires_at(time_point expiry) {
        cancel();
        real_.expires_at(expiry);
    }

    /// As expires_at, counted from now. 0 or less: it has expired. Not after the end of time, however long.
    void expires_after(duration d) {
        const time_point start = now();
        expires_at(d > time_point::max() - start ? time_point::max() : start + d);
    }

    /// Whoever waits gets operation_aborted.
    void cancel() {
        if (virtual_)
            virtual_->finish_all(net::error::operation_aborted);
        else
            real_.cancel();
    }

    /// Completes when the timer expires.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, a new expiry was set, or the timer was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the timer's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            get_executor(),
            [this](auto&& handler, const Executor& executor) {
                if (!virtual_) return real_.async_wait(std::forward<decltype(handler)>(handler));
                // Copies: when it waits, another thread may let time pass, and the timer may be gone.
                const auto state = virtual_;
                auto& source = *source_;
                const time_point due = real_.expiry();
                const bool later = due > source.now();
                detail::start_wait<>(
                    state, std::forward<decltype(handler)>(handler), executor,
                    [&](std::tuple<error_code>&) { return later ? &state->waiters_until(due) : nullptr; });
                if (later) source.add(due, state);
            },
            std::forward<Token>(token));
    }

private:
    net::basic_waitable_timer<clock_type, net::wait_traits<clock_type>, Executor> real_;
    detail::time_source* source_;
    std::shared_ptr<detail::virtual_timer_state> virtual_;
};

using timer = basic_timer<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_TIMER_HPP
// end <telltale/sync/timer.hpp>
// begin <telltale/sync/with_timeout.hpp>

#ifndef TELLTALE_SYNC_WITH_TIMEOUT_HPP
#define TELLTALE_SYNC_WITH_TIMEOUT_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/sync/detail/timed_operation.hpp>

#ifndef TELLTALE_SYNC_DETAIL_TIMED_OPERATION_HPP
#define TELLTALE_SYNC_DETAIL_TIMED_OPERATION_HPP

// <telltale/asio.hpp> is above
// begin <telltale/detail/is_aborted.hpp>

#ifndef TELLTALE_DETAIL_IS_ABORTED_HPP
#define TELLTALE_DETAIL_IS_ABORTED_HPP

// <telltale/asio.hpp> is above

#include <exception>

namespace telltale::inline TELLTALE_ABI::detail {

/// Whether an operation ended because it was cancelled.
inline bool is_aborted(const error_code& ec) noexcept { return ec == net::error::operation_aborted; }

inline bool is_aborted(const std::exception_ptr& e) noexcept {
    if (!e) return false;
    try {
        std::rethrow_exception(e);
    } catch (const system_error& error) {
        return is_aborted(error.code());
    } catch (...) {
        return false;
    }
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_IS_ABORTED_HPP
// end <telltale/detail/is_aborted.hpp>
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/sync/timer.hpp> is above

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

inline void assign_deadline_exceeded(error_code& ec) noexcept { ec = errc::deadline_exceeded; }

inline void assign_deadline_exceeded(std::exception_ptr& e) {
    e = std::make_exception_ptr(system_error(make_error_code(errc::deadline_exceeded)));
}

template <class T>
struct spawn_signature_of {
    using type = void(std::exception_ptr, T);
};
template <>
struct spawn_signature_of<void> {
    using type = void(std::exception_ptr);
};
template <class T>
using spawn_signature = typename spawn_signature_of<T>::type;

/// Starts a coroutine as an operation, on the executor that is associated with the handler.
template <class T, class Executor>
struct spawn_operation {
    template <class Handler>
    void operator()(Handler&& handler) {
        const auto executor = net::get_associated_executor(handler);
        net::co_spawn(executor, std::move(coroutine), std::forward<Handler>(handler));
    }

    net::awaitable<T, Executor> coroutine;
};

// All but the final handler runs on the strand, and both cancellation signals are emitted there.
template <class Handler, class Executor, class Error, class... Values>
class timed_operation : public std::enable_shared_from_this<timed_operation<Handler, Executor, Error, Values...>> {
    using strand_type = net::strand<Executor>;
    using handler_executor = net::associated_executor_t<Handler, Executor>;

public:
    template <class H>
    timed_operation(const Executor& executor, H&& handler)
        : strand_(net::make_strand(executor)),
          handler_(std::forward<H>(handler)),
          work_(track_work(net::get_associated_executor(handler_, executor))) {}

    // Limit: how long, or until when.
    template <class Operation, class Limit>
    void start(Operation operation, Limit limit) {
        if (auto slot = net::get_associated_cancellation_slot(handler_); slot.is_connected())
            slot.assign([weak = this->weak_from_this()](net::cancellation_type type) {
                if (const auto self = weak.lock())
                    net::dispatch(self->strand_, [self, type] { self->signal_.emit(type); });
            });
        deadline_ = deadline_of(limit);
        net::dispatch(strand_, [self = this->shared_from_this(), operation = std::move(operation)]() mutable {
            self->run(std::move(operation));
        });
    }

private:
    struct on_end {
        using executor_type = strand_type;
        using cancellation_slot_type = net::cancellation_slot;
        using allocator_type = net::associated_allocator_t<Handler>;
        executor_type get_executor() const noexcept { return self->strand_; }
        cancellation_slot_type get_cancellation_slot() const noexcept { return self->signal_.slot(); }
        allocator_type get_allocator() const noexcept { return net::get_associated_allocator(self->handler_); }

        void operator()(Error error, Values... values) { self->finish(std::move(error), std::move(values)...); }

        std::shared_ptr<timed_operation> self;
    };

    using time_point = std::chrono::steady_clock::time_point;

    time_point deadline_of(time_point deadline) const { return deadline; }
    time_point deadline_of(std::chrono::steady_clock::duration limit) const {
        const time_point now = steady_now(strand_);
        return limit > time_point::max() - now ? time_point::max() : now + limit;
    }

    // The timer one turn later: what need not wait has ended by then, and to arm a timer is dear.
    template <class Operation>
    void run(Operation operation) {
        operation(on_end{this->shared_from_this()});
        if (!ended_) net::post(strand_, [self = this->shared_from_this()] { self->arm(); });
    }

    void arm() {
        if (ended_) return;
        timer_.emplace(strand_);
        timer_->expires_at(deadline_);
        timer_->async_wait(net::bind_executor(strand_, [self = this->shared_from_this()](error_code ec) {
            if (ec || self->ended_) return;
            self->expired_ = true;
            self->signal_.emit(net::cancellation_type::terminal);
        }));
    }

    void finish(Error error, Values... values) {
        ended_ = true;
        if (timer_) timer_->cancel();
        if (expired_ && is_aborted(error)) assign_deadline_exceeded(error);
        const auto executor = std::move(*work_);
        work_.reset();
        bound_completion<Handler, Error, Values...> completion{
            std::move(handler_), std::tuple<Error, Values...>(std::move(error), std::move(values)...)};
        net::dispatch(executor, std::move(completion));
    }

    strand_type strand_;
    std::optional<basic_timer<strand_type>> timer_;
    std::chrono::steady_clock::time_point deadline_{};
    Handler handler_;
    std::optional<tracked_executor<handler_executor>> work_;
    net::cancellation_signal signal_;
    bool expired_ = false;
    bool ended_ = false;
};

template <class Signature>
struct timed_start;

template <class Error, class... Values>
struct timed_start<void(Error, Values...)> {
    template <class Executor, class Operation, class Limit, class Handler>
    static void start(const Executor& executor, Operation operation, Limit limit, Handler&& handler) {
        using state = timed_operation<std::decay_t<Handler>, Executor, Error, Values...>;
        std::make_shared<state>(executor, std::forward<Handler>(handler))->start(std::move(operation), limit);
    }
};

template <class Signature, class Executor, class Operation, class Limit, class Handler>
void start_timed(const Executor& executor, Operation operation, Limit limit, Handler&& handler) {
    timed_start<Signature>::start(executor, std::move(operation), limit, std::forward<Handler>(handler));
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_TIMED_OPERATION_HPP
// end <telltale/sync/detail/timed_operation.hpp>

#include <chrono>
#include <exception>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Runs an operation that is cancelled when it takes longer than `limit`.
///
/// Nothing is swallowed or lost, unlike with `operation || timer`: the result is the operation's own, whether value or
/// error, also when it came at the last moment, after the time was up. Only where the operation ended as cancelled,
/// because its time was up, the error is errc::deadline_exceeded. The operation has always ended when this completes.
///
/// `operation` is any function object that starts an operation with the completion handler that it is given, and
/// `Signature` the signature of that: `async_with_timeout<void(error_code, permit)>(executor,
/// [&](auto handler) { semaphore.async_acquire(std::move(handler)); }, 5s)`. The first argument of the signature is an
/// error_code or an exception_ptr. `limit`: 0 or less cancels the operation as soon as it has been started, which
/// still lets it complete with what is there without waiting.
///
/// @par Completion signature
/// `Signature`
/// @par Error codes
/// those of the operation; `errc::deadline_exceeded` (as system_error where the signature has an exception_ptr).
/// @par Per-operation cancellation
/// passed on to the operation.
/// @par Thread safety
/// The operation's own intermediate handlers run on a strand of `executor`; the final handler on its associated one.
template <class Signature, class Executor, class Operation, class Token = default_token_t<Executor>>
auto async_with_timeout(const Executor& executor, Operation operation, std::chrono::steady_clock::duration limit,
                        Token&& token = {}) {
    return detail::async_start<Signature>(
        executor,
        [operation = std::move(operation), limit](auto&& handler, const Executor& ex) mutable {
            detail::start_timed<Signature>(ex, std::move(operation), limit, std::forward<decltype(handler)>(handler));
        },
        std::forward<Token>(token));
}

/// As async_with_timeout, with the time when it is over instead of how long it may take. `deadline`: on the clock of the
/// executor's context, `steady_now(executor)`. If it is past, the operation is started all the same, and cancelled at
/// once: what it completes with without waiting is not lost.
template <class Signature, class Executor, class Operation, class Token = default_token_t<Executor>>
auto async_with_deadline(const Executor& executor, Operation operation, std::chrono::steady_clock::time_point deadline,
                         Token&& token = {}) {
    return detail::async_start<Signature>(
        executor,
        [operation = std::move(operation), deadline](auto&& handler, const Executor& ex) mutable {
            detail::start_timed<Signature>(ex, std::move(operation), deadline,
                                           std::forward<decltype(handler)>(handler));
        },
        std::forward<Token>(token));
}

/// As async_with_timeout, for a coroutine:
///
///     const int answer = co_await telltale::with_timeout(ask(), 5s);
///
/// The coroutine runs on a strand of the executor of whoever awaits. Throws what it throws, or
/// system_error(errc::deadline_exceeded). A cancellation of whoever awaits is passed on to it.
template <class T, class Executor>
[[nodiscard]] net::awaitable<T, Executor> with_timeout(net::awaitable<T, Executor> operation,
                                                       std::chrono::steady_clock::duration limit) {
    const Executor executor = co_await net::this_coro::executor;
    // Named: GCC 12 destroys an aggregate temporary inside a co_await expression twice.
    detail::spawn_operation<T, Executor> spawn{std::move(operation)};
    co_return co_await async_with_timeout<detail::spawn_signature<T>>(executor, std::move(spawn), limit,
                                                                      net::use_awaitable_t<Executor>{});
}

/// As with_timeout, with the time when it is over: `co_await with_deadline(ask(), steady_now(executor) + 5s);`. One
/// deadline serves for several steps. See async_with_deadline.
template <class T, class Executor>
[[nodiscard]] net::awaitable<T, Executor> with_deadline(net::awaitable<T, Executor> operation,
                                                        std::chrono::steady_clock::time_point deadline) {
    const Executor executor = co_await net::this_coro::executor;
    detail::spawn_operation<T, Executor> spawn{std::move(operation)}; // named: as above
    co_return co_await async_with_deadline<detail::spawn_signature<T>>(executor, std::move(spawn), deadline,
                                                                       net::use_awaitable_t<Executor>{});
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_WITH_TIMEOUT_HPP
// end <telltale/sync/with_timeout.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline net::awaitable<void> keep_showing(board& jobs, bar_writer& bars) {
    const auto executor = co_await net::this_coro::executor;
    auto events = jobs.subscribe_on(executor);
    timer pause(executor);
    const auto receive = [&events](auto handler) { events.async_receive(std::move(handler)); };
    for (;;) {
        while (events.try_receive()) continue;
        const auto all = jobs.jobs();
        const auto now = steady_now(executor);
        const bool drawn = bars.update(all, now, system_now(executor));
        const bool running =
            std::any_of(all.begin(), all.end(), [](const auto& j) { return j->state == job_state::running; });
        pause.expires_after(bars.redraw_interval());
        co_await pause.async_wait(net::use_awaitable);
        if (events.try_receive()) continue;
        if (!running && drawn) {
            co_await events.receive();
            continue;
        }
        auto operation = receive; // named, and moved: GCC 12 destroys a lambda inside a co_await expression twice
        const auto [ec, told] = co_await async_with_deadline<void(error_code, delivery<event>)>(
            executor, std::move(operation), now + std::chrono::seconds{1}, as_result);
        if (ec && ec != errc::deadline_exceeded) throw system_error(ec);
    }
}

} // namespace detail

/// Keeps bars up to date with a board until it is cancelled; then every job has its last line.
///
///     telltale::bar_writer bars(stderr);
///     telltale::task_group helpers(executor);
///     helpers.spawn(telltale::show_jobs(board, bars));
///
/// It draws when something has happened, no more often than the bars' redraw_interval; and once a second while a job is
/// running, for the time goes on. Nothing wakes up while no job runs and nothing happens. Both must outlive this.
///
/// @par Errors
/// system_error: `operation_aborted`: cancelled.
/// @par Per-operation cancellation
/// terminal: stops showing.
/// @par Thread safety
/// The bars are used on the executor of this coroutine.
[[nodiscard]] inline net::awaitable<void> show_jobs(board& jobs, bar_writer& bars) {
    const auto executor = co_await net::this_coro::executor;
    std::exception_ptr failure;
    try {
        co_await detail::keep_showing(jobs, bars);
    } catch (...) {
        failure = std::current_exception();
    }
    bars.finish(jobs.jobs(), steady_now(executor), system_now(executor));
    std::rethrow_exception(failure);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BOARD_SHOW_JOBS_HPP
// end <telltale/board/show_jobs.hpp>
// begin <telltale/core/acceptors.hpp>

#ifndef TELLTALE_CORE_ACCEPTORS_HPP
#define TELLTALE_CORE_ACCEPTORS_HPP

// <telltale/core/job_state.hpp> is above

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Maps an API's own words to states. Words are open: one that is not here gives nothing, and it is the caller's duty
/// to keep it raw and to tell of it, never to take it for the end of the job.
class acceptors {
public:
    acceptors() = default;

    /// Words are compared exactly, upper and lower case apart.
    acceptors(std::initializer_list<std::pair<const std::string, job_state>> words) : words_(words) {}

    void add(std::string word, job_state state) { words_.insert_or_assign(std::move(word), state); }

    std::optional<job_state> find(std::string_view word) const {
        const auto found = words_.find(word);
        if (found == words_.end()) return std::nullopt;
        return found->second;
    }

    bool empty() const noexcept { return words_.empty(); }

    /// The states' own names: what telltale's API says.
    static acceptors own_words() {
        acceptors result;
        for (std::size_t i = 0; i < job_state_count; ++i) {
            const auto state = static_cast<job_state>(i);
            result.add(std::string(to_string(state)), state);
        }
        return result;
    }

private:
    std::map<std::string, job_state, std::less<>> words_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_ACCEPTORS_HPP
// end <telltale/core/acceptors.hpp>
// begin <telltale/core/backoff.hpp>

#ifndef TELLTALE_CORE_BACKOFF_HPP
#define TELLTALE_CORE_BACKOFF_HPP

// <telltale/version.hpp> is above

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace telltale::inline TELLTALE_ABI {

/// Exponential backoff with full jitter, by the formula of the Smithy waiters
/// (https://smithy.io/2.0/additional-specs/waiters.html): before attempt n the delay is uniform between `min` and
/// min(max, min * 2^(n-1)).
struct backoff {
    std::chrono::nanoseconds min = std::chrono::seconds{2};   ///< at least 1 ns
    std::chrono::nanoseconds max = std::chrono::seconds{120}; ///< not below min

    /// The longest delay before this attempt. `attempt` counts from 1.
    constexpr std::chrono::nanoseconds ceiling(std::uint32_t attempt) const noexcept {
        auto delay = std::max(min, std::chrono::nanoseconds{1});
        for (std::uint32_t n = 1; n < attempt && delay < max; ++n) delay = delay > max / 2 ? max : delay * 2;
        return std::max(min, std::min(delay, max));
    }

    /// The delay before this attempt. `random` is uniform in [0, 1).
    constexpr std::chrono::nanoseconds delay(std::uint32_t attempt, double random) const noexcept {
        const auto span = static_cast<double>((ceiling(attempt) - min).count());
        return min + std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(span * random)};
    }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_BACKOFF_HPP
// end <telltale/core/backoff.hpp>
// begin <telltale/core/chunk_sizer.hpp>

#ifndef TELLTALE_CORE_CHUNK_SIZER_HPP
#define TELLTALE_CORE_CHUNK_SIZER_HPP

// <telltale/version.hpp> is above

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>

namespace telltale::inline TELLTALE_ABI {

/// Items that lie side by side, and are worked on at once.
struct chunk_part {
    std::size_t id = 0;    ///< in the order of the items, from 0
    std::size_t first = 0; ///< the place of its first item
    std::size_t size = 0;  ///< items in it

    friend bool operator==(const chunk_part&, const chunk_part&) = default;
};

struct chunk_sizer_options {
    std::chrono::nanoseconds target = std::chrono::milliseconds{100}; ///< what a chunk is to take; greater than zero
    std::size_t first = 1;                                            ///< size of the first chunks
    std::size_t min = 1;                                              ///< at least 1; only the very last is smaller
    std::size_t max = std::numeric_limits<std::size_t>::max();        ///< not below `min`
    std::size_t workers = 1;                                          ///< who share the chunks; at least 1
    double weight = 0.5; ///< of the newest chunk in the average of the speed: above 0, at most 1
};

/// Cuts a number of items into chunks that take about a wanted time, as it learns how long the items take.
///
/// The speed is an exponentially weighted average over the chunks. A chunk is at most twice as large as one that was
/// measured, and at least half as large as the one before, so that one odd chunk does little harm. Towards the end
/// chunks shrink, so that all workers end at about the same time: none is larger than its share of half of what is left
/// (guided self-scheduling, C. Polychronopoulos and D. Kuck, IEEE Trans. Comput. C-36 (1987) 1425, with the half of
/// factoring, S. Hummel, E. Schonberg and L. Flynn, CACM 35 (1992) 90). One worker alone needs no such thing.
class chunk_sizer {
public:
    explicit chunk_sizer(std::size_t total, chunk_sizer_options options = {}) noexcept
        : options_(options), total_(total) {
        options_.min = std::max<std::size_t>(options_.min, 1);
        options_.max = std::max(options_.max, options_.min);
        options_.workers = std::max<std::size_t>(options_.workers, 1);
        size_ = std::clamp(options_.first, options_.min, options_.max);
    }

    /// Items that are in no chunk yet.
    std::size_t left() const noexcept { return total_ - cut_; }

    /// The size that the next chunk would have.
    std::size_t next_size() const noexcept {
        std::size_t n = size_;
        if (options_.workers > 1) n = std::min(n, share(left()));
        return std::min(std::max(n, options_.min), left());
    }

    /// The next chunk; of size 0 when nothing is left.
    chunk_part next() noexcept {
        const chunk_part part{id_, cut_, next_size()};
        if (part.size != 0) ++id_;
        cut_ += part.size;
        return part;
    }

    /// A chunk has taken that long.
    void completed(std::size_t items, std::chrono::duration<double> time) noexcept {
        if (items == 0) return;
        items_ += options_.weight * (static_cast<double>(items) - items_);
        seconds_ += options_.weight * (std::max(time.count(), 0.0) - seconds_);
        const double target = std::chrono::duration<double>(options_.target).count();
        const double wanted = items_ * target;           // times seconds_,
        const double have = seconds_ * double_of(size_); // to compare without dividing by zero
        if (wanted > have) {
            const std::size_t most = items > options_.max / 2 ? options_.max : items * 2;
            if (most > size_) size_ = wanted >= seconds_ * double_of(most) ? most : nearest(wanted / seconds_);
        } else {
            size_ = std::max(size_ / 2, nearest(wanted / seconds_));
        }
        size_ = std::clamp(size_, options_.min, options_.max);
    }

private:
    static double double_of(std::size_t n) noexcept { return static_cast<double>(n); }
    static std::size_t nearest(double d) noexcept { return static_cast<std::size_t>(std::llround(d)); }

    std::size_t share(std::size_t items) const noexcept {
        const std::size_t shares = 2 * options_.workers;
        return items / shares + (items % shares == 0 ? 0 : 1);
    }

    chunk_sizer_options options_;
    std::size_t total_;
    std::size_t cut_ = 0;
    std::size_t id_ = 0;
    std::size_t size_ = 1;
    // Averages per chunk, both with the same weights: their quotient is the speed, whatever the sizes are.
    double items_ = 0;
    double seconds_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_CHUNK_SIZER_HPP
// end <telltale/core/chunk_sizer.hpp>
// <telltale/core/cursor.hpp> is above
// <telltale/core/estimator.hpp> is above
// <telltale/core/event.hpp> is above
// begin <telltale/core/execution_report.hpp>

#ifndef TELLTALE_CORE_EXECUTION_REPORT_HPP
#define TELLTALE_CORE_EXECUTION_REPORT_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/core/json_writer.hpp> is above
// <telltale/core/progress.hpp> is above
// begin <telltale/core/resource_usage.hpp>

#ifndef TELLTALE_CORE_RESOURCE_USAGE_HPP
#define TELLTALE_CORE_RESOURCE_USAGE_HPP

// <telltale/core/json_writer.hpp> is above
// <telltale/version.hpp> is above

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace telltale::inline TELLTALE_ABI {

/// What the system says of a process at one moment. What it does not say is absent, never zero.
struct resource_reading {
    std::optional<std::chrono::nanoseconds> cpu_user{};   ///< of all threads, since the process began
    std::optional<std::chrono::nanoseconds> cpu_system{}; ///< the same, in the kernel
    std::optional<double> cpu_limit_cores{};              ///< how many cores the process may use; 0.5 is half of one
    std::optional<std::uint64_t> memory_bytes{};          ///< resident
    std::optional<std::uint64_t> memory_peak_bytes{};     ///< the most there ever was, as the system counts it
    std::optional<std::uint64_t> memory_limit_bytes{};
    std::optional<std::uint64_t> disk_read_bytes{};    ///< from storage, since the process began
    std::optional<std::uint64_t> disk_written_bytes{}; ///< to storage, likewise

    friend bool operator==(const resource_reading&, const resource_reading&) = default;
};

/// What a process has used while it was looked at. What is not known is absent, never zero.
struct resource_usage {
    std::chrono::duration<double> elapsed{}; ///< from the first reading to the last
    std::uint64_t samples = 0;               ///< readings

    std::optional<double> cpu_percent{};                     ///< lately, of one core: two busy threads are 200
    std::optional<double> cpu_mean_percent{};                ///< since the first reading
    std::optional<std::chrono::duration<double>> cpu_user{}; ///< since the first reading, as the next
    std::optional<std::chrono::duration<double>> cpu_system{};
    std::optional<double> cpu_limit_cores{};

    std::optional<std::uint64_t> memory_bytes{};
    std::optional<double> memory_mean_bytes{}; ///< over time
    /// The most since the first reading; also what was there between two readings, if it was more than ever before.
    std::optional<std::uint64_t> memory_peak_bytes{};
    std::optional<std::uint64_t> memory_limit_bytes{};

    std::optional<std::uint64_t> disk_read_bytes{}; ///< since the first reading, as the next
    std::optional<std::uint64_t> disk_written_bytes{};
    std::optional<double> disk_read_bytes_per_s{}; ///< lately
    std::optional<double> disk_written_bytes_per_s{};

    /// The CPU time since the first reading, in and out of the kernel.
    constexpr std::optional<std::chrono::duration<double>> cpu_time() const noexcept {
        if (!cpu_user || !cpu_system) return std::nullopt;
        return *cpu_user + *cpu_system;
    }

    /// CPU lately, in percent of what the process may use.
    constexpr std::optional<double> cpu_percent_of_limit() const noexcept {
        if (!cpu_percent || !cpu_limit_cores || !(*cpu_limit_cores > 0)) return std::nullopt;
        return *cpu_percent / *cpu_limit_cores;
    }

    /// Memory in percent of what the process may use.
    constexpr std::optional<double> memory_percent_of_limit() const noexcept {
        if (!memory_bytes || !memory_limit_bytes || *memory_limit_bytes == 0) return std::nullopt;
        return 100.0 * static_cast<double>(*memory_bytes) / static_cast<double>(*memory_limit_bytes);
    }

    friend bool operator==(const resource_usage&, const resource_usage&) = default;
};

/// Makes figures of readings: a value, stepped with the time passed in; allocates nothing.
class resource_statistics {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// What is said of "lately" is about no less than this: readings that come sooner after another do not change it.
    static constexpr std::chrono::milliseconds window{100};

    /// One more reading. Of a time before the last one it is taken to be of the same time.
    void add(const resource_reading& r, time_point now) noexcept {
        if (usage_.samples++ == 0) first_at_ = last_at_ = base_at_ = now;
        now = std::max(now, last_at_);
        usage_.elapsed = now - first_at_;
        add_memory(r, now);
        usage_.cpu_limit_cores = r.cpu_limit_cores;
        usage_.cpu_user = since(first_.cpu_user, r.cpu_user);
        usage_.cpu_system = since(first_.cpu_system, r.cpu_system);
        usage_.disk_read_bytes = since(first_.disk_read_bytes, r.disk_read_bytes);
        usage_.disk_written_bytes = since(first_.disk_written_bytes, r.disk_written_bytes);
        if (const auto used = usage_.cpu_time(); used && usage_.elapsed.count() > 0)
            usage_.cpu_mean_percent = 100 * *used / usage_.elapsed;
        if (usage_.samples == 1) base_ = r;
        if (now - base_at_ >= window) look_back(r, now - base_at_, now);
        last_ = r;
        last_at_ = now;
    }

    const resource_usage& usage() const noexcept { return usage_; }

private:
    template <class T>
    static std::optional<T> since(std::optional<T>& first, const std::optional<T>& now) noexcept {
        if (!now) return std::nullopt;
        if (!first) first = now; // it was not known before
        return *now > *first ? *now - *first : T{};
    }

    // Counters that only rise.
    template <class T>
    static std::optional<double> rate(const std::optional<T>& from, const std::optional<T>& to,
                                      std::chrono::duration<double> time) noexcept {
        if (!from || !to || *to < *from) return std::nullopt;
        if constexpr (std::is_integral_v<T>)
            return static_cast<double>(*to - *from) / time.count();
        else
            return std::chrono::duration<double>(*to - *from) / time;
    }

    void look_back(const resource_reading& r, std::chrono::duration<double> time, time_point now) noexcept {
        const auto user = rate(base_.cpu_user, r.cpu_user, time);
        const auto system = rate(base_.cpu_system, r.cpu_system, time);
        usage_.cpu_percent.reset();
        if (user && system) usage_.cpu_percent = 100 * (*user + *system);
        usage_.disk_read_bytes_per_s = rate(base_.disk_read_bytes, r.disk_read_bytes, time);
        usage_.disk_written_bytes_per_s = rate(base_.disk_written_bytes, r.disk_written_bytes, time);
        base_ = r;
        base_at_ = now;
    }

    void add_memory(const resource_reading& r, time_point now) noexcept {
        usage_.memory_bytes = r.memory_bytes;
        usage_.memory_limit_bytes = r.memory_limit_bytes;
        if (!first_.memory_peak_bytes) first_.memory_peak_bytes = r.memory_peak_bytes;
        if (r.memory_bytes) usage_.memory_peak_bytes = std::max(usage_.memory_peak_bytes.value_or(0), *r.memory_bytes);
        // The system's peak is of the whole life of the process: it tells of this part of it only once it has risen.
        if (r.memory_peak_bytes && *r.memory_peak_bytes > *first_.memory_peak_bytes)
            usage_.memory_peak_bytes = std::max(usage_.memory_peak_bytes.value_or(0), *r.memory_peak_bytes);
        if (!r.memory_bytes) return;
        const auto bytes = static_cast<double>(*r.memory_bytes);
        if (last_.memory_bytes) {
            const std::chrono::duration<double> time = now - last_at_;
            memory_area_ += (bytes + static_cast<double>(*last_.memory_bytes)) / 2 * time.count();
            memory_time_ += time.count();
        }
        usage_.memory_mean_bytes = memory_time_ > 0 ? memory_area_ / memory_time_ : bytes;
    }

    resource_usage usage_{};
    resource_reading first_{}; // of each figure the first that was known
    resource_reading base_{};  // where "lately" begins
    resource_reading last_{};
    time_point first_at_{};
    time_point base_at_{};
    time_point last_at_{};
    double memory_area_ = 0; // byte seconds
    double memory_time_ = 0; // seconds
};

/// {"elapsed_s":2.5,"samples":3,"cpu_percent":62.4,…}: see docs/reference/report.md.
inline void write_json(json_writer& out, const resource_usage& u) {
    const auto member = [&out](std::string_view name, const auto& value) {
        if (value) out.member(name, *value);
    };
    const auto seconds = [&out](std::string_view name, const auto& value) {
        if (value) out.member(name, value->count());
    };
    out.begin_object().member("elapsed_s", u.elapsed.count()).member("samples", u.samples);
    member("cpu_percent", u.cpu_percent);
    member("cpu_mean_percent", u.cpu_mean_percent);
    member("cpu_percent_of_limit", u.cpu_percent_of_limit());
    member("cpu_limit_cores", u.cpu_limit_cores);
    seconds("cpu_user_s", u.cpu_user);
    seconds("cpu_system_s", u.cpu_system);
    member("memory_bytes", u.memory_bytes);
    member("memory_mean_bytes", u.memory_mean_bytes);
    member("memory_peak_bytes", u.memory_peak_bytes);
    member("memory_limit_bytes", u.memory_limit_bytes);
    member("memory_percent_of_limit", u.memory_percent_of_limit());
    member("disk_read_bytes", u.disk_read_bytes);
    member("disk_written_bytes", u.disk_written_bytes);
    member("disk_read_bytes_per_s", u.disk_read_bytes_per_s);
    member("disk_written_bytes_per_s", u.disk_written_bytes_per_s);
    out.end_object();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_RESOURCE_USAGE_HPP
// end <telltale/core/resource_usage.hpp>
// <telltale/core/time.hpp> is above

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What only the work itself knows of a job. What is not known is absent, never zero.
struct job_figures {
    std::optional<std::uint64_t> rows_in{};  ///< absent: what a progress in items has done
    std::optional<std::uint64_t> rows_out{}; ///< of those, or made of those
    std::optional<std::uint64_t> bytes{};    ///< absent: what a progress in bytes has done
    /// CPU time that it took: of a cpu_meter, for one that runs on a pool.
    std::optional<std::chrono::duration<double>> cpu{};

    friend bool operator==(const job_figures&, const job_figures&) = default;
};

using figures_map = std::map<job_id, job_figures, std::less<>>;

/// One job in a report.
struct reported_job {
    std::shared_ptr<const telltale::job> job{};              ///< never null in a report
    std::optional<std::chrono::duration<double>> waited{};   ///< from its creation to its start
    std::optional<std::chrono::duration<double>> duration{}; ///< from its start to its end, or to now
    job_figures figures{};

    std::optional<double> rows_ratio() const noexcept; ///< rows out for each row in: 0.8
    std::optional<double> rows_per_s() const noexcept; ///< rows in
    std::optional<double> bytes_per_s() const noexcept;
    std::optional<double> cpu_percent() const noexcept; ///< of one core, over its duration
};

/// How an execution, all of its jobs together, stands or has ended: a value. Made by make_report.
struct execution_report {
    timestamp started{};
    timestamp at{}; ///< when it was so
    std::vector<reported_job> jobs{};
    std::array<std::size_t, job_state_count> by_state{};
    std::optional<progress> overall{};         ///< of all jobs together, where somebody measures that
    std::optional<resource_usage> resources{}; ///< of the process

    /// Predicted: by `overall`, or by how long the jobs that have ended took; absent where no honest prediction is
    /// possible, and once all have ended.
    std::optional<std::chrono::duration<double>> remaining{};
    std::optional<std::chrono::duration<double>> remaining_low{}; ///< 10 %; by `overall` only, as the next
    std::optional<std::chrono::duration<double>> remaining_high{};

    // Sums over the jobs of which it is known; absent: of none.
    std::optional<std::uint64_t> rows_in{};
    std::optional<std::uint64_t> rows_out{};
    std::optional<std::uint64_t> bytes{};
    std::optional<std::chrono::duration<double>> cpu{};
    std::optional<double> rows_ratio{}; ///< rows out for each row in, of the jobs that know both

    std::chrono::duration<double> elapsed() const noexcept { return at - started; }
    std::size_t count(job_state s) const noexcept { return by_state[static_cast<std::size_t>(s)]; }
    std::size_t ended() const noexcept; ///< how many are in a terminal state
    std::size_t open() const noexcept { return jobs.size() - ended(); }

    /// 0 to 100: of `overall`; or else the jobs that have ended, and of those that run as much as they say. Absent
    /// without jobs.
    std::optional<double> percent() const noexcept;

    /// How many of those that have ended, but for those skipped, succeeded: 0 to 100. Absent: none has ended.
    std::optional<double> success_percent() const noexcept;

    std::optional<double> rows_per_s() const noexcept; ///< rows in
    std::optional<double> bytes_per_s() const noexcept;
};

/// What a report is made of, beside the jobs.
struct report_sources {
    timestamp started{}; ///< when the execution began; the epoch: when its first job was created or started
    timestamp now{};     ///< when it has ended: its end
    figures_map figures{};
    std::optional<progress> overall{};
    std::optional<resource_usage> resources{};
};

/// The report of these jobs: those of a board's snapshot, for example. Null pointers are left out.
inline execution_report make_report(const std::vector<std::shared_ptr<const job>>& jobs, report_sources sources);

/// {"format":1,"started_at":"…","elapsed_s":2.5,…}: see docs/reference/report.md. What is unknown is left out.
inline void write_json(json_writer& out, const execution_report& r);

} // namespace telltale::inline TELLTALE_ABI

// begin <telltale/core/detail/execution_report.hpp>

#ifndef TELLTALE_CORE_DETAIL_EXECUTION_REPORT_HPP
#define TELLTALE_CORE_DETAIL_EXECUTION_REPORT_HPP

// <telltale/core/execution_report.hpp> is above
// begin <telltale/core/json.hpp>

#ifndef TELLTALE_CORE_JSON_HPP
#define TELLTALE_CORE_JSON_HPP

// <telltale/core/cursor.hpp> is above
// <telltale/core/event.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/json_writer.hpp> is above
// <telltale/core/progress.hpp> is above

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// How values look in JSON, on every wire. What is unknown is left out. docs/reference/json.md is the contract.

namespace telltale::inline TELLTALE_ABI {

/// {"done":1,"total":4,"unit":"bytes","percent":25,"rate":0.5,"remaining_s":6}
inline void write_json(json_writer& out, const progress& p) {
    out.begin_object().member("done", p.done);
    if (p.total) out.member("total", *p.total);
    out.member("unit", to_string(p.unit));
    if (const auto percent = p.percent()) out.member("percent", *percent);
    if (p.rate) out.member("rate", *p.rate);
    if (p.remaining) out.member("remaining_s", p.remaining->count());
    if (p.remaining_low) out.member("remaining_low_s", p.remaining_low->count());
    if (p.remaining_high) out.member("remaining_high_s", p.remaining_high->count());
    out.end_object();
}

/// A job with all that is known of it; times in RFC 3339, with so many digits after the second.
inline void write_json(json_writer& out, const job& j, int time_digits = 3) {
    const auto text = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) out.member(name, value);
    };
    const auto time = [&](std::string_view name, const std::optional<timestamp>& value) {
        if (value) out.member(name, to_rfc3339(*value, time_digits));
    };
    out.begin_object().member("id", j.id);
    text("name", j.name);
    text("kind", j.kind);
    out.member("state", to_string(j.state)).member("attempt", j.attempt);
    text("word", j.word);
    if (j.progress) write_json(out.key("progress"), *j.progress);
    if (j.queue_position) out.member("queue_position", *j.queue_position);
    if (!j.labels.empty()) {
        out.key("labels").begin_object();
        for (const auto& [name, value] : j.labels) out.member(name, value);
        out.end_object();
    }
    text("message", j.message);
    if (j.steps) {
        out.key("steps").begin_array();
        for (const job_step& s : *j.steps) {
            out.begin_object().member("name", s.name).member("state", to_string(s.state));
            if (s.progress) write_json(out.key("progress"), *s.progress);
            time("started_at", s.started);
            time("finished_at", s.finished);
            out.end_object();
        }
        out.end_array();
    }
    if (j.approval) {
        out.key("approval").begin_object().member("what", j.approval->what);
        time("until", j.approval->until);
        out.end_object();
    }
    time("created_at", j.created);
    time("queued_at", j.queued);
    time("started_at", j.started);
    time("finished_at", j.finished);
    time("observed_at", j.observed);
    if (j.error) {
        out.key("error").begin_object().member("class", to_string(j.error->kind));
        out.member("message", j.error->message).end_object();
    }
    if (j.health != watch_health{}) {
        out.key("health").begin_object().member("state", to_string(j.health.state));
        time("since", j.health.since);
        text("error", j.health.error);
        out.end_object();
    }
    if (j.control) {
        out.key("commands").begin_array();
        for (std::size_t i = 0; i < job_command_count; ++i)
            if (const auto c = static_cast<job_command>(i); accepts(j, c)) out.value(to_string(c));
        out.end_array();
    }
    out.end_object();
}

/// {"type":"event","cursor":"1f:17","time":"…","kind":"job_started","job":{…},"data":…}
inline void write_json(json_writer& out, const cursor& at, const event& e, int time_digits = 3) {
    out.begin_object().member("type", "event").member("cursor", to_string(at));
    out.member("time", to_rfc3339(e.time, time_digits)).member("kind", to_string(e.kind));
    if (e.job) write_json(out.key("job"), *e.job, time_digits);
    if (!e.data.empty()) out.key("data").raw(e.data);
    out.end_object();
}

/// The JSON text of a value that has a write_json.
template <class... Values>
std::string to_json(const Values&... values) {
    std::string text;
    json_writer out(text);
    write_json(out, values...);
    return text;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JSON_HPP
// end <telltale/core/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

using seconds_f = std::chrono::duration<double>;

template <class T>
void add_known(std::optional<T>& sum, const std::optional<T>& value) {
    if (value) sum = sum.value_or(T{}) + *value;
}

template <class T>
std::optional<double> per_second(const std::optional<T>& amount, std::optional<seconds_f> time) noexcept {
    if (!amount || !time || !(time->count() > 0)) return std::nullopt;
    return static_cast<double>(*amount) / time->count();
}

inline std::optional<std::uint64_t> whole(double n) noexcept {
    if (!(n >= 0 && n < 1.8e19)) return std::nullopt;
    return static_cast<std::uint64_t>(n);
}

inline std::optional<seconds_f> between(const std::optional<timestamp>& from,
                                        const std::optional<timestamp>& to) noexcept {
    if (!from || !to) return std::nullopt;
    return std::max<seconds_f>(*to - *from, seconds_f{0}); // clocks of two machines may differ
}

inline reported_job reported(std::shared_ptr<const job> j, const report_sources& sources) {
    reported_job r;
    if (const auto given = sources.figures.find(j->id); given != sources.figures.end()) r.figures = given->second;
    if (const auto& p = j->progress) {
        if (!r.figures.rows_in && p->unit == progress_unit::items) r.figures.rows_in = whole(p->done);
        if (!r.figures.bytes && p->unit == progress_unit::bytes) r.figures.bytes = whole(p->done);
    }
    r.waited = between(j->created ? j->created : j->queued, j->started);
    r.duration = between(j->started, is_terminal(j->state) ? j->finished : sources.now);
    r.job = std::move(j);
    return r;
}

/// How long jobs took that have ended.
class known_durations {
public:
    void add(const reported_job& r) {
        if (!is_terminal(r.job->state) || !r.duration || r.job->state == job_state::skipped) return;
        of_kind_[r.job->kind].longest_first.push_back(r.duration->count());
        all_.longest_first.push_back(r.duration->count());
    }

    /// After the last add().
    void finish() {
        for (auto& [kind, of_it] : of_kind_) of_it.finish();
        all_.finish();
    }

    /// What a job of this kind still needs that has run for so long, or has not begun: the mean of those that took
    /// longer. Nothing: there is none.
    std::optional<double> rest(const std::string& kind, std::optional<double> ran) const {
        const auto found = of_kind_.find(kind);
        return (found == of_kind_.end() ? all_ : found->second).rest(ran);
    }

private:
    struct durations {
        void finish() {
            std::sort(longest_first.begin(), longest_first.end(), std::greater<>{});
            sums.resize(longest_first.size());
            std::partial_sum(longest_first.begin(), longest_first.end(), sums.begin());
        }

        std::optional<double> rest(std::optional<double> ran) const {
            std::size_t n = longest_first.size();
            if (ran) {
                const auto end = std::lower_bound(longest_first.begin(), longest_first.end(), *ran, std::greater<>{});
                n = static_cast<std::size_t>(end - longest_first.begin());
            }
            if (n == 0) return std::nullopt;
            return sums[n - 1] / static_cast<double>(n) - ran.value_or(0);
        }

        std::vector<double> longest_first;
        std::vector<double> sums; // of the first, the first two, ...
    };

    std::map<std::string, durations, std::less<>> of_kind_;
    durations all_;
};

/// What is left of the work, spread over as many jobs at once as have run so far on average; but no less than what the
/// longest needs. Nothing: a job is paused, or nobody knows how long one takes.
inline std::optional<seconds_f> predict_remaining(const execution_report& r) {
    known_durations known;
    double busy = 0;
    for (const auto& j : r.jobs) {
        known.add(j);
        if (j.duration) busy += j.duration->count();
    }
    known.finish();
    const double elapsed = r.elapsed().count();
    if (r.open() == 0 || !(busy > 0) || !(elapsed > 0)) return std::nullopt;
    double work = 0;
    double longest = 0;
    for (const auto& j : r.jobs) {
        if (is_terminal(j.job->state)) continue;
        if (j.job->state == job_state::paused) return std::nullopt;
        std::optional<double> rest;
        if (j.job->state == job_state::running) {
            if (j.job->progress && j.job->progress->remaining)
                rest = j.job->progress->remaining->count();
            else if (j.duration)
                rest = known.rest(j.job->kind, j.duration->count());
        } else {
            rest = known.rest(j.job->kind, std::nullopt);
        }
        if (!rest) return std::nullopt;
        work += *rest;
        longest = std::max(longest, *rest);
    }
    const double at_once = std::max(1.0, busy / elapsed);
    return seconds_f(std::max(longest, work / at_once));
}

inline timestamp beginning_of(const execution_report& r, timestamp now) {
    timestamp first = now;
    for (const auto& j : r.jobs)
        for (const auto& t : {j.job->created, j.job->queued, j.job->started})
            if (t) first = std::min(first, *t);
    return first;
}

/// Leaves out what is absent.
class report_writer {
public:
    explicit report_writer(json_writer& out) : out_(out) {}

    template <class T>
    void number(std::string_view name, const std::optional<T>& value) {
        if (value) out_.member(name, *value);
    }
    void seconds(std::string_view name, const std::optional<seconds_f>& value) {
        if (value) out_.member(name, value->count());
    }
    void time(std::string_view name, const std::optional<timestamp>& value) {
        if (value) out_.member(name, to_rfc3339(*value));
    }
    void text(std::string_view name, const std::string& value) {
        if (!value.empty()) out_.member(name, value);
    }

    void job(const reported_job& r) {
        const telltale::job& j = *r.job;
        out_.begin_object().member("id", j.id);
        text("name", j.name);
        text("kind", j.kind);
        out_.member("state", to_string(j.state)).member("attempt", j.attempt);
        if (!j.labels.empty()) {
            out_.key("labels").begin_object();
            for (const auto& [name, value] : j.labels) out_.member(name, value);
            out_.end_object();
        }
        time("created_at", j.created);
        time("started_at", j.started);
        time("finished_at", j.finished);
        seconds("waited_s", r.waited);
        seconds("duration_s", r.duration);
        number("rows_in", r.figures.rows_in);
        number("rows_out", r.figures.rows_out);
        number("rows_ratio", r.rows_ratio());
        number("rows_per_s", r.rows_per_s());
        number("bytes", r.figures.bytes);
        number("bytes_per_s", r.bytes_per_s());
        seconds("cpu_s", r.figures.cpu);
        number("cpu_percent", r.cpu_percent());
        if (j.progress) write_json(out_.key("progress"), *j.progress);
        if (j.error) {
            out_.key("error").begin_object().member("class", to_string(j.error->kind));
            out_.member("message", j.error->message).end_object();
        }
        out_.end_object();
    }

private:
    json_writer& out_;
};

} // namespace detail

inline std::optional<double> reported_job::rows_ratio() const noexcept {
    if (!figures.rows_in || !figures.rows_out || *figures.rows_in == 0) return std::nullopt;
    return static_cast<double>(*figures.rows_out) / static_cast<double>(*figures.rows_in);
}

inline std::optional<double> reported_job::rows_per_s() const noexcept {
    return detail::per_second(figures.rows_in, duration);
}

inline std::optional<double> reported_job::bytes_per_s() const noexcept {
    return detail::per_second(figures.bytes, duration);
}

inline std::optional<double> reported_job::cpu_percent() const noexcept {
    if (!figures.cpu) return std::nullopt;
    return detail::per_second(std::optional(100 * figures.cpu->count()), duration);
}

inline std::size_t execution_report::ended() const noexcept {
    std::size_t n = 0;
    for (std::size_t i = 0; i < by_state.size(); ++i)
        if (is_terminal(static_cast<job_state>(i))) n += by_state[i];
    return n;
}

inline std::optional<double> execution_report::percent() const noexcept {
    if (overall)
        if (const auto p = overall->percent()) return p;
    if (jobs.empty()) return std::nullopt;
    double done = 0;
    for (const auto& j : jobs) {
        if (is_terminal(j.job->state))
            done += 100;
        else if (j.job->progress)
            done += j.job->progress->percent().value_or(0);
    }
    return done / static_cast<double>(jobs.size());
}

inline std::optional<double> execution_report::success_percent() const noexcept {
    const std::size_t n = ended() - count(job_state::skipped);
    if (n == 0) return std::nullopt;
    return 100.0 * static_cast<double>(count(job_state::succeeded)) / static_cast<double>(n);
}

inline std::optional<double> execution_report::rows_per_s() const noexcept {
    return detail::per_second(rows_in, elapsed());
}

inline std::optional<double> execution_report::bytes_per_s() const noexcept {
    return detail::per_second(bytes, elapsed());
}

inline execution_report make_report(const std::vector<std::shared_ptr<const job>>& jobs, report_sources sources) {
    execution_report r;
    r.jobs.reserve(jobs.size());
    std::uint64_t in_of_both = 0;
    std::uint64_t out_of_both = 0;
    for (const auto& j : jobs) {
        if (!j) continue;
        r.jobs.push_back(detail::reported(j, sources));
        ++r.by_state[static_cast<std::size_t>(j->state)];
        const job_figures& f = r.jobs.back().figures;
        detail::add_known(r.rows_in, f.rows_in);
        detail::add_known(r.rows_out, f.rows_out);
        detail::add_known(r.bytes, f.bytes);
        detail::add_known(r.cpu, f.cpu);
        if (!f.rows_in || !f.rows_out) continue;
        in_of_both += *f.rows_in;
        out_of_both += *f.rows_out;
    }
    if (in_of_both > 0) r.rows_ratio = static_cast<double>(out_of_both) / static_cast<double>(in_of_both);
    r.started = sources.started == timestamp{} ? detail::beginning_of(r, sources.now) : sources.started;
    r.at = std::max(sources.now, r.started);
    r.overall = sources.overall;
    r.resources = sources.resources;
    if (r.overall && r.overall->remaining && r.open() > 0) {
        r.remaining = r.overall->remaining;
        r.remaining_low = r.overall->remaining_low;
        r.remaining_high = r.overall->remaining_high;
    } else {
        r.remaining = detail::predict_remaining(r);
    }
    return r;
}

inline void write_json(json_writer& out, const execution_report& r) {
    detail::report_writer fields(out);
    out.begin_object().member("format", 1).member("started_at", to_rfc3339(r.started)).member("at", to_rfc3339(r.at));
    out.member("elapsed_s", r.elapsed().count());
    fields.seconds("remaining_s", r.remaining);
    fields.seconds("remaining_low_s", r.remaining_low);
    fields.seconds("remaining_high_s", r.remaining_high);
    fields.number("percent", r.percent());
    out.member("jobs_total", r.jobs.size()).member("jobs_ended", r.ended()).member("jobs_open", r.open());
    out.key("jobs_by_state").begin_object();
    for (std::size_t i = 0; i < r.by_state.size(); ++i) out.member(to_string(static_cast<job_state>(i)), r.by_state[i]);
    out.end_object();
    fields.number("success_percent", r.success_percent());
    fields.number("rows_in", r.rows_in);
    fields.number("rows_out", r.rows_out);
    fields.number("rows_ratio", r.rows_ratio);
    fields.number("rows_per_s", r.rows_per_s());
    fields.number("bytes", r.bytes);
    fields.number("bytes_per_s", r.bytes_per_s());
    fields.seconds("jobs_cpu_s", r.cpu);
    if (r.overall) write_json(out.key("progress"), *r.overall);
    if (r.resources) write_json(out.key("resources"), *r.resources);
    out.key("jobs").begin_array();
    for (const auto& j : r.jobs) fields.job(j);
    out.end_array().end_object();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_DETAIL_EXECUTION_REPORT_HPP
// end <telltale/core/detail/execution_report.hpp>

#endif // TELLTALE_CORE_EXECUTION_REPORT_HPP
// end <telltale/core/execution_report.hpp>
// <telltale/core/filter.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/core/json.hpp> is above
// <telltale/core/json_writer.hpp> is above
// <telltale/core/progress.hpp> is above
// begin <telltale/core/publish_limiter.hpp>

#ifndef TELLTALE_CORE_PUBLISH_LIMITER_HPP
#define TELLTALE_CORE_PUBLISH_LIMITER_HPP

// <telltale/core/progress.hpp> is above
// <telltale/version.hpp> is above

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
// end <telltale/core/publish_limiter.hpp>
// <telltale/core/resource_usage.hpp> is above
// begin <telltale/core/slow_detector.hpp>

#ifndef TELLTALE_CORE_SLOW_DETECTOR_HPP
#define TELLTALE_CORE_SLOW_DETECTOR_HPP

// <telltale/version.hpp> is above

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
// end <telltale/core/slow_detector.hpp>
// <telltale/core/time.hpp> is above
// begin <telltale/core/token_bucket.hpp>

#ifndef TELLTALE_CORE_TOKEN_BUCKET_HPP
#define TELLTALE_CORE_TOKEN_BUCKET_HPP

// <telltale/version.hpp> is above

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
// end <telltale/core/token_bucket.hpp>
// <telltale/core/watch_health.hpp> is above
// <telltale/error.hpp> is above
// <telltale/event/delivery.hpp> is above
// <telltale/event/emitter.hpp> is above
// begin <telltale/event/event_log.hpp>

#ifndef TELLTALE_EVENT_EVENT_LOG_HPP
#define TELLTALE_EVENT_EVENT_LOG_HPP

// <telltale/core/cursor.hpp> is above
// <telltale/core/event.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/core/json.hpp> is above
// <telltale/core/json_writer.hpp> is above
// <telltale/event/delivery.hpp> is above

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// Records events: one JSON object in a line each, as on the wire (docs/reference/json.md) but with times to the
/// nanosecond, so that event_log_reader (json/) gives back what was written.
///
///     std::ofstream file("events.jsonl", std::ios::app | std::ios::binary);
///     telltale::event_log_writer log(file);
///     for (const auto& d : co_await events.receive_some()) log.write(d);
///     file.flush();
///
/// Exactly, but for what JSON cannot say: bytes that are not UTF-8 become U+FFFD, numbers that are not finite become NaN,
/// a line break between the tokens of `data` becomes a blank; and of a job_control only which commands it knows.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class event_log_writer {
public:
    /// Lines are written to `out`, which must outlive this. Whether and when it is flushed is its owner's to say.
    explicit event_log_writer(std::ostream& out) noexcept : out_(out) {}

    /// One line, written at once. False: the stream has failed.
    bool write(const delivery<event>& d) {
        line_.clear();
        json_writer json(line_);
        if (d.is_gap()) {
            json.begin_object().member("type", "gap").member("cursor", to_string(d.at));
            if (d.lost) json.member("lost", *d.lost);
            json.end_object();
        } else {
            write_json(json, d.at, *d, 9);
            // Only `data` can have them, and there they are white space.
            std::replace_if(
                line_.begin(), line_.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
        }
        line_ += '\n';
        out_.write(line_.data(), static_cast<std::streamsize>(line_.size()));
        return out_.good();
    }

private:
    std::ostream& out_;
    std::string line_; // kept for its memory
};

/// What an observer would report who saw the job as this event shows it: for replay into a board or another job_sink.
/// Nothing for an event without a job, and for one that changed nothing.
inline std::optional<job_report> report_of(const event& e) {
    if (!e.job || e.kind == event_kind::transition_refused || e.kind == event_kind::custom) return std::nullopt;
    const job& j = *e.job;
    job_report r;
    r.id = j.id;
    r.by = reporter::observer;
    r.at = e.time;
    r.state = j.state;
    r.attempt = j.attempt;
    r.word = j.word;
    r.name = j.name;
    r.kind = j.kind;
    r.progress = j.progress;
    r.queue_position = j.queue_position.value_or(0);
    r.labels = j.labels;
    r.message = j.message;
    r.error = j.error;
    if (j.health.since || j.health.state != watch_state::ok) r.health = j.health.state;
    r.health_error = j.health.error;
    r.created = j.created;
    r.queued = j.queued;
    r.started = j.started;
    r.finished = j.finished;
    r.control = j.control;
    return r;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_EVENT_LOG_HPP
// end <telltale/event/event_log.hpp>
// <telltale/event/filtered.hpp> is above
// begin <telltale/event/for_each_event.hpp>

#ifndef TELLTALE_EVENT_FOR_EACH_EVENT_HPP
#define TELLTALE_EVENT_FOR_EACH_EVENT_HPP

// <telltale/asio.hpp> is above
// <telltale/core/cursor.hpp> is above
// <telltale/detail/is_aborted.hpp> is above
// <telltale/error.hpp> is above
// <telltale/event/delivery.hpp> is above
// <telltale/event/subscription.hpp> is above
// <telltale/sync/with_timeout.hpp> is above

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What has become of the events that a handler was given. May be read from any thread while it is counted.
struct handled_events {
    std::atomic<std::uint64_t> handled{0};   ///< without a failure
    std::atomic<std::uint64_t> failed{0};    ///< the handler threw, or had no time left
    std::atomic<std::uint64_t> timed_out{0}; ///< those of `failed` that had no time left
};

/// An event with which its handler did not get done.
struct event_handler_failure {
    cursor at{};                ///< of the event
    std::exception_ptr error{}; ///< errc::deadline_exceeded: its time was over
};

struct event_handler_options {
    /// For each event; positive, or 0: no limit. The handler is cancelled when it is over, and waited for.
    std::chrono::steady_clock::duration time_limit{0};
    /// Told of the first failure; those after it are counted only. Must not throw.
    std::function<void(const event_handler_failure&)> on_failure{};
    /// Where to count; null: nowhere.
    std::shared_ptr<handled_events> counts{};
};

namespace detail {

inline bool is_deadline_exceeded(const std::exception_ptr& e) noexcept {
    try {
        std::rethrow_exception(e);
    } catch (const system_error& error) {
        return error.code() == errc::deadline_exceeded;
    } catch (...) {
        return false;
    }
}

template <class Handler, class Event, class Executor>
net::awaitable<void, Executor> handle_event(Handler& handle, delivery<Event> d,
                                            std::chrono::steady_clock::duration limit) {
    if constexpr (std::is_void_v<std::invoke_result_t<Handler&, delivery<Event>>>) {
        handle(std::move(d));
        co_return;
    } else if (limit > limit.zero()) {
        co_await with_timeout(handle(std::move(d)), limit);
    } else {
        co_await handle(std::move(d));
    }
}

} // namespace detail

/// Calls `handle` for each event and each gap, one after the other, until the emitter is gone: an awaitable to spawn on the
/// executor on which the handler is to run.
///
///     net::co_spawn(executor, telltale::for_each_event(board.subscribe(), tell_chat, {.time_limit = 5s}), net::detached);
///
/// `handle` takes a delivery<Event> and returns an awaitable<void>, or nothing. What it throws is counted, reported once,
/// and ends nothing: the next event is handled all the same. A handler that is slow holds up nobody else: its events wait
/// in the subscription, whose capacity and overflow policy count.
/// (In a co_await expression, name the options and a handler with captures before it: GCC 12 destroys temporaries of their
/// kind in there twice.)
///
/// @par Errors
/// Returns when the emitter is gone and everything was handled. Throws system_error: `errc::fell_behind` with
/// overflow_policy::end; `operation_aborted`: cancelled.
/// @par Cancellation
/// terminal: ends; a handler that runs is cancelled, too.
template <class Event, class Executor, class Handler>
[[nodiscard]] net::awaitable<void, Executor> for_each_event(subscription<Event, Executor> events, Handler handle,
                                                            event_handler_options options = {}) {
    auto counts = options.counts ? std::move(options.counts) : std::make_shared<handled_events>();
    for (;;) {
        auto [ec, next] = co_await events.async_receive(as_tuple(net::use_awaitable_t<Executor>{}));
        if (ec == errc::closed) co_return;
        if (ec) throw system_error(ec);
        std::exception_ptr error;
        const cursor at = next.at;
        try {
            co_await detail::handle_event<Handler, Event, Executor>(handle, std::move(next), options.time_limit);
        } catch (...) {
            error = std::current_exception();
        }
        if (!error) {
            counts->handled.fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        const auto asked = co_await net::this_coro::cancellation_state;
        if (asked.cancelled() != net::cancellation_type::none && detail::is_aborted(error))
            std::rethrow_exception(error);
        if (detail::is_deadline_exceeded(error)) counts->timed_out.fetch_add(1, std::memory_order_relaxed);
        if (counts->failed.fetch_add(1, std::memory_order_relaxed) == 0 && options.on_failure)
            options.on_failure({at, std::move(error)});
    }
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_FOR_EACH_EVENT_HPP
// end <telltale/event/for_each_event.hpp>
// <telltale/event/subscription.hpp> is above
// <telltale/event/subscription_options.hpp> is above
// begin <telltale/fwd.hpp>

#ifndef TELLTALE_FWD_HPP
#define TELLTALE_FWD_HPP

// <telltale/version.hpp> is above

// The names of what telltale is made of, for headers that only mention them.

namespace telltale::inline TELLTALE_ABI {

struct cursor;
struct event;
struct execution_report;
struct filter;
struct job;
struct job_error;
struct job_report;
struct job_spec;
struct process_options;
struct process_result;
struct progress;
struct rate_limit;
struct resource_usage;
struct status;
struct watch_health;
class acceptors;
class board;
class estimator;
class job_context;
class job_control;
class job_manager;
class json_writer;
class permit;
class publish_limiter;
class stage;
class status_poller;
class task_group;
class token_bucket;

template <class Executor>
class basic_auto_reset_event;
template <class Executor>
class basic_latch;
template <class Executor>
class basic_manual_reset_event;
template <class Executor>
class basic_progress_tracker;
template <class Executor>
class basic_rate_limiter;
template <class Executor>
class basic_resource_sampler;
template <class Executor>
class basic_semaphore;
template <class Executor>
class basic_stage_tree;
template <class Executor>
class basic_timer;

template <class Event>
struct delivery;
template <class Event>
class emitter;
template <class T>
class job_handle;
template <class Event, class Executor>
class subscription;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_FWD_HPP
// end <telltale/fwd.hpp>
// begin <telltale/poll/poll_until.hpp>

#ifndef TELLTALE_POLL_POLL_UNTIL_HPP
#define TELLTALE_POLL_POLL_UNTIL_HPP

// <telltale/asio.hpp> is above
// <telltale/core/backoff.hpp> is above
// begin <telltale/poll/detail/poll_loop.hpp>

#ifndef TELLTALE_POLL_DETAIL_POLL_LOOP_HPP
#define TELLTALE_POLL_DETAIL_POLL_LOOP_HPP

// <telltale/asio.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/poll/schedule.hpp>

#ifndef TELLTALE_POLL_SCHEDULE_HPP
#define TELLTALE_POLL_SCHEDULE_HPP

// <telltale/core/backoff.hpp> is above

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
// end <telltale/poll/schedule.hpp>
// <telltale/sync/timer.hpp> is above
// <telltale/sync/with_timeout.hpp> is above

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

template <class Awaitable>
struct awaitable_traits;
template <class T, class Executor>
struct awaitable_traits<net::awaitable<T, Executor>> {
    using value_type = T;
    using executor_type = Executor;
};

/// A seed that was given, or one that nobody knows.
inline std::uint64_t seed_or_random(const std::optional<std::uint64_t>& seed) {
    if (seed) return *seed;
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

// The function objects are parameters, so the frame owns them for as long as it lives.
template <class T, class Executor, class Fn, class Done, class Options>
net::awaitable<T, Executor> poll_loop(Fn fn, Done done, Options options) {
    basic_timer<Executor> timer(co_await net::this_coro::executor);
    poll_schedule plan({options.interval, options.jitter, options.backoff, options.deadline}, timer.now(),
                       seed_or_random(options.seed));
    for (;;) {
        std::optional<T> answer;
        try {
            if (options.poll_timeout)
                answer.emplace(co_await with_timeout(std::invoke(fn), *options.poll_timeout));
            else
                answer.emplace(co_await std::invoke(fn));
        } catch (const system_error& e) {
            if (e.code() == net::error::operation_aborted) throw;
            if (options.max_consecutive_errors != 0 && plan.failures() + 1 >= options.max_consecutive_errors) throw;
        }
        if (answer && std::invoke(done, std::as_const(*answer))) co_return std::move(*answer);
        const auto next = answer ? plan.answered(timer.now()) : plan.failed(timer.now());
        if (!next) throw system_error(make_error_code(errc::deadline_exceeded));
        timer.expires_at(*next);
        co_await timer.async_wait(net::use_awaitable_t<Executor>{});
    }
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLL_LOOP_HPP
// end <telltale/poll/detail/poll_loop.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// How poll_until polls.
struct poll_options {
    std::chrono::nanoseconds interval =
        std::chrono::seconds{15}; ///< from one answer to the next poll; greater than zero
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff backoff{};                            ///< the delays after errors
    std::optional<std::chrono::nanoseconds> deadline{};     ///< for the whole wait; absent: as long as it takes
    std::optional<std::chrono::nanoseconds> poll_timeout{}; ///< for one poll; absent: as long as it takes
    std::uint32_t max_consecutive_errors = 5; ///< so many system_errors in a row end the wait; 0: none ever does
    std::optional<std::uint64_t> seed{};      ///< of the jitter; absent: a random one
};

namespace detail {
template <class Fn>
using polled_awaitable = std::invoke_result_t<std::decay_t<Fn>&>;
template <class Fn>
using polled_value = typename awaitable_traits<polled_awaitable<Fn>>::value_type;
template <class Fn>
using polled_executor = typename awaitable_traits<polled_awaitable<Fn>>::executor_type;
template <class Done, class Fn>
concept predicate_on = requires(std::decay_t<Done>& done, const polled_value<Fn>& value) {
    { std::invoke(done, value) } -> std::convertible_to<bool>;
};
} // namespace detail

/// Calls `fn` again and again until `done` says that its answer is the one to wait for, and returns that answer. The
/// first poll is at once.
///
///     auto page = co_await telltale::poll_until(look, is_ready, {.interval = 5s, .deadline = 10min});
///
/// `fn()` returns a net::awaitable of a value; `done(value)` a bool. Both are copied, and live as long as the wait.
/// (Give a lambda with captures a name before the co_await: GCC 12 destroys temporaries of its kind in there twice.)
///
/// A system_error thrown by `fn` is taken for passing trouble: the next poll comes after a backoff, unless it is the
/// `max_consecutive_errors`-th in a row. At the deadline there is one last poll; one that is in flight then is let
/// finish. So the wait ends at the latest at `deadline` and `poll_timeout` together.
///
/// @par Errors
/// `errc::deadline_exceeded`: the last poll was not the one to wait for; the last system_error of too many in a row;
/// every other exception of `fn` or `done`, at once; `operation_aborted`: cancelled, or thrown by `fn`.
/// @par Cancellation
/// terminal: stops the wait at once; a poll in flight is cancelled.
template <class Fn, detail::predicate_on<Fn> Done>
[[nodiscard]] auto poll_until(Fn&& fn, Done&& done, poll_options options = {})
    -> net::awaitable<detail::polled_value<Fn>, detail::polled_executor<Fn>> {
    using value = detail::polled_value<Fn>;
    using executor = detail::polled_executor<Fn>;
    return detail::poll_loop<value, executor, std::decay_t<Fn>, std::decay_t<Done>>(std::forward<Fn>(fn),
                                                                                    std::forward<Done>(done), options);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_POLL_UNTIL_HPP
// end <telltale/poll/poll_until.hpp>
// <telltale/poll/schedule.hpp> is above
// begin <telltale/poll/status_poller.hpp>

#ifndef TELLTALE_POLL_STATUS_POLLER_HPP
#define TELLTALE_POLL_STATUS_POLLER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/backoff.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/waiter.hpp> is above
// begin <telltale/poll/status_source.hpp>

#ifndef TELLTALE_POLL_STATUS_SOURCE_HPP
#define TELLTALE_POLL_STATUS_SOURCE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/core/time.hpp> is above

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What one look at a job said. What was not said is absent.
struct status {
    bool found = true;                ///< false: there is an answer, and it is that there is no such job
    std::optional<job_state> state{}; ///< absent: the word is not one that is known
    std::string word{};               ///< the API's own word for the state, raw; may be empty
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 1 is next; 0: not queued
    std::optional<std::string> message{};
    std::optional<job_error> error{};
    std::optional<std::string> name{};
    std::optional<std::string> kind{};
    std::optional<label_map> labels{};
    std::optional<std::uint32_t> attempt{}; ///< counts from 1
    std::optional<timestamp> created{};
    std::optional<timestamp> queued{};
    std::optional<timestamp> started{};
    std::optional<timestamp> finished{};
};

/// The answer that there is no such job.
inline status not_found() {
    status s;
    s.found = false;
    return s;
}

/// Something that can be asked how a job is: `net::awaitable<status> poll(job_id id)` (or `const job_id&`, which lives
/// as long as the poll). To fail is to throw, best a system_error: that says nothing about the job. "No such job" is an
/// answer: not_found(). Several polls may be under way at once, but never on two threads at the same time: a
/// status_poller calls, and resumes, its source on one strand.
template <class Source>
concept status_source = requires(Source& source, const job_id& id) {
    { source.poll(id) } -> std::same_as<net::awaitable<status>>;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_STATUS_SOURCE_HPP
// end <telltale/poll/status_source.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// How a status_poller polls.
struct poller_options {
    std::size_t max_concurrent = 10;                              ///< polls under way at once; at least 1
    std::chrono::nanoseconds interval = std::chrono::seconds{15}; ///< from an answer to the next poll of the same job
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff backoff{}; ///< the delays after failed polls
    /// For one poll. Absent: the source sees to it, as http_status_source does; set it for one that may never answer,
    /// for such a poll would keep its place among max_concurrent. Costs a coroutine and a timer for each poll.
    std::optional<std::chrono::nanoseconds> poll_timeout{};
    std::uint32_t unreachable_after = 3; ///< failed polls in a row that make a watch unreachable; fewer: degraded
    std::uint32_t lost_after = 3; ///< times "not found", with no other answer between, that make a job lost; 0: never
    std::size_t keep_finished = 1000;    ///< watches that ended and are remembered for whoever waits late
    std::optional<std::uint64_t> seed{}; ///< of the jitter; absent: a random one
    /// Told, once per change, of a word that the source could not map to a state. Called where the sink is.
    std::function<void(const job_id&, const std::string& word)> on_unknown_word{};
};

/// What is known of a job when it is watched.
struct watch_options {
    std::optional<std::chrono::nanoseconds> deadline{}; ///< of the watch, from now; absent: until the job is over
    std::string name{};                     ///< reported with the first answer, unless the source says otherwise
    std::string kind{};                     ///< likewise
    label_map labels{};                     ///< likewise
    std::shared_ptr<job_control> control{}; ///< passed on in the first report, so that the job can be cancelled
};

} // namespace telltale::inline TELLTALE_ABI

// begin <telltale/poll/detail/poller_state.hpp>

#ifndef TELLTALE_POLL_DETAIL_POLLER_STATE_HPP
#define TELLTALE_POLL_DETAIL_POLLER_STATE_HPP

// Included by status_poller.hpp, after the options.

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/poll/detail/poll_loop.hpp> is above
// begin <telltale/poll/detail/status_merge.hpp>

#ifndef TELLTALE_POLL_DETAIL_STATUS_MERGE_HPP
#define TELLTALE_POLL_DETAIL_STATUS_MERGE_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/poll/status_source.hpp> is above

#include <optional>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Adds to a report what a source said.
inline void merge(job_report& r, status&& s) {
    r.state = s.state;
    if (!s.word.empty()) r.word = std::move(s.word);
    r.progress = s.progress;
    r.queue_position = s.queue_position;
    if (s.message) r.message = std::move(s.message);
    if (s.error) r.error = std::move(s.error);
    if (s.name) r.name = std::move(s.name);
    if (s.kind) r.kind = std::move(s.kind);
    if (s.labels) r.labels = std::move(s.labels);
    r.attempt = s.attempt;
    r.created = s.created;
    r.queued = s.queued;
    r.started = s.started;
    r.finished = s.finished;
}

template <class T>
void assign_told(T& to, const std::optional<T>& from) {
    if (from) to = *from;
}
template <class T>
void assign_told(std::optional<T>& to, const std::optional<T>& from) {
    if (from) to = from;
}

/// The job as an observer knows it after this report: no rules, they are the board's.
inline void see(job& j, const job_report& r) {
    assign_told(j.state, r.state);
    assign_told(j.attempt, r.attempt);
    assign_told(j.word, r.word);
    assign_told(j.name, r.name);
    assign_told(j.kind, r.kind);
    assign_told(j.labels, r.labels);
    assign_told(j.message, r.message);
    assign_told(j.progress, r.progress);
    assign_told(j.error, r.error);
    assign_told(j.created, r.created);
    assign_told(j.queued, r.queued);
    assign_told(j.started, r.started);
    assign_told(j.finished, r.finished);
    if (r.queue_position) {
        j.queue_position = r.queue_position;
        if (*r.queue_position == 0) j.queue_position.reset();
    }
    if (!r.health) return;
    if (j.health.state != *r.health || !j.health.since) j.health.since = r.at;
    j.health.state = *r.health;
    j.health.error = r.health_error;
    if (*r.health == watch_state::ok) j.observed = r.at;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_STATUS_MERGE_HPP
// end <telltale/poll/detail/status_merge.hpp>
// <telltale/poll/schedule.hpp> is above
// <telltale/poll/status_source.hpp> is above
// begin <telltale/sync/semaphore.hpp>

#ifndef TELLTALE_SYNC_SEMAPHORE_HPP
#define TELLTALE_SYNC_SEMAPHORE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {
class semaphore_state;
}

/// Some of a semaphore's permits, given back when this is destroyed. Move-only; may outlive its semaphore.
///
/// @par Thread safety
/// Distinct permits: safe. May be released on any thread.
class permit {
public:
    permit() noexcept = default; ///< holds none
    permit(permit&& other) noexcept
        : state_(std::exchange(other.state_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    permit& operator=(permit&& other) noexcept {
        permit taken(std::move(other));
        std::swap(state_, taken.state_);
        std::swap(count_, taken.count_);
        return *this;
    }
    ~permit() {
        if (state_) release();
    }

    explicit operator bool() const noexcept { return state_ != nullptr; }

    /// How many of the semaphore's permits this holds.
    std::size_t count() const noexcept { return state_ ? count_ : 0; }

    /// Gives them back now: to those who have waited longest. Does nothing without a permit.
    inline void release() noexcept;

private:
    friend class detail::semaphore_state;
    permit(detail::semaphore_state* state, std::size_t count) noexcept : state_(state), count_(count) {}

    detail::semaphore_state* state_ = nullptr; // which lives until its last permit is back
    std::size_t count_ = 0;
};

namespace detail {

/// The free permits are one atomic number, so taking and giving back is one step each while nobody waits. Its lowest bit
/// says that everybody must come to the mutex: somebody waits, or the semaphore is gone. While that bit is set, the number
/// changes with the mutex held only.
class semaphore_state final : public wait_state {
public:
    static constexpr std::size_t max_limit = std::size_t{1} << 61U;

    semaphore_state(net::execution_context& context, std::size_t limit)
        : wait_state(context), limit_(std::min(limit, max_limit)), word_(to_word(limit_)) {}

    permit try_take(std::size_t count) noexcept {
        permit taken;
        std::int64_t word = word_.load(std::memory_order_relaxed);
        while (can_take(word, count))
            if (word_.compare_exchange_weak(word, word - to_word(count), std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                taken = permit(this, count);
                break;
            }
        return taken;
    }

    void give_back(std::size_t count) noexcept {
        std::int64_t word = word_.load(std::memory_order_relaxed);
        while ((word & must_lock) == 0)
            if (word_.compare_exchange_weak(word, word + to_word(count), std::memory_order_release,
                                            std::memory_order_relaxed))
                return; // from here on this may be gone
        give_back_locked(count);
    }

    /// What it looked like a moment ago, at the price of a load.
    bool must_wait(std::size_t count) const noexcept { return !can_take(word_.load(std::memory_order_relaxed), count); }

    // With the mutex held.
    wait_list* attempt(error_code& ec, permit& result, std::size_t count) noexcept {
        if (count == 0) {
            ec = errc::invalid_argument;
            return nullptr;
        }
        std::int64_t word = word_.load(std::memory_order_relaxed);
        for (;;) {
            const bool take = can_take(word, count);
            if (!word_.compare_exchange_weak(word, take ? word - to_word(count) : word | must_lock,
                                             std::memory_order_acq_rel, std::memory_order_relaxed))
                continue;
            result = permit(take ? this : nullptr, count); // for a waiter: how many it waits for
            return take ? nullptr : &waiters_;
        }
    }

    void set_limit(std::size_t limit) {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            limit = std::min(limit, max_limit);
            word_.fetch_add(to_word(limit) - to_word(limit_), std::memory_order_acq_rel);
            limit_ = limit;
            hand_out(ready);
        }
        ready.ready_all();
    }

    std::size_t limit() const {
        const std::lock_guard lock(mutex());
        return limit_;
    }

    std::size_t available() const noexcept {
        return static_cast<std::size_t>(std::max<std::int64_t>(free(word_.load(std::memory_order_relaxed)), 0));
    }

    /// The semaphore is gone; this goes when the last permit is back.
    void abandon() {
        {
            const std::lock_guard lock(mutex());
            const std::int64_t word = word_.fetch_or(must_lock, std::memory_order_acq_rel);
            abandoned_ = true;
            if (!all_back(word)) self_ = shared_from_this();
        }
        finish_all(net::error::operation_aborted);
    }

    void take_all(wait_list& all) noexcept override {
        all.take(waiters_);
        hand_out(all); // there is nobody left: opens the short way again
    }

    void after_cancel(wait_list& ready) noexcept override { hand_out(ready); }

private:
    using waiter_type = waiter<permit>;
    static constexpr std::int64_t must_lock = 1;

    static std::int64_t to_word(std::size_t count) noexcept { return static_cast<std::int64_t>(count) * 2; }
    static std::int64_t free(std::int64_t word) noexcept { return word >> 1; } // below 0: the limit was lowered
    static bool fits(std::int64_t word, std::size_t count) noexcept {
        return free(word) > 0 && count <= static_cast<std::size_t>(free(word));
    }
    // Whoever waits already comes first.
    static bool can_take(std::int64_t word, std::size_t count) noexcept {
        return (word & must_lock) == 0 && count > 0 && fits(word, count);
    }
    bool all_back(std::int64_t word) const noexcept { return free(word) == static_cast<std::int64_t>(limit_); }

    void give_back_locked(std::size_t count) noexcept {
        std::shared_ptr<wait_state> last;
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            const std::int64_t before = word_.fetch_add(to_word(count), std::memory_order_acq_rel);
            hand_out(ready);
            if (abandoned_ && all_back(before + to_word(count))) last = std::move(self_);
        }
        ready.ready_all();
    }

    // With the mutex held. While somebody waits must_lock is set, and nobody else changes the number.
    void hand_out(wait_list& ready) noexcept {
        std::int64_t word = word_.load(std::memory_order_acquire);
        if ((word & must_lock) == 0) return;
        while (wait_node* const first = waiters_.front()) {
            permit& wanted = std::get<permit>(static_cast<waiter_type*>(first)->result());
            if (!fits(word, wanted.count_)) break;
            word -= to_word(wanted.count_);
            wanted.state_ = this;
            ready.push_back(*waiters_.pop_front());
        }
        if (waiters_.empty() && !abandoned_) word &= ~must_lock;
        word_.store(word, std::memory_order_release);
    }

    wait_list waiters_;
    std::size_t limit_;
    bool abandoned_ = false;
    std::shared_ptr<wait_state> self_; // while abandoned with permits out
    std::atomic<std::int64_t> word_;
};

} // namespace detail

inline void permit::release() noexcept {
    const std::size_t count = std::exchange(count_, 0);
    if (auto* const state = std::exchange(state_, nullptr)) state->give_back(count);
}

/// Bounds how many may do something at once: a counting semaphore whose permits are handed out first come, first served.
///
///     telltale::semaphore polls(executor, 10);
///     telltale::permit p = co_await polls.acquire(); // given back at the end of the scope
///
/// An operation may ask for several permits at once, and gets all of them or waits: for memory that is counted in
/// megabytes, for a request that counts for three. Who wants many is not overtaken by those who want few.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_semaphore {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_semaphore<Other>;
    };

    /// The highest limit. Higher ones are taken as this.
    static constexpr std::size_t max_limit = detail::semaphore_state::max_limit;

    /// `limit`: how many permits can be out at once; 0 lets everybody wait.
    basic_semaphore(const Executor& executor, std::size_t limit)
        : executor_(executor), state_(std::make_shared<detail::semaphore_state>(detail::context_of(executor), limit)) {}

    basic_semaphore(const basic_semaphore&) = delete;
    basic_semaphore& operator=(const basic_semaphore&) = delete;

    /// Whoever still waits gets operation_aborted. Permits that are out stay valid.
    ~basic_semaphore() { state_->abandon(); }

    executor_type get_executor() const noexcept { return executor_; }

    std::size_t limit() const { return state_->limit(); }

    /// Changes how many permits can be out at once. More: those who wait get them. Fewer: nobody loses a permit, but
    /// none is given out until enough have come back.
    void set_limit(std::size_t limit) { state_->set_limit(limit); }

    /// How many permits are free at this moment.
    std::size_t available() const noexcept { return state_->available(); }

    /// A permit for `count` if so many are free and nobody waits, else an empty one; also where `count` is 0. Never
    /// suspends.
    [[nodiscard]] permit try_acquire(std::size_t count = 1) noexcept { return state_->try_take(count); }

    /// Waits for a permit.
    ///
    /// @par Completion signature
    /// `void(error_code, permit)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the semaphore was destroyed; no permit is lost.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation leaves the queue. A permit that was given before stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the semaphore's).
    template <class Token = default_token_t<Executor>>
        requires(!std::convertible_to<Token, std::size_t>)
    auto async_acquire(Token&& token = {}) { return async_acquire(1, std::forward<Token>(token)); }

    /// Waits for `count` permits, all at once. As async_acquire(token), and: `errc::invalid_argument` where `count` is 0. More
    /// than limit(): waits until the limit is raised.
    template <class Token = default_token_t<Executor>>
    auto async_acquire(std::size_t count, Token&& token = {}) {
        return detail::async_start<void(error_code, permit)>(
            executor_,
            [state = state_, count](auto&& handler, const Executor& executor) {
                detail::start_wait<permit>(state, std::forward<decltype(handler)>(handler), executor,
                                           [&](std::tuple<error_code, permit>& result) {
                                               return state->attempt(std::get<0>(result), std::get<1>(result), count);
                                           });
            },
            std::forward<Token>(token));
    }

    /// As async_acquire, but does not suspend when the permits are free. Throws system_error.
    [[nodiscard]] net::awaitable<permit, Executor> acquire(std::size_t count = 1) {
        // Decided here already: to await the operation in another coroutine would cost that one's frame.
        if (state_->must_wait(count)) return async_acquire(count, net::use_awaitable_t<Executor>{});
        return take_or_wait(count);
    }

private:
    net::awaitable<permit, Executor> take_or_wait(std::size_t count) {
        if (permit p = try_acquire(count)) co_return p;
        co_return co_await async_acquire(count, net::use_awaitable_t<Executor>{});
    }

    Executor executor_;
    std::shared_ptr<detail::semaphore_state> state_;
};

using semaphore = basic_semaphore<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_SEMAPHORE_HPP
// end <telltale/sync/semaphore.hpp>
// <telltale/sync/timer.hpp> is above
// <telltale/sync/with_timeout.hpp> is above

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

class erased_source {
public:
    erased_source() = default;
    erased_source(const erased_source&) = delete;
    erased_source& operator=(const erased_source&) = delete;
    virtual ~erased_source() = default;
    virtual net::awaitable<status> poll(const job_id& id) = 0;
};

template <class Source>
class erased_source_of final : public erased_source {
public:
    explicit erased_source_of(std::shared_ptr<Source> source) : source_(std::move(source)) {}
    net::awaitable<status> poll(const job_id& id) override { return source_->poll(id); }

private:
    std::shared_ptr<Source> source_;
};

/// One watched job. Members are used on the strand only, unless it is said otherwise.
struct poller_watch {
    poller_watch(job_id id, watch_options given, const schedule_options& schedule, poll_schedule::time_point now,
                 std::uint64_t seed)
        : options(std::move(given)), plan(schedule, now, seed) {
        seen.id = std::move(id);
        seen.name = options.name;
        seen.kind = options.kind;
        seen.labels = options.labels;
        seen.control = options.control;
    }

    watch_options options;
    poll_schedule plan;
    std::uint32_t missing = 0; // answers "not found", with no other answer between
    std::string unknown_word{};
    bool reported = false;
    bool running = true; // the coroutine has not ended
    net::cancellation_signal signal{};

    std::atomic<bool> stopping = false;

    // With the mutex of the state held:
    job seen{};
    wait_list waiters{};
    std::optional<error_code> ended{};
};

/// What a status_poller and its coroutines share. Each watch is one coroutine; all run on one strand.
class poller_state final : public wait_state {
public:
    using watch_ptr = std::shared_ptr<poller_watch>;

    poller_state(const net::any_io_executor& executor, std::unique_ptr<erased_source> source, job_sink sink,
                 poller_options options)
        : wait_state(context_of(executor)),
          strand_(net::make_strand(executor)),
          options_(std::move(options)),
          source_(std::move(source)),
          sink_(std::move(sink)),
          permits_(strand_, std::max<std::size_t>(options_.max_concurrent, 1)),
          seed_(seed_or_random(options_.seed)) {}

    bool watch(job_id id, watch_options given) {
        if (id.empty()) throw system_error(make_error_code(errc::invalid_argument), "the id of a job is empty");
        const schedule_options schedule{options_.interval, options_.jitter, options_.backoff, given.deadline};
        const auto now = steady_now(strand_);
        watch_ptr w;
        {
            const std::lock_guard lock(mutex());
            auto& place = watches_[id];
            if (stopped_ || (place && !place->ended)) {
                if (!place) watches_.erase(id);
                return false;
            }
            ++active_;
            w = std::make_shared<poller_watch>(std::move(id), std::move(given), schedule, now, seed_++);
            place = w;
        }
        net::co_spawn(strand_, run(self(), w),
                      net::bind_cancellation_slot(w->signal.slot(),
                                                  net::bind_executor(strand_, [w](const std::exception_ptr& failure) {
                                                      w->running = false;
                                                      // A sink or hook has thrown.
                                                      if (failure && !w->stopping) std::rethrow_exception(failure);
                                                  })));
        return true;
    }

    bool unwatch(const job_id& id) {
        watch_ptr w;
        wait_list waiters;
        {
            const std::lock_guard lock(mutex());
            const auto found = watches_.find(id);
            if (found == watches_.end()) return false;
            w = found->second;
            waiters.take(w->waiters);
            if (!w->ended) --active_;
            watches_.erase(found);
        }
        cancel(w);
        waiters.finish_all(net::error::operation_aborted);
        return true;
    }

    void stop() {
        {
            const std::lock_guard lock(sink_mutex_);
            silent_ = true;
        }
        std::unordered_map<job_id, watch_ptr> watches;
        wait_list waiters;
        {
            const std::lock_guard lock(mutex());
            stopped_ = true;
            active_ = 0;
            take_all(waiters);
            watches.swap(watches_);
            finished_.clear();
        }
        for (const auto& [id, w] : watches) cancel(w);
        waiters.finish_all(net::error::operation_aborted);
    }

    std::optional<job> find(const job_id& id) const {
        const std::lock_guard lock(mutex());
        const auto found = watches_.find(id);
        if (found == watches_.end()) return std::nullopt;
        return found->second->seen;
    }

    std::size_t watching() const {
        const std::lock_guard lock(mutex());
        return active_;
    }

    std::size_t polling() const { return permits_.limit() - permits_.available(); }

    // With the mutex held.
    wait_list* attempt(const job_id& id, error_code& ec, job& result) {
        const auto found = watches_.find(id);
        if (found == watches_.end()) {
            ec = errc::unknown_job;
            return nullptr;
        }
        auto& w = *found->second;
        if (!w.ended) return &w.waiters;
        ec = *w.ended;
        result = w.seen;
        return nullptr;
    }

    void take_all(wait_list& all) noexcept override {
        for (const auto& [id, w] : watches_) all.take(w->waiters);
    }

private:
    std::shared_ptr<poller_state> self() { return std::static_pointer_cast<poller_state>(shared_from_this()); }

    // Signals are emitted on the strand: elsewhere it would be a race with the coroutine.
    void cancel(const watch_ptr& w) {
        w->stopping = true;
        net::post(strand_, [w] {
            if (w->running) w->signal.emit(net::cancellation_type::terminal);
        });
    }

    static net::awaitable<void> run(std::shared_ptr<poller_state> self, watch_ptr w) {
        timer clock(co_await net::this_coro::executor);
        auto due = w->plan.next();
        while (due) {
            if (*due > clock.now()) {
                clock.expires_at(*due);
                co_await clock.async_wait(net::use_awaitable);
            }
            permit p = self->permits_.try_acquire();
            if (!p) p = co_await self->permits_.async_acquire(net::use_awaitable);
            if (w->stopping) co_return;
            std::optional<status> answer;
            std::string failure;
            try {
                if (self->options_.poll_timeout)
                    answer.emplace(
                        co_await with_timeout(self->source_->poll(w->seen.id), *self->options_.poll_timeout));
                else
                    answer.emplace(co_await self->source_->poll(w->seen.id));
            } catch (const std::exception& e) {
                failure = e.what();
            } catch (...) {
                failure = "an exception of an unknown type";
            }
            p.release();
            if (w->stopping) co_return;
            if (!answer)
                self->failed(*w, std::move(failure));
            else if (self->answered(*w, std::move(*answer)))
                co_return self->finish(w, {});
            due = answer ? w->plan.answered(clock.now()) : w->plan.failed(clock.now());
        }
        self->give_up(*w);
        self->finish(w, errc::deadline_exceeded);
    }

    // Whether the job is over.
    bool answered(poller_watch& w, status s) {
        if (!s.found) return missing(w);
        w.missing = 0;
        if (s.state)
            w.unknown_word.clear();
        else if (w.unknown_word != s.word) {
            w.unknown_word = s.word;
            if (options_.on_unknown_word) options_.on_unknown_word(w.seen.id, s.word);
        }
        const bool over = s.state && is_terminal(*s.state);
        job_report r = new_report(w);
        r.health = watch_state::ok;
        merge(r, std::move(s));
        tell(w, std::move(r));
        return over;
    }

    bool missing(poller_watch& w) {
        ++w.missing;
        const bool lost = options_.lost_after != 0 && w.missing >= options_.lost_after;
        job_report r = new_report(w);
        if (lost) {
            r.state = job_state::lost;
            r.message = "its source does not know it any more";
            r.health = watch_state::ok;
        } else {
            r.health = watch_state::degraded;
            r.health_error = "not found, " + std::to_string(w.missing) + " times in a row";
        }
        tell(w, std::move(r));
        return lost;
    }

    void failed(poller_watch& w, std::string error) {
        job_report r = new_report(w);
        r.health =
            w.plan.failures() + 1 >= options_.unreachable_after ? watch_state::unreachable : watch_state::degraded;
        r.health_error = std::move(error);
        tell(w, std::move(r));
    }

    // Nobody looks any more.
    void give_up(poller_watch& w) {
        if (w.seen.health.state == watch_state::unreachable) return;
        job_report r = new_report(w);
        r.health = watch_state::stale;
        r.health_error = "the deadline of the watch is over";
        tell(w, std::move(r));
    }

    job_report new_report(poller_watch& w) const {
        job_report r;
        r.id = w.seen.id;
        r.by = reporter::observer;
        r.at = system_now(strand_);
        if (std::exchange(w.reported, true)) return r;
        if (!w.options.name.empty()) r.name = w.options.name;
        if (!w.options.kind.empty()) r.kind = w.options.kind;
        if (!w.options.labels.empty()) r.labels = w.options.labels;
        r.control = w.options.control;
        return r;
    }

    void tell(poller_watch& w, job_report r) {
        {
            const std::lock_guard lock(mutex());
            see(w.seen, r);
        }
        const std::lock_guard lock(sink_mutex_);
        if (sink_ && !silent_) sink_(std::move(r));
    }

    void finish(const watch_ptr& w, error_code ec) {
        wait_list waiters;
        job seen;
        watch_ptr forgotten; // dies without the mutex
        {
            const std::lock_guard lock(mutex());
            if (w->stopping) return;
            w->ended = ec;
            --active_;
            seen = w->seen;
            waiters.take(w->waiters);
            finished_.push_back(w);
            if (finished_.size() > options_.keep_finished) {
                forgotten = std::move(finished_.front());
                finished_.pop_front();
                const auto found = watches_.find(forgotten->seen.id);
                if (found != watches_.end() && found->second == forgotten) watches_.erase(found);
            }
        }
        while (wait_node* const n = waiters.pop_front()) static_cast<waiter<job>*>(n)->complete(ec, seen);
    }

    net::strand<net::any_io_executor> strand_;
    const poller_options options_;
    std::unique_ptr<erased_source> source_;
    job_sink sink_;
    std::recursive_mutex sink_mutex_{}; // a sink may call stop()
    bool silent_ = false;
    basic_semaphore<net::any_io_executor> permits_;

    // With the mutex held:
    std::uint64_t seed_;
    std::unordered_map<job_id, watch_ptr> watches_{};
    std::deque<watch_ptr> finished_{};
    std::size_t active_ = 0;
    bool stopped_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLLER_STATE_HPP
// end <telltale/poll/detail/poller_state.hpp>

namespace telltale::inline TELLTALE_ABI {

/// Watches many jobs by polling a source, a bounded number at a time, and reports to a sink what it sees.
///
///     telltale::status_poller poller(executor, my_source(), board.sink(), {.interval = 5s});
///     poller.watch("42");
///     telltale::job last = co_await poller.async_wait("42");
///
/// A watch ends when its job is in a terminal state, or at its deadline after one last poll, or by unwatch(). A failed
/// poll (an exception of the source) says nothing about the job: it changes the health of the watch, degraded at
/// first, unreachable after several in a row, ok again with the next answer; the next poll comes after a backoff. "Not
/// found" is an answer: several in a row make the job lost. An unknown word is reported raw, and is never the end.
///
/// The source is moved in, and lives until the last poll has ended. It, the sink and the hooks are called on one strand
/// of the executor, so they need no locks among themselves. The sink is not called any more once stop() or the
/// destructor has returned; both wait for a call that is under way on another thread.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
class status_poller {
public:
    using executor_type = net::any_io_executor;

    template <status_source Source>
    status_poller(executor_type executor, Source source, job_sink sink, poller_options options = {})
        : status_poller(std::move(executor), std::make_shared<Source>(std::move(source)), std::move(sink),
                        std::move(options)) {}

    /// With a source that others use too.
    template <status_source Source>
    status_poller(executor_type executor, std::shared_ptr<Source> source, job_sink sink, poller_options options = {})
        : executor_(std::move(executor)),
          state_(std::make_shared<detail::poller_state>(
              executor_, std::make_unique<detail::erased_source_of<Source>>(std::move(source)), std::move(sink),
              std::move(options))) {}

    status_poller(const status_poller&) = delete;
    status_poller& operator=(const status_poller&) = delete;

    /// As stop().
    ~status_poller() { state_->stop(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Begins to watch a job: the first poll is at once. False if it is watched already (the options are ignored), or
    /// after stop(). A watch of this job that has ended is forgotten. An empty id is errc::invalid_argument, thrown.
    bool watch(job_id id, watch_options options = {}) { return state_->watch(std::move(id), std::move(options)); }

    /// Stops watching and forgets: a poll in flight is cancelled, whoever waits gets operation_aborted. The job is not
    /// touched, and nothing is reported. False if the id is not known.
    bool unwatch(const job_id& id) { return state_->unwatch(id); }

    /// Stops watching all jobs, for good. Whoever waits gets operation_aborted.
    void stop() { state_->stop(); }

    /// The job as it was last seen, also after its watch has ended, as long as that is remembered.
    std::optional<job> find(const job_id& id) const { return state_->find(id); }

    /// How many jobs are being watched; those whose watch has ended do not count.
    std::size_t watching() const { return state_->watching(); }

    /// How many polls are under way at this moment.
    std::size_t polling() const { return state_->polling(); }

    /// Waits for the end of a job's watch. Any number may wait for one job; they share its polls.
    ///
    /// @par Completion signature
    /// `void(error_code, job)`; with success or `errc::deadline_exceeded` the job as it was last seen.
    /// @par Error codes
    /// `errc::deadline_exceeded`: the deadline of the watch is over, and the job is not; `errc::unknown_job`: it is not
    /// watched, or no longer remembered; `operation_aborted`: cancelled, unwatched or stopped.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the watch goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the poller's), after the sink was told.
    template <class Token = default_token_t<executor_type>>
    auto async_wait(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job)>(
            executor_,
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                detail::start_wait<job>(state, std::forward<decltype(handler)>(handler), executor,
                                        [&](std::tuple<error_code, job>& result) {
                                            return state->attempt(id, std::get<0>(result), std::get<1>(result));
                                        });
            },
            std::forward<Token>(token));
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::poller_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_STATUS_POLLER_HPP
// end <telltale/poll/status_poller.hpp>
// <telltale/poll/status_source.hpp> is above
// <telltale/progress/bar.hpp> is above
// <telltale/progress/bar_item.hpp> is above
// <telltale/progress/bar_writer.hpp> is above
// begin <telltale/progress/checkpoint.hpp>

#ifndef TELLTALE_PROGRESS_CHECKPOINT_HPP
#define TELLTALE_PROGRESS_CHECKPOINT_HPP

// <telltale/error.hpp> is above
// begin <telltale/progress/detail/checkpoint_bytes.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_CHECKPOINT_BYTES_HPP
#define TELLTALE_PROGRESS_DETAIL_CHECKPOINT_BYTES_HPP

// <telltale/asio.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/error.hpp> is above
// <telltale/progress/stage_snapshot.hpp> is above

#include <bit>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

// "tltp", version, kind, length of all as 8 bytes; what it is of; FNV-1a of all before as 8 bytes.

enum class checkpoint_kind : std::uint8_t { tracker = 1, stages = 2 };

inline constexpr std::string_view checkpoint_magic = "tltp";
inline constexpr std::uint8_t checkpoint_version = 1;
inline constexpr std::size_t checkpoint_head = 14;
inline constexpr std::size_t checkpoint_tail = 8;

inline std::uint64_t fnv1a(std::string_view bytes) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

class checkpoint_writer {
public:
    explicit checkpoint_writer(checkpoint_kind kind) {
        bytes_ += checkpoint_magic;
        write(checkpoint_version);
        write(static_cast<std::uint8_t>(kind));
        write(std::uint64_t{0}); // the length, when it is known
    }

    template <std::unsigned_integral Integer>
    void write(Integer n) {
        for (std::size_t i = 0; i < sizeof(n); ++i) bytes_ += static_cast<char>(static_cast<std::uint64_t>(n) >> 8 * i);
    }
    void write(double d) { write(std::bit_cast<std::uint64_t>(d)); }
    void write(std::string_view s) {
        write(static_cast<std::uint64_t>(s.size()));
        bytes_ += s;
    }

    void write_count(const progress& p, std::uint64_t count) {
        write(static_cast<std::uint8_t>(p.unit));
        write(static_cast<std::uint8_t>(p.total ? 1 : 0));
        write(p.total ? as_count(*p.total) : std::uint64_t{0});
        write(count);
    }

    void write_stage(const stage_snapshot& s) {
        write(std::string_view(s.name));
        write(std::string_view(s.message));
        write(s.weight);
        write(static_cast<std::uint8_t>(s.state));
        write(s.elapsed.count());
        write_count(s.value, s.count);
        write(static_cast<std::uint64_t>(s.children.size()));
        for (const stage_snapshot& child : s.children) write_stage(child);
    }

    std::string finish() && {
        const std::uint64_t length = bytes_.size() + checkpoint_tail;
        for (std::size_t i = 0; i < 8; ++i) bytes_[checkpoint_head - 8 + i] = static_cast<char>(length >> 8 * i);
        write(fnv1a(bytes_));
        return std::move(bytes_);
    }

private:
    std::string bytes_;
};

/// After the first error all that is read is zero.
class checkpoint_reader {
public:
    checkpoint_reader(std::string_view bytes, checkpoint_kind kind) : rest_(bytes) { open(bytes, kind); }

    template <std::unsigned_integral Integer>
    Integer read() {
        if (rest_.size() < sizeof(Integer)) {
            fail(errc::malformed_checkpoint);
            return 0;
        }
        std::uint64_t result = 0;
        for (std::size_t i = 0; i < sizeof(Integer); ++i)
            result |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << 8 * i;
        rest_.remove_prefix(sizeof(Integer));
        return static_cast<Integer>(result);
    }

    /// Finite, 0 or more.
    double read_number() {
        const auto result = std::bit_cast<double>(read<std::uint64_t>());
        if (std::isfinite(result) && result >= 0) return result;
        fail(errc::malformed_checkpoint);
        return 0;
    }

    std::chrono::duration<double> read_elapsed() { return std::chrono::duration<double>(read_number()); }

    std::string read_string() {
        const auto size = read<std::uint64_t>();
        if (size > rest_.size()) {
            fail(errc::malformed_checkpoint);
            return {};
        }
        std::string result(rest_.substr(0, static_cast<std::size_t>(size)));
        rest_.remove_prefix(static_cast<std::size_t>(size));
        return result;
    }

    /// Of an enumeration with so many values.
    std::uint8_t read_choice(std::size_t values) {
        const auto result = read<std::uint8_t>();
        if (result < values) return result;
        fail(errc::malformed_checkpoint);
        return 0;
    }

    void read_count(progress_unit& unit, std::optional<std::uint64_t>& total, std::uint64_t& done) {
        unit = static_cast<progress_unit>(read_choice(progress_unit_names.size()));
        const bool has_total = read_choice(2) == 1;
        const auto n = read<std::uint64_t>();
        if (has_total) total = n;
        done = read<std::uint64_t>();
    }

    void read_stage(stage_snapshot& s, int depth = 0) {
        if (depth > 1000) return fail(errc::malformed_checkpoint);
        s.name = read_string();
        s.message = read_string();
        s.weight = read_number();
        s.state = static_cast<stage_state>(read_choice(stage_state_names.size()));
        s.elapsed = read_elapsed();
        std::optional<std::uint64_t> total;
        read_count(s.value.unit, total, s.count);
        s.value.done = static_cast<double>(s.count);
        if (total) s.value.total = static_cast<double>(*total);
        for (auto children = read<std::uint64_t>(); children > 0 && !error_; --children)
            read_stage(s.children.emplace_back(), depth + 1);
    }

    /// What was wrong, if anything; all must have been read.
    error_code finish() {
        if (!error_ && !rest_.empty()) fail(errc::malformed_checkpoint);
        return error_;
    }

private:
    void open(std::string_view bytes, checkpoint_kind kind) {
        if (bytes.substr(0, 4) != checkpoint_magic.substr(0, bytes.size())) return fail(errc::malformed_checkpoint);
        if (bytes.size() < 5) return fail(errc::truncated_checkpoint);
        rest_.remove_prefix(4);
        if (read<std::uint8_t>() != checkpoint_version) return fail(errc::checkpoint_version);
        if (bytes.size() < checkpoint_head + checkpoint_tail) return fail(errc::truncated_checkpoint);
        const bool other_kind = read<std::uint8_t>() != static_cast<std::uint8_t>(kind);
        const auto length = read<std::uint64_t>();
        if (other_kind || length < bytes.size()) return fail(errc::malformed_checkpoint);
        if (length > bytes.size()) return fail(errc::truncated_checkpoint);
        rest_ = bytes.substr(bytes.size() - checkpoint_tail);
        if (read<std::uint64_t>() != fnv1a(bytes.substr(0, bytes.size() - checkpoint_tail)))
            return fail(errc::malformed_checkpoint);
        rest_ = bytes.substr(checkpoint_head, bytes.size() - checkpoint_head - checkpoint_tail);
    }

    void fail(errc e) {
        if (!error_) error_ = e;
        rest_ = {};
    }

    std::string_view rest_;
    error_code error_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_CHECKPOINT_BYTES_HPP
// end <telltale/progress/detail/checkpoint_bytes.hpp>
// <telltale/progress/progress_snapshot.hpp> is above
// begin <telltale/progress/progress_tracker.hpp>

#ifndef TELLTALE_PROGRESS_PROGRESS_TRACKER_HPP
#define TELLTALE_PROGRESS_PROGRESS_TRACKER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/detail/waiter.hpp> is above
// begin <telltale/progress/detail/change_state.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_CHANGE_STATE_HPP
#define TELLTALE_PROGRESS_DETAIL_CHANGE_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/time_source.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/progress/detail/striped_count.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_STRIPED_COUNT_HPP
#define TELLTALE_PROGRESS_DETAIL_STRIPED_COUNT_HPP

// begin <telltale/progress/detail/asymmetric_fence.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_ASYMMETRIC_FENCE_HPP
#define TELLTALE_PROGRESS_DETAIL_ASYMMETRIC_FENCE_HPP

// <telltale/version.hpp> is above

#include <atomic>

#if defined(__linux__) && __has_include(<linux/membarrier.h>)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__NR_membarrier) && (defined(__x86_64__) || defined(__aarch64__))
#define TELLTALE_HAS_MEMBARRIER 1
#endif
#endif

namespace telltale::inline TELLTALE_ABI::detail {

// A fence in two halves (as in P1202): the light one, on a path that is taken always, costs nothing; the heavy one, on
// a path that is taken rarely, makes the system run a full fence on every core on which this process is running just
// then. Between a light and a heavy one it is as if both were seq_cst fences.

#if defined(TELLTALE_HAS_MEMBARRIER)

/// Whether the heavy half works here. Asks the system at the first call only, which may take some ten milliseconds,
/// asleep, in a process that has threads already.
inline bool has_asymmetric_fence() noexcept {
    static const bool registered = syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
    return registered;
}

/// Only where has_asymmetric_fence().
inline void heavy_fence() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    static_cast<void>(syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

/// Tells the threads that are alive apart. Not the address of a thread_local: a compiler may keep that over a call in
/// which a stackful coroutine goes to another thread.
inline const void* this_thread_token() noexcept {
    const void* result;
#if defined(__x86_64__)
    asm volatile("mov %%fs:0, %0" : "=r"(result));
#else
    asm volatile("mrs %0, tpidr_el0" : "=r"(result));
#endif
    return result;
}

#else

inline bool has_asymmetric_fence() noexcept { return false; }
inline void heavy_fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }
inline const void* this_thread_token() noexcept { return ""; }

#endif

/// Keeps the compiler, not the processor, from changing the order.
inline void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_ASYMMETRIC_FENCE_HPP
// end <telltale/progress/detail/asymmetric_fence.hpp>
// <telltale/version.hpp> is above

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace telltale::inline TELLTALE_ABI::detail {

/// A number that many threads add to, mostly without a locked instruction, and that rings when it has come somewhere.
///
/// It is the sum of cells. Every thread has a stripe of its own (by turns, as long as there are some), and whoever comes
/// to a stripe first owns a cell of it to which nobody else writes: so a load and a store will do. Others who share the
/// stripe have a second cell, to which they add by an atomic step.
///
/// Every cell has an alarm: whoever adds, and thereby reaches it, is told so. arm(target) sets the alarms so that the
/// target is not reached while no cell has reached its alarm: what is left is dealt out to the cells in use. When
/// one of them rings one looks, and deals out the rest, so that the target costs as many looks as its logarithm.
/// An add stores its count and then loads the alarm; arm() stores the alarms and then loads the counts. Between the two a
/// seq_cst fence is needed on both sides, so that one of them sees the other: asymmetric for owned cells.
///
/// add() and sum() may be called from any thread, all else by one thread at a time.
class striped_count {
public:
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

    explicit striped_count(std::uint64_t start) noexcept : base_(start) {}
    striped_count(const striped_count&) = delete;
    striped_count& operator=(const striped_count&) = delete;

    /// Whether somebody has to look.
    bool add(std::uint64_t n) noexcept {
        stripe& s = stripes_[number_of_this_thread().load(std::memory_order_relaxed) % stripes];
        if (s.owner.load(std::memory_order_relaxed) != this_thread_token()) [[unlikely]]
            return add_as_guest(s, n);
        const std::uint64_t now = s.owned.count.load(std::memory_order_relaxed) + n;
        s.owned.count.store(now, std::memory_order_release);
        light_fence();
        return now >= s.owned.alarm.load(std::memory_order_relaxed);
    }

    /// Exact when nobody adds. While others do: something between what it was at the beginning and at the end of the
    /// call, and never less than before.
    std::uint64_t sum() const noexcept {
        std::uint64_t result = base_.load(std::memory_order_acquire);
        for (const stripe& s : stripes_)
            result += s.owned.count.load(std::memory_order_acquire) + s.guests.count.load(std::memory_order_seq_cst);
        return result;
    }

    /// Makes the sum another. What is armed holds no more.
    void set(std::uint64_t sum_wanted) noexcept {
        base_.store(base_.load(std::memory_order_relaxed) + (sum_wanted - sum()), std::memory_order_release);
        target_ = never;
    }

    /// From now on an add() that reaches `target` says so, and others may, too; never: nobody is told. Returns the sum as
    /// it was after that: if it is `target` or more, nobody need be told any more.
    std::uint64_t arm(std::uint64_t target) noexcept {
        if (target == never) {
            if (target_ != never) deal(never);
            target_ = never;
            return sum();
        }
        std::uint64_t now = sum();
        while (now < target && (target != target_ || rings())) {
            deal(target);
            target_ = target;
            fence();
            now = sum();
        }
        return now;
    }

private:
    static constexpr std::size_t stripes = 8;

    struct cell {
        std::atomic<std::uint64_t> count{0};
        std::atomic<std::uint64_t> alarm{never};
    };
    struct alignas(64) stripe {
        std::atomic<const void*> owner{nullptr};
        cell owned;
        cell guests;
    };

    // Which stripe is this thread's, plus `stripes`; 0: none yet.
    static std::atomic<unsigned char>& number_of_this_thread() noexcept {
        static constinit thread_local std::atomic<unsigned char> number{0};
        return number;
    }

    [[gnu::noinline]] bool add_as_guest(stripe& s, std::uint64_t n) noexcept {
        if (&s == &stripes_[0] && number_of_this_thread().load(std::memory_order_relaxed) == 0) {
            static constinit std::atomic<unsigned> threads{0};
            const unsigned turn = threads.fetch_add(1, std::memory_order_relaxed);
            number_of_this_thread().store(static_cast<unsigned char>(turn % stripes + stripes));
            return add(n);
        }
        const void* nobody = nullptr;
        if (!s.owner.load(std::memory_order_relaxed) && has_asymmetric_fence() &&
            s.owner.compare_exchange_strong(nobody, this_thread_token(), std::memory_order_seq_cst)) {
            std::atomic_thread_fence(std::memory_order_seq_cst); // for who has found no owner in fence()
            return add(n);
        }
        const std::uint64_t now = s.guests.count.fetch_add(n, std::memory_order_seq_cst) + n;
        return now >= s.guests.alarm.load(std::memory_order_seq_cst);
    }

    template <class Visit>
    void each_cell(Visit visit) {
        for (stripe& s : stripes_) {
            visit(s.owned);
            visit(s.guests);
        }
    }

    void deal(std::uint64_t target) noexcept {
        std::array<std::uint64_t, 2 * stripes> counts; // each read once, so that what is dealt out fits
        std::uint64_t left = target - base_.load(std::memory_order_relaxed);
        std::uint64_t used = 0;
        std::size_t i = 0;
        each_cell([&](cell& c) {
            counts[i] = c.count.load(std::memory_order_seq_cst);
            left -= counts[i];
            used += counts[i++] > 0 ? 1u : 0u;
        });
        if (left == 0 || left > target) left = 1; // passed meanwhile
        const std::uint64_t share = used > 0 ? std::max<std::uint64_t>(left / used, 1) : 1;
        i = 0;
        each_cell([&](cell& c) {
            const std::uint64_t count = counts[i++];
            c.alarm.store(target == never ? never : count + (count > 0 ? share : 1), std::memory_order_seq_cst);
        });
    }

    // Some cell has reached its alarm.
    bool rings() noexcept {
        bool result = false;
        each_cell([&](cell& c) {
            result = result || c.count.load(std::memory_order_seq_cst) >= c.alarm.load(std::memory_order_relaxed);
        });
        return result;
    }

    void fence() noexcept {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        const void* const me = this_thread_token();
        const bool others = std::any_of(stripes_.begin(), stripes_.end(), [me](const stripe& s) {
            const void* const owner = s.owner.load(std::memory_order_seq_cst);
            return owner && owner != me;
        });
        if (others) heavy_fence();
    }

    std::array<stripe, stripes> stripes_{};
    std::atomic<std::uint64_t> base_;
    std::uint64_t target_ = never;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_STRIPED_COUNT_HPP
// end <telltale/progress/detail/striped_count.hpp>
// <telltale/sync/timer.hpp> is above

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// What counts, and its waits: for a change after a look, and for the end. A look is a Snapshot, which has `count`,
/// `revision`, `finished` and `at`.
///
/// Who advances comes here, to tell(), only if an alarm of the count rang. The alarms are set, with the mutex held, to the
/// nearest of what is waited for, and the count is looked at again after that: so either the waiter sees the advance,
/// or the advance sees the alarm.
template <class Snapshot>
class change_state : public wait_state {
public:
    using clock = std::chrono::steady_clock;

    explicit change_state(net::execution_context& context)
        : wait_state(context), source_(net::use_service<time_source>(context)) {}

    clock::time_point now() const { return source_.now(); }

    Snapshot snapshot() {
        const std::lock_guard lock(mutex());
        return look();
    }

    /// An alarm rang.
    [[gnu::cold, gnu::noinline]] void tell() { // not into the loop of who advances
        ready woken;
        {
            const std::lock_guard lock(mutex());
            collect(woken);
        }
        complete(woken);
    }

    /// Changes what is not the count: `change` is called with the mutex held, and not after the end.
    template <class Change>
    void change(Change change) {
        ready woken;
        {
            const std::lock_guard lock(mutex());
            if (finished_) return;
            change();
            ++revision_;
            collect(woken);
        }
        complete(woken);
    }

    // With the mutex held.
    wait_list* attempt_done() {
        if (over()) return nullptr;
        arm(goal());
        return over() ? nullptr : &done_waiters_;
    }

    // With the mutex held.
    wait_list* attempt_change(std::uint64_t id, const Snapshot& since, clock::time_point due, error_code& ec,
                              Snapshot& result) {
        if (since.finished) {
            ec = errc::closed;
            return nullptr;
        }
        std::erase_if(looks_, [](const one_look& l) { return l.waiters.empty(); }); // cancelled
        one_look& l = looks_.emplace_back(id, since.count, since.revision, source_.now() < due);
        if (!wanted(l, count()) && (l.held_back || !wanted(l, arm(l.count + 1)))) return &l.waiters;
        looks_.pop_back();
        result = look();
        return nullptr;
    }

    /// To be called after an attempt, without the mutex: whether setting the alarms found something for somebody else.
    bool is_late() const noexcept { return late_.load(std::memory_order_relaxed); }

    /// The interval of this wait is over.
    void release(std::uint64_t id) {
        ready woken;
        {
            const std::lock_guard lock(mutex());
            for (auto& l : looks_)
                if (l.id == id) l.held_back = false;
            collect(woken);
        }
        complete(woken);
    }

    std::uint64_t next_id() noexcept { return next_id_.fetch_add(1, std::memory_order_relaxed); }

    void take_all(wait_list& all) noexcept override {
        all.take(done_waiters_);
        for (auto& l : looks_) all.take(l.waiters);
    }

protected:
    static constexpr std::uint64_t never = striped_count::never;

    struct ready {
        wait_list done;
        wait_list changed;
        Snapshot snapshot{};
    };

    // All with the mutex held, but complete().

    virtual std::uint64_t count() const noexcept = 0;

    /// Where the count is the end; never: that is not known.
    virtual std::uint64_t goal() const noexcept = 0;

    /// As striped_count::arm.
    virtual std::uint64_t set_alarms(std::uint64_t target) noexcept = 0;

    virtual Snapshot look() = 0;

    bool over() const noexcept { return finished_ || (goal() != never && count() >= goal()); }

    void collect(ready& woken) {
        do {
            late_.store(false, std::memory_order_relaxed);
            if (over()) woken.done.take(done_waiters_);
            const std::uint64_t now = count();
            for (auto l = looks_.begin(); l != looks_.end();) {
                const bool go = wanted(*l, now);
                if (go) woken.changed.take(l->waiters);
                l = go ? looks_.erase(l) : std::next(l);
            }
            arm(never);
        } while (is_late());
        if (!woken.changed.empty()) woken.snapshot = look();
    }

    static void complete(ready& woken) {
        woken.done.finish_all({});
        while (wait_node* const n = woken.changed.pop_front())
            static_cast<waiter<Snapshot>*>(n)->complete({}, woken.snapshot);
    }

    time_source& source_;
    std::optional<clock::time_point> finished_;
    std::uint64_t revision_ = 1;

private:
    /// Somebody who has seen `count` and `revision` and waits for others.
    struct one_look {
        one_look(std::uint64_t i, std::uint64_t c, std::uint64_t r, bool held)
            : id(i), count(c), revision(r), held_back(held) {}

        std::uint64_t id;
        std::uint64_t count;
        std::uint64_t revision;
        bool held_back; // its interval is not over yet
        wait_list waiters;
    };

    bool wanted(const one_look& l, std::uint64_t now) const noexcept {
        return finished_ || (!l.held_back && (l.revision != revision_ || l.count != now));
    }

    // Sets the alarms to the nearest of `also` and what is waited for. What is reached already needs no alarm: whoever
    // reached it is on the way to tell(), or else was overlooked while the alarms were set, and late_ says so.
    std::uint64_t arm(std::uint64_t also) {
        for (std::uint64_t now = count();;) {
            std::uint64_t nearest = never;
            const auto consider = [&](std::uint64_t target) {
                if (target > now) nearest = std::min(nearest, target);
            };
            consider(also);
            if (!finished_ && !done_waiters_.empty()) consider(goal());
            for (const one_look& l : looks_)
                if (!finished_ && !l.held_back && !l.waiters.empty()) consider(l.count + 1);
            now = set_alarms(nearest);
            if (now < nearest) return now;
            late_.store(true, std::memory_order_relaxed);
        }
    }

    wait_list done_waiters_;
    std::list<one_look> looks_;
    std::atomic<std::uint64_t> next_id_{0};
    std::atomic<bool> late_{false};
};

/// Keeps the timer of a wait as long as the wait lasts.
template <class Handler, class Executor, class Snapshot>
struct throttled_handler {
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = net::associated_allocator_t<Handler>;
    using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;
    executor_type get_executor() const noexcept { return net::get_associated_executor(handler, fallback); }
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }
    cancellation_slot_type get_cancellation_slot() const noexcept {
        return net::get_associated_cancellation_slot(handler);
    }

    void operator()(error_code ec, Snapshot result) {
        timer.reset();
        std::move(handler)(ec, std::move(result));
    }

    Handler handler;
    Executor fallback;
    std::unique_ptr<basic_timer<Executor>> timer;
};

template <class Snapshot, class State, class Handler, class Executor>
void start_wait_change(const std::shared_ptr<State>& state, Handler&& handler, const Executor& executor,
                       const Snapshot& since, std::chrono::steady_clock::duration min_interval) {
    using clock = std::chrono::steady_clock;
    const auto id = state->next_id();
    auto due = clock::time_point::min();
    if (since.revision != 0 && min_interval > clock::duration::zero())
        due = min_interval > clock::time_point::max() - since.at ? clock::time_point::max() : since.at + min_interval;
    std::unique_ptr<basic_timer<Executor>> timer;
    if (due > state->now()) {
        timer = std::make_unique<basic_timer<Executor>>(executor);
        timer->expires_at(due);
        timer->async_wait([weak = std::weak_ptr(state), id](error_code ec) {
            if (ec) return;
            if (const auto s = weak.lock()) s->release(id);
        });
    }
    throttled_handler<std::decay_t<Handler>, Executor, Snapshot> throttled{std::forward<Handler>(handler), executor,
                                                                           std::move(timer)};
    start_wait<Snapshot>(state, std::move(throttled), executor, [&](std::tuple<error_code, Snapshot>& result) {
        return state->attempt_change(id, since, due, std::get<0>(result), std::get<1>(result));
    });
    if (state->is_late()) state->tell();
}

template <class State, class Handler, class Executor>
void start_wait_done(const std::shared_ptr<State>& state, Handler&& handler, const Executor& executor) {
    start_wait<>(state, std::forward<Handler>(handler), executor,
                 [&state](std::tuple<error_code>&) { return state->attempt_done(); });
    if (state->is_late()) state->tell();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_CHANGE_STATE_HPP
// end <telltale/progress/detail/change_state.hpp>
// begin <telltale/progress/detail/progress_state.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP
#define TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/estimator.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/progress/detail/change_state.hpp> is above
// <telltale/progress/detail/striped_count.hpp> is above
// <telltale/progress/progress_snapshot.hpp> is above

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Fills in what the estimator says at `now`.
inline void estimate(progress& p, const estimator& speed, std::chrono::steady_clock::time_point now,
                     bool predicted = true) {
    p.rate = speed.rate(now);
    if (!predicted || !p.total || p.done > *p.total) return;
    if (const auto left = speed.predict(*p.total, now)) {
        p.remaining = left->remaining;
        p.remaining_low = left->low;
        p.remaining_high = left->high;
    }
}

/// What a progress_tracker and its waits share.
class progress_state final : public change_state<progress_snapshot> {
public:
    progress_state(net::execution_context& context, std::optional<std::uint64_t> total, progress_unit unit,
                   std::uint64_t done, std::chrono::duration<double> elapsed, std::chrono::duration<double> horizon)
        : change_state(context),
          count_(done),
          total_(total),
          speed_(horizon),
          started_(source_.now()),
          elapsed_before_(elapsed),
          unit_(unit) {
        speed_.sample(static_cast<double>(done), started_);
    }

    std::uint64_t done() const noexcept { return count_.sum(); }

    void advance(std::uint64_t n) {
        if (count_.add(n)) [[unlikely]]
            tell();
    }

    void set_done(std::uint64_t done) {
        ready woken;
        {
            const std::lock_guard lock(mutex());
            count_.set(done);
            collect(woken);
        }
        complete(woken);
    }

    // The following only from within change().
    void assign_total(std::optional<std::uint64_t> total) noexcept { total_ = total; }
    void assign_message(std::string message) noexcept { message_ = std::move(message); }
    void assign_finished() { finished_ = source_.now(); }

private:
    std::uint64_t count() const noexcept override { return count_.sum(); }
    std::uint64_t goal() const noexcept override { return total_.value_or(never); }
    std::uint64_t set_alarms(std::uint64_t target) noexcept override { return count_.arm(target); }

    progress_snapshot look() override {
        progress_snapshot result;
        result.at = source_.now();
        result.count = done();
        result.revision = revision_;
        result.finished = finished_.has_value();
        result.message = message_;
        const auto as_of = finished_.value_or(result.at);
        result.elapsed = elapsed_before_ + (as_of - started_);
        progress& p = result.value;
        p.done = static_cast<double>(result.count);
        p.unit = unit_;
        if (total_) p.total = static_cast<double>(*total_);
        speed_.sample(p.done, as_of);
        estimate(p, speed_, as_of, !finished_);
        return result;
    }

    striped_count count_;
    std::optional<std::uint64_t> total_;
    estimator speed_;
    clock::time_point started_;
    std::chrono::duration<double> elapsed_before_;
    std::string message_;
    progress_unit unit_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP
// end <telltale/progress/detail/progress_state.hpp>
// <telltale/progress/progress_snapshot.hpp> is above

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct progress_tracker_options {
    std::optional<std::uint64_t> total{}; ///< in `unit`; absent: nobody knows yet
    progress_unit unit = progress_unit::items;
    std::uint64_t done = 0;                  ///< done before this begins: counts, but is no part of the rate
    std::chrono::duration<double> elapsed{}; ///< the time that took; 0 or more
    /// For the rate: what happened that long ago has a tenth of the weight of now. Greater than zero.
    std::chrono::duration<double> horizon = std::chrono::seconds{15};
};

/// Counts what is done, mostly without so much as a locked instruction, and tells whoever waits for it.
///
///     telltale::progress_tracker files(executor, {.total = names.size()});
///     files.advance(); // in any thread, as often as you like
///
/// A reporter or a bar looks at it at its own pace, and is asleep while nothing changes:
///
///     for (telltale::progress_snapshot last; !last.finished;) {
///         last = co_await files.async_wait_change(last, 100ms);
///         show(last.value);
///     }
///
/// It tells what is so: more done than the total, a total of zero, one that changes, and a count that goes back are
/// reported as they are, and no percentage, rate or remaining time is made up for them. Counts are exact up to 2^53.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_progress_tracker {
public:
    using executor_type = Executor;
    using duration = std::chrono::steady_clock::duration;

    template <class Other>
    struct rebind_executor {
        using other = basic_progress_tracker<Other>;
    };

    explicit basic_progress_tracker(const Executor& executor, progress_tracker_options options = {})
        : executor_(executor),
          state_(std::make_shared<detail::progress_state>(detail::context_of(executor), options.total, options.unit,
                                                          options.done, options.elapsed, options.horizon)) {}

    basic_progress_tracker(const basic_progress_tracker&) = delete;
    basic_progress_tracker& operator=(const basic_progress_tracker&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_progress_tracker() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// `n` more are done. A load, a store and a compare, without lock, clock or executor, but when somebody waits for just
    /// this: the first change after a look, or the arrival at the total. Threads do not share what they write to, up to
    /// eight of them (others: one atomic step).
    void advance(std::uint64_t n = 1) { state_->advance(n); }

    /// So much is done, be it more or less than before. Going back begins the measurement of the rate anew. Takes a lock:
    /// what only counts up had better advance().
    void set_done(std::uint64_t done) { state_->set_done(done); }

    /// The total is known, is another, or is unknown after all. Ignored after finish().
    void set_total(std::optional<std::uint64_t> total) {
        state_->change([&] { state_->assign_total(total); });
    }

    /// What the work says of itself. Ignored after finish(). Not for every tick: takes a lock.
    void set_message(std::string message) {
        state_->change([&] { state_->assign_message(std::move(message)); });
    }

    /// Nothing will change any more, whatever the total was: everybody who waits is told at once.
    void finish() {
        state_->change([&] { state_->assign_finished(); });
    }

    /// All that was done before the call; what is done in other threads meanwhile may be in it or not.
    std::uint64_t done() const noexcept { return state_->done(); }

    /// How far it is now, with the rate and remaining time as seen at this moment.
    progress sample() const { return state_->snapshot().value; }

    /// The same, with all else that is known.
    progress_snapshot snapshot() const { return state_->snapshot(); }

    /// Waits until the work is done: finish() was called, or a known total is reached. (A total may still rise
    /// afterwards.)
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the tracker was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the tracker's).
    template <class Token = default_token_t<Executor>>
    auto async_wait_done(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait_done(state, std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// Waits until something is different from `since`, but not for less than `min_interval` (0: no limit) from that
    /// look on; finish() ends both. With a `since` that has seen nothing it completes at once. Takes one timer per call
    /// at most, and nothing while nothing changes. No change is missed, however long it is until the next call.
    ///
    /// @par Completion signature
    /// `void(error_code, progress_snapshot)`
    /// @par Error codes
    /// `errc::closed`: `since` has seen the end already; `operation_aborted`: cancelled, or the tracker was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the tracker's).
    template <class Token = default_token_t<Executor>>
    auto async_wait_change(progress_snapshot since = {}, duration min_interval = std::chrono::milliseconds{100},
                           Token&& token = {}) {
        return detail::async_start<void(error_code, progress_snapshot)>(
            executor_,
            [state = state_, since = std::move(since), min_interval](auto&& handler, const Executor& executor) {
                detail::start_wait_change(state, std::forward<decltype(handler)>(handler), executor, since,
                                          min_interval);
            },
            std::forward<Token>(token));
    }

private:
    Executor executor_;
    std::shared_ptr<detail::progress_state> state_;
};

using progress_tracker = basic_progress_tracker<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_PROGRESS_TRACKER_HPP
// end <telltale/progress/progress_tracker.hpp>
// <telltale/progress/stage_snapshot.hpp> is above
// begin <telltale/progress/stage_tree.hpp>

#ifndef TELLTALE_PROGRESS_STAGE_TREE_HPP
#define TELLTALE_PROGRESS_STAGE_TREE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/progress/detail/change_state.hpp> is above
// begin <telltale/progress/detail/stage_state.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_STAGE_STATE_HPP
#define TELLTALE_PROGRESS_DETAIL_STAGE_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/estimator.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/progress/detail/change_state.hpp> is above
// <telltale/progress/detail/progress_state.hpp> is above
// <telltale/progress/detail/striped_count.hpp> is above
// <telltale/progress/stage_snapshot.hpp> is above

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// A stage. It lives as long as its tree; all but the count is protected by the tree's mutex.
class stage_node {
public:
    using clock = std::chrono::steady_clock;
    using seconds = std::chrono::duration<double>;

    stage_node(std::string name, std::uint64_t done, seconds horizon, clock::time_point now)
        : count(done), name_(std::move(name)), horizon_(horizon), speed_(horizon), last_look_(now) {
        speed_.sample(static_cast<double>(done), now);
    }

    /// Out of a saved one.
    stage_node(const stage_snapshot& saved, seconds horizon, clock::time_point now)
        : stage_node(saved.name, saved.count, horizon, now) {
        restored_ = true;
        weight_ = saved.weight;
        message_ = saved.message;
        elapsed_before_ = saved.elapsed;
        told_ = saved.state;
        if (saved.children.empty()) {
            unit_ = saved.value.unit;
            if (saved.value.total) total_ = as_count(*saved.value.total);
        } else {
            is_measured_ = false;
            // What the children say by themselves is not the parent's own.
            const bool any_failed = std::any_of(saved.children.begin(), saved.children.end(),
                                                [](const auto& c) { return c.state == stage_state::failed; });
            if (is_ended() && any_failed != (told_ == stage_state::done)) told_ = stage_state::running;
        }
        if (told_ != stage_state::pending) started_ = now;
        if (is_ended()) ended_ = now;
    }

    void describe(double weight, std::optional<std::uint64_t> total, progress_unit unit) noexcept {
        weight_ = weight;
        if (total || !restored_) total_ = total;
        unit_ = unit;
        restored_ = false;
    }
    void set_weight(double weight) noexcept { weight_ = weight; }
    void set_total(std::optional<std::uint64_t> total) noexcept { total_ = total; }
    void set_message(std::string message) noexcept { message_ = std::move(message); }

    void start(clock::time_point now) {
        told_ = stage_state::running;
        if (ended_) elapsed_before_ += *ended_ - *std::exchange(started_, std::nullopt);
        ended_.reset();
        begin(now);
    }

    void end(stage_state state, clock::time_point now) {
        told_ = state;
        begin(now);
        if (!ended_) ended_ = now;
        if (state != stage_state::done) return;
        for (stage_node* const child : children_)
            if (child->told_ != stage_state::done && child->told_ != stage_state::failed) child->end(state, now);
    }

    bool is_ended() const noexcept { return told_ == stage_state::done || told_ == stage_state::failed; }

    void add(stage_node& child) { children_.push_back(&child); }

    /// One of this name that was saved, and that nobody has asked for yet; or null.
    stage_node* find_restored(std::string_view name) const noexcept {
        const auto found = std::find_if(children_.begin(), children_.end(),
                                        [name](const auto& c) { return c->restored_ && c->name_ == name; });
        return found == children_.end() ? nullptr : *found;
    }

    struct part {
        double done;   // of the whole, 0 to 1
        bool is_known; // and it is not just the least that it can be
        bool is_over;  // nothing in it runs, or will
    };

    /// Fills in what is so at `now`.
    part look(stage_snapshot& result, clock::time_point now) {
        result.name = name_;
        result.weight = weight_;
        result.message = message_;
        progress& p = result.value;
        part result_part;
        if (children_.empty()) {
            result.count = count.sum();
            p.done = static_cast<double>(result.count);
            p.unit = unit_;
            if (total_) p.total = static_cast<double>(*total_);
            result.state = state_of_count(result.count);
            result_part = part_of_count(result);
        } else {
            result_part = part_of_children(result, now);
            p.unit = progress_unit::percent;
            p.done = 100 * result_part.done;
            if (result_part.is_known) p.total = 100;
        }
        measure(result, result_part.is_over, now);
        return result_part;
    }

    striped_count count;

private:
    void begin(clock::time_point now) {
        if (started_) return;
        started_ = now;
        speed_ = estimator(horizon_); // what was before the beginning is no standstill
        is_measured_ = children_.empty();
        if (is_measured_) speed_.sample(static_cast<double>(count.sum()), now);
    }

    stage_state state_of_count(std::uint64_t done) const noexcept {
        if (is_ended()) return told_;
        if (total_ && done >= *total_) return stage_state::done;
        return done > 0 ? stage_state::running : told_;
    }

    static part part_of_count(const stage_snapshot& s) noexcept {
        if (s.state == stage_state::done) return {1, true, true};
        const bool failed = s.state == stage_state::failed;
        if (s.value.total) return {s.value.done < *s.value.total ? s.value.done / *s.value.total : 1, true, failed};
        return {0, s.state != stage_state::running, failed};
    }

    part part_of_children(stage_snapshot& result, clock::time_point now) {
        double weights = 0;
        double done = 0;
        bool known = true;
        bool all_over = true;
        bool all_done = true;
        bool failed = false;
        bool begun = told_ == stage_state::running;
        result.children.reserve(children_.size());
        for (stage_node* const child : children_) {
            stage_snapshot& s = result.children.emplace_back();
            const part of_child = child->look(s, now);
            weights += s.weight;
            done += s.weight * of_child.done;
            known = known && (of_child.is_known || s.weight == 0);
            all_over = all_over && of_child.is_over;
            all_done = all_done && s.state == stage_state::done;
            failed = failed || s.state == stage_state::failed;
            begun = begun || s.state != stage_state::pending;
        }
        if (is_ended())
            result.state = told_;
        else if (failed)
            result.state = stage_state::failed;
        else if (all_done)
            result.state = stage_state::done;
        else
            result.state = begun ? stage_state::running : stage_state::pending;
        if (result.state == stage_state::done) return {1, true, true};
        return {weights > 0 ? std::min(done / weights, 1.0) : 0, known, all_over || is_ended()};
    }

    // When it began and ended, and how fast it is. A beginning or end that nobody told of was at some time between two looks:
    // it began at the former and ended at the latter.
    void measure(stage_snapshot& s, bool over, clock::time_point now) {
        if (s.state != stage_state::pending && !started_) started_ = last_look_;
        if (over && !ended_) ended_ = now;
        if (!over) ended_.reset();
        last_look_ = now;
        if (!is_measured_ || !started_) speed_ = estimator(horizon_); // what is done by now is no part of the rate
        is_measured_ = true;
        const auto as_of = ended_.value_or(now);
        speed_.sample(s.value.done, as_of);
        if (!started_) return;
        s.elapsed = elapsed_before_ + (as_of - *started_);
        estimate(s.value, speed_, as_of, s.state == stage_state::running);
    }

    std::string name_;
    std::string message_;
    std::optional<std::uint64_t> total_;
    double weight_ = 1;
    progress_unit unit_ = progress_unit::items;
    stage_state told_ = stage_state::pending; // by whom it belongs to
    bool restored_ = false;
    bool is_measured_ = true; // the rate has something to begin with
    seconds horizon_;
    estimator speed_;
    clock::time_point last_look_;
    std::optional<clock::time_point> started_;
    std::optional<clock::time_point> ended_;
    seconds elapsed_before_{};
    std::vector<stage_node*> children_;
};

/// What a stage_tree, its stages and their waits share.
class stage_tree_state final : public change_state<stage_tree_snapshot> {
public:
    stage_tree_state(net::execution_context& context, const stage_snapshot& saved,
                     std::chrono::duration<double> elapsed, std::chrono::duration<double> horizon)
        : change_state(context), horizon_(horizon), elapsed_before_(elapsed), started_(source_.now()) {
        restore(nullptr, saved);
        stage_snapshot first;
        root().look(first, started_); // what the rates begin with
    }

    stage_node& root() noexcept { return *nodes_.front(); }

    stage_snapshot snapshot_of(stage_node& node) {
        const std::lock_guard lock(mutex());
        stage_snapshot result;
        node.look(result, finished_.value_or(source_.now()));
        return result;
    }

    // The following only from within change().

    /// Null: the parent has ended.
    stage_node* add(stage_node& parent, std::string name) {
        if (stage_node* const restored = parent.find_restored(name)) return restored;
        if (parent.is_ended()) return nullptr;
        stage_node& added =
            *nodes_.emplace_back(std::make_unique<stage_node>(std::move(name), 0, horizon_, source_.now()));
        parent.add(added);
        return &added;
    }
    void assign_message(std::string message) noexcept { message_ = std::move(message); }
    void assign_finished() { finished_ = source_.now(); }

private:
    void restore(stage_node* parent, const stage_snapshot& saved) {
        stage_node& node = *nodes_.emplace_back(std::make_unique<stage_node>(saved, horizon_, started_));
        if (parent) parent->add(node);
        for (const stage_snapshot& child : saved.children) restore(&node, child);
    }

    std::uint64_t count() const noexcept override {
        std::uint64_t result = 0;
        for (const auto& n : nodes_) result += n->count.sum();
        return result;
    }
    std::uint64_t goal() const noexcept override { return never; }

    // Nothing but a change is waited for, so every stage rings when it changes.
    std::uint64_t set_alarms(std::uint64_t target) noexcept override {
        std::uint64_t result = 0;
        for (const auto& n : nodes_) result += n->count.arm(target == never ? never : n->count.sum() + 1);
        return result;
    }

    stage_tree_snapshot look() override {
        stage_tree_snapshot result;
        result.at = source_.now();
        result.count = count(); // before the stages: so what comes in between is a change
        result.revision = revision_;
        result.finished = finished_.has_value();
        result.message = message_;
        const auto as_of = finished_.value_or(result.at);
        result.elapsed = elapsed_before_ + (as_of - started_);
        root().look(result.root, as_of);
        result.value = result.root.value;
        if (finished_) result.value.remaining = result.value.remaining_low = result.value.remaining_high = std::nullopt;
        return result;
    }

    std::chrono::duration<double> horizon_;
    std::chrono::duration<double> elapsed_before_;
    clock::time_point started_;
    std::vector<std::unique_ptr<stage_node>> nodes_; // the root first
    std::string message_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_STAGE_STATE_HPP
// end <telltale/progress/detail/stage_state.hpp>
// begin <telltale/progress/stage.hpp>

#ifndef TELLTALE_PROGRESS_STAGE_HPP
#define TELLTALE_PROGRESS_STAGE_HPP

// <telltale/core/progress.hpp> is above
// <telltale/error.hpp> is above
// <telltale/progress/detail/stage_state.hpp> is above
// <telltale/progress/stage_snapshot.hpp> is above

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct stage_options {
    double weight = 1; ///< how much of the whole it is, compared with its neighbours; finite, 0 or more
    std::optional<std::uint64_t> total{}; ///< in `unit`; absent: nobody knows yet
    progress_unit unit = progress_unit::items;
};

/// A part of a stage_tree that has a name: it counts, or it is made of other stages. Made by stage_tree::root() and add();
/// cheap to copy, and every copy is the same stage. It may outlive the tree: then nobody is told any more.
///
/// It runs when it is started or advances, or one of its children does; it is done when it is finished, when a known total
/// is reached, or when all its children are done; it has failed when it was said so, or one of its children has. One that
/// has children counts nothing of its own.
///
/// @par Thread safety
/// Distinct objects, and those that are the same stage: safe.
class stage {
public:
    /// Another part, behind those that are there. In a tree that was made of a saved one: the saved part of this name, with
    /// what it had counted, the first time that it is asked for.
    /// @throws system_error `errc::closed`: this stage or the tree has ended; `errc::invalid_argument`: the weight.
    stage add(std::string name, stage_options options = {}) {
        if (!(options.weight >= 0) || !std::isfinite(options.weight))
            throw system_error(errc::invalid_argument, "telltale::stage: weight");
        detail::stage_node* child = nullptr;
        tree_->change([&] {
            child = tree_->add(*node_, std::move(name));
            if (child) child->describe(options.weight, options.total, options.unit);
        });
        if (!child) throw system_error(errc::closed, "telltale::stage: added to one that has ended");
        return {tree_, *child};
    }

    /// It runs now, be it for the first time or again. Needed only where it takes time until it advances.
    void start() {
        tree_->change([this] { node_->start(tree_->now()); });
    }

    /// `n` more are done. Costs what progress_tracker::advance does.
    void advance(std::uint64_t n = 1) {
        if (node_->count.add(n)) [[unlikely]]
            tree_->tell();
    }

    /// So much is done, be it more or less than before.
    void set_done(std::uint64_t done) {
        tree_->change([&] { node_->count.set(done); });
    }

    /// The total is known, is another, or is unknown after all.
    void set_total(std::optional<std::uint64_t> total) {
        tree_->change([&] { node_->set_total(total); });
    }

    /// What it says of itself.
    void set_message(std::string message) {
        tree_->change([&] { node_->set_message(std::move(message)); });
    }

    /// It is done, whatever it has counted, and with it all its children that have not failed.
    void finish() {
        tree_->change([this] { node_->end(stage_state::done, tree_->now()); });
    }

    /// It has failed, and so has what it is part of, until it is started again.
    void fail(std::string why = {}) {
        tree_->change([&] {
            node_->set_message(std::move(why));
            node_->end(stage_state::failed, tree_->now());
        });
    }

    std::uint64_t done() const noexcept { return node_->count.sum(); }

    /// How it is now, with all its parts.
    stage_snapshot snapshot() const { return tree_->snapshot_of(*node_); }

private:
    template <class Executor>
    friend class basic_stage_tree;

    stage(std::shared_ptr<detail::stage_tree_state> tree, detail::stage_node& node)
        : tree_(std::move(tree)), node_(&node) {}

    std::shared_ptr<detail::stage_tree_state> tree_;
    detail::stage_node* node_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_STAGE_HPP
// end <telltale/progress/stage.hpp>
// <telltale/progress/stage_snapshot.hpp> is above

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct stage_tree_options {
    /// Named like the whole. Given one of an earlier run, with its stages: what was done then counts, but is no part of
    /// any rate; its stages wait to be added again.
    stage_snapshot root{};
    std::chrono::duration<double> elapsed{}; ///< the time that took; 0 or more
    /// For the rates: what happened that long ago has a tenth of the weight of now. Greater than zero.
    std::chrono::duration<double> horizon = std::chrono::seconds{15};
};

/// The progress of work that is made of stages, which have weights, and may be made of stages themselves.
///
///     telltale::stage_tree import(executor);
///     auto load = import.root().add("load", {.weight = 3, .total = size, .unit = telltale::progress_unit::bytes});
///     auto index = import.root().add("index");
///     load.advance(block.size()); // in any thread, as often as you like
///
/// Rolled up, a stage with children is as many percent done as its children are, by their weights. Not begun is nothing done,
/// whatever the total. If one that runs has no known total, then the whole has no percentage and no remaining time: what
/// is `done` is the least that it can be. Stages may be added at any time; the percentage is then less than before.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_stage_tree {
public:
    using executor_type = Executor;
    using duration = std::chrono::steady_clock::duration;

    template <class Other>
    struct rebind_executor {
        using other = basic_stage_tree<Other>;
    };

    explicit basic_stage_tree(const Executor& executor) : basic_stage_tree(executor, stage_tree_options()) {}

    /// In a coroutine, name the options before: GCC 12 destroys a temporary aggregate inside a co_await expression twice.
    basic_stage_tree(const Executor& executor, stage_tree_options options)
        : executor_(executor),
          state_(std::make_shared<detail::stage_tree_state>(detail::context_of(executor), options.root, options.elapsed,
                                                            options.horizon)) {}

    basic_stage_tree(const basic_stage_tree&) = delete;
    basic_stage_tree& operator=(const basic_stage_tree&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_stage_tree() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// The whole.
    stage root() const { return {state_, state_->root()}; }

    /// What the work says of itself. Ignored after finish().
    void set_message(std::string message) {
        state_->change([&] { state_->assign_message(std::move(message)); });
    }

    /// Nothing will change any more, whatever the stages were: everybody who waits is told at once.
    void finish() {
        state_->change([&] { state_->assign_finished(); });
    }

    /// How far the whole is now, with the rate and remaining time as seen at this moment.
    progress sample() const { return state_->snapshot().value; }

    /// The same, with all its stages. Looks at each of them.
    stage_tree_snapshot snapshot() const { return state_->snapshot(); }

    /// Waits until something in any stage is different from `since`, but not for less than `min_interval` (0: no limit)
    /// from that look on; finish() ends both. As progress_tracker::async_wait_change; looks at each of the stages.
    ///
    /// @par Completion signature
    /// `void(error_code, stage_tree_snapshot)`
    /// @par Error codes
    /// `errc::closed`: `since` has seen the end already; `operation_aborted`: cancelled, or the tree was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the tree's).
    template <class Token = default_token_t<Executor>>
    auto async_wait_change(stage_tree_snapshot since = {}, duration min_interval = std::chrono::milliseconds{100},
                           Token&& token = {}) {
        return detail::async_start<void(error_code, stage_tree_snapshot)>(
            executor_,
            [state = state_, since = std::move(since), min_interval](auto&& handler, const Executor& executor) {
                detail::start_wait_change(state, std::forward<decltype(handler)>(handler), executor, since,
                                          min_interval);
            },
            std::forward<Token>(token));
    }

private:
    Executor executor_;
    std::shared_ptr<detail::stage_tree_state> state_;
};

using stage_tree = basic_stage_tree<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_STAGE_TREE_HPP
// end <telltale/progress/stage_tree.hpp>

#include <string>
#include <string_view>

// What was counted, as bytes that outlive the process. The same on every machine: integers and doubles are little-endian. There
// is a version and a checksum in it. A resumed job goes on from there, and its rate leaves the old part out:
//
//     save(telltale::to_checkpoint(tracker.snapshot()));
//     …
//     telltale::progress_tracker tracker(executor, telltale::parse_tracker_checkpoint(load()));

namespace telltale::inline TELLTALE_ABI {

/// What was counted, of how much, and the time that took. Not the message.
inline std::string to_checkpoint(const progress_snapshot& s) {
    detail::checkpoint_writer out(detail::checkpoint_kind::tracker);
    out.write(s.elapsed.count());
    out.write_count(s.value, s.count);
    return std::move(out).finish();
}

/// All stages, with their names, weights, states, counts and messages.
inline std::string to_checkpoint(const stage_tree_snapshot& s) {
    detail::checkpoint_writer out(detail::checkpoint_kind::stages);
    out.write(s.elapsed.count());
    out.write_stage(s.root);
    return std::move(out).finish();
}

/// What a tracker that goes on from there is made of. Safe for bytes from anywhere; `ec`: `errc::truncated_checkpoint`,
/// `errc::checkpoint_version`, `errc::malformed_checkpoint` (no checkpoint, one of something else, or damaged).
inline progress_tracker_options parse_tracker_checkpoint(std::string_view bytes, error_code& ec) {
    detail::checkpoint_reader in(bytes, detail::checkpoint_kind::tracker);
    progress_tracker_options result;
    result.elapsed = in.read_elapsed();
    in.read_count(result.unit, result.total, result.done);
    ec = in.finish();
    return ec ? progress_tracker_options{} : result;
}

/// @throws system_error with what the overload puts into `ec`.
inline progress_tracker_options parse_tracker_checkpoint(std::string_view bytes) {
    error_code ec;
    auto result = parse_tracker_checkpoint(bytes, ec);
    if (ec) throw system_error(ec, "telltale::parse_tracker_checkpoint");
    return result;
}

/// What a tree that goes on from there is made of; its stages are those of the checkpoint, and stage::add finds them by their
/// names. Errors as parse_tracker_checkpoint; nested deeper than 1000 is malformed.
inline stage_tree_options parse_stage_checkpoint(std::string_view bytes, error_code& ec) {
    detail::checkpoint_reader in(bytes, detail::checkpoint_kind::stages);
    stage_tree_options result;
    result.elapsed = in.read_elapsed();
    in.read_stage(result.root);
    ec = in.finish();
    return ec ? stage_tree_options{} : result;
}

/// @throws system_error with what the overload puts into `ec`.
inline stage_tree_options parse_stage_checkpoint(std::string_view bytes) {
    error_code ec;
    auto result = parse_stage_checkpoint(bytes, ec);
    if (ec) throw system_error(ec, "telltale::parse_stage_checkpoint");
    return result;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_CHECKPOINT_HPP
// end <telltale/progress/checkpoint.hpp>
// begin <telltale/progress/counted_file.hpp>

#ifndef TELLTALE_PROGRESS_COUNTED_FILE_HPP
#define TELLTALE_PROGRESS_COUNTED_FILE_HPP

// begin <telltale/progress/counted_range.hpp>

#ifndef TELLTALE_PROGRESS_COUNTED_RANGE_HPP
#define TELLTALE_PROGRESS_COUNTED_RANGE_HPP

// <telltale/version.hpp> is above

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What counts: a progress_tracker, a stage, or a user's own.
template <class T>
concept progress_counter = requires(T& counter, std::uint64_t n) {
    counter.advance(n);
};

/// A view whose elements are counted as they are worked off: each when the loop goes on from it, so that one at which it
/// stops is not counted. For one pass. Refers to the counter.
template <std::ranges::view View, progress_counter Counter>
    requires std::ranges::input_range<View>
class counted_view : public std::ranges::view_interface<counted_view<View, Counter>> {
public:
    class iterator {
    public:
        using value_type = std::ranges::range_value_t<View>;
        using difference_type = std::ranges::range_difference_t<View>;
        using iterator_concept = std::input_iterator_tag;

        iterator(std::ranges::iterator_t<View> i, Counter& counter) : i_(std::move(i)), counter_(&counter) {}

        decltype(auto) operator*() const { return *i_; }
        iterator& operator++() {
            ++i_;
            counter_->advance(1);
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& i, const std::ranges::sentinel_t<View>& end) { return i.i_ == end; }

    private:
        std::ranges::iterator_t<View> i_;
        Counter* counter_;
    };

    counted_view(View view, Counter& counter) : view_(std::move(view)), counter_(std::addressof(counter)) {}

    iterator begin() { return {std::ranges::begin(view_), *counter_}; }
    auto end() { return std::ranges::end(view_); }
    auto size() requires std::ranges::sized_range<View> { return std::ranges::size(view_); }

private:
    View view_;
    Counter* counter_;
};

/// The range, counted as it is read, and its size the total of a counter that can be told one:
///
///     for (const auto& file : telltale::counted(files, tracker)) read(file);
///
/// A range that is no temporary is referred to.
template <std::ranges::viewable_range Range, progress_counter Counter>
    requires std::ranges::input_range<Range>
auto counted(Range&& range, Counter& counter) {
    if constexpr (std::ranges::sized_range<Range> && requires { counter.set_total(std::uint64_t{}); })
        counter.set_total(counter.done() + static_cast<std::uint64_t>(std::ranges::size(range)));
    return counted_view<std::views::all_t<Range>, Counter>(std::views::all(std::forward<Range>(range)), counter);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_COUNTED_RANGE_HPP
// end <telltale/progress/counted_range.hpp>
// <telltale/version.hpp> is above

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <memory>
#include <streambuf>
#include <system_error>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Reads from another buffer in blocks, and counts the bytes of each when the reader has gone past them; at the latest
/// when it is destroyed. Cannot seek. Refers to both.
///
///     telltale::counted_streambuf buffer(*std::cin.rdbuf(), tracker);
///     std::istream in(&buffer);
template <progress_counter Counter>
class counted_streambuf : public std::streambuf {
public:
    /// `block`: bytes, 1 or more.
    counted_streambuf(std::streambuf& source, Counter& counter, std::size_t block = 65'536)
        : source_(&source), counter_(std::addressof(counter)), block_(std::max<std::size_t>(block, 1)) {}

    counted_streambuf(const counted_streambuf&) = delete;
    counted_streambuf& operator=(const counted_streambuf&) = delete;

    ~counted_streambuf() override { count(); }

protected:
    int_type underflow() override {
        count();
        const std::streamsize n = source_->sgetn(block_.data(), static_cast<std::streamsize>(block_.size()));
        setg(block_.data(), block_.data(), block_.data() + std::max<std::streamsize>(n, 0));
        return n > 0 ? traits_type::to_int_type(*gptr()) : traits_type::eof();
    }

    /// What is wanted in large pieces does not go through the block.
    std::streamsize xsgetn(char* to, std::streamsize wanted) override {
        const std::streamsize there = std::min<std::streamsize>(egptr() - gptr(), wanted);
        std::copy_n(gptr(), there, to);
        setg(eback(), gptr() + there, egptr());
        count();
        if (there == wanted) return there;
        const std::streamsize n = source_->sgetn(to + there, wanted - there);
        if (n > 0) counter_->advance(static_cast<std::uint64_t>(n));
        return there + std::max<std::streamsize>(n, 0);
    }

    int sync() override {
        count();
        return 0;
    }

private:
    void count() {
        if (const auto read = gptr() - eback(); read > 0) counter_->advance(static_cast<std::uint64_t>(read));
        setg(gptr(), gptr(), egptr());
    }

    std::streambuf* source_;
    Counter* counter_;
    std::vector<char> block_;
};

/// A file that is read from the beginning to the end, as a std::istream; its bytes are counted as they are read, and its size
/// is the total of a counter that can be told one. One that cannot be opened is in the state `failbit`, and counts nothing.
///
///     telltale::progress_tracker tracker(executor, {.unit = telltale::progress_unit::bytes});
///     telltale::counted_file in(path, tracker);
///     for (std::string line; std::getline(in, line);) work(line);
template <progress_counter Counter>
class counted_file : public std::istream {
public:
    counted_file(const std::filesystem::path& path, Counter& counter, std::size_t block = 65'536)
        : std::istream(nullptr), buffer_(file_, counter, block) {
        rdbuf(&buffer_); // which makes the stream good
        if (!file_.open(path, std::ios::in | std::ios::binary)) {
            setstate(std::ios::failbit);
            return;
        }
        std::error_code unknown;
        const auto size = std::filesystem::file_size(path, unknown);
        if constexpr (requires { counter.set_total(std::uint64_t{}); })
            if (!unknown) counter.set_total(counter.done() + static_cast<std::uint64_t>(size));
    }

private:
    std::filebuf file_;
    counted_streambuf<Counter> buffer_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_COUNTED_FILE_HPP
// end <telltale/progress/counted_file.hpp>
// <telltale/progress/counted_range.hpp> is above
// begin <telltale/progress/counted_stream.hpp>

#ifndef TELLTALE_PROGRESS_COUNTED_STREAM_HPP
#define TELLTALE_PROGRESS_COUNTED_STREAM_HPP

// <telltale/asio.hpp> is above
// <telltale/progress/counted_range.hpp> is above
// begin <telltale/progress/detail/counting_handler.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_COUNTING_HANDLER_HPP
#define TELLTALE_PROGRESS_DETAIL_COUNTING_HANDLER_HPP

// <telltale/asio.hpp> is above

#include <cstddef>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Counts the bytes, then calls the handler. It is associated with what the handler is associated with.
template <class Handler, class Counter>
struct counting_handler {
    void operator()(error_code ec, std::size_t n) {
        if (counter && n > 0) counter->advance(n);
        std::move(handler)(ec, n);
    }

    Handler handler;
    Counter* counter; // null: none
};

template <class Stream, class Counter, bool Read>
struct counting_initiation {
    using executor_type = typename Stream::executor_type;
    executor_type get_executor() const noexcept { return stream->get_executor(); }

    template <class Handler, class Buffers>
    void operator()(Handler&& handler, const Buffers& buffers) const {
        counting_handler<std::decay_t<Handler>, Counter> counting{std::forward<Handler>(handler), counter};
        if constexpr (Read)
            stream->async_read_some(buffers, std::move(counting));
        else
            stream->async_write_some(buffers, std::move(counting));
    }

    Stream* stream;
    Counter* counter;
};

} // namespace telltale::inline TELLTALE_ABI::detail

template <template <class, class> class Associator, class Handler, class Counter, class Default>
struct telltale::net::associator<Associator, telltale::detail::counting_handler<Handler, Counter>, Default>
    : Associator<Handler, Default> {
    using counting = telltale::detail::counting_handler<Handler, Counter>;
    static auto get(const counting& h) noexcept { return Associator<Handler, Default>::get(h.handler); }
    static auto get(const counting& h, const Default& d) noexcept {
        return Associator<Handler, Default>::get(h.handler, d);
    }
};

#endif // TELLTALE_PROGRESS_DETAIL_COUNTING_HANDLER_HPP
// end <telltale/progress/detail/counting_handler.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What to count of a counted_stream.
enum class counted_direction : std::uint8_t { read, written, both };

/// A stream of Asio whose bytes are counted as its operations complete. Stands wherever the stream does: with async_read,
/// async_write, read_until, or inside an SSL stream. `Stream` is a stream, or a reference to one; the counter is referred to, and
/// must be there until all operations have completed.
///
///     telltale::counted_stream<tcp::socket&, telltale::progress_tracker> body(socket, tracker);
///     co_await net::async_read(body, net::buffer(data), net::use_awaitable);
///
/// @par Thread safety
/// As the stream. The counter is advanced wherever operations complete.
template <class Stream, progress_counter Counter>
class counted_stream {
public:
    using next_layer_type = std::remove_reference_t<Stream>;
    using lowest_layer_type = typename next_layer_type::lowest_layer_type;
    using executor_type = typename next_layer_type::executor_type;

    explicit counted_stream(Stream stream, Counter& counter, counted_direction counts = counted_direction::read)
        : stream_(std::forward<Stream>(stream)), counter_(std::addressof(counter)), counts_(counts) {}

    executor_type get_executor() noexcept { return stream_.get_executor(); }
    next_layer_type& next_layer() noexcept { return stream_; }
    const next_layer_type& next_layer() const noexcept { return stream_; }
    lowest_layer_type& lowest_layer() { return stream_.lowest_layer(); }
    const lowest_layer_type& lowest_layer() const { return stream_.lowest_layer(); }

    /// As the stream's own. What was read is counted also if there was an error after it.
    template <class Buffers>
    std::size_t read_some(const Buffers& buffers, error_code& ec) {
        const std::size_t n = stream_.read_some(buffers, ec);
        count(n, counted_direction::written);
        return n;
    }

    template <class Buffers>
    std::size_t write_some(const Buffers& buffers, error_code& ec) {
        const std::size_t n = stream_.write_some(buffers, ec);
        count(n, counted_direction::read);
        return n;
    }

    /// As the stream's own, with its signature, errors and cancellation. The bytes are counted just before the handler is
    /// called, where it is called.
    template <class Buffers, class Token = default_token_t<executor_type>>
    auto async_read_some(const Buffers& buffers, Token&& token = {}) {
        return net::async_initiate<Token, void(error_code, std::size_t)>(
            detail::counting_initiation<next_layer_type, Counter, true>{
                &stream_, counts_ == counted_direction::written ? nullptr : counter_},
            token, buffers);
    }

    template <class Buffers, class Token = default_token_t<executor_type>>
    auto async_write_some(const Buffers& buffers, Token&& token = {}) {
        return net::async_initiate<Token, void(error_code, std::size_t)>(
            detail::counting_initiation<next_layer_type, Counter, false>{
                &stream_, counts_ == counted_direction::read ? nullptr : counter_},
            token, buffers);
    }

private:
    void count(std::size_t n, counted_direction not_if) {
        if (n > 0 && counts_ != not_if) counter_->advance(n);
    }

    Stream stream_;
    Counter* counter_;
    counted_direction counts_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_COUNTED_STREAM_HPP
// end <telltale/progress/counted_stream.hpp>
// begin <telltale/progress/progress_bar.hpp>

#ifndef TELLTALE_PROGRESS_PROGRESS_BAR_HPP
#define TELLTALE_PROGRESS_PROGRESS_BAR_HPP

// <telltale/core/job_state.hpp> is above
// <telltale/progress/bar_item.hpp> is above
// <telltale/progress/bar_writer.hpp> is above
// <telltale/progress/progress_snapshot.hpp> is above
// <telltale/progress/stage_snapshot.hpp> is above

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// One bar, for work that is no job on a board.
///
///     telltale::progress_bar bar(stderr, "hashing");
///     for (const auto& file : files) {
///         hash(file);
///         counter.advance();
///         bar.update(counter.snapshot()); // draws ten times a second at most
///     }
///     bar.finish();
///
/// Where there is a loop of Asio's, show_progress does all that. See bar_writer for what is shown where.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class progress_bar {
public:
    using clock = std::chrono::steady_clock;

    /// `out` must stay open as long as this is used.
    explicit progress_bar(std::FILE* out, std::string name, bar_writer_options options = {}) : writer_(out, options) {
        items_.front().name = std::move(name);
    }

    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

    /// Shows the last that is known, if finish() was not called.
    ~progress_bar() { end(); }

    bool is_terminal() const noexcept { return writer_.is_terminal(); }

    /// How often it is worth calling update().
    clock::duration interval() const noexcept { return writer_.redraw_interval(); }

    /// False: it is too early since the last time, and this one will be shown with the next.
    bool update(const progress_snapshot& s) {
        bar_item item{.name = items_.front().name, .progress = s.value, .elapsed = s.elapsed, .note = s.message};
        return update(std::move(item), s.at);
    }

    /// The same for a stage_tree: its stages are lines below the bar.
    bool update(const stage_tree_snapshot& s) {
        bar_item item = to_bar_item(s.root);
        item.name = items_.front().name;
        item.state = job_state::running; // how the whole ends, finish() tells
        return update(std::move(item), s.at);
    }

    /// Anything else, with whatever parts it has. Ignored after finish().
    bool update(bar_item item, clock::time_point now) {
        if (ended_) return true;
        items_.front() = std::move(item);
        now_ = now;
        return writer_.update(items_, now);
    }

    /// Writes a line, or several, above the bar.
    void log(std::string_view text) { writer_.log(text); }

    /// The last line: how it ended, and where that is to be said, why.
    void finish(job_state state = job_state::succeeded, std::string note = {}) {
        if (ended_) return;
        items_.front().state = state;
        items_.front().note = std::move(note);
        end();
    }

private:
    void end() {
        if (!std::exchange(ended_, true)) writer_.finish(items_, now_);
    }

    bar_writer writer_;
    bar_writer::item_list items_{bar_item{}};
    clock::time_point now_{};
    bool ended_ = false;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_PROGRESS_BAR_HPP
// end <telltale/progress/progress_bar.hpp>
// <telltale/progress/progress_snapshot.hpp> is above
// <telltale/progress/progress_tracker.hpp> is above
// begin <telltale/progress/report_text.hpp>

#ifndef TELLTALE_PROGRESS_REPORT_TEXT_HPP
#define TELLTALE_PROGRESS_REPORT_TEXT_HPP

// <telltale/core/execution_report.hpp> is above

#include <cstddef>
#include <cstdio>
#include <string>

namespace telltale::inline TELLTALE_ABI {

struct report_text_options {
    bool unicode = true;       ///< bars, rules and marks of Unicode, and names in their own script; else ASCII
    std::size_t width = 80;    ///< columns; longer lines are cut. At least 40.
    std::size_t max_jobs = 20; ///< lines for jobs; of more, those that failed come first, and the rest is counted
};

/// For this file: Unicode where the locale has UTF-8, and as wide as its terminal (or COLUMNS), but at most 80.
inline report_text_options report_text_options_for(std::FILE* out);

/// How the execution stands, as a block of lines: progress, jobs, data, time, resources, and the jobs that run.
///
/// What is not known has no line. No colours and no control codes, whatever the names of jobs hold. Ends with a line
/// break.
inline std::string render_progress(const execution_report& r, report_text_options options = {});

/// How the execution went: jobs, data, performance, resources, and a line for each job with what became of it, how long
/// it took and its throughput. Otherwise as render_progress.
inline std::string render_summary(const execution_report& r, report_text_options options = {});

} // namespace telltale::inline TELLTALE_ABI

// begin <telltale/progress/detail/report_lines.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_REPORT_LINES_HPP
#define TELLTALE_PROGRESS_DETAIL_REPORT_LINES_HPP

// <telltale/core/execution_report.hpp> is above
// <telltale/progress/detail/terminal.hpp> is above
// <telltale/progress/detail/text.hpp> is above
// <telltale/progress/report_text.hpp> is above

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

/// "1,234,567".
inline std::string grouped(std::uint64_t n) {
    std::string text = std::to_string(n);
    for (std::size_t i = text.size(); i > 3;) text.insert(i -= 3, ",");
    return text;
}

/// "2,384", "12.5".
inline std::string grouped(double n) {
    if (!(n >= 100) || n > 1e18) return print(n == std::floor(n) ? "%.0f" : "%.1f", n);
    return grouped(static_cast<std::uint64_t>(std::llround(n)));
}

/// Rounded down: 100.0 % is only what is complete.
inline std::string percent_text(double p) { return print("%.1f %%", std::floor(p * 10 + 1e-9) / 10); }

/// "250 ms", "2.5 s", "1 min 05 s", "1 h 02 min", "2 d 03 h".
inline std::string duration_text(std::chrono::duration<double> d) {
    const double s = std::max(0.0, d.count());
    if (!(s < 3.2e10)) return "ages"; // a thousand years; also what is not a number
    if (s == 0 || s >= 0.9995) {
        if (s < 59.95) return print("%.1f s", s);
        const auto whole = std::llround(s);
        if (whole < 3600) return print("%lld min %02lld s", whole / 60, whole % 60);
        if (whole < 86'400) return print("%lld h %02lld min", whole / 3600, whole % 3600 / 60);
        return print("%lld d %02lld h", whole / 86'400, whole % 86'400 / 3600);
    }
    return print(s < 0.01 ? "%.1f ms" : "%.0f ms", s * 1000);
}

inline std::string bytes_text(double bytes) { return human_amount(bytes, progress_unit::bytes); }
inline std::string bytes_text(std::uint64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

/// "2,384 rows/s, 1.2 MiB/s"; empty: not known.
inline std::string throughput_text(std::optional<double> rows, std::optional<double> bytes) {
    std::string text;
    if (rows) text = grouped(*rows) + " rows/s";
    if (bytes) text += (text.empty() ? "" : ", ") + bytes_text(*bytes) + "/s";
    return text;
}

class report_lines {
public:
    report_lines(const execution_report& r, const report_text_options& options)
        : report_(r),
          unicode_(options.unicode),
          width_(std::max<std::size_t>(options.width, 40)),
          most_(options.max_jobs) {}

    std::string progress() && {
        title("EXECUTION PROGRESS");
        bar();
        section("Jobs");
        counts(true);
        data();
        section("Time");
        value("elapsed", duration_text(report_.elapsed()));
        remaining();
        resources(true);
        std::vector<const reported_job*> running;
        for (const auto& j : report_.jobs)
            if (j.job->state == job_state::running) running.push_back(&j);
        jobs("Running", std::move(running));
        rule();
        return std::move(text_);
    }

    std::string summary() && {
        title("EXECUTION SUMMARY");
        section("Jobs");
        value("total", grouped(std::uint64_t{report_.jobs.size()}));
        counts(false);
        if (const auto p = report_.success_percent()) value("success", percent_text(*p));
        data();
        section("Performance");
        value("total time", duration_text(report_.elapsed()));
        if (const auto t = throughput_text(report_.rows_per_s(), report_.bytes_per_s()); !t.empty())
            value("throughput", t);
        if (report_.cpu) value("CPU of jobs", duration_text(*report_.cpu));
        resources(false);
        std::vector<const reported_job*> all;
        all.reserve(report_.jobs.size());
        for (const auto& j : report_.jobs) all.push_back(&j);
        jobs("Job details", std::move(all));
        rule();
        return std::move(text_);
    }

private:
    static constexpr std::size_t label_width = 16;

    void line(std::string_view text) {
        text_ += cut(text, width_, unicode_);
        while (text_.ends_with(' ')) text_.pop_back();
        text_ += '\n';
    }

    void rule() {
        std::string r;
        for (std::size_t i = 0; i < width_; ++i) r += unicode_ ? "\u2500" : "-";
        line(r);
    }

    void title(std::string_view text) {
        rule();
        line(text);
        rule();
    }

    /// Written when the first line of it is.
    void section(std::string_view name) { section_ = name; }

    void begin_line() {
        if (section_.empty()) return;
        line("");
        line(section_);
        section_ = {};
    }

    void value(std::string_view label, std::string_view text) {
        begin_line();
        line("  " + fit(label, label_width, unicode_) + std::string(text));
    }

    void bar() {
        const auto percent = report_.percent();
        if (!percent) return;
        constexpr std::size_t cells = 40;
        const auto full = std::min(cells, static_cast<std::size_t>(std::max(0.0, *percent) / 100 * cells));
        std::string b;
        for (std::size_t i = 0; i < cells && width_ >= cells + 10; ++i) {
            if (unicode_)
                b += i < full ? "\u2588" : "\u2591";
            else
                b += i < full ? '#' : '.';
        }
        if (!unicode_ && !b.empty()) b = "[" + b + "]";
        line("");
        line((b.empty() ? "" : b + "  ") + percent_text(*percent));
    }

    std::string of_total(std::size_t n) const {
        return grouped(std::uint64_t{n}) + " of " + grouped(std::uint64_t{report_.jobs.size()});
    }

    void counts(bool with_total) {
        const auto n = [this](job_state s) { return report_.count(s); };
        const auto often = [](std::size_t c) { return grouped(std::uint64_t{c}); };
        const auto if_any = [&](std::string_view label, std::size_t c) {
            if (c != 0) value(label, often(c));
        };
        const std::size_t succeeded = n(job_state::succeeded);
        value("completed", with_total ? of_total(succeeded) : often(succeeded));
        if_any("running", n(job_state::running));
        const std::size_t pending = n(job_state::pending) + n(job_state::queued);
        if (with_total || pending != 0) value("pending", often(pending));
        if_any("paused", n(job_state::paused));
        value("failed", often(n(job_state::failed)));
        if_any("timed out", n(job_state::timed_out));
        if_any("cancelled", n(job_state::cancelled));
        if_any("skipped", n(job_state::skipped));
        if_any("lost", n(job_state::lost));
    }

    void data() {
        section("Data");
        if (report_.rows_in) value("rows in", grouped(*report_.rows_in));
        if (report_.rows_out) value("rows out", grouped(*report_.rows_out));
        if (report_.rows_ratio) value("rows out / in", print("%.1f %%", *report_.rows_ratio * 100));
        if (report_.bytes) value("bytes", bytes_text(*report_.bytes));
    }

    void remaining() {
        if (report_.remaining) {
            std::string text = "about " + duration_text(*report_.remaining);
            if (report_.remaining_low && report_.remaining_high)
                text += " (" + duration_text(*report_.remaining_low) + " to " + duration_text(*report_.remaining_high) +
                        ")";
            value("remaining", text);
        }
        if (const auto t = throughput_text(report_.rows_per_s(), report_.bytes_per_s()); !t.empty())
            value("throughput", t);
    }

    static std::string of_limit(std::optional<double> percent, const std::string& limit) {
        return percent ? " (" + print("%.1f %%", *percent) + " of " + limit + ")" : std::string();
    }

    void resources(bool now) {
        section("Resources");
        if (!report_.resources) return;
        const resource_usage& u = *report_.resources;
        const double cores = u.cpu_limit_cores.value_or(0);
        const std::string allowed = grouped(cores) + (cores == 1 ? " core allowed" : " cores allowed");
        if (now && u.cpu_percent)
            value("CPU", print("%.1f %% of a core", *u.cpu_percent) + of_limit(u.cpu_percent_of_limit(), allowed));
        if (u.cpu_mean_percent) value("mean CPU", print("%.1f %% of a core", *u.cpu_mean_percent));
        if (now && u.memory_bytes)
            value("memory", bytes_text(*u.memory_bytes) +
                                of_limit(u.memory_percent_of_limit(), bytes_text(u.memory_limit_bytes.value_or(0))));
        if (u.memory_peak_bytes) value("peak memory", bytes_text(*u.memory_peak_bytes));
        if (!now && u.memory_mean_bytes) value("mean memory", bytes_text(*u.memory_mean_bytes));
        disk("disk read", u.disk_read_bytes, now ? u.disk_read_bytes_per_s : std::nullopt);
        disk("disk written", u.disk_written_bytes, now ? u.disk_written_bytes_per_s : std::nullopt);
    }

    void disk(std::string_view label, std::optional<std::uint64_t> bytes, std::optional<double> rate) {
        if (bytes) value(label, bytes_text(*bytes) + (rate ? " (" + bytes_text(*rate) + "/s)" : std::string()));
    }

    const char* mark(job_state s) const {
        switch (s) {
        case job_state::succeeded: return unicode_ ? "\u2713" : "+";
        case job_state::failed:
        case job_state::timed_out:
        case job_state::lost: return unicode_ ? "\u2717" : "x";
        case job_state::running: return unicode_ ? "\u25b8" : ">";
        default: return "-";
        }
    }

    struct job_texts {
        const reported_job* from;
        std::array<std::string, 4> columns; // name, state, time, throughput
    };

    job_texts texts_of(const reported_job& r) const {
        const job& j = *r.job;
        std::string state(to_string(j.state));
        std::replace(state.begin(), state.end(), '_', ' ');
        if (j.state == job_state::succeeded) state = "completed";
        std::string rate = throughput_text(r.rows_per_s(), r.bytes_per_s());
        if (j.state == job_state::running) {
            state = "running";
            if (j.progress)
                if (const auto p = j.progress->percent()) state = percent_text(*p);
        }
        return {&r,
                {cut(clean(j.name.empty() ? j.id : j.name, unicode_), 28, unicode_), std::move(state),
                 r.duration ? duration_text(*r.duration) : std::string(), std::move(rate)}};
    }

    /// What stands behind the columns.
    std::string note(const reported_job& r) const {
        if (r.job->error && !r.job->error->message.empty()) return clean(r.job->error->message, unicode_);
        if (r.job->state == job_state::running && r.job->progress && r.job->progress->remaining)
            return duration_text(*r.job->progress->remaining) + " left";
        return {};
    }

    void jobs(std::string_view name, std::vector<const reported_job*> all) {
        section(name);
        const auto rank = [](const reported_job* j) {
            const job_state state = j->job->state;
            if (state == job_state::failed || state == job_state::timed_out || state == job_state::lost) return 0;
            return state == job_state::succeeded ? 2 : 1;
        };
        const std::size_t shown = std::min(all.size(), most_);
        if (shown < all.size()) {
            std::vector<const reported_job*> ordered;
            for (int wanted = 0; wanted <= 2; ++wanted)
                std::copy_if(all.begin(), all.end(), std::back_inserter(ordered),
                             [&](const reported_job* j) { return rank(j) == wanted; });
            all = std::move(ordered);
        }
        std::vector<job_texts> rows;
        std::array<std::size_t, 4> widths{};
        for (std::size_t i = 0; i < shown; ++i) {
            rows.push_back(texts_of(*all[i]));
            for (std::size_t c = 0; c < widths.size(); ++c)
                widths[c] = std::max(widths[c], columns(rows.back().columns[c]));
        }
        for (const auto& row : rows) {
            std::string text = std::string("  ") + mark(row.from->job->state) + ' ';
            for (std::size_t c = 0; c < widths.size(); ++c)
                if (widths[c] != 0) text += fit(row.columns[c], widths[c], unicode_) + "  ";
            begin_line();
            const std::string more = note(*row.from);
            if (columns(text) + columns(more) <= width_) {
                line(text + more);
            } else {
                line(text);
                line("      " + more);
            }
        }
        if (shown == all.size()) return;
        begin_line();
        const bool well = rank(all[shown]) == 2;
        line("  and " + grouped(std::uint64_t{all.size() - shown}) + " more" + (well ? ", all completed" : ""));
    }

    const execution_report& report_;
    bool unicode_;
    std::size_t width_;
    std::size_t most_;
    std::string text_;
    std::string_view section_;
};

} // namespace detail

inline report_text_options report_text_options_for(std::FILE* out) {
    report_text_options options;
    options.unicode = detail::style_of_terminal(false).unicode;
    options.width = std::min(options.width, detail::size_of_terminal(out).width);
    return options;
}

inline std::string render_progress(const execution_report& r, report_text_options options) {
    return detail::report_lines(r, options).progress();
}

inline std::string render_summary(const execution_report& r, report_text_options options) {
    return detail::report_lines(r, options).summary();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_DETAIL_REPORT_LINES_HPP
// end <telltale/progress/detail/report_lines.hpp>

#endif // TELLTALE_PROGRESS_REPORT_TEXT_HPP
// end <telltale/progress/report_text.hpp>
// begin <telltale/progress/show_progress.hpp>

#ifndef TELLTALE_PROGRESS_SHOW_PROGRESS_HPP
#define TELLTALE_PROGRESS_SHOW_PROGRESS_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/error.hpp> is above
// <telltale/progress/progress_bar.hpp> is above
// <telltale/progress/progress_snapshot.hpp> is above
// <telltale/progress/progress_tracker.hpp> is above
// <telltale/progress/stage_snapshot.hpp> is above
// <telltale/progress/stage_tree.hpp> is above
// <telltale/sync/with_timeout.hpp> is above

#include <algorithm>
#include <chrono>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline bool is_over(const progress_snapshot& s) noexcept {
    return s.finished || (s.value.total && s.value.done >= *s.value.total);
}
inline bool has_failed(const progress_snapshot&) noexcept { return false; }

// Stages that are all done may be followed by another.
inline bool is_over(const stage_tree_snapshot& s) noexcept { return s.finished; }
inline bool has_failed(const stage_tree_snapshot& s) noexcept { return s.root.state == stage_state::failed; }

template <class Snapshot, class Executor, class Source>
net::awaitable<void, Executor> show_source(Source& source, progress_bar& bar) {
    const Executor executor = co_await net::this_coro::executor;
    const auto patience = std::max<progress_bar::clock::duration>(bar.interval(), std::chrono::seconds{1});
    Snapshot last;
    const auto wait = [&](auto handler) { source.async_wait_change(last, bar.interval(), std::move(handler)); };
    for (bool over = false; !over;) {
        auto operation = wait; // named, and moved: GCC 12 destroys a lambda inside a co_await expression twice
        auto [ec, next] = co_await async_with_timeout<void(error_code, Snapshot)>(
            executor, std::move(operation), patience, as_tuple(net::use_awaitable_t<Executor>{}));
        if (ec == errc::deadline_exceeded) {
            next = source.snapshot();
        } else if (ec) {
            bar.finish(job_state::running);
            throw system_error(ec);
        }
        last = std::move(next);
        over = is_over(last);
        bar.update(last);
    }
    const bool arrived = !last.value.total || last.value.done >= *last.value.total;
    bar.finish(has_failed(last) ? job_state::failed
               : arrived        ? job_state::succeeded
                                : job_state::running,
               last.message);
}

} // namespace detail

/// Keeps a bar up to date with a tracker until the work is done: finish() was called, or a known total is reached. Then
/// the bar has its final line.
///
///     telltale::progress_bar bar(stderr, "hashing");
///     net::co_spawn(executor, telltale::show_progress(tracker, bar), net::detached);
///
/// It draws when something has changed, no more often than the bar's interval; and once a second when nothing has, for
/// the time goes on, and what is left is not what it was. No thread, and no timer after the end. A tracker that is
/// finished short of its total did not arrive: the final line shows how far it came, and claims no success.
///
/// Both must outlive this, but the tracker may be destroyed while it waits.
///
/// @par Errors
/// system_error: `operation_aborted`: cancelled, or the tracker was destroyed. The bar has its final line all the same.
/// @par Per-operation cancellation
/// terminal: stops showing.
/// @par Thread safety
/// The bar is used by whoever awaits this, on the executor of that coroutine.
template <class Executor>
[[nodiscard]] net::awaitable<void, Executor> show_progress(basic_progress_tracker<Executor>& tracker,
                                                           progress_bar& bar) {
    return detail::show_source<progress_snapshot, Executor>(tracker, bar);
}

/// The same for stages, as lines below the bar, until finish() was called.
template <class Executor>
[[nodiscard]] net::awaitable<void, Executor> show_progress(basic_stage_tree<Executor>& stages, progress_bar& bar) {
    return detail::show_source<stage_tree_snapshot, Executor>(stages, bar);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_SHOW_PROGRESS_HPP
// end <telltale/progress/show_progress.hpp>
// <telltale/progress/stage.hpp> is above
// <telltale/progress/stage_snapshot.hpp> is above
// <telltale/progress/stage_tree.hpp> is above
// begin <telltale/run/approval.hpp>

#ifndef TELLTALE_RUN_APPROVAL_HPP
#define TELLTALE_RUN_APPROVAL_HPP

// <telltale/version.hpp> is above

#include <cstdint>
#include <string>

namespace telltale::inline TELLTALE_ABI {

enum class approval_result : std::uint8_t { approved, rejected, timed_out };

/// What came of a job's asking for an approval (job_context::request_approval).
struct approval {
    approval_result result = approval_result::timed_out;
    std::string comment{}; ///< of whoever answered; may be empty

    /// Whether it was approved.
    explicit operator bool() const noexcept { return result == approval_result::approved; }

    friend bool operator==(const approval&, const approval&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_APPROVAL_HPP
// end <telltale/run/approval.hpp>
// begin <telltale/run/chunk.hpp>

#ifndef TELLTALE_RUN_CHUNK_HPP
#define TELLTALE_RUN_CHUNK_HPP

// <telltale/core/chunk_sizer.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/core/slow_detector.hpp> is above
// begin <telltale/sync/task_group.hpp>

#ifndef TELLTALE_SYNC_TASK_GROUP_HPP
#define TELLTALE_SYNC_TASK_GROUP_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// begin <telltale/sync/detail/child_group.hpp>

#ifndef TELLTALE_SYNC_DETAIL_CHILD_GROUP_HPP
#define TELLTALE_SYNC_DETAIL_CHILD_GROUP_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/is_aborted.hpp> is above
// <telltale/detail/waiter.hpp> is above

#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// What task_group, result_group, when_all and when_any are made of: coroutines that run beside each other, each on a
// strand of its own, at most so many at once, and somebody who waits until all have ended.
//
// A child counts from spawn() until it has ended and its coroutine is destroyed; then settle() is told. One that is
// destroyed before it ends, because its execution context is, is abandoned. Whoever waits for the children is then
// destroyed after the last of them: what children refer to in the frame of their parent lives as long as they do.

namespace telltale::inline TELLTALE_ABI::detail {

/// One coroutine of a group.
struct child {
    child() = default;
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    virtual ~child() = default;

    std::optional<net::strand<net::any_io_executor>> strand; ///< set by spawn()
    net::cancellation_signal signal;
    // On the strand only:
    bool started = false;
    bool asked_to_stop = false;
    bool ended = false;
    // With the group's mutex held:
    std::size_t index = 0;
    std::exception_ptr error;
    bool cancelled = false; ///< it ended as aborted after the group was cancelled
    std::optional<std::list<std::shared_ptr<child>>::iterator> place; ///< while it runs
};

template <class V>
struct child_of final : child {
    std::optional<V> value;
};

/// Asks a child to stop. Signals are emitted where the child runs: elsewhere it would be a race with its operations. And
/// not before it runs: in newer Asio the exception of a coroutine that is cancelled before its first step leaves the
/// context's run().
inline void stop(std::shared_ptr<child> c) {
    auto& strand = *c->strand;
    net::post(strand, [c = std::move(c)] {
        c->asked_to_stop = true;
        if (c->started && !c->ended) c->signal.emit(net::cancellation_type::terminal);
    });
}

struct put_value {
    template <class V, class... T>
    static void put(std::optional<V>& to, T&&... value) {
        to.emplace(std::forward<T>(value)...);
    }
};

template <class Put, class V, class T>
net::awaitable<void> run_child(std::shared_ptr<child_of<V>> c, net::awaitable<T> body) {
    c->started = true;
    if (c->asked_to_stop) stop(c);
    if constexpr (std::is_void_v<T>) {
        co_await std::move(body);
        Put::put(c->value);
    } else {
        Put::put(c->value, co_await std::move(body));
    }
}

class child_group : public wait_state {
public:
    /// `limit`: how many run at the same time; 0: all.
    child_group(const net::any_io_executor& executor, std::size_t limit)
        : wait_state(context_of(executor)), executor_(executor), limit_(limit) {}

    /// Starts the child, or queues it; once the group is cancelled it starts only if that is `insisted` on and there is
    /// room. Returns its number.
    inline std::size_t spawn(std::shared_ptr<child> c, net::awaitable<void> body, bool insisted);

    /// Asks those that run to stop, and drops those that wait for their turn.
    inline void cancel();

    /// Completes when no child is left.
    template <class Token>
    auto async_wait(Token&& token) {
        return async_start<void(error_code)>(
            executor_,
            [state = self()](auto&& handler, const net::any_io_executor& executor) {
                start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                             [&state](std::tuple<error_code>&) { return state->size_ ? &state->joiners_ : nullptr; });
            },
            std::forward<Token>(token));
    }

    const net::any_io_executor& executor() const noexcept { return executor_; }

    /// How many have not ended.
    std::size_t size() const {
        const std::lock_guard lock(mutex());
        return size_;
    }

    /// How many of these wait for their turn.
    std::size_t waiting() const {
        const std::lock_guard lock(mutex());
        return size_ - running_.size();
    }

    /// Whoever waits gets operation_aborted.
    void abort_waiters() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            all.take(joiners_);
            all.take(readers_);
        }
        all.finish_all(net::error::operation_aborted);
    }

    // When the execution context shuts down. Children that run are destroyed by it, before or after this.
    void take_all(wait_list& all) noexcept override {
        all.take(pending_);
        shut_down_ = true;
        if (!running_.empty()) return;
        all.take(joiners_);
        all.take(readers_);
    }

protected:
    /// Keeps how the child ended, or gives it to the reader, if that is not null; returns whether the others have to
    /// stop. With the mutex held.
    virtual bool keep(child& c, wait_node* reader) = 0;

    // With the mutex held:
    bool idle() const noexcept { return size_ == 0; }
    wait_list& readers() noexcept { return readers_; }
    void begin_again() noexcept { cancelled_ = false; }

private:
    class pending_child;
    class child_end;

    std::shared_ptr<child_group> self() { return std::static_pointer_cast<child_group>(shared_from_this()); }

    inline static void start(child_end end, net::awaitable<void> body);
    inline void settle(const std::shared_ptr<child>& c, std::exception_ptr error);
    inline void abandon(child& c) noexcept;
    inline pending_child* next_to_start();

    bool full() const noexcept { return limit_ != 0 && running_.size() >= limit_; }
    void admit(const std::shared_ptr<child>& c) { c->place = running_.insert(running_.end(), c); }
    void forget(child& c) noexcept {
        --size_;
        if (c.place) running_.erase(*c.place);
        c.place.reset();
    }

    const net::any_io_executor executor_;
    const std::size_t limit_;
    std::list<std::shared_ptr<child>> running_;
    wait_list pending_; ///< of pending_child
    wait_list joiners_;
    wait_list readers_; ///< of outcomes, one after the other
    std::size_t size_ = 0;
    std::size_t next_index_ = 0;
    bool cancelled_ = false;
    bool shut_down_ = false;
};

/// The completion handler of a child, on its strand.
class child_group::child_end {
public:
    child_end(std::shared_ptr<child_group> g, std::shared_ptr<child> c) : group_(std::move(g)), child_(std::move(c)) {}
    child_end(child_end&&) noexcept = default;
    child_end& operator=(child_end&&) = delete;
    ~child_end() {
        if (group_) group_->abandon(*child_);
    }

    void operator()(std::exception_ptr error) {
        const auto group = std::move(group_);
        child_->ended = true;
        group->settle(child_, std::move(error));
    }

    child& get() const noexcept { return *child_; }

private:
    std::shared_ptr<child_group> group_;
    std::shared_ptr<child> child_;
};

/// A child that waits for its turn.
class child_group::pending_child final : public wait_node {
public:
    pending_child(std::shared_ptr<child_group> g, std::shared_ptr<child> c, net::awaitable<void> body)
        : group_(std::move(g)), child_(std::move(c)), body_(std::move(body)) {}

    const std::shared_ptr<child>& get() const noexcept { return child_; }

    void start() {
        const std::unique_ptr<pending_child> self(this);
        child_group::start(child_end(std::move(group_), std::move(child_)), std::move(body_));
    }

    void ready() override { finish({}); }

    void finish(error_code ec) override {
        const auto group = std::move(group_);
        const auto c = std::move(child_);
        destroy();
        group->settle(c, std::make_exception_ptr(system_error(ec)));
    }

    void destroy() noexcept override { delete this; }

private:
    std::shared_ptr<child_group> group_;
    std::shared_ptr<child> child_;
    net::awaitable<void> body_;
};

std::size_t child_group::spawn(std::shared_ptr<child> c, net::awaitable<void> body, bool insisted) {
    c->strand.emplace(net::make_strand(executor_));
    std::size_t index = 0;
    bool cancelled = false;
    bool starts = false;
    {
        const std::lock_guard lock(mutex());
        cancelled = cancelled_;
        starts = !full() && (insisted || !cancelled);
        c->index = index = next_index_++;
        ++size_;
        if (starts) {
            admit(c);
        } else if (!cancelled) {
            pending_.push_back(*new pending_child(self(), std::move(c), std::move(body)));
            return index;
        }
    }
    if (starts) {
        if (cancelled) stop(c);
        start(child_end(self(), std::move(c)), std::move(body));
    } else {
        { const auto dropped = std::move(body); } // Asio's own assignment leaks
        settle(c, std::make_exception_ptr(system_error(net::error::operation_aborted)));
    }
    return index;
}

void child_group::start(child_end end, net::awaitable<void> body) {
    const auto strand = *end.get().strand;
    const auto slot = end.get().signal.slot();
    net::co_spawn(strand, std::move(body),
                  net::bind_cancellation_slot(slot, net::bind_executor(strand, std::move(end))));
}

void child_group::cancel() {
    std::vector<std::shared_ptr<child>> running;
    wait_list dropped;
    {
        const std::lock_guard lock(mutex());
        cancelled_ = true;
        running.assign(running_.begin(), running_.end());
        dropped.take(pending_);
    }
    for (auto& c : running) stop(std::move(c));
    dropped.finish_all(net::error::operation_aborted);
}

void child_group::settle(const std::shared_ptr<child>& c, std::exception_ptr error) {
    const bool aborted = is_aborted(error);
    wait_list done;
    wait_node* reader = nullptr;
    pending_child* next = nullptr;
    bool stops = false;
    {
        const std::lock_guard lock(mutex());
        c->error = std::move(error);
        c->cancelled = aborted && cancelled_;
        forget(*c);
        reader = readers_.pop_front();
        stops = keep(*c, reader) && !cancelled_;
        if (stops) cancelled_ = true;
        if (!cancelled_) next = next_to_start();
        if (idle()) {
            done.take(joiners_);
            done.take(readers_);
        }
    }
    if (stops) cancel();
    if (reader) reader->ready();
    if (next) next->start();
    done.finish_all({});
}

void child_group::abandon(child& c) noexcept {
    wait_list orphans;
    {
        const std::lock_guard lock(mutex());
        forget(c);
        if (!shut_down_ || !running_.empty()) return;
        orphans.take(joiners_);
        orphans.take(readers_);
    }
    orphans.destroy_all();
}

// With the mutex held.
child_group::pending_child* child_group::next_to_start() {
    if (full()) return nullptr;
    auto* const next = static_cast<pending_child*>(pending_.pop_front());
    if (next) admit(next->get());
    return next;
}

/// Waits until all children have ended. If whoever awaits this is cancelled, the children are, and the wait goes on.
/// Returns whether that happened.
inline net::awaitable<bool> join_children(std::shared_ptr<child_group> group) {
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);
    const auto [aborted] = co_await group->async_wait(as_result);
    if (aborted) {
        group->cancel();
        // Without a slot: this wait is not cancelled again.
        co_await group->async_wait(net::bind_cancellation_slot(net::cancellation_slot{}, as_result));
    }
    co_await net::this_coro::throw_if_cancelled(throws);
    co_return bool(aborted);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_CHILD_GROUP_HPP
// end <telltale/sync/detail/child_group.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What the exception of a child does to the others of its group.
enum class error_policy {
    cancel_others, ///< the first one asks all others to stop
    collect        ///< nothing: the others go on
};

struct task_group_options {
    /// What the exception of a child does to the others. None is lost either way.
    error_policy errors = error_policy::cancel_others;

    /// How many children run at the same time; the others wait for their turn, first come, first served, and have not
    /// begun. 0: no limit.
    std::size_t limit = 0;
};

namespace detail {

class task_group_state final : public child_group {
public:
    task_group_state(const net::any_io_executor& executor, const task_group_options& options)
        : child_group(executor, options.limit), policy_(options.errors) {}

    void spawn_task(net::awaitable<void> task) {
        forget_told();
        auto c = std::make_shared<child_of<std::monostate>>();
        auto body = run_child<put_value>(c, std::move(task));
        spawn(std::move(c), std::move(body), true);
    }

    std::vector<std::exception_ptr> errors() const {
        const std::lock_guard lock(mutex());
        return errors_;
    }

    /// The first error, once.
    std::exception_ptr tell() {
        const std::lock_guard lock(mutex());
        begin_again();
        if (std::exchange(told_, true) || errors_.empty()) return nullptr;
        return errors_.front();
    }

private:
    bool keep(child& c, wait_node*) override {
        if (!c.error || c.cancelled) return false;
        if (std::exchange(told_, false)) errors_.clear();
        errors_.push_back(c.error);
        return policy_ == error_policy::cancel_others;
    }

    void forget_told() {
        std::vector<std::exception_ptr> old;
        const std::lock_guard lock(mutex());
        if (std::exchange(told_, false)) errors_.swap(old);
    }

    const error_policy policy_;
    std::vector<std::exception_ptr> errors_; ///< in the order in which they came
    bool told_ = false;                      ///< join() has thrown the first of them
};

} // namespace detail

/// Coroutines that belong together: spawned while it goes on, joined, cancelled together. The first one that throws
/// cancels the others, or does not (options), and its exception is what join() throws.
///
///     telltale::task_group group(co_await net::this_coro::executor, {.limit = 8}); // eight at a time
///     for (auto& url : urls) group.spawn(fetch(url));
///     co_await group.join();
///
/// No error is lost: `errors()` has all that children threw. Only operation_aborted of a child that was asked to stop is
/// no error. Each child runs on a strand of its own, so on a thread pool children run in parallel and can still be
/// cancelled. For children with results see result_group and when_all.
///
/// An execution context that is destroyed while somebody joins destroys the children first, then whoever joins.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for join and the destructor.
class task_group {
public:
    using executor_type = net::any_io_executor;

    explicit task_group(const executor_type& executor, task_group_options options = {})
        : state_(std::make_shared<detail::task_group_state>(executor, options)) {}

    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Cancels the children that still run, and does not wait for them: what they refer to must outlive them. Join
    /// first where that matters. Those that wait for their turn never begin.
    ~task_group() {
        // In that order: a child that ends at once must not end a wait with success.
        state_->abort_waiters();
        state_->cancel();
    }

    executor_type get_executor() const noexcept { return state_->executor(); }

    /// Starts a coroutine, or queues it where there is a limit. After cancel() it is cancelled as soon as it first
    /// waits, or dropped where it would have to wait for its turn. It may begin to run before this returns.
    void spawn(net::awaitable<void> task) { state_->spawn_task(std::move(task)); }

    /// Asks all children to stop; those that wait for their turn never begin. Until the group is joined, what is spawned
    /// is cancelled too.
    void cancel() { state_->cancel(); }

    /// How many children have not ended.
    std::size_t size() const { return state_->size(); }

    /// How many of these wait for their turn.
    std::size_t waiting() const { return state_->waiting(); }

    /// All that children threw, in the order in which it came: join() throws the first. Kept until the first spawn or
    /// error after join().
    std::vector<std::exception_ptr> errors() const { return state_->errors(); }

    /// Waits until every child has ended.
    ///
    /// @par Completion signature
    /// `void(error_code)`; says nothing about the children's exceptions: join() throws the first, errors() has all.
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the group was destroyed. The children go on.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the group's).
    template <class Token = default_token_t<executor_type>>
    auto async_wait(Token&& token = {}) {
        return state_->async_wait(std::forward<Token>(token));
    }

    /// Waits until every child has ended, then throws the first exception that one of them threw, if any; it is thrown
    /// once. When whoever joins is cancelled, the children are cancelled, and join throws operation_aborted when they
    /// have ended. The group can be used again.
    [[nodiscard]] net::awaitable<void> join() {
        const auto state = state_;
        const bool aborted = co_await detail::join_children(state);
        if (const auto error = state->tell()) std::rethrow_exception(error);
        if (aborted) throw system_error(net::error::operation_aborted);
    }

private:
    std::shared_ptr<detail::task_group_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_TASK_GROUP_HPP
// end <telltale/sync/task_group.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <vector>

// What for_each_chunk and transform_chunks are given and what they tell.

namespace telltale::inline TELLTALE_ABI {

/// In place of a pool: one chunk after the other on the executor of the coroutine that awaits, which has its turn between
/// two chunks, as all that share it.
struct serial_t {
    explicit serial_t() = default;
};
inline constexpr serial_t serial{};

/// In place of a pool: coroutines on the executor of the one that awaits, as many at a time as `workers` says.
struct concurrent_t {
    explicit concurrent_t() = default;
};
inline constexpr concurrent_t concurrent{};

/// In place of a pool: in the thread that calls, which is blocked until all is done. No coroutine, no Asio.
struct blocking_t {
    explicit blocking_t() = default;
};
inline constexpr blocking_t blocking{};

/// Of transform_chunks: in what order results are handed over.
enum class chunk_order {
    items,    ///< that of the items
    completed ///< that in which they come
};

struct chunk_options {
    std::size_t size = 0; ///< items in a chunk; the last may be smaller. 0: so that each worker gets about eight
    /// Chunks that run at once. 0: as many as the pool has threads, or the machine if it does not say; 10 where they are
    /// coroutines. No more than there are chunks.
    std::size_t workers = 0;
    /// Greater than zero: chunks change in size so that each takes about as long (chunk_sizer); `size` is that of the
    /// first ones, 0 is 1 here.
    std::chrono::nanoseconds target{};
    std::size_t min_size = 1; ///< with a target
    std::size_t max_size = 0; ///< with a target; 0: no limit
    /// What an error does: no more chunks are begun and the first one is thrown, or all go into the result.
    error_policy errors = error_policy::cancel_others;
    slow_detector_options slow{}; ///< which chunks are slow, by their time per item
    /// transform_chunks with a consumer only: results in this order, and at most so many chunks begun whose result is not
    /// consumed: those that run, those that wait to be consumed and the one that is. 0: twice the workers.
    chunk_order order = chunk_order::items;
    std::size_t ahead = 0;
};

/// Tells a chunk that is under way that nobody wants the rest: the run was cancelled, or another chunk has thrown.
class chunk_stop {
public:
    explicit chunk_stop(const std::atomic<bool>& flag) noexcept : flag_(&flag) {}

    /// A relaxed load; as often as you like. To give up, throw system_error(operation_aborted).
    bool requested() const noexcept { return flag_->load(std::memory_order_relaxed); }

private:
    const std::atomic<bool>* flag_;
};

/// What is about to begin.
struct chunk_plan {
    std::size_t total = 0;               ///< items
    std::size_t size = 0;                ///< items in a chunk, or in the first ones where there is a target
    std::optional<std::size_t> chunks{}; ///< absent where there is a target: nobody knows yet
    std::size_t workers = 0;             ///< 0: there are no items
};

/// A worker: one of as many as chunks run at once. It does one chunk after the other, on whichever thread.
struct worker_info {
    std::size_t id = 0;                      ///< from 0
    std::size_t chunks = 0;                  ///< that it has completed
    std::size_t items = 0;                   ///< in these
    std::chrono::duration<double> busy{};    ///< that its chunks took
    std::chrono::duration<double> elapsed{}; ///< since the beginning of the whole
};

/// One chunk, and how far the whole is.
struct chunk_info {
    std::size_t id = 0;                      ///< in the order of the items, from 0; chunks complete in any order
    std::size_t size = 0;                    ///< items in it
    std::chrono::duration<double> time{};    ///< that it took; of one that has only started: 0
    std::size_t done = 0;                    ///< items of all chunks completed so far, with this one if it is
    std::size_t total = 0;                   ///< items there are
    double percent = 0;                      ///< 0 to 100
    std::chrono::duration<double> elapsed{}; ///< since the beginning of the whole
    std::size_t first = 0;                   ///< the place of its first item
    std::size_t worker = 0;                  ///< who does it
};

/// A chunk that took much longer than others. Times are per item.
struct slow_chunk_info {
    chunk_info chunk{};
    std::chrono::duration<double> median{}; ///< of the chunks before
    std::chrono::duration<double> limit{};  ///< above which a chunk is slow
};

/// A chunk that threw.
struct chunk_error {
    chunk_info chunk{};
    std::exception_ptr error{};
};

/// How far the whole is: items, with percentage, rate (that is the throughput) and remaining time.
struct chunk_progress : telltale::progress {
    std::chrono::duration<double> elapsed{}; ///< since the beginning of the whole
};

/// What was done.
struct chunk_result {
    std::size_t chunks = 0; ///< completed
    std::size_t items = 0;  ///< in these
    std::chrono::duration<double> elapsed{};
    std::size_t hook_errors = 0;           ///< how often a hook threw
    std::exception_ptr first_hook_error{}; ///< what it threw first
    std::size_t total = 0;                 ///< items there were
    std::size_t workers = 0;
    std::size_t slow = 0;              ///< slow chunks; counted where chunks are timed: for a hook, or for a target
    std::vector<chunk_error> errors{}; ///< in the order in which they came
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_CHUNK_HPP
// end <telltale/run/chunk.hpp>
// begin <telltale/run/cpu_meter.hpp>

#ifndef TELLTALE_RUN_CPU_METER_HPP
#define TELLTALE_RUN_CPU_METER_HPP

// <telltale/version.hpp> is above

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// The CPU time that the calling thread has used so far; nothing where the system cannot tell.
inline std::optional<std::chrono::nanoseconds> thread_cpu_time() noexcept {
#if defined(CLOCK_THREAD_CPUTIME_ID)
    std::timespec t{};
    if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0)
        return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
#endif
    return std::nullopt;
}

/// How much CPU time the pieces of one job have used, on however many threads.
///
///     telltale::cpu_meter meter;
///     // on any thread, around each piece:
///     {
///         const auto measured = meter.measure();
///         work();
///     }
///     figures[id].cpu = meter.total();
///
/// Each piece costs two reads of the clock of its thread (a system call on Linux; 0.6 microseconds together) and one atomic
/// addition.
///
/// @par Thread safety
/// All of it may be called from any thread.
class cpu_meter {
public:
    /// Adds to its meter, when it is destroyed, what its thread has used meanwhile. It must be destroyed on the thread that
    /// made it: a coroutine measures what lies between two suspensions, never across one.
    class scope {
    public:
        explicit scope(cpu_meter& meter) noexcept : meter_(meter), begin_(thread_cpu_time()) {}
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;
        ~scope() {
            if (!begin_) return;
            if (const auto end = thread_cpu_time()) meter_.add(*end - *begin_);
        }

    private:
        cpu_meter& meter_;
        std::optional<std::chrono::nanoseconds> begin_;
    };

    cpu_meter() = default;
    cpu_meter(const cpu_meter&) = delete;
    cpu_meter& operator=(const cpu_meter&) = delete;

    /// Measures the calling thread until what is returned is destroyed. The meter must outlive it.
    [[nodiscard]] scope measure() noexcept { return scope(*this); }

    /// What was measured elsewhere.
    void add(std::chrono::nanoseconds used) noexcept {
        used_.fetch_add(used.count(), std::memory_order_relaxed);
        measured_.store(true, std::memory_order_relaxed);
    }

    /// Of all pieces that have ended; nothing before the first, and where the system cannot tell.
    std::optional<std::chrono::nanoseconds> total() const noexcept {
        if (!measured_.load(std::memory_order_relaxed)) return std::nullopt;
        return std::chrono::nanoseconds(used_.load(std::memory_order_relaxed));
    }

private:
    std::atomic<std::int64_t> used_{0};
    std::atomic<bool> measured_{false};
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_CPU_METER_HPP
// end <telltale/run/cpu_meter.hpp>
// begin <telltale/run/for_each_chunk.hpp>

#ifndef TELLTALE_RUN_FOR_EACH_CHUNK_HPP
#define TELLTALE_RUN_FOR_EACH_CHUNK_HPP

// <telltale/asio.hpp> is above
// <telltale/run/chunk.hpp> is above
// begin <telltale/run/detail/chunk_here.hpp>

#ifndef TELLTALE_RUN_DETAIL_CHUNK_HERE_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_HERE_HPP

// begin <telltale/run/detail/chunk_figures.hpp>

#ifndef TELLTALE_RUN_DETAIL_CHUNK_FIGURES_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_FIGURES_HPP

// <telltale/core/chunk_sizer.hpp> is above
// <telltale/core/slow_detector.hpp> is above
// <telltale/run/chunk.hpp> is above
// begin <telltale/run/detail/chunk_tell.hpp>

#ifndef TELLTALE_RUN_DETAIL_CHUNK_TELL_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_TELL_HPP

// <telltale/core/estimator.hpp> is above
// <telltale/run/chunk.hpp> is above
// begin <telltale/run/hooks.hpp>

#ifndef TELLTALE_RUN_HOOKS_HPP
#define TELLTALE_RUN_HOOKS_HPP

// <telltale/run/chunk.hpp> is above

#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A hook that is not set. Costs nothing: what it would have been told is not even measured.
struct no_hook {};

/// What is called while for_each_chunk or transform_chunks runs. A member that is not set costs nothing.
///
///     telltale::chunk_hooks hooks{.chunk_completed = [&](const telltale::chunk_info& c) { log(c.id, c.time); }};
///
/// Hooks are called one at a time, on the executor of the coroutine that awaits (with `blocking`: in the thread that
/// calls), in the order in which things happened, and the last has returned when the whole completes. A hook that throws
/// does no harm to the work: it is counted, and the first exception is kept (chunk_result).
///
/// (Name the hooks before the co_await: GCC 12 destroys temporaries of aggregate type in a co_await expression twice.)
template <class Before = no_hook, class WorkerStarted = no_hook, class ChunkStarted = no_hook,
          class ChunkCompleted = no_hook, class SlowChunk = no_hook, class Error = no_hook, class Progress = no_hook,
          class WorkerStopped = no_hook, class After = no_hook>
struct chunk_hooks {
    /// `(const chunk_plan&)`: once, before anything else.
    [[no_unique_address]] Before before{};
    /// `(const worker_info&)`: a worker is about to take its first chunk.
    [[no_unique_address]] WorkerStarted worker_started{};
    /// `(const chunk_info&)`
    [[no_unique_address]] ChunkStarted chunk_started{};
    /// `(const chunk_info&)`: for every chunk that did not throw.
    [[no_unique_address]] ChunkCompleted chunk_completed{};
    /// `(const slow_chunk_info&)`: after chunk_completed of one that took much longer than others (chunk_options::slow).
    [[no_unique_address]] SlowChunk slow_chunk{};
    /// `(const chunk_error&)`: for every chunk that threw; not for one that gave up because it was asked to stop.
    [[no_unique_address]] Error error{};
    /// `(const chunk_progress&)`, which is a telltale::progress: after chunks were completed. When they complete faster
    /// than hooks return, only the newest is told. The last is always told.
    [[no_unique_address]] Progress progress{};
    /// `(const worker_info&)`: there is nothing left for this worker.
    [[no_unique_address]] WorkerStopped worker_stopped{};
    /// `(const chunk_result&)`: once, after everything else, also when it was cancelled or ends with an error.
    [[no_unique_address]] After after{};
};

/// Two sets of hooks as one: of each event the first is told first. One that throws keeps it from nobody.
template <class First, class Second>
class composed_hooks {
public:
    composed_hooks(First one, Second two) : first(std::move(one)), second(std::move(two)) {}

    [[no_unique_address]] First first;
    [[no_unique_address]] Second second;
};

template <class Hooks>
[[nodiscard]] Hooks compose(Hooks hooks) {
    return hooks;
}

/// Several sets of hooks as one: chunk_hooks, hook_lists, and what is composed of them.
///
///     const auto hooks = telltale::compose(log_chunks, telltale::report_to(job));
///
/// Composed at compile time: costs no more than its members do.
template <class First, class... Rest>
    requires(sizeof...(Rest) != 0)
[[nodiscard]] auto compose(First first, Rest... rest) {
    auto others = telltale::compose(std::move(rest)...);
    return composed_hooks<First, decltype(others)>(std::move(first), std::move(others));
}

namespace detail {
template <class T>
inline constexpr bool is_hook_set = false;
template <class... H>
inline constexpr bool is_hook_set<chunk_hooks<H...>> = true;
template <class First, class Second>
inline constexpr bool is_hook_set<composed_hooks<First, Second>> = is_hook_set<First>&& is_hook_set<Second>;

template <class Hook>
inline constexpr bool is_set = !std::is_same_v<std::remove_cv_t<Hook>, no_hook>;
} // namespace detail

/// chunk_hooks, hook_list, and what is composed of them.
template <class T>
concept hook_set = detail::is_hook_set<T>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_HOOKS_HPP
// end <telltale/run/hooks.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

// How the hooks are called. A set of hooks that is neither chunk_hooks nor composed of some has the members
// `bool wants(chunk_event) const noexcept`, from any thread, and `each<event>(f)`, which calls f with each hook.

namespace telltale::inline TELLTALE_ABI::detail {

/// In the order of the members of chunk_hooks.
enum class chunk_event : unsigned char {
    before,
    worker_started,
    chunk_started,
    chunk_completed,
    slow_chunk,
    error,
    progress,
    worker_stopped,
    after
};
inline constexpr std::size_t chunk_event_count = 9;

using chunk_event_infos = std::tuple<chunk_plan, worker_info, chunk_info, chunk_info, slow_chunk_info, chunk_error,
                                     chunk_progress, worker_info, chunk_result>;

template <chunk_event E>
using chunk_event_info = std::tuple_element_t<static_cast<std::size_t>(E), chunk_event_infos>;

template <chunk_event E, class Hooks>
inline constexpr bool may_want = true;
template <chunk_event E, class... H>
inline constexpr bool may_want<E, chunk_hooks<H...>> =
    is_set<std::tuple_element_t<static_cast<std::size_t>(E), std::tuple<H...>>>;
template <chunk_event E, class First, class Second>
inline constexpr bool may_want<E, composed_hooks<First, Second>> = may_want<E, First> || may_want<E, Second>;

template <class T>
inline constexpr bool is_chunk_hooks = false;
template <class... H>
inline constexpr bool is_chunk_hooks<chunk_hooks<H...>> = true;

template <class T>
inline constexpr bool is_composed = false;
template <class First, class Second>
inline constexpr bool is_composed<composed_hooks<First, Second>> = true;

template <chunk_event E, class Hooks>
constexpr auto& hook_of(Hooks& h) noexcept {
    if constexpr (E == chunk_event::before) return h.before;
    if constexpr (E == chunk_event::worker_started) return h.worker_started;
    if constexpr (E == chunk_event::chunk_started) return h.chunk_started;
    if constexpr (E == chunk_event::chunk_completed) return h.chunk_completed;
    if constexpr (E == chunk_event::slow_chunk) return h.slow_chunk;
    if constexpr (E == chunk_event::error) return h.error;
    if constexpr (E == chunk_event::progress) return h.progress;
    if constexpr (E == chunk_event::worker_stopped) return h.worker_stopped;
    if constexpr (E == chunk_event::after) return h.after;
}

template <class Hook>
bool is_there(const Hook&) noexcept {
    return true;
}
template <class Signature>
bool is_there(const std::function<Signature>& hook) noexcept {
    return static_cast<bool>(hook);
}

/// Whether anybody wants to be told now. From any thread.
template <chunk_event E, class Hooks>
bool wants(const Hooks& hooks) noexcept {
    if constexpr (!may_want<E, Hooks>)
        return false;
    else if constexpr (is_chunk_hooks<Hooks>)
        return is_there(hook_of<E>(hooks));
    else if constexpr (is_composed<Hooks>)
        return wants<E>(hooks.first) || wants<E>(hooks.second);
    else
        return hooks.wants(E);
}

template <chunk_event E, class Hooks, class F>
void each_hook(Hooks& hooks, F f) {
    if constexpr (!may_want<E, Hooks>) {
    } else if constexpr (is_chunk_hooks<Hooks>) {
        if (is_there(hook_of<E>(hooks))) f(hook_of<E>(hooks));
    } else if constexpr (is_composed<Hooks>) {
        each_hook<E>(hooks.first, f);
        each_hook<E>(hooks.second, f);
    } else {
        hooks.template each<E>(f);
    }
}

/// Calls hooks, one after the other, and keeps what they throw.
template <class Hooks>
class chunk_teller {
    using clock = std::chrono::steady_clock;

public:
    explicit chunk_teller(Hooks hooks) : hooks_(std::move(hooks)) {}

    template <chunk_event E>
    static constexpr bool may = may_want<E, Hooks>;

    /// Whether there may be something to tell between the first event and the last.
    static constexpr bool tells = may<chunk_event::worker_started> || may<chunk_event::chunk_started> ||
                                  may<chunk_event::chunk_completed> || may<chunk_event::slow_chunk> ||
                                  may<chunk_event::error> || may<chunk_event::progress> ||
                                  may<chunk_event::worker_stopped>;

    template <chunk_event E>
    bool wants() const noexcept {
        return detail::wants<E>(hooks_);
    }

    template <chunk_event E>
    void tell(const chunk_event_info<E>& info) {
        each_hook<E>(hooks_, [&](auto& hook) {
            try {
                hook(info);
            } catch (...) {
                if (errors_++ == 0) first_error_ = std::current_exception();
            }
        });
    }

    /// The baseline of the rate.
    void begin(clock::time_point now) {
        started_ = now;
        if constexpr (may<chunk_event::progress>) speed_.sample(0, now);
    }

    void tell_progress(std::size_t done, std::size_t total, clock::time_point now) {
        if constexpr (may<chunk_event::progress>) {
            chunk_progress p;
            p.done = static_cast<double>(done);
            p.total = static_cast<double>(total);
            speed_.sample(p.done, now);
            p.rate = speed_.rate(now);
            if (const auto left = speed_.predict(*p.total, now)) {
                p.remaining = left->remaining;
                p.remaining_low = left->low;
                p.remaining_high = left->high;
            }
            p.elapsed = now - started_;
            tell<chunk_event::progress>(p);
        }
    }

    /// The last event, and what hooks have thrown.
    void end(chunk_result& result) {
        note_errors(result);
        tell<chunk_event::after>(result);
        note_errors(result);
    }

private:
    void note_errors(chunk_result& result) const {
        result.hook_errors = errors_;
        result.first_hook_error = first_error_;
    }

    [[no_unique_address]] Hooks hooks_;
    [[no_unique_address]] std::conditional_t<may_want<chunk_event::progress, Hooks>, estimator, no_hook> speed_{};
    clock::time_point started_{};
    std::size_t errors_ = 0;
    std::exception_ptr first_error_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_TELL_HPP
// end <telltale/run/detail/chunk_tell.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <limits>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// What serial work, pools and coroutines have in common: the items, how they are cut, and what is counted.

namespace telltale::inline TELLTALE_ABI::detail {

/// The items of a range, and a part of them: a span where they lie side by side.
template <class View>
class ranged_items {
public:
    explicit ranged_items(View view) : view_(std::move(view)) {}

    std::size_t size() { return static_cast<std::size_t>(std::ranges::size(view_)); }

    auto part(std::size_t first, std::size_t n) {
        using difference = std::ranges::range_difference_t<View>;
        const auto begin = std::ranges::begin(view_) + static_cast<difference>(first);
        if constexpr (std::ranges::contiguous_range<View>)
            return std::span(begin, n);
        else
            return std::ranges::subrange(begin, begin + static_cast<difference>(n));
    }

private:
    View view_;
};

/// The numbers from 0 to n - 1.
class counted_items {
public:
    explicit counted_items(std::size_t n) : n_(n) {}
    std::size_t size() const noexcept { return n_; }
    auto part(std::size_t first, std::size_t n) const { return std::views::iota(first, first + n); }

private:
    std::size_t n_;
};

template <class Range>
concept chunkable =
    std::ranges::random_access_range<Range> && std::ranges::sized_range<Range> && std::ranges::viewable_range<Range>;

template <chunkable Range>
auto items_of(Range&& range) {
    return ranged_items<std::views::all_t<Range>>(std::views::all(std::forward<Range>(range)));
}
template <std::integral Count>
counted_items items_of(Count count) {
    return counted_items(static_cast<std::size_t>(count));
}

/// A range, or how many numbers.
template <class T>
concept chunk_source = chunkable<T> || std::integral<std::remove_cvref_t<T>>;

/// What a chunk's function is called with, and what becomes of it.
template <class Items, class Fn>
struct chunk_call {
    using part = decltype(std::declval<Items&>().part(0, 0));
    static constexpr bool takes_stop = std::is_invocable_v<Fn&, part, chunk_stop>;

    static decltype(auto) call(Fn& fn, Items& items, chunk_part c, [[maybe_unused]] const std::atomic<bool>& stop) {
        if constexpr (takes_stop)
            return fn(items.part(c.first, c.size), chunk_stop(stop));
        else
            return fn(items.part(c.first, c.size));
    }

    using returned = std::remove_cvref_t<decltype(call(std::declval<Fn&>(), std::declval<Items&>(), {},
                                                       std::declval<const std::atomic<bool>&>()))>;
};

/// The chunks of so many items: all of one size, or as a chunk_sizer says.
inline chunk_plan plan_chunks(std::size_t total, const chunk_options& options, std::size_t workers) {
    chunk_plan plan{.total = total, .size = options.size, .workers = std::max<std::size_t>(workers, 1)};
    if (options.target > std::chrono::nanoseconds::zero()) {
        plan.size = std::max({plan.size, options.min_size, std::size_t{1}});
        plan.workers = std::min(plan.workers, total);
    } else {
        if (plan.size == 0) plan.size = std::max<std::size_t>(1, total / (plan.workers * 8));
        plan.chunks = total / plan.size + (total % plan.size == 0 ? 0 : 1);
        plan.workers = std::min(plan.workers, *plan.chunks);
    }
    return plan;
}

inline std::optional<chunk_sizer> sizer_for(const chunk_plan& plan, const chunk_options& options) {
    if (plan.chunks) return std::nullopt;
    return chunk_sizer(plan.total,
                       {.target = options.target,
                        .first = plan.size,
                        .min = options.min_size,
                        .max = options.max_size == 0 ? std::numeric_limits<std::size_t>::max() : options.max_size,
                        .workers = plan.workers});
}

/// Chunks of one size: part number `id`.
inline chunk_part fixed_part(const chunk_plan& plan, std::size_t id) noexcept {
    const std::size_t first = id * plan.size;
    return {id, first, std::min(plan.size, plan.total - first)};
}

/// One thing to tell of.
template <chunk_event E>
struct chunk_news {
    static constexpr chunk_event event = E;
    chunk_event_info<E> info;
};

/// What is counted as chunks begin and end, and so is to be told. One thread at a time.
class chunk_figures {
    using clock = std::chrono::steady_clock;

public:
    chunk_figures(std::size_t total, const slow_detector_options& slow) : total_(total), slow_(slow) {}

    void begin(clock::time_point now) noexcept { started_ = now; }
    clock::duration elapsed(clock::time_point now) const noexcept { return now - started_; }
    std::size_t done() const noexcept { return done_; }
    std::size_t total() const noexcept { return total_; }

    template <class Emit>
    void started(chunk_part c, std::size_t worker, clock::time_point now, Emit&& emit) {
        emit(chunk_news<chunk_event::chunk_started>{info(c, worker, {}, now)});
    }

    template <class Emit>
    void completed(chunk_part c, std::size_t worker, clock::duration time, clock::time_point now, Emit&& emit) {
        done_ += c.size;
        emit(chunk_news<chunk_event::chunk_completed>{info(c, worker, time, now)});
        const double per_item = std::chrono::duration<double>(time).count() / static_cast<double>(c.size);
        const auto median = slow_.median();
        const auto limit = slow_.limit();
        slow_.add(per_item);
        if (!limit || per_item <= *limit) return;
        ++slow_count_;
        emit(chunk_news<chunk_event::slow_chunk>{{.chunk = info(c, worker, time, now),
                                                  .median = std::chrono::duration<double>(*median),
                                                  .limit = std::chrono::duration<double>(*limit)}});
    }

    template <class Emit>
    void failed(chunk_part c, std::size_t worker, clock::duration time, clock::time_point now, std::exception_ptr e,
                Emit&& emit) {
        errors_.push_back({info(c, worker, time, now), std::move(e)});
        failed_ += c.size;
        emit(chunk_news<chunk_event::error>{errors_.back()});
    }

    /// What a chunk could not do.
    std::size_t failed_items() const noexcept { return failed_; }

    std::exception_ptr first_error() const noexcept { return errors_.empty() ? nullptr : errors_.front().error; }

    /// All but what the hooks have thrown. Once.
    chunk_result result(std::size_t chunks, std::size_t items, std::size_t workers, clock::time_point now) {
        chunk_result r;
        r.chunks = chunks;
        r.items = items;
        r.elapsed = now - started_;
        r.total = total_;
        r.workers = workers;
        r.slow = slow_count_;
        r.errors = std::move(errors_);
        return r;
    }

private:
    chunk_info info(chunk_part c, std::size_t worker, clock::duration time, clock::time_point now) const {
        return {.id = c.id,
                .size = c.size,
                .time = time,
                .done = done_,
                .total = total_,
                .percent = 100.0 * static_cast<double>(done_) / static_cast<double>(total_),
                .elapsed = now - started_,
                .first = c.first,
                .worker = worker};
    }

    std::size_t total_;
    slow_detector slow_;
    clock::time_point started_{};
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
    std::size_t slow_count_ = 0;
    std::vector<chunk_error> errors_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_FIGURES_HPP
// end <telltale/run/detail/chunk_figures.hpp>
// <telltale/run/detail/chunk_tell.hpp> is above

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// The chunks of `blocking`, one after the other in this thread. `put(part, value)` gets what the function returns, if
/// that is not void.
template <class Items, class Fn, class Hooks, class Put>
chunk_result run_chunks_here(Items items, const chunk_options& options, Fn& fn, Hooks hooks, Put put) {
    using clock = std::chrono::steady_clock;
    using call = chunk_call<Items, Fn>;
    chunk_teller<Hooks> teller(std::move(hooks));
    const bool is_timed = chunk_teller<Hooks>::tells || options.target > std::chrono::nanoseconds::zero();
    const chunk_plan plan = plan_chunks(items.size(), options, 1);
    auto sizer = sizer_for(plan, options);
    chunk_figures figures(plan.total, options.slow);
    const auto emit = [&teller]<chunk_event E>(const chunk_news<E>& n) { teller.template tell<E>(n.info); };
    const std::atomic<bool> never_stopped{false};
    worker_info me;

    teller.template tell<chunk_event::before>(plan);
    const auto started = clock::now();
    figures.begin(started);
    teller.begin(started);
    if (plan.total != 0) teller.template tell<chunk_event::worker_started>(me);
    for (std::size_t id = 0; sizer ? sizer->left() != 0 : id < *plan.chunks; ++id) {
        const chunk_part c = sizer ? sizer->next() : fixed_part(plan, id);
        const auto begun = is_timed ? clock::now() : started;
        figures.started(c, 0, begun, emit);
        std::exception_ptr error;
        try {
            if constexpr (std::is_void_v<typename call::returned>)
                call::call(fn, items, c, never_stopped);
            else
                put(c, call::call(fn, items, c, never_stopped));
        } catch (...) {
            error = std::current_exception();
        }
        const auto now = is_timed ? clock::now() : begun;
        if (error) {
            figures.failed(c, 0, now - begun, now, std::move(error), emit);
            if (options.errors != error_policy::collect) break;
            continue;
        }
        ++me.chunks;
        me.items += c.size;
        if (!is_timed) continue;
        me.busy += now - begun;
        if (sizer) sizer->completed(c.size, now - begun);
        figures.completed(c, 0, now - begun, now, emit);
        teller.tell_progress(figures.done(), plan.total, now);
    }
    const auto now = clock::now();
    me.elapsed = now - started;
    if (plan.total != 0) teller.template tell<chunk_event::worker_stopped>(me);
    chunk_result result = figures.result(me.chunks, me.items, plan.workers, now);
    teller.end(result);
    if (options.errors != error_policy::collect && !result.errors.empty())
        std::rethrow_exception(result.errors.front().error);
    return result;
}

/// Takes no values.
struct put_nowhere {
    template <class T>
    void operator()(chunk_part, T&&) const noexcept {}
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_HERE_HPP
// end <telltale/run/detail/chunk_here.hpp>
// begin <telltale/run/detail/chunk_start.hpp>

#ifndef TELLTALE_RUN_DETAIL_CHUNK_START_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_START_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/run/detail/chunk_figures.hpp> is above
// begin <telltale/run/detail/chunk_run.hpp>

#ifndef TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/is_aborted.hpp> is above
// <telltale/detail/time_source.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/run/detail/chunk_figures.hpp> is above
// <telltale/run/detail/chunk_tell.hpp> is above
// <telltale/sync/task_group.hpp> is above

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

struct chunk_outcome {
    chunk_result result{};
    std::exception_ptr error{};
};

template <class T>
inline constexpr bool is_awaitable = false;
template <class T>
inline constexpr bool is_awaitable<net::awaitable<T, net::any_io_executor>> = true;

template <class T>
struct awaited {
    using type = T;
};
template <class T>
struct awaited<net::awaitable<T, net::any_io_executor>> {
    using type = T;
};

/// What a chunk's function returns is of no interest.
struct no_output {
    static constexpr bool is_bounded = false;
};

/// Who holds chunks back goes on, and ends, through this.
class chunk_control {
public:
    virtual void go_on() = 0;
    virtual void stop() noexcept = 0;

protected:
    ~chunk_control() = default;
};

/// One run of for_each_chunk or transform_chunks. Workers take the next chunk, and go back to the end of the pool's queue
/// between two chunks. The last to leave ends the run; what the hooks have still to be told comes before that, because
/// both go through one strand.
template <class Pool, class Items, class Fn, class Hooks, class Output = no_output>
class chunk_run final : public wait_state, public chunk_control {
    using clock = std::chrono::steady_clock;
    using call = chunk_call<Items, Fn>;
    using teller = chunk_teller<Hooks>;
    static constexpr bool are_coroutines = is_awaitable<typename call::returned>;
    static constexpr bool has_values = !std::is_same_v<Output, no_output>;
    static constexpr bool tells = teller::tells;
    static constexpr bool has_hooks =
        tells || teller::template may<chunk_event::before> || teller::template may<chunk_event::after>;
    using news = std::variant<chunk_news<chunk_event::worker_started>, chunk_news<chunk_event::chunk_started>,
                              chunk_news<chunk_event::chunk_completed>, chunk_news<chunk_event::slow_chunk>,
                              chunk_news<chunk_event::error>, chunk_news<chunk_event::worker_stopped>>;

public:
    chunk_run(const net::any_io_executor& home, const net::strand<net::any_io_executor>& hook_strand, Pool pool,
              Items items, const chunk_options& options, std::size_t workers, Fn fn, Hooks hooks,
              std::shared_ptr<Output> output)
        : wait_state(context_of(home)),
          home_(hook_strand),
          pool_(std::move(pool)),
          items_(std::move(items)),
          fn_(std::move(fn)),
          output_(std::move(output)),
          time_(time_source_of(home)),
          plan_(plan_chunks(items_.size(), options, workers)),
          sizer_(sizer_for(plan_, options)),
          collect_errors_(options.errors == error_policy::collect),
          teller_(std::move(hooks)),
          figures_(plan_.total, options.slow) {
        if constexpr (are_coroutines)
            children_.emplace(net::any_io_executor(pool_), task_group_options{.errors = error_policy::collect});
    }

    /// Whoever still waits can only be destroyed: the context that would have ended the run is.
    ~chunk_run() override { waiters_.destroy_all(); }

    const chunk_plan& plan() const noexcept { return plan_; }
    wait_list& waiters() noexcept { return waiters_; }
    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    /// Once, where hooks are called, before start().
    void announce() {
        if constexpr (teller::template may<chunk_event::before>) teller_.template tell<chunk_event::before>(plan_);
    }

    /// Once, with the waiter in its list.
    void start() {
        const auto now = time_.now();
        figures_.begin(now);
        teller_.begin(now);
        unfinished_ = plan_.workers + 1; // this counts, too, until all are on their way
        self_ = self();
        const auto pool = pool_;
        for (std::size_t n = 0; n != plan_.workers; ++n) net::post(pool, worker(*this, n));
        leave();
    }

    /// No more chunks are begun; coroutines are cancelled. From any thread.
    void stop() noexcept override {
        stop_.store(true, std::memory_order_relaxed);
        if constexpr (are_coroutines) children_->cancel();
        if constexpr (Output::is_bounded) {
            std::vector<worker> held; // leave, after unlocking
            const std::lock_guard lock(mutex());
            held.swap(held_);
        }
    }

    /// There is room for one more result.
    void go_on() override {
        if constexpr (Output::is_bounded) {
            std::vector<worker> next;
            {
                const std::lock_guard lock(mutex());
                if (held_.empty()) return;
                next.push_back(std::move(held_.back()));
                held_.pop_back();
            }
            next.back().again();
        }
    }

private:
    /// Counts as working as long as it exists: a pool that is destroyed with it in its queue does not leave anybody
    /// waiting. Does not own the run: that is to be gone, with all that it holds, when the last worker has said that it
    /// is.
    class worker {
    public:
        worker(chunk_run& run, std::size_t id) noexcept : run_(&run) { info.id = id; }
        worker(worker&& other) noexcept
            : info(other.info), introduced(other.introduced), run_(std::exchange(other.run_, nullptr)) {}
        worker& operator=(worker&&) = delete;
        ~worker() {
            if (run_) run_->dismiss(*this);
        }

        void operator()() { run_->work(*this); }

        chunk_run& run() const noexcept { return *run_; }

        /// To the end of the pool's queue.
        void again() {
            const auto pool = run_->pool_;
            net::post(pool, std::move(*this));
        }

        worker_info info{};
        bool introduced = false;

    private:
        chunk_run* run_;
    };

    std::shared_ptr<chunk_run> self() { return std::static_pointer_cast<chunk_run>(this->shared_from_this()); }

    void work(worker& w) {
        introduce(w);
        chunk_part c;
        if (!take(c, w)) return;
        const auto begun = begin(c, w);
        if constexpr (are_coroutines) {
            children_->spawn(work_on(std::move(w), c, begun));
        } else {
            std::exception_ptr error;
            try {
                if constexpr (has_values)
                    output_->put(c, call::call(fn_, items_, c, stop_));
                else
                    call::call(fn_, items_, c, stop_);
            } catch (...) {
                error = std::current_exception();
            }
            if (end(c, w, begun, std::move(error))) w.again();
        }
    }

    // One chunk, as a child of its own: so that each can be cancelled where it runs.
    static net::awaitable<void> work_on(worker w, chunk_part c, clock::time_point begun) {
        std::exception_ptr error;
        try {
            auto body = call::call(w.run().fn_, w.run().items_, c, w.run().stop_);
            if constexpr (has_values) {
                auto value = co_await std::move(body);
                w.run().output_->put(c, std::move(value));
            } else {
                co_await std::move(body);
            }
        } catch (...) {
            error = std::current_exception();
        }
        if (w.run().end(c, w, begun, std::move(error))) w.again();
    }

    // False: there is nothing left to do, or not yet and the worker was taken.
    bool take(chunk_part& c, [[maybe_unused]] worker& w) {
        if constexpr (!Output::is_bounded) {
            if (stop_.load(std::memory_order_relaxed)) return false;
            if (!sizer_) {
                const std::size_t id = next_.fetch_add(1, std::memory_order_relaxed);
                if (id >= *plan_.chunks) return false;
                c = fixed_part(plan_, id);
                return true;
            }
        }
        std::vector<worker> idle; // leave, after unlocking
        const std::lock_guard lock(mutex());
        if (stop_.load(std::memory_order_relaxed) || !is_more()) return false;
        if constexpr (Output::is_bounded) {
            if (!output_->admit()) {
                held_.push_back(std::move(w));
                return false;
            }
        }
        c = sizer_ ? sizer_->next() : fixed_part(plan_, next_.fetch_add(1, std::memory_order_relaxed));
        if (!is_more()) idle.swap(held_);
        return true;
    }

    bool is_more() const noexcept {
        return sizer_ ? sizer_->left() != 0 : next_.load(std::memory_order_relaxed) < *plan_.chunks;
    }

    // Whether the times of chunks matter to anybody now.
    bool is_timed() const noexcept {
        if constexpr (tells) return true;
        return sizer_.has_value();
    }

    clock::time_point begin([[maybe_unused]] chunk_part c, [[maybe_unused]] const worker& w) {
        if (!is_timed()) return {};
        const auto now = time_.now();
        if constexpr (teller::template may<chunk_event::chunk_started>)
            if (teller_.template wants<chunk_event::chunk_started>())
                note([&](auto& emit) { figures_.started(c, w.info.id, now, emit); });
        return now;
    }

    // Returns whether there may be more to do for this worker.
    bool end(chunk_part c, worker& w, clock::time_point begun, std::exception_ptr error) {
        const auto now = is_timed() ? time_.now() : clock::time_point{};
        if (error) {
            if constexpr (Output::is_bounded) output_->skip(c);
            if (stop_.load(std::memory_order_relaxed) && is_aborted(error)) return false; // as it was asked to
            note([&](auto& emit) {
                figures_.failed(c, w.info.id, now - begun, is_timed() ? now : time_.now(), std::move(error), emit);
            });
            if (!collect_errors_) {
                stop();
                return false;
            }
        } else {
            ++w.info.chunks;
            w.info.items += c.size;
            w.info.busy += now - begun;
            if (is_timed())
                note([&](auto& emit) {
                    if (sizer_) sizer_->completed(c.size, now - begun);
                    figures_.completed(c, w.info.id, now - begun, now, emit);
                });
        }
        return sizer_ || next_.load(std::memory_order_relaxed) < *plan_.chunks;
    }

    void introduce(worker& w) {
        if constexpr (teller::template may<chunk_event::worker_started>) {
            if (std::exchange(w.introduced, true)) return;
            note([&](auto& emit) {
                w.info.elapsed = figures_.elapsed(time_.now());
                emit(chunk_news<chunk_event::worker_started>{w.info});
            });
        }
        w.introduced = true;
    }

    void dismiss(worker& w) {
        chunks_done_.fetch_add(w.info.chunks, std::memory_order_relaxed);
        items_done_.fetch_add(w.info.items, std::memory_order_relaxed);
        if constexpr (teller::template may<chunk_event::worker_stopped>)
            if (w.introduced)
                note([&](auto& emit) {
                    w.info.elapsed = figures_.elapsed(time_.now());
                    emit(chunk_news<chunk_event::worker_stopped>{w.info});
                });
        leave();
    }

    // Calls f(emit) with the mutex held; has the hooks told what it emits.
    template <class F>
    void note(F f) {
        bool post = false;
        {
            const std::lock_guard lock(mutex());
            auto emit = [this]<chunk_event E>([[maybe_unused]] chunk_news<E> n) {
                if constexpr (teller::template may<E>)
                    if (teller_.template wants<E>()) news_.emplace_back(std::move(n));
            };
            f(emit);
            if constexpr (tells) {
                const bool more = teller_.template wants<chunk_event::progress>() && figures_.done() != told_;
                post = (more || !news_.empty()) && !std::exchange(posted_, true);
            }
        }
        if (post) net::post(home_, [run = self()] { run->tell(); });
    }

    // On the strand.
    void tell() {
        std::vector<news> all;
        std::size_t done = 0;
        bool more = false;
        {
            const std::lock_guard lock(mutex());
            all.swap(news_);
            done = figures_.done();
            more = std::exchange(told_, done) != done;
            posted_ = false;
        }
        const auto progress = [&] {
            if (std::exchange(more, false)) teller_.tell_progress(done, plan_.total, time_.now());
        };
        for (const auto& n : all)
            std::visit(
                [&]<chunk_event E>(const chunk_news<E>& one) {
                    if constexpr (E == chunk_event::worker_stopped) progress(); // while there is somebody who made it
                    teller_.template tell<E>(one.info);
                },
                n);
        progress();
    }

    void leave() {
        if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        auto last = std::move(self_);
        if constexpr (has_hooks) {
            const auto home = home_;
            net::post(home, [last = std::move(last)]() mutable { last->finish(std::move(last)); });
        } else {
            finish(std::move(last));
        }
    }

    void finish(std::shared_ptr<chunk_run> last) {
        const auto items = items_done_.load(std::memory_order_relaxed);
        chunk_outcome outcome{
            figures_.result(chunks_done_.load(std::memory_order_relaxed), items, plan_.workers, time_.now()), nullptr};
        teller_.end(outcome.result);
        if (!collect_errors_ && !outcome.result.errors.empty()) outcome.error = outcome.result.errors.front().error;
        error_code ec;
        if (items + figures_.failed_items() < plan_.total) ec = net::error::operation_aborted;
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            take_all(all);
        }
        last.reset(); // this is gone, but for who awaits
        if (wait_node* const n = all.pop_front())
            static_cast<waiter<chunk_outcome>*>(n)->complete(ec, std::move(outcome));
    }

    const net::strand<net::any_io_executor> home_;
    const Pool pool_;
    Items items_;
    Fn fn_;
    const std::shared_ptr<Output> output_;
    time_source& time_;
    const chunk_plan plan_;
    std::optional<chunk_sizer> sizer_; // protected by the mutex, but for whether there is one
    const bool collect_errors_;

    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> unfinished_{0};
    std::atomic<std::size_t> chunks_done_{0};
    std::atomic<std::size_t> items_done_{0};
    std::atomic<bool> stop_{false};
    std::shared_ptr<chunk_run> self_; // as long as there are workers

    // On the strand, but for asking what hooks want.
    teller teller_;

    // Protected by the mutex.
    wait_list waiters_;
    chunk_figures figures_;
    std::vector<news> news_;
    std::size_t told_ = 0;
    bool posted_ = false;
    std::vector<worker> held_; // until there is room for their results

    [[no_unique_address]] std::conditional_t<are_coroutines, std::optional<task_group>, no_hook> children_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP
// end <telltale/run/detail/chunk_run.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

// How a chunk_run is made for where it is to work, and waited for.

namespace telltale::inline TELLTALE_ABI::detail {

template <class Executor>
std::size_t threads_of(const Executor& executor) {
    std::size_t n = 0;
    if constexpr (net::can_query_v<const Executor&, net::execution::occupancy_t>)
        n = static_cast<std::size_t>(net::query(executor, net::execution::occupancy));
    if (n == 0) n = std::thread::hardware_concurrency();
    return n == 0 ? 1 : n;
}

/// Completes with `void(error_code, chunk_outcome)` when no worker is left. Cancelling stops handing out.
template <class Run, class Token>
auto async_run_chunks(std::shared_ptr<Run> run, const net::any_io_executor& home, Token&& token) {
    return async_start<void(error_code, chunk_outcome)>(
        home,
        [run = std::move(run)](auto&& handler, const net::any_io_executor& executor) {
            using handler_type = std::decay_t<decltype(handler)>;
            auto& op = waiter_of<handler_type, net::any_io_executor, chunk_outcome>::create(
                std::forward<decltype(handler)>(handler), executor);
            if (auto slot = op.cancellation_slot(); slot.is_connected())
                slot.assign([weak = std::weak_ptr(run)](net::cancellation_type type) {
                    if (type == net::cancellation_type::none) return;
                    if (const auto r = weak.lock()) r->stop();
                });
            {
                const std::lock_guard lock(run->mutex());
                run->waiters().push_back(op);
            }
            run->start();
        },
        std::forward<Token>(token));
}

/// The run for where the work is to be done: a pool's executor, `serial` or `concurrent`.
template <class Output, class Where, class Items, class Fn, class Hooks>
auto make_chunk_run(const net::any_io_executor& home, Where where, Items items, const chunk_options& options, Fn fn,
                    Hooks hooks, std::shared_ptr<Output> output) {
    const auto strand = net::make_strand(home);
    constexpr bool coroutines = is_awaitable<typename chunk_call<Items, Fn>::returned>;
    const auto make = [&](auto pool, std::size_t workers) {
        using run = chunk_run<decltype(pool), Items, Fn, Hooks, Output>;
        return std::make_shared<run>(home, strand, std::move(pool), std::move(items), options, workers, std::move(fn),
                                     std::move(hooks), std::move(output));
    };
    if constexpr (std::is_same_v<Where, serial_t>) {
        if constexpr (coroutines)
            return make(home, 1);
        else
            return make(strand, 1); // where the hooks are: they are told of a chunk before the next begins
    } else {
        std::size_t workers = options.workers;
        if constexpr (std::is_same_v<Where, concurrent_t>) {
            static_assert(coroutines, "with `concurrent` the function of a chunk is a coroutine");
            return make(home, workers == 0 ? 10 : workers);
        } else {
            if (workers == 0) workers = coroutines ? 10 : threads_of(where);
            return make(std::move(where), workers);
        }
    }
}

template <class Where, class Items, class Fn, class Hooks>
net::awaitable<chunk_result> run_chunks(Where where, Items items, chunk_options options, Fn fn, Hooks hooks) {
    const net::any_io_executor home = co_await net::this_coro::executor;
    auto run = make_chunk_run<no_output>(home, std::move(where), std::move(items), options, std::move(fn),
                                         std::move(hooks), nullptr);
    run->announce();
    auto [ec, outcome] = co_await async_run_chunks(std::move(run), home, as_result);
    if (outcome.error) std::rethrow_exception(outcome.error);
    if (ec) throw system_error(ec);
    co_return std::move(outcome.result);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_START_HPP
// end <telltale/run/detail/chunk_start.hpp>
// <telltale/run/hooks.hpp> is above

#include <cstddef>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Works through a range, a chunk of items at a time: on the threads of a pool, one after the other, or as coroutines.
///
///     net::thread_pool pool(4);
///     co_await telltale::for_each_chunk(pool.get_executor(), files, {.size = 1}, [&](std::span<const path> chunk) {
///         for (const path& f : chunk) hash(f);
///     });
///
/// | where            | fn(chunk)                  | what runs                                                         |
/// | ---------------- | -------------------------- | ----------------------------------------------------------------- |
/// | a pool's executor | a function                | `workers` at once, on threads of the pool                         |
/// | an executor      | returns net::awaitable<void> | `workers` coroutines at once, each on a strand of the executor  |
/// | `concurrent`     | returns net::awaitable<void> | the same on the executor of the coroutine that awaits           |
/// | `serial`         | either                     | one after the other on the executor of the coroutine that awaits  |
/// | `blocking`       | a function                 | the overload below                                                |
///
/// The chunk is a span, or a subrange where the items do not lie side by side. Between two chunks a worker goes to the end
/// of the executor's queue, so that all who share it get their turn. An lvalue range is referred to, an rvalue is kept.
/// How many items a chunk has is fixed, or follows the time that they take (chunk_options::target).
///
/// Completes, whether with result, error or cancellation, only when no worker touches the range, `fn` or the hooks any
/// more. So they may refer to whatever outlives the co_await. A pool is to be joined before the context of whoever
/// awaits is destroyed.
///
/// The hooks (hooks.hpp) count items. Where items differ much in size, count what matters in a tracker:
///
///     auto& bytes = job.tracker({.total = sum_of_sizes, .unit = telltale::progress_unit::bytes});
///     ... [&](std::span<const path> chunk) { for (const path& f : chunk) bytes.advance(hash(f)); } ...
///
/// @par Errors
/// Throws what `fn` threw first: no more chunks are begun from then on, and coroutines are cancelled. With
/// error_policy::collect all chunks are done, and chunk_result::errors has what they threw. Throws
/// system_error(operation_aborted) when it was cancelled, or the pool was stopped, before all chunks were done.
/// @par Per-operation cancellation
/// of the awaiting coroutine: no more chunks are begun; those that run are waited for, coroutines are cancelled. A
/// function that takes long for one chunk takes a second argument, chunk_stop, and looks at it now and then.
template <class Where, detail::chunkable Range, class Fn, hook_set Hooks = chunk_hooks<>>
[[nodiscard]] net::awaitable<chunk_result> for_each_chunk(Where where, Range&& items, chunk_options options, Fn fn,
                                                          Hooks hooks = {}) {
    return detail::run_chunks(std::move(where), detail::items_of(std::forward<Range>(items)), options, std::move(fn),
                              std::move(hooks));
}

/// The same for the numbers 0 to count - 1: a chunk is a range of std::size_t.
template <class Where, class Fn, hook_set Hooks = chunk_hooks<>>
[[nodiscard]] net::awaitable<chunk_result> for_each_chunk(Where where, std::size_t count, chunk_options options, Fn fn,
                                                          Hooks hooks = {}) {
    return detail::run_chunks(std::move(where), detail::items_of(count), options, std::move(fn), std::move(hooks));
}

/// The same in the calling thread, and done when it returns: `for_each_chunk(telltale::blocking, files, {}, fn, hooks)`.
/// Needs no coroutine and no executor; `workers` means nothing here.
template <detail::chunkable Range, class Fn, hook_set Hooks = chunk_hooks<>>
chunk_result for_each_chunk(blocking_t, Range&& items, chunk_options options, Fn fn, Hooks hooks = {}) {
    return detail::run_chunks_here(detail::items_of(std::forward<Range>(items)), options, fn, std::move(hooks),
                                   detail::put_nowhere{});
}

template <class Fn, hook_set Hooks = chunk_hooks<>>
chunk_result for_each_chunk(blocking_t, std::size_t count, chunk_options options, Fn fn, Hooks hooks = {}) {
    return detail::run_chunks_here(detail::items_of(count), options, fn, std::move(hooks), detail::put_nowhere{});
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_FOR_EACH_CHUNK_HPP
// end <telltale/run/for_each_chunk.hpp>
// begin <telltale/run/hook_list.hpp>

#ifndef TELLTALE_RUN_HOOK_LIST_HPP
#define TELLTALE_RUN_HOOK_LIST_HPP

// begin <telltale/run/detail/hook_list_state.hpp>

#ifndef TELLTALE_RUN_DETAIL_HOOK_LIST_STATE_HPP
#define TELLTALE_RUN_DETAIL_HOOK_LIST_STATE_HPP

// <telltale/run/detail/chunk_tell.hpp> is above
// <telltale/run/hooks.hpp> is above

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

template <class Info>
using erased_hook = std::function<void(const Info&)>;

using erased_hooks = chunk_hooks<erased_hook<chunk_plan>, erased_hook<worker_info>, erased_hook<chunk_info>,
                                 erased_hook<chunk_info>, erased_hook<slow_chunk_info>, erased_hook<chunk_error>,
                                 erased_hook<chunk_progress>, erased_hook<worker_info>, erased_hook<chunk_result>>;

template <chunk_event E, class Hooks>
void erase_hook(erased_hooks& to, Hooks& from) {
    if constexpr (may_want<E, Hooks>)
        if (is_there(hook_of<E>(from))) hook_of<E>(to) = std::move(hook_of<E>(from));
}

template <class... Hook>
erased_hooks erase_hooks(chunk_hooks<Hook...> from) {
    erased_hooks to;
    erase_hook<chunk_event::before>(to, from);
    erase_hook<chunk_event::worker_started>(to, from);
    erase_hook<chunk_event::chunk_started>(to, from);
    erase_hook<chunk_event::chunk_completed>(to, from);
    erase_hook<chunk_event::slow_chunk>(to, from);
    erase_hook<chunk_event::error>(to, from);
    erase_hook<chunk_event::progress>(to, from);
    erase_hook<chunk_event::worker_stopped>(to, from);
    erase_hook<chunk_event::after>(to, from);
    return to;
}

template <chunk_event... E>
std::uint32_t wanted_events(const erased_hooks& hooks) noexcept {
    return ((wants<E>(hooks) ? 1U << static_cast<unsigned>(E) : 0U) | ...);
}

/// The hooks of a hook_list. The list is never changed, but replaced: so whoever calls them needs no lock meanwhile.
class hook_list_state {
public:
    struct entry {
        std::uint64_t id;
        erased_hooks hooks;
    };
    using list = std::vector<std::shared_ptr<entry>>;

    std::uint64_t add(erased_hooks hooks) {
        const std::lock_guard lock(mutex_);
        auto next = std::make_shared<list>(*list_);
        next->push_back(std::make_shared<entry>(entry{++last_id_, std::move(hooks)}));
        replace(std::move(next));
        return last_id_;
    }

    bool remove(std::uint64_t id) {
        std::shared_ptr<const list> old; // the hooks may die with it, after unlocking
        const std::lock_guard lock(mutex_);
        auto next = std::make_shared<list>(*list_);
        if (std::erase_if(*next, [id](const auto& e) { return e->id == id; }) == 0) return false;
        old = replace(std::move(next));
        return true;
    }

    std::shared_ptr<const list> all() const {
        const std::lock_guard lock(mutex_);
        return list_;
    }

    bool wants(chunk_event e) const noexcept {
        return (wanted_.load(std::memory_order_relaxed) >> static_cast<unsigned>(e) & 1U) != 0;
    }

private:
    std::shared_ptr<const list> replace(std::shared_ptr<const list> next) {
        using enum chunk_event;
        std::uint32_t wanted = 0;
        for (const auto& e : *next)
            wanted |= wanted_events<before, worker_started, chunk_started, chunk_completed, slow_chunk, error, progress,
                                    worker_stopped, after>(e->hooks);
        wanted_.store(wanted, std::memory_order_relaxed);
        return std::exchange(list_, std::move(next));
    }

    mutable std::mutex mutex_;
    std::shared_ptr<const list> list_ = std::make_shared<list>();
    std::uint64_t last_id_ = 0;
    std::atomic<std::uint32_t> wanted_{0};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_HOOK_LIST_STATE_HPP
// end <telltale/run/detail/hook_list_state.hpp>
// <telltale/run/hooks.hpp> is above

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Hooks that are registered at run time, before or while the work runs, wherever chunk_hooks may be given.
///
///     telltale::hook_list hooks;
///     const auto id = hooks.add(telltale::chunk_hooks{.progress = draw_bar});
///     co_await telltale::for_each_chunk(pool.get_executor(), files, options, hash, hooks);
///     hooks.remove(id);
///
/// Copies are the same list. They are told in the order in which they were added. Hooks that are added while the work runs
/// hear of what happens from then on.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe.
class hook_list {
public:
    using id = std::uint64_t;

    /// What is added is copied. Returns what remove() wants, never 0.
    template <class... Hook>
    id add(chunk_hooks<Hook...> hooks) {
        return state_->add(detail::erase_hooks(std::move(hooks)));
    }

    /// False: there are no such hooks (any more). A call that is under way on another thread ends after this; a hook may
    /// remove itself.
    bool remove(id which) { return state_->remove(which); }

    std::size_t size() const { return state_->all()->size(); }

    /// For those who call hooks: whether anybody wants this event now. One load.
    bool wants(detail::chunk_event e) const noexcept { return state_->wants(e); }

    /// For those who call hooks: calls f with each hook of this event.
    template <detail::chunk_event E, class F>
    void each(F f) {
        const auto all = state_->all();
        for (const auto& entry : *all)
            if (auto& hook = detail::hook_of<E>(entry->hooks)) f(hook);
    }

private:
    std::shared_ptr<detail::hook_list_state> state_ = std::make_shared<detail::hook_list_state>();
};

namespace detail {
template <>
inline constexpr bool is_hook_set<hook_list> = true;
} // namespace detail

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_HOOK_LIST_HPP
// end <telltale/run/hook_list.hpp>
// <telltale/run/hooks.hpp> is above
// begin <telltale/run/job_context.hpp>

#ifndef TELLTALE_RUN_JOB_CONTEXT_HPP
#define TELLTALE_RUN_JOB_CONTEXT_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/progress/progress_tracker.hpp> is above
// <telltale/run/approval.hpp> is above
// <telltale/run/cpu_meter.hpp> is above
// begin <telltale/run/detail/manager_state.hpp>

#ifndef TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/time_source.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/progress/progress_tracker.hpp> is above
// <telltale/progress/stage.hpp> is above
// <telltale/progress/stage_snapshot.hpp> is above
// <telltale/run/approval.hpp> is above
// begin <telltale/run/detail/job_lists.hpp>

#ifndef TELLTALE_RUN_DETAIL_JOB_LISTS_HPP
#define TELLTALE_RUN_DETAIL_JOB_LISTS_HPP

// <telltale/core/job.hpp> is above
// begin <telltale/run/detail/managed_job.hpp>

#ifndef TELLTALE_RUN_DETAIL_MANAGED_JOB_HPP
#define TELLTALE_RUN_DETAIL_MANAGED_JOB_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/progress/progress_tracker.hpp> is above
// <telltale/run/approval.hpp> is above
// <telltale/run/cpu_meter.hpp> is above
// begin <telltale/run/job_spec.hpp>

#ifndef TELLTALE_RUN_JOB_SPEC_HPP
#define TELLTALE_RUN_JOB_SPEC_HPP

// <telltale/core/backoff.hpp> is above
// <telltale/core/job.hpp> is above

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// When a job that failed or timed out is tried again. Each try is an attempt of the same job, with its number.
struct job_retry {
    /// Attempts that are made without anybody asking for them, the first included. 0 is 1.
    std::uint32_t max_attempts = 1;
    /// The time between an attempt and the next, in which the job holds no slot: it is queued.
    backoff delay{};
    /// Which errors are worth another attempt; empty: all. Called from the job's strand. A time limit that was exceeded
    /// is error_class::timeout.
    std::function<bool(const job_error&)> when{};
    /// Whether a job that has failed, was cancelled or timed out takes job_command::retry, however many attempts there
    /// were, as long as it is remembered. Its function is kept until then.
    bool on_command = false;
};

/// What somebody wants to have run. With more than one attempt the function is called once for each, and has to leave
/// itself as it was: it must not move what it has captured out of itself.
struct job_spec {
    job_id id{};        ///< empty: a number that is free
    std::string name{}; ///< for people; may be empty
    std::string kind{}; ///< jobs of one kind take similar times; may be empty
    label_map labels{};
    /// How long an attempt may run, not counting the time in which it is queued or paused; then it is cancelled, and has
    /// timed_out. Absent: for ever.
    std::optional<std::chrono::steady_clock::duration> time_limit{};
    int priority = 0; ///< higher ones start first; equal ones first in, first out
    job_retry retry{};
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_SPEC_HPP
// end <telltale/run/job_spec.hpp>
// begin <telltale/sync/outcome.hpp>

#ifndef TELLTALE_SYNC_OUTCOME_HPP
#define TELLTALE_SYNC_OUTCOME_HPP

// <telltale/version.hpp> is above

#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace telltale::inline TELLTALE_ABI {

/// How one of several coroutines ended: with a value, or with an exception. What result_group, when_all_settled and
/// when_any hand out, so that neither is lost.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
template <class T>
struct outcome {
    /// T, or std::monostate for void.
    using value_type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    std::size_t index = 0;           ///< which one: its place in the range or pack, or what spawn() returned
    std::optional<value_type> value; ///< empty if it ended with an exception
    std::exception_ptr error;        ///< null if it ended with a value
    bool cancelled = false; ///< it was asked to stop, and did: `error` is operation_aborted. Also if it never began.

    /// Whether it ended with a value.
    explicit operator bool() const noexcept { return value.has_value(); }

    /// Moves the value out, or throws the exception.
    T take() {
        if (error) std::rethrow_exception(error);
        if constexpr (!std::is_void_v<T>) return std::move(*value);
    }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_OUTCOME_HPP
// end <telltale/sync/outcome.hpp>
// <telltale/sync/timer.hpp> is above

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

class job_context;

namespace detail {

/// Where one job runs: a strand. When the job has ended, another job has it.
class job_lane {
    using in_context = net::io_context::executor_type;
    using in_pool = net::thread_pool::executor_type;

public:
    // A strand of the executor that is inside is half as dear as one of any_io_executor. (The target() of the oldest supported
    // Asio does not look at the type.)
    explicit job_lane(const net::any_io_executor& outer) {
        if (outer.target_type() == typeid(in_context)) {
            direct_.emplace(net::make_strand(*outer.target<in_context>()));
            executor_ = *direct_;
        } else if (outer.target_type() == typeid(in_pool)) {
            executor_ = net::make_strand(*outer.target<in_pool>());
        } else {
            executor_ = net::make_strand(outer);
        }
    }

    const net::any_io_executor& executor() const noexcept { return executor_; }

    template <class Function>
    void post(Function function) const {
        if (direct_)
            net::post(*direct_, std::move(function));
        else
            net::post(executor_, std::move(function));
    }

private:
    net::any_io_executor executor_;
    std::optional<net::strand<in_context>> direct_;
};

struct job_steps;

/// Of a job, what few jobs have.
struct job_rarity {
    enum class purpose : std::uint8_t { none, time_limit, next_attempt, approval };

    std::optional<std::chrono::steady_clock::duration> time_limit;
    std::optional<std::chrono::steady_clock::duration> left; // of the time limit, when the job runs on
    job_retry retry;

    // One timer, for these never wait at the same time.
    std::optional<timer> alarm;
    std::uint64_t alarm_number = 0; // an alarm with another number is late
    purpose alarm_for = purpose::none;
    std::chrono::steady_clock::time_point alarm_since{};

    std::optional<approval_request> asks;                     // and nobody has answered
    wait_list approval_waiters;                               // at most one, of waiter<approval>
    std::vector<std::unique_ptr<progress_tracker>> abandoned; // trackers of former attempts
    std::shared_ptr<job_steps> steps;                         // of this attempt
    cpu_meter cpu;
    std::chrono::nanoseconds cpu_counted{}; // in the manager's statistics
};

/// A job of a job_manager, whatever it does.
struct managed_job : std::enable_shared_from_this<managed_job> {
    enum class reason : std::uint8_t { none, cancelled, timed_out };

    explicit managed_job(bool can_pause) : pausable(can_pause) {}
    managed_job(const managed_job&) = delete;
    managed_job& operator=(const managed_job&) = delete;
    virtual ~managed_job() = default;

    /// Calls the job's function.
    virtual net::awaitable<void> begin(job_context context) = 0;
    /// Destroys the job's function.
    virtual void dispose() noexcept = 0;
    /// Destroys the job's result.
    virtual void discard() noexcept { error = nullptr; }

    job_rarity& rare() {
        if (!rarity) rarity = std::make_unique<job_rarity>();
        return *rarity;
    }

    // Set before anybody else knows the job.
    job_id id;
    std::string name;
    std::string kind;
    int priority = 0;
    const bool pausable; // while it runs

    // May be read at any time.
    std::atomic<bool> stop_requested{false};  // asked != none
    std::atomic<bool> pause_requested{false}; // changed with the mutex held

    // Protected by the manager's mutex.
    job_state state = job_state::queued;
    reason asked = reason::none; // why it is asked to end
    bool begun = false;          // this attempt has
    bool occupies = false;       // one of the slots
    bool in_queue = false;
    bool kept = false; // its function, after its end, for another attempt
    std::uint32_t attempt = 1;
    std::uint32_t position = 0; // that was told
    std::uint32_t handles = 0;  // that may ask for the result
    std::size_t hash = 0;
    std::shared_ptr<managed_job> next_in_bucket;
    managed_job* previous = nullptr; // in the queue, or of those that have ended
    managed_job* next = nullptr;
    std::chrono::steady_clock::time_point since{}; // queued, running, ended
    std::chrono::steady_clock::duration ran{};     // before `since`
    wait_list waiters;                             // for the end: waiter<job_state>
    wait_list held;                                // until it runs on
    std::unique_ptr<job_lane> lane;                // while the attempt is under way
    std::unique_ptr<progress_tracker> tracker;     // set once per attempt
    std::unique_ptr<job_rarity> rarity;
    std::exception_ptr error; // of the last attempt

    // Used on the lane only.
    net::cancellation_signal signal;
};

using job_ptr = std::shared_ptr<managed_job>;

/// A job with a result.
template <class T>
struct job_with_result : managed_job {
    using managed_job::managed_job;
    void discard() noexcept override {
        value.reset();
        managed_job::discard();
    }

    std::optional<typename outcome<T>::value_type> value; // not for void
};

template <class T>
struct awaited_of;
template <class T>
struct awaited_of<net::awaitable<T>> {
    using type = T;
};

/// A job that is done by a coroutine function.
template <class Fn, class T>
struct job_of final : job_with_result<T> {
    explicit job_of(Fn f, bool can_pause = true) : job_with_result<T>(can_pause), function(std::move(f)) {}

    inline net::awaitable<void> begin(job_context context) override;
    void dispose() noexcept override { function.reset(); }

    std::optional<Fn> function;

private:
    static inline net::awaitable<void> keep(std::shared_ptr<job_of> self, job_context context);
};

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_MANAGED_JOB_HPP
// end <telltale/run/detail/managed_job.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

// Where a manager has its jobs. A job brings its links along: nothing is allocated for it here.

namespace telltale::inline TELLTALE_ABI::detail {

/// All jobs, by id. Owns them.
class job_index {
public:
    /// Null: there is none.
    managed_job* find(std::string_view id) const noexcept { return find(id, hash_of(id)); }

    /// False if there is one with this id.
    bool insert(const job_ptr& job) {
        const std::size_t hash = hash_of(job->id);
        if (find(job->id, hash)) return false;
        if (size_ == buckets_.size()) grow();
        job->hash = hash;
        link(job);
        ++size_;
        return true;
    }

    job_ptr erase(managed_job& job) noexcept {
        job_ptr* at = &bucket(job.hash);
        while (at->get() != &job) at = &(*at)->next_in_bucket;
        job_ptr found = std::move(*at);
        *at = std::move(found->next_in_bucket);
        --size_;
        return found;
    }

    template <class Function>
    void for_each(Function function) const {
        for (const job_ptr& first : buckets_)
            for (managed_job* job = first.get(); job; job = job->next_in_bucket.get()) function(*job);
    }

private:
    static std::size_t hash_of(std::string_view id) noexcept { return std::hash<std::string_view>{}(id); }
    job_ptr& bucket(std::size_t hash) noexcept { return buckets_[hash & (buckets_.size() - 1)]; }

    managed_job* find(std::string_view id, std::size_t hash) const noexcept {
        if (buckets_.empty()) return nullptr;
        managed_job* job = buckets_[hash & (buckets_.size() - 1)].get();
        while (job && (job->hash != hash || job->id != id)) job = job->next_in_bucket.get();
        return job;
    }

    void link(job_ptr job) noexcept {
        job_ptr& first = bucket(job->hash);
        job->next_in_bucket = std::move(first);
        first = std::move(job);
    }

    void grow() {
        std::vector<job_ptr> former(buckets_.empty() ? 16 : 2 * buckets_.size());
        former.swap(buckets_);
        for (job_ptr& first : former)
            while (job_ptr job = std::move(first)) {
                first = std::move(job->next_in_bucket);
                link(std::move(job));
            }
    }

    std::vector<job_ptr> buckets_; // as many as a power of two
    std::size_t size_ = 0;
};

/// First in, first out.
class job_list {
public:
    managed_job* front() const noexcept { return first_; }
    std::size_t size() const noexcept { return size_; }

    void push_back(managed_job& job) noexcept {
        job.previous = last_;
        job.next = nullptr;
        (last_ ? last_->next : first_) = &job;
        last_ = &job;
        ++size_;
    }

    void push_front(managed_job& job) noexcept {
        job.previous = nullptr;
        job.next = first_;
        (first_ ? first_->previous : last_) = &job;
        first_ = &job;
        ++size_;
    }

    void erase(managed_job& job) noexcept {
        (job.previous ? job.previous->next : first_) = job.next;
        (job.next ? job.next->previous : last_) = job.previous;
        job.previous = job.next = nullptr;
        --size_;
    }

private:
    managed_job* first_ = nullptr;
    managed_job* last_ = nullptr;
    std::size_t size_ = 0;
};

/// By priority, and within one first in, first out.
class job_queue {
public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    /// Null: empty.
    managed_job* front() const noexcept {
        for (const auto& [priority, list] : lists_)
            if (managed_job* const job = list.front()) return job;
        return nullptr;
    }

    /// Puts it behind those of its priority.
    void push_back(managed_job& job) {
        lists_[job.priority].push_back(job);
        added(job);
    }

    /// Puts it before those of its priority.
    void push_front(managed_job& job) {
        lists_[job.priority].push_front(job);
        added(job);
    }

    void erase(managed_job& job) noexcept {
        const auto found = lists_.find(job.priority);
        found->second.erase(job);
        if (found->second.size() == 0 && lists_.size() > kept_empty) lists_.erase(found);
        job.in_queue = false;
        --size_;
    }

    /// How many are before the end of this priority: the place of the last of it.
    std::size_t places_to_end_of(int priority) const noexcept {
        std::size_t before = 0;
        for (const auto& [p, list] : lists_) {
            if (p < priority) break;
            before += list.size();
        }
        return before;
    }

    /// Calls `function(job)` for the first so many, in order.
    template <class Function>
    void for_first(std::size_t n, Function function) const {
        for (const auto& [priority, list] : lists_)
            for (managed_job* job = list.front(); job; job = job->next) {
                if (n-- == 0) return;
                function(*job);
            }
    }

private:
    static constexpr std::size_t kept_empty = 8; // lists; so that a queue that is empty now and then allocates nothing

    void added(managed_job& job) noexcept {
        job.in_queue = true;
        ++size_;
    }

    std::map<int, job_list, std::greater<>> lists_;
    std::size_t size_ = 0;
};

/// Most often there is none or one.
template <class T>
class few {
public:
    void push_back(T value) {
        if (!first_)
            first_ = std::move(value);
        else
            more_.push_back(std::move(value));
    }

    template <class Function>
    void for_each(Function function) {
        if (first_) function(*first_);
        for (T& value : more_) function(value);
    }

private:
    std::optional<T> first_;
    std::vector<T> more_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_JOB_LISTS_HPP
// end <telltale/run/detail/job_lists.hpp>
// <telltale/run/detail/managed_job.hpp> is above
// begin <telltale/run/job_manager_options.hpp>

#ifndef TELLTALE_RUN_JOB_MANAGER_OPTIONS_HPP
#define TELLTALE_RUN_JOB_MANAGER_OPTIONS_HPP

// <telltale/version.hpp> is above

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

struct job_manager_options {
    std::size_t max_running = 10; ///< jobs that run at once; the others are queued. 0: none starts
    /// Progress and places in the queue are reported no more often than this.
    std::chrono::steady_clock::duration publish_interval = std::chrono::milliseconds{100};
    /// The first so many in the queue are told their place when it changes; those behind are not.
    std::size_t told_positions = 100;
    /// How many ended jobs are remembered, for async_wait and so that their ids are not used again. The oldest go
    /// first.
    std::size_t keep_ended = 10'000;
    /// For how long an ended job is remembered at most. Absent: however long.
    std::optional<std::chrono::steady_clock::duration> keep_ended_for{};
    std::optional<std::uint64_t> seed{}; ///< of what is random in the delays of retries; for tests
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_MANAGER_OPTIONS_HPP
// end <telltale/run/job_manager_options.hpp>
// <telltale/run/job_spec.hpp> is above
// begin <telltale/run/job_statistics.hpp>

#ifndef TELLTALE_RUN_JOB_STATISTICS_HPP
#define TELLTALE_RUN_JOB_STATISTICS_HPP

// <telltale/version.hpp> is above

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace telltale::inline TELLTALE_ABI {

/// How many jobs a manager has in which state. Those that ended are counted for good, also when they are no longer
/// remembered.
struct job_counts {
    std::size_t queued = 0; ///< also those that wait for their next attempt
    std::size_t paused = 0; ///< also those that wait for an approval
    std::size_t running = 0;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t timed_out = 0;

    friend bool operator==(const job_counts&, const job_counts&) = default;
};

/// Several durations, as far as they are of interest.
struct duration_summary {
    using duration = std::chrono::steady_clock::duration;

    std::uint64_t count = 0;
    duration total{};
    duration longest{};

    void add(duration d) noexcept {
        ++count;
        total += d;
        longest = std::max(longest, d);
    }

    /// 0 if there are none.
    duration mean() const noexcept { return count == 0 ? duration{} : total / static_cast<duration::rep>(count); }

    friend bool operator==(const duration_summary&, const duration_summary&) = default;
};

/// What a manager's jobs have done and used so far.
struct job_statistics {
    job_counts counts{};
    std::uint64_t retries = 0;      ///< attempts that were not their job's first
    duration_summary waited{};      ///< in the queue, of every attempt that has begun
    duration_summary ran{};         ///< of every attempt that began and ended; without the time in which it was paused
    std::chrono::nanoseconds cpu{}; ///< of what was measured: functions on a pool, and job_context::measure_cpu

    friend bool operator==(const job_statistics&, const job_statistics&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_STATISTICS_HPP
// end <telltale/run/job_statistics.hpp>
// <telltale/sync/timer.hpp> is above

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

class attempt_under_way;

/// What a job_manager, its jobs, their handles and controls share.
///
/// An attempt of a job goes from queued (in the queue, or waiting for its time) to running, when it is given one of the
/// slots and is begun on its lane. While it is held (paused, or asking for an approval) it has no slot, and waits in the
/// job's list `held` or `approval_waiters`; when it may go on it waits at the head of the queue for a slot.
class manager_state final : public wait_state {
public:
    using clock = std::chrono::steady_clock;

    manager_state(net::any_io_executor executor, job_sink sink, const job_manager_options& options)
        : wait_state(context_of(executor)),
          executor_(std::move(executor)),
          source_(time_source_of(executor_)),
          options_(options),
          has_sink_(static_cast<bool>(sink)),
          sink_(std::move(sink)),
          max_running_(options.max_running),
          random_(options.seed ? *options.seed : static_cast<std::uint64_t>(clock::now().time_since_epoch().count())) {}

    const net::any_io_executor& executor() const noexcept { return executor_; }

    bool submit(const job_ptr& job, job_spec& spec, error_code& ec);
    command_result request(std::string_view id, job_command command, std::string comment = {});
    command_result request_later(const job_id& id, job_command command);
    bool supports(std::string_view id, job_command command) const;
    void set_max_running(std::size_t n);
    void hold_queue(bool hold);
    void stop();
    void close() noexcept;

    // Of a job, by itself.
    void report_progress(const job_ptr& job, progress p, std::optional<std::string> message = {});
    void set_message(const job_ptr& job, std::string message);
    void notify(const job_ptr& job, job_notice notice) {
        if (!has_sink_) return;
        {
            const std::lock_guard lock(mutex());
            if (!job->begun || !telling()) return;
            job_report r = report_of(*job);
            r.notices.push_back(std::move(notice));
            tell(std::move(r));
        }
        flush();
    }
    progress_tracker& tracker(const job_ptr& job, const progress_tracker_options& options);
    cpu_meter& cpu_of(const job_ptr& job);

    std::shared_ptr<job_steps> add_step(const job_ptr& job, std::string name, stage_options options,
                                        std::size_t& index);
    void begin_step(const job_ptr& job, const std::shared_ptr<job_steps>& steps, std::size_t index);
    void end_step(const job_ptr& job, const std::shared_ptr<job_steps>& steps, std::size_t index, job_state how,
                  std::string why);

    // Of a job, by whoever has a handle.
    void add_handle(managed_job& job);
    void release_handle(managed_job& job) noexcept;
    template <class T>
    error_code take(job_with_result<T>& job, job_state how, outcome<T>& result);

    std::size_t max_running() const {
        const std::lock_guard lock(mutex());
        return max_running_;
    }

    job_counts counts() const {
        const std::lock_guard lock(mutex());
        return counts_now();
    }

    job_statistics statistics() const {
        const std::lock_guard lock(mutex());
        job_statistics s = statistics_;
        s.counts = counts_now();
        return s;
    }

    std::optional<job_state> state_of(std::string_view id) {
        few<job_ptr> gone;
        const std::lock_guard lock(mutex());
        forget_old(source_.now(), gone);
        const managed_job* const job = index_.find(id);
        return job ? std::optional(job->state) : std::nullopt;
    }

    std::optional<std::chrono::nanoseconds> cpu_time_of(std::string_view id) {
        const std::lock_guard lock(mutex());
        const managed_job* const job = index_.find(id);
        return job && job->rarity ? job->rarity->cpu.total() : std::nullopt;
    }

    job_state state_of(const managed_job& job) const {
        const std::lock_guard lock(mutex());
        return job.state;
    }

    // How operations wait.
    template <class Handler>
    void start_wait_end(Handler&& handler, const net::any_io_executor& executor, const job_id& id);
    template <class Handler>
    void start_wait_end(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job);
    template <class Handler>
    void start_drain(Handler&& handler, const net::any_io_executor& executor);
    template <class Handler>
    void start_checkpoint(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job);
    template <class Handler>
    void start_approval(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job, std::string what,
                        std::optional<clock::duration> timeout);
    void left_hold(const job_ptr& job);
    void shut_down(clock::duration drain);

    void take_all(wait_list& all) noexcept override;

private:
    friend class attempt_under_way;
    using end_waiter = waiter<job_state>;
    using approval_waiter = waiter<approval>;

    struct to_cancel {
        job_ptr job;
        net::any_io_executor executor;
        std::uint32_t attempt;
    };

    /// What has to be done after the mutex is unlocked.
    struct effects {
        few<job_ptr> forgotten; // destroyed with this
        few<job_ptr> start;
        few<job_ptr> dispose;
        few<job_ptr> discard;
        few<to_cancel> cancel;
        wait_list ready;   // with their results
        wait_list aborted; // to end with operation_aborted
    };

    std::shared_ptr<manager_state> self() { return std::static_pointer_cast<manager_state>(shared_from_this()); }

    // Under the mutex.
    job_counts counts_now() const noexcept;
    std::uint64_t& count_of(job_state s) noexcept { return by_state_[static_cast<std::size_t>(s)]; }
    void move_to(managed_job& job, job_state s) noexcept {
        --count_of(job.state);
        ++count_of(s);
        job.state = s;
    }
    bool telling() const noexcept { return has_sink_ && !closed_; }
    job_report report_of(const managed_job& job) const;
    void tell(job_report r) { outbox_.push_back(std::move(r)); }
    void tell_state(const managed_job& job, std::optional<job_notice> notice = {});
    void pump(effects& todo, clock::time_point now);
    void let_run(managed_job& job, effects& todo, clock::time_point now, std::optional<job_notice> notice = {});
    void enqueue(managed_job& job, clock::time_point now);
    void release_slot(managed_job& job) noexcept;
    void renumber(clock::time_point now);
    void leave_attempt(managed_job& job, clock::time_point now) noexcept;
    void conclude(managed_job& job, job_state state, std::optional<job_error> error, std::optional<progress> last,
                  effects& todo, clock::time_point now);
    void begin_next_attempt(managed_job& job, clock::duration delay, std::string why, clock::time_point now);
    void forget(managed_job& job, few<job_ptr>& gone);
    void forget_old(clock::time_point now, few<job_ptr>& gone);
    command_result may(const managed_job& job, job_command command) const;
    void ask_to_end(managed_job& job, managed_job::reason why, effects& todo, clock::time_point now);
    void ask_all_to_end(effects& todo);
    void pause(managed_job& job);
    void resume(managed_job& job, effects& todo, clock::time_point now);
    void retry(managed_job& job, clock::time_point now);
    void answer(managed_job& job, approval a, effects& todo, clock::time_point now);
    void hold(managed_job& job, clock::time_point now);
    void ask(managed_job& job, std::string what, std::optional<clock::duration> timeout, effects& todo);
    void go_on(managed_job& job, effects& todo, clock::time_point now, std::optional<job_notice> notice = {});
    void describe_steps(const managed_job& job, const job_steps& steps, job_report& r) const;
    void tell_step(const managed_job& job, const job_steps& steps, job_notice notice);
    void end_steps(managed_job& job, job_state how, job_report& r);
    void set_alarm(managed_job& job, job_rarity::purpose what, clock::duration after, clock::time_point now);
    void clear_alarm(managed_job& job) noexcept;
    std::unique_ptr<job_lane> take_lane();
    double random() noexcept;

    // Without it.
    void carry_out(effects& todo);
    void flush();
    void on_alarm(const job_ptr& job, std::uint64_t number);
    void on_tidy();

    // On the job's lane.
    void begin(attempt_under_way attempt);
    void end(const job_ptr& job, const std::exception_ptr& e);
    void abandon(managed_job& job) noexcept;
    void publish(const job_ptr& job, progress_tracker& counted, progress_snapshot last);
    void publish_steps(const job_ptr& job, const std::shared_ptr<job_steps>& steps, stage_tree_snapshot last);

    const net::any_io_executor executor_;
    time_source& source_;
    const job_manager_options options_;
    const bool has_sink_;
    job_sink sink_;

    // Reports are queued under the mutex, in the order of what they tell of, and handed to the sink without it.
    std::vector<job_report> outbox_;
    std::mutex sink_mutex_;
    std::atomic<std::thread::id> telling_{};

    job_index index_; // also of those that have ended and are remembered
    job_queue queue_;
    job_list ended_; // the oldest first
    std::vector<std::unique_ptr<job_lane>> lanes_;
    wait_list drainers_;
    std::array<std::uint64_t, job_state_count> by_state_{};
    job_statistics statistics_;
    std::size_t live_ = 0;     // jobs that have not ended
    std::size_t occupied_ = 0; // slots
    std::size_t max_running_;
    std::uint64_t next_id_ = 1;
    std::uint64_t random_;
    bool held_ = false; // the queue
    bool stopped_ = false;
    bool ending_ = false; // all are asked to
    bool closed_ = false;

    // Timers, which the execution context must outlive: gone when this is closed.
    std::optional<timer> tidy_; // for places in the queue that were not told
    bool tidying_ = false;
    clock::time_point tidied_ = clock::time_point::min();
    std::optional<timer> deadline_;
    clock::time_point deadline_at_ = clock::time_point::max();
};

/// An attempt that is about to begin, or runs. If the execution context is destroyed with it in there, the job gives back
/// what must not outlive that.
class attempt_under_way {
public:
    attempt_under_way(std::shared_ptr<manager_state> manager, job_ptr job) noexcept
        : manager_(std::move(manager)), job_(std::move(job)) {}
    attempt_under_way(attempt_under_way&&) noexcept = default;
    attempt_under_way& operator=(attempt_under_way&&) = delete;
    ~attempt_under_way() {
        if (job_) manager_->abandon(*job_);
    }

    void begin() && {
        manager_state& manager = *manager_;
        manager.begin(std::move(*this));
    }
    void end(const std::exception_ptr& e) && {
        const job_ptr job = std::move(job_);
        manager_->end(job, e);
    }
    managed_job& job() const noexcept { return *job_; }
    const job_ptr& shared_job() const noexcept { return job_; }

private:
    std::shared_ptr<manager_state> manager_;
    job_ptr job_;
};

/// The door to one job of a manager; harmless when the manager is gone.
class managed_job_control final : public job_control {
public:
    managed_job_control(std::weak_ptr<manager_state> manager, job_id id)
        : manager_(std::move(manager)), id_(std::move(id)) {}

    bool supports(job_command command) const noexcept override {
        if (command != job_command::retry) return true;
        const auto manager = manager_.lock();
        return manager && manager->supports(id_, command);
    }

    command_result request(job_command command) override {
        if (!supports(command)) return command_result::unsupported;
        const auto manager = manager_.lock();
        return manager ? manager->request_later(id_, command) : command_result::refused;
    }

private:
    std::weak_ptr<manager_state> manager_;
    job_id id_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP
// end <telltale/run/detail/manager_state.hpp>
// begin <telltale/run/detail/manager_waits.hpp>

#ifndef TELLTALE_RUN_DETAIL_MANAGER_WAITS_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_WAITS_HPP

// begin <telltale/detail/adapted_handler.hpp>

#ifndef TELLTALE_DETAIL_ADAPTED_HANDLER_HPP
#define TELLTALE_DETAIL_ADAPTED_HANDLER_HPP

// <telltale/asio.hpp> is above

#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A handler that `adapt(handler, results...)` calls when the operation completes. It is associated with what the
/// handler is associated with.
template <class Handler, class Adapt>
struct adapted_handler {
    template <class... Results>
    void operator()(Results&&... results) {
        std::move(adapt)(std::move(handler), std::forward<Results>(results)...);
    }

    Handler handler;
    Adapt adapt;
};

/// Hands on the error alone: what else is in the waiter's result is what the operation has brought along.
struct error_only {
    template <class Handler, class... Brought>
    void operator()(Handler&& handler, error_code ec, Brought&&...) const {
        std::forward<Handler>(handler)(ec);
    }
};

} // namespace telltale::inline TELLTALE_ABI::detail

template <template <class, class> class Associator, class Handler, class Adapt, class Default>
struct telltale::net::associator<Associator, telltale::detail::adapted_handler<Handler, Adapt>, Default>
    : Associator<Handler, Default> {
    using adapted = telltale::detail::adapted_handler<Handler, Adapt>;
    static auto get(const adapted& a) noexcept { return Associator<Handler, Default>::get(a.handler); }
    static auto get(const adapted& a, const Default& d) noexcept {
        return Associator<Handler, Default>::get(a.handler, d);
    }
};

#endif // TELLTALE_DETAIL_ADAPTED_HANDLER_HPP
// end <telltale/detail/adapted_handler.hpp>
// <telltale/detail/is_aborted.hpp> is above
// <telltale/run/detail/manager_state.hpp> is above
// <telltale/sync/outcome.hpp> is above

#include <exception>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>

// How the operations of a manager, its handles and its jobs wait.

namespace telltale::inline TELLTALE_ABI::detail {

template <class Handler>
void manager_state::start_wait_end(Handler&& handler, const net::any_io_executor& executor, const job_id& id) {
    few<job_ptr> gone;
    start_wait<job_state>(self(), std::forward<Handler>(handler), executor,
                          [&](std::tuple<error_code, job_state>& result) -> wait_list* {
                              forget_old(source_.now(), gone);
                              managed_job* const job = index_.find(id);
                              if (!job) {
                                  std::get<0>(result) = errc::unknown_job;
                                  return nullptr;
                              }
                              std::get<1>(result) = job->state;
                              return is_terminal(job->state) ? nullptr : &job->waiters;
                          });
}

template <class Handler>
void manager_state::start_wait_end(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job) {
    start_wait<job_state>(self(), std::forward<Handler>(handler), executor,
                          [&](std::tuple<error_code, job_state>& result) -> wait_list* {
                              std::get<1>(result) = job->state;
                              if (job->state == job_state::lost) std::get<0>(result) = net::error::operation_aborted;
                              return is_terminal(job->state) ? nullptr : &job->waiters;
                          });
}

template <class Handler>
void manager_state::start_drain(Handler&& handler, const net::any_io_executor& executor) {
    start_wait<>(self(), std::forward<Handler>(handler), executor,
                 [this](std::tuple<error_code>&) { return live_ == 0 ? nullptr : &drainers_; });
}

/// Tells the manager when a job does not wait any longer for what would let it go on.
struct after_hold {
    template <class Handler, class... Values>
    void operator()(Handler&& handler, error_code ec, Values&&... values) {
        if (is_aborted(ec)) manager->left_hold(job);
        manager.reset();
        job.reset();
        std::forward<Handler>(handler)(ec, std::forward<Values>(values)...);
    }

    std::shared_ptr<manager_state> manager;
    job_ptr job;
};

template <class Handler>
void manager_state::start_checkpoint(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job) {
    using adapted = adapted_handler<std::decay_t<Handler>, after_hold>;
    effects todo;
    start_wait<>(self(), adapted{std::forward<Handler>(handler), after_hold{self(), job}}, executor,
                 [&](std::tuple<error_code>& result) -> wait_list* {
                     if (!job->begun || closed_ || job->asked != managed_job::reason::none) {
                         std::get<0>(result) = net::error::operation_aborted;
                         return nullptr;
                     }
                     if (job->state == job_state::running) {
                         if (!job->pause_requested.load(std::memory_order_relaxed)) return nullptr;
                         const auto now = source_.now();
                         hold(*job, now);
                         tell_state(*job);
                         pump(todo, now);
                     }
                     return &job->held;
                 });
    carry_out(todo);
}

template <class Handler>
void manager_state::start_approval(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job,
                                   std::string what, std::optional<clock::duration> timeout) {
    using adapted = adapted_handler<std::decay_t<Handler>, after_hold>;
    effects todo;
    start_wait<approval>(self(), adapted{std::forward<Handler>(handler), after_hold{self(), job}}, executor,
                         [&](std::tuple<error_code, approval>& result) -> wait_list* {
                             if (!job->begun || closed_ || job->asked != managed_job::reason::none) {
                                 std::get<0>(result) = net::error::operation_aborted;
                                 return nullptr;
                             }
                             if (job->rare().asks) {
                                 std::get<0>(result) = errc::invalid_argument;
                                 return nullptr;
                             }
                             ask(*job, std::move(what), timeout, todo);
                             return &job->rarity->approval_waiters;
                         });
    carry_out(todo);
}

/// How a job that did not succeed is told to whoever wants its result.
inline std::exception_ptr error_of(const managed_job& job, job_state how) {
    if (how == job_state::failed && job.error) return job.error;
    const errc e = how == job_state::timed_out ? errc::job_timed_out : errc::job_cancelled;
    return std::make_exception_ptr(system_error(make_error_code(e)));
}

template <class T>
error_code manager_state::take(job_with_result<T>& job, job_state how, outcome<T>& result) {
    const std::lock_guard lock(mutex());
    if (how != job_state::succeeded) {
        result.error = error_of(job, how);
        result.cancelled = how == job_state::cancelled;
        return {};
    }
    if constexpr (std::is_void_v<T>) {
        result.value.emplace();
    } else {
        if (!job.value) return errc::closed;
        result.value = std::move(job.value);
        job.value.reset();
    }
    return {};
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_WAITS_HPP
// end <telltale/run/detail/manager_waits.hpp>
// begin <telltale/run/step.hpp>

#ifndef TELLTALE_RUN_STEP_HPP
#define TELLTALE_RUN_STEP_HPP

// <telltale/core/job_state.hpp> is above
// <telltale/progress/stage.hpp> is above
// begin <telltale/run/detail/manager_steps.hpp>

#ifndef TELLTALE_RUN_DETAIL_MANAGER_STEPS_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_STEPS_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/json_writer.hpp> is above
// <telltale/progress/stage.hpp> is above
// <telltale/progress/stage_snapshot.hpp> is above
// <telltale/progress/stage_tree.hpp> is above
// <telltale/run/detail/manager_state.hpp> is above

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// The steps of one attempt of a job: a tree of stages that counts, and when each began and ended. `known` and `stages` are
/// protected by the manager's mutex.
struct job_steps {
    explicit job_steps(const net::any_io_executor& executor) : tree(executor) {}

    /// How they are now.
    std::shared_ptr<const std::vector<job_step>> look(const stage_snapshot& root) const {
        auto now = std::make_shared<std::vector<job_step>>(known);
        for (std::size_t i = 0; i < now->size() && i < root.children.size(); ++i)
            if ((*now)[i].state != job_state::pending) (*now)[i].progress = root.children[i].value;
        return now;
    }

    stage_tree tree;
    std::vector<job_step> known;
    std::vector<stage> stages;
};

inline std::string step_data(const std::string& name, const std::string& why) {
    std::string data;
    json_writer out(data);
    out.begin_object().member("step", name);
    if (!why.empty()) out.member("message", why);
    out.end_object();
    return data;
}

/// With the mutex held: what the steps are now, and the whole, unless the job counts that itself.
inline void manager_state::describe_steps(const managed_job& job, const job_steps& steps, job_report& r) const {
    const stage_tree_snapshot now = steps.tree.snapshot();
    r.steps = steps.look(now.root);
    if (!job.tracker && !is_terminal(job.state)) r.progress = now.value;
}

inline std::shared_ptr<job_steps> manager_state::add_step(const job_ptr& job, std::string name, stage_options options,
                                                          std::size_t& index) {
    std::shared_ptr<job_steps> steps;
    bool first = false;
    {
        const std::lock_guard lock(mutex());
        first = !job->rare().steps;
        if (first) job->rarity->steps = std::make_shared<job_steps>(executor_);
        steps = job->rarity->steps;
        index = steps->known.size();
        steps->stages.push_back(steps->tree.root().add(name, options));
        steps->known.push_back(job_step{.name = std::move(name)});
        first = first && job->begun && telling();
    }
    if (first) publish_steps(job, steps, {});
    return steps;
}

inline void manager_state::begin_step(const job_ptr& job, const std::shared_ptr<job_steps>& steps, std::size_t index) {
    {
        const std::lock_guard lock(mutex());
        job_step& s = steps->known[index];
        if (s.state != job_state::pending) return;
        s.state = job_state::running;
        s.started = source_.system_now();
        steps->stages[index].start();
        tell_step(*job, *steps, {event_kind::step_started, step_data(s.name, {})});
    }
    flush();
}

inline void manager_state::end_step(const job_ptr& job, const std::shared_ptr<job_steps>& steps, std::size_t index,
                                    job_state how, std::string why) {
    {
        const std::lock_guard lock(mutex());
        job_step& s = steps->known[index];
        if (s.state != job_state::running) return;
        s.state = how;
        s.finished = source_.system_now();
        if (how == job_state::failed)
            steps->stages[index].fail(why);
        else
            steps->stages[index].finish();
        tell_step(
            *job, *steps,
            {how == job_state::failed ? event_kind::step_failed : event_kind::step_completed, step_data(s.name, why)});
    }
    flush();
}

// With the mutex held.
inline void manager_state::tell_step(const managed_job& job, const job_steps& steps, job_notice notice) {
    if (!job.begun || !telling() || job.rarity->steps.get() != &steps) return;
    job_report r = report_of(job);
    describe_steps(job, steps, r);
    r.notices.push_back(std::move(notice));
    tell(std::move(r));
}

inline void manager_state::publish_steps(const job_ptr& job, const std::shared_ptr<job_steps>& steps,
                                         stage_tree_snapshot last) {
    steps->tree.async_wait_change(
        std::move(last), options_.publish_interval,
        [s = self(), job, weak = std::weak_ptr(steps)](error_code ec, stage_tree_snapshot now) {
            const auto alive = weak.lock();
            if (ec || !alive) return;
            {
                const std::lock_guard lock(s->mutex());
                if (!job->begun || !s->telling() || job->rarity->steps != alive) return;
                job_report r = s->report_of(*job);
                r.steps = alive->look(now.root);
                if (!job->tracker) r.progress = now.value;
                s->tell(std::move(r));
            }
            s->flush();
            s->publish_steps(job, alive, std::move(now));
        });
}

// With the mutex held: the attempt is over, and with it its steps.
inline void manager_state::end_steps(managed_job& job, job_state how, job_report& r) {
    job_steps& steps = *job.rarity->steps;
    for (job_step& s : steps.known) {
        if (s.state == job_state::pending) s.state = job_state::skipped;
        if (s.state == job_state::running) s.state = how;
    }
    steps.tree.finish();
    const stage_tree_snapshot now = steps.tree.snapshot();
    r.steps = steps.look(now.root);
    if (!job.tracker) r.progress = now.value;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_STEPS_HPP
// end <telltale/run/detail/manager_steps.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A step of a job, while it lasts: it is completed when this is destroyed, and has failed when an exception destroys it.
///
///     auto load = job.add_step("load", {.weight = 3, .total = rows}); // so that the whole is known
///     auto index = job.add_step("index");
///     load.begin();
///     load.advance();
///     load.complete();
///
/// A step that was added and never begun is skipped when the job has ended.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: advance() only.
class step {
public:
    step(step&& other) noexcept
        : manager_(std::move(other.manager_)),
          job_(std::move(other.job_)),
          steps_(std::move(other.steps_)),
          stage_(std::move(other.stage_)),
          index_(other.index_),
          exceptions_(other.exceptions_) {}
    step& operator=(step&&) = delete;

    ~step() {
        if (!steps_) return;
        try {
            end(std::uncaught_exceptions() > exceptions_ ? job_state::failed : job_state::succeeded, {});
        } catch (...) { // out of memory; the step's end is not told
        }
    }

    /// It runs now.
    void begin() { manager_->begin_step(job_, steps_, index_); }

    /// `n` more are done. Costs what progress_tracker::advance does.
    void advance(std::uint64_t n = 1) { stage_.advance(n); }
    void set_done(std::uint64_t done) { stage_.set_done(done); }
    void set_total(std::optional<std::uint64_t> total) { stage_.set_total(total); }

    /// It is done, whatever it has counted. What is said of it later is ignored.
    void complete() { end(job_state::succeeded, {}); }

    /// It has failed; the job goes on unless it ends itself.
    void fail(std::string why = {}) { end(job_state::failed, std::move(why)); }

private:
    friend class job_context;

    step(std::shared_ptr<detail::manager_state> manager, detail::job_ptr job, std::shared_ptr<detail::job_steps> steps,
         std::size_t index)
        : manager_(std::move(manager)),
          job_(std::move(job)),
          steps_(std::move(steps)),
          stage_(steps_->stages[index]),
          index_(index),
          exceptions_(std::uncaught_exceptions()) {}

    void end(job_state how, std::string why) { manager_->end_step(job_, steps_, index_, how, std::move(why)); }

    std::shared_ptr<detail::manager_state> manager_;
    detail::job_ptr job_;
    std::shared_ptr<detail::job_steps> steps_;
    stage stage_;
    std::size_t index_;
    int exceptions_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_STEP_HPP
// end <telltale/run/step.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What a job of a job_manager is given: who it is, the ways to say how far it is, and where it lets itself be steered.
/// Cheap to copy. After the job has ended, or its manager is gone, what is said is ignored.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe.
class job_context {
public:
    using executor_type = net::any_io_executor;
    using duration = std::chrono::steady_clock::duration;

    job_context(std::shared_ptr<detail::manager_state> manager, detail::job_ptr job)
        : manager_(std::move(manager)), job_(std::move(job)), attempt_(job_->attempt) {}

    executor_type get_executor() const noexcept { return manager_->executor(); }

    const job_id& id() const noexcept { return job_->id; }

    const std::string& name() const noexcept { return job_->name; }

    /// Which attempt this is, counted from 1.
    std::uint32_t attempt() const noexcept { return attempt_; }

    /// Counts the job's progress; what it counts is reported no more often than the manager's publish_interval, the
    /// first and the last always, and costs nothing in between. The options of the first call of an attempt hold. The
    /// reference is valid as long as a context of this job is.
    progress_tracker& tracker(progress_tracker_options options = {}) { return manager_->tracker(job_, options); }

    /// Reports progress at once, as often as it is called: for a job that knows it from elsewhere.
    void report_progress(progress p) { manager_->report_progress(job_, p); }

    /// Says something for people, at once.
    void set_message(std::string message) { manager_->set_message(job_, std::move(message)); }

    /// Adds a step, which has a weight in the whole and begins with step::begin. What the steps count is reported as their
    /// progress, no more often than the manager's publish_interval; and rolled up as the job's, unless that has a tracker
    /// of its own. Add the steps that are known before the first begins: the percentage then has all of them in it.
    [[nodiscard]] step add_step(std::string name, stage_options options = {}) {
        std::size_t index = 0;
        auto steps = manager_->add_step(job_, std::move(name), options, index);
        return {manager_, job_, std::move(steps), index};
    }

    /// Adds a step and begins it.
    [[nodiscard]] step begin_step(std::string name, stage_options options = {}) {
        step s = add_step(std::move(name), options);
        s.begin();
        return s;
    }

    /// Tells an event that is not seen in the job itself, at once: a step's, chunk's or worker's, or a custom one. `data`
    /// is a JSON value, or empty.
    void notify(event_kind kind, std::string data = {}) { manager_->notify(job_, {kind, std::move(data)}); }

    /// Whether the job was asked to end: cancelled, or its time is up. A coroutine that awaits need not ask: what it waits
    /// for is cancelled. A function on a pool looks here now and then. Costs one load.
    bool stop_requested() const noexcept { return job_->stop_requested.load(std::memory_order_acquire); }

    /// Throws system_error(operation_aborted) if the job was asked to end: then it is cancelled, or timed out.
    void throw_if_stopped() const {
        if (stop_requested()) throw system_error(net::error::operation_aborted);
    }

    /// Whether the job was asked to pause and has not come to a checkpoint since.
    bool pause_requested() const noexcept { return job_->pause_requested.load(std::memory_order_acquire); }

    /// Measures the CPU time of the calling thread until what is returned is destroyed, for the manager's statistics. Not
    /// across a co_await. (What runs on a pool by submit(spec, pool, function) is measured without asking.)
    [[nodiscard]] cpu_meter::scope measure_cpu() { return manager_->cpu_of(job_).measure(); }

    /// Where the job can be paused: waits while it is. A paused job has given its slot back, so that others run
    /// meanwhile; when it is resumed it waits for one before all others of its priority. Its time limit stands still.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: the job was asked to end, or the wait was cancelled.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting. The job then counts as running, whatever the limit.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_checkpoint(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            get_executor(),
            [manager = manager_, job = job_](auto&& handler, const executor_type& executor) {
                manager->start_checkpoint(std::forward<decltype(handler)>(handler), executor, job);
            },
            std::forward<Token>(token));
    }

    /// As async_checkpoint, but does not suspend unless the job is to pause or to end. Costs two loads then.
    [[nodiscard]] net::awaitable<void> checkpoint() const { return checkpoint_of(*this); }

    /// Pauses the job until somebody approves or rejects (job_manager::approve, the commands of its job_control), or the
    /// time is up. It has no slot meanwhile, as at a checkpoint. `what`: for people, what is to be approved; `timeout`:
    /// absent: it waits for ever.
    ///
    /// @par Completion signature
    /// `void(error_code, approval)`
    /// @par Error codes
    /// `operation_aborted`: the job was asked to end, or the wait was cancelled; `errc::invalid_argument`: the job
    /// waits for an approval already.
    /// @par Per-operation cancellation
    /// terminal, partial and total: takes the request back.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_request_approval(std::string what = {}, std::optional<duration> timeout = {}, Token&& token = {}) {
        return detail::async_start<void(error_code, approval)>(
            get_executor(),
            [manager = manager_, job = job_, what = std::move(what), timeout](auto&& handler,
                                                                              const executor_type& executor) mutable {
                manager->start_approval(std::forward<decltype(handler)>(handler), executor, job, std::move(what),
                                        timeout);
            },
            std::forward<Token>(token));
    }

    /// As async_request_approval: `if (!co_await job.request_approval("deploy", 1h)) co_return;`.
    [[nodiscard]] net::awaitable<approval> request_approval(std::string what = {},
                                                            std::optional<duration> timeout = {}) const {
        return approval_of(*this, std::move(what), timeout);
    }

private:
    static net::awaitable<void> checkpoint_of(job_context self) {
        if (self.stop_requested() || self.pause_requested()) co_await self.async_checkpoint(net::use_awaitable);
    }

    static net::awaitable<approval> approval_of(job_context self, std::string what, std::optional<duration> timeout) {
        co_return co_await self.async_request_approval(std::move(what), timeout, net::use_awaitable);
    }

    std::shared_ptr<detail::manager_state> manager_;
    detail::job_ptr job_;
    std::uint32_t attempt_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_CONTEXT_HPP
// end <telltale/run/job_context.hpp>
// begin <telltale/run/job_failure.hpp>

#ifndef TELLTALE_RUN_JOB_FAILURE_HPP
#define TELLTALE_RUN_JOB_FAILURE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/error.hpp> is above

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace telltale::inline TELLTALE_ABI {

/// What a job throws to say itself what kind of thing went wrong.
class job_failure : public std::runtime_error {
public:
    job_failure(error_class kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

    error_class kind() const noexcept { return kind_; }

private:
    error_class kind_;
};

/// The class that an error code belongs to, as far as it can be told.
inline error_class classify(const error_code& ec) {
    if (ec == condition::timeout) return error_class::timeout;
    if (ec == condition::transient || ec == net::error::host_not_found) return error_class::network;
    if (ec == net::error::access_denied || ec == net::error::no_permission) return error_class::permission;
    if (ec == net::error::no_memory || ec == net::error::no_descriptors || ec == net::error::no_buffer_space)
        return error_class::resource;
    if (ec.category() == telltale_category()) {
        const auto e = static_cast<errc>(ec.value());
        if (e == errc::not_executable) return error_class::permission;
        if (e == errc::program_not_found || e == errc::bad_working_folder) return error_class::unknown;
        return e == errc::too_many_connections || e == errc::slow_client ? error_class::resource : error_class::api;
    }
    const std::error_code standard = ec;
    if (standard == std::errc::permission_denied || standard == std::errc::operation_not_permitted)
        return error_class::permission;
    if (standard == std::errc::timed_out) return error_class::timeout;
    if (standard == std::errc::no_space_on_device || standard == std::errc::too_many_files_open ||
        standard == std::errc::not_enough_memory)
        return error_class::resource;
    return error_class::unknown;
}

/// What an exception says of why a job failed: its class and its message. Null is not an exception.
inline job_error describe_error(const std::exception_ptr& e) {
    try {
        std::rethrow_exception(e);
    } catch (const job_failure& error) {
        return {error.kind(), error.what()};
    } catch (const system_error& error) {
        return {classify(error.code()), error.what()};
#if defined(TELLTALE_USE_BOOST_ASIO)
    } catch (const std::system_error& error) {
        return {classify(error.code()), error.what()};
#endif
    } catch (const std::bad_alloc& error) {
        return {error_class::resource, error.what()};
    } catch (const std::exception& error) {
        return {error_class::unknown, error.what()};
    } catch (...) {
        return {error_class::unknown, "an exception that is not a std::exception"};
    }
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_FAILURE_HPP
// end <telltale/run/job_failure.hpp>
// begin <telltale/run/job_handle.hpp>

#ifndef TELLTALE_RUN_JOB_HANDLE_HPP
#define TELLTALE_RUN_JOB_HANDLE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/run/detail/job_share.hpp>

#ifndef TELLTALE_RUN_DETAIL_JOB_SHARE_HPP
#define TELLTALE_RUN_DETAIL_JOB_SHARE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/adapted_handler.hpp> is above
// <telltale/run/detail/manager_state.hpp> is above
// <telltale/run/detail/manager_waits.hpp> is above
// <telltale/sync/outcome.hpp> is above

#include <memory>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Somebody who may ask for the result of a job.
template <class T>
class job_share {
public:
    using job_type = job_with_result<T>;

    job_share() = default;
    /// One that the job has counted already.
    job_share(std::shared_ptr<manager_state> manager, std::shared_ptr<job_type> job) noexcept
        : manager_(std::move(manager)), job_(std::move(job)) {}
    job_share(job_share&&) noexcept = default;
    job_share& operator=(job_share&& other) noexcept {
        job_share former(std::move(*this));
        manager_ = std::move(other.manager_);
        job_ = std::move(other.job_);
        return *this;
    }
    ~job_share() {
        if (job_) manager_->release_handle(*job_);
    }

    explicit operator bool() const noexcept { return static_cast<bool>(job_); }
    manager_state& manager() const noexcept { return *manager_; }
    job_type& job() const noexcept { return *job_; }
    const std::shared_ptr<job_type>& pointer() const noexcept { return job_; }

    /// Another, that can be copied.
    std::shared_ptr<job_share> share() const {
        manager_->add_handle(*job_);
        return std::make_shared<job_share>(manager_, job_);
    }

private:
    std::shared_ptr<manager_state> manager_;
    std::shared_ptr<job_type> job_;
};

template <class T>
struct take_result {
    template <class Handler>
    void operator()(Handler&& handler, error_code ec, job_state how) {
        outcome<T> result;
        if (!ec) ec = share->manager().take(share->job(), how, result);
        share.reset();
        std::forward<Handler>(handler)(ec, std::move(result));
    }

    std::shared_ptr<job_share<T>> share;
};

template <class T, class Token>
auto async_take(std::shared_ptr<job_share<T>> share, Token&& token) {
    const net::any_io_executor executor = share->manager().executor();
    return async_start<void(error_code, outcome<T>)>(
        executor,
        [share = std::move(share)](auto&& handler, const net::any_io_executor& fallback) {
            using handler_type = std::decay_t<decltype(handler)>;
            using adapted = adapted_handler<handler_type, take_result<T>>;
            share->manager().start_wait_end(adapted{std::forward<decltype(handler)>(handler), take_result<T>{share}},
                                            fallback, share->pointer());
        },
        std::forward<Token>(token));
}

template <class T>
net::awaitable<T> result_of(std::shared_ptr<job_share<T>> share) {
    outcome<T> result = co_await async_take(std::move(share), net::use_awaitable);
    co_return result.take();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_JOB_SHARE_HPP
// end <telltale/run/detail/job_share.hpp>
// <telltale/sync/outcome.hpp> is above

#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A job that was submitted to a job_manager, and the right to its result. Need not be kept: a job goes on without.
///
///     auto sum = manager.submit({.name = "sum"}, add_up); // an awaitable<int>
///     const int total = co_await sum.result();
///
/// The result of a job lives until it is taken, or the handle and all operations that wait for it are gone; what the
/// manager remembers of a job besides is no concern of the handle.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for moving from and into it.
template <class T>
class job_handle {
public:
    using executor_type = net::any_io_executor;
    using value_type = T;

    /// Of no job: nothing else may be called.
    job_handle() = default;

    explicit job_handle(detail::job_share<T> share) : share_(std::move(share)) {}

    explicit operator bool() const noexcept { return static_cast<bool>(share_); }

    const job_id& id() const noexcept { return share_.job().id; }
    operator const job_id&() const noexcept { return id(); }

    executor_type get_executor() const noexcept { return share_.manager().executor(); }

    /// The state of the job now, also when the manager remembers it no longer.
    job_state state() const { return share_.manager().state_of(share_.job()); }

    /// As job_manager::cancel.
    command_result cancel() { return share_.manager().request(id(), job_command::cancel); }

    /// Waits for the end of the job, and takes its result.
    ///
    /// @par Completion signature
    /// `void(error_code, outcome<T>)`: the value; or the job's exception, as system_error `errc::job_cancelled` (then
    /// `cancelled` is set) or `errc::job_timed_out` for a job that ended so.
    /// @par Error codes
    /// `errc::closed`: the value was taken already; `operation_aborted`: the wait was cancelled, or the manager
    /// was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the job goes on, and its result is not lost.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_result(Token&& token = {}) {
        return detail::async_take(share_.share(), std::forward<Token>(token));
    }

    /// The value of the job, when it has ended. Throws what the job has thrown, and the errors of async_result as
    /// system_error. The handle may be destroyed meanwhile.
    [[nodiscard]] net::awaitable<T> result() { return detail::result_of(share_.share()); }

private:
    detail::job_share<T> share_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_HANDLE_HPP
// end <telltale/run/job_handle.hpp>
// begin <telltale/run/job_manager.hpp>

#ifndef TELLTALE_RUN_JOB_MANAGER_HPP
#define TELLTALE_RUN_JOB_MANAGER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/run/detail/job_functions.hpp>

#ifndef TELLTALE_RUN_DETAIL_JOB_FUNCTIONS_HPP
#define TELLTALE_RUN_DETAIL_JOB_FUNCTIONS_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/run/detail/managed_job.hpp> is above
// <telltale/run/job_context.hpp> is above
// <telltale/sync/outcome.hpp> is above

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {
template <class T>
inline constexpr bool is_job_awaitable = false;
template <class T>
inline constexpr bool is_job_awaitable<net::awaitable<T>> = true;
} // namespace detail

/// A coroutine function that is the work of a job: `net::awaitable<T>(job_context)`. T is void or can be moved.
template <class Fn>
concept job_function = std::move_constructible<Fn> && std::invocable<Fn&, job_context> &&
    detail::is_job_awaitable<std::invoke_result_t<Fn&, job_context>>;

/// A plain function that is the work of a job on a pool: called with a job_context, or without.
template <class Fn>
concept pool_function = std::move_constructible<Fn> &&(std::invocable<Fn&, job_context> || std::invocable<Fn&>);

namespace detail {

template <class Fn>
using job_result_t = typename awaited_of<std::invoke_result_t<Fn&, job_context>>::type;

template <class Fn>
decltype(auto) call_on_pool(Fn& fn, job_context context) {
    if constexpr (std::invocable<Fn&, job_context>)
        return fn(std::move(context));
    else
        return fn();
}

template <class Fn>
using pool_result_t = std::decay_t<decltype(call_on_pool(std::declval<Fn&>(), std::declval<job_context>()))>;

template <class Submit>
auto or_throw(Submit submit) {
    error_code ec;
    auto handle = submit(ec);
    if (ec) throw system_error(ec);
    return handle;
}

/// Calls a function on a pool, and tells the handler on its own executor when it has returned.
template <class Pool, class Fn, class Result, class Handler>
struct pool_call {
    void operator()() {
        try {
            const auto measured = context.measure_cpu();
            if constexpr (std::is_void_v<pool_result_t<Fn>>)
                call_on_pool(*fn, context);
            else
                result->value.emplace(call_on_pool(*fn, context));
        } catch (...) {
            result->error = std::current_exception();
        }
        net::post(work, [handler = std::move(handler)]() mutable { std::move(handler)(error_code{}); });
    }

    Fn* fn; // of a job that waits for the handler
    job_context context;
    Result* result;
    Handler handler;
    tracked_executor<net::associated_executor_t<Handler, net::any_io_executor>> work;
};

/// A coroutine function out of a plain one.
template <class Pool, class Fn>
struct on_pool {
    using result_type = pool_result_t<Fn>;

    net::awaitable<result_type> operator()(job_context context) { return call(this, std::move(context)); }

    // Not cancelled: the function must have returned before the job can end.
    static net::awaitable<result_type> call(on_pool* self, job_context context) {
        outcome<result_type> result;
        co_await start(*self, context, result, net::use_awaitable);
        co_return result.take();
    }

    template <class Token>
    static auto start(on_pool& self, const job_context& context, outcome<result_type>& result, Token&& token) {
        return async_start<void(error_code)>(
            context.get_executor(),
            [&self, context, &result](auto&& handler, const net::any_io_executor& fallback) {
                using handler_type = std::decay_t<decltype(handler)>;
                auto work = track_work(net::get_associated_executor(handler, fallback));
                net::post(self.pool,
                          pool_call<Pool, Fn, outcome<result_type>, handler_type>{
                              &self.fn, context, &result, std::forward<decltype(handler)>(handler), std::move(work)});
            },
            std::forward<Token>(token));
    }

    Pool pool;
    Fn fn;
};

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_JOB_FUNCTIONS_HPP
// end <telltale/run/detail/job_functions.hpp>
// begin <telltale/run/detail/manager_impl.hpp>

#ifndef TELLTALE_RUN_DETAIL_MANAGER_IMPL_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_IMPL_HPP

// begin <telltale/run/detail/manager_attempt.hpp>

#ifndef TELLTALE_RUN_DETAIL_MANAGER_ATTEMPT_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_ATTEMPT_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/is_aborted.hpp> is above
// <telltale/run/detail/manager_state.hpp> is above
// <telltale/run/job_context.hpp> is above
// <telltale/run/job_failure.hpp> is above

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

// An attempt of a job: its beginning, what it says of itself, its end, and what is left of it.

namespace telltale::inline TELLTALE_ABI::detail {

/// What an attempt's coroutine completes with.
class attempt_end {
public:
    using cancellation_slot_type = net::cancellation_slot;

    explicit attempt_end(attempt_under_way attempt) noexcept
        : slot_(attempt.job().signal.slot()), attempt_(std::move(attempt)) {}

    cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

    void operator()(const std::exception_ptr& e) { std::move(attempt_).end(e); }

private:
    net::cancellation_slot slot_;
    attempt_under_way attempt_;
};

inline void manager_state::begin(attempt_under_way attempt) {
    managed_job& job = attempt.job();
    // If it is asked to end from here on, the signal is emitted behind this.
    if (job.stop_requested.load(std::memory_order_acquire)) {
        std::move(attempt).end(std::make_exception_ptr(system_error(net::error::operation_aborted)));
        return;
    }
    struct work {
        net::awaitable<void> operator()() { return job->begin(std::move(context)); }
        managed_job* job; // which attempt_end keeps
        job_context context;
    };
    work body{&job, job_context(self(), attempt.shared_job())};
    net::co_spawn(job.lane->executor(), std::move(body), attempt_end(std::move(attempt)));
}

// The execution context is gone, and with it the attempt.
inline void manager_state::abandon(managed_job& job) noexcept {
    {
        const std::lock_guard lock(mutex());
        if (job.rarity) job.rarity->alarm.reset();
        job.lane.reset();
    }
    job.signal.slot().clear(); // where an operation of this manager may have left a reference to it
}

inline bool wants_another_attempt(const job_retry& retry, const job_error& error) {
    try {
        return !retry.when || retry.when(error);
    } catch (...) {
        return false;
    }
}

inline void manager_state::end(const job_ptr& job, const std::exception_ptr& e) {
    effects todo;
    std::optional<job_error> error;
    bool aborted = false;
    bool again = false;
    if (e) {
        aborted = is_aborted(e);
        error = describe_error(e);
        const job_retry* retry = nullptr; // which nobody changes
        {
            const std::lock_guard lock(mutex());
            if (aborted && job->asked == managed_job::reason::timed_out)
                error = job_error{error_class::timeout, "the job exceeded its time limit"};
            if (job->rarity && job->attempt < job->rarity->retry.max_attempts) retry = &job->rarity->retry;
        }
        again = retry && wants_another_attempt(*retry, *error);
    }
    {
        const std::lock_guard lock(mutex());
        const auto now = source_.now();
        if (is_terminal(job->state)) { // lost with its manager
            leave_attempt(*job, now);
            todo.forgotten.push_back(index_.erase(*job));
            todo.dispose.push_back(job);
        } else {
            std::optional<progress> last;
            if (job->tracker) {
                job->tracker->finish();
                last = job->tracker->sample();
            }
            job_state state = e ? job_state::failed : job_state::succeeded;
            if (aborted && job->asked == managed_job::reason::cancelled) {
                state = job_state::cancelled;
                error.reset();
            }
            if (aborted && job->asked == managed_job::reason::timed_out) state = job_state::timed_out;
            again = again && job->asked != managed_job::reason::cancelled && !ending_;
            job->error = job->handles > 0 && state == job_state::failed && !again ? e : nullptr;
            if (again) {
                const auto delay = job->rarity->retry.delay.delay(job->attempt, random());
                begin_next_attempt(*job, delay, "attempt " + std::to_string(job->attempt) + ": " + error->message, now);
            } else {
                conclude(*job, state, std::move(error), last, todo, now);
            }
            pump(todo, now);
        }
    }
    carry_out(todo);
}

inline void manager_state::report_progress(const job_ptr& job, progress p, std::optional<std::string> message) {
    if (!has_sink_) return;
    {
        const std::lock_guard lock(mutex());
        if (!job->begun || !telling()) return;
        job_report r = report_of(*job);
        r.progress = p;
        r.message = std::move(message);
        tell(std::move(r));
    }
    flush();
}

// With the progress as it is then, so that the two fit together.
inline void manager_state::set_message(const job_ptr& job, std::string message) {
    if (!has_sink_) return;
    {
        const std::lock_guard lock(mutex());
        if (!job->begun || !telling()) return;
        job_report r = report_of(*job);
        if (job->tracker) r.progress = job->tracker->sample();
        r.message = std::move(message);
        tell(std::move(r));
    }
    flush();
}

inline progress_tracker& manager_state::tracker(const job_ptr& job, const progress_tracker_options& options) {
    progress_tracker* counted = nullptr;
    {
        const std::lock_guard lock(mutex());
        if (job->tracker) return *job->tracker;
        job->tracker = std::make_unique<progress_tracker>(executor_, options);
        counted = job->tracker.get();
        if (!job->begun) counted->finish();
        if (!job->begun || !telling()) return *counted;
    }
    publish(job, *counted, {});
    return *counted;
}

inline void manager_state::publish(const job_ptr& job, progress_tracker& counted, progress_snapshot last) {
    counted.async_wait_change(last, options_.publish_interval,
                              [s = self(), job, &counted, said = last.message](error_code ec, progress_snapshot now) {
                                  if (ec) return;
                                  {
                                      const std::lock_guard lock(s->mutex());
                                      if (job->tracker.get() != &counted) return; // of a former attempt
                                  }
                                  s->report_progress(job, now.value,
                                                     now.message == said ? std::optional<std::string>{} : now.message);
                                  s->publish(job, counted, std::move(now));
                              });
}

inline cpu_meter& manager_state::cpu_of(const job_ptr& job) {
    const std::lock_guard lock(mutex());
    return job->rare().cpu;
}

inline void manager_state::add_handle(managed_job& job) {
    const std::lock_guard lock(mutex());
    ++job.handles;
}

// Nobody else can ask for the result.
inline void manager_state::release_handle(managed_job& job) noexcept {
    std::exception_ptr error;
    {
        const std::lock_guard lock(mutex());
        if (--job.handles > 0) return;
        error = std::exchange(job.error, nullptr);
        if (job.state != job_state::succeeded) return;
    }
    job.discard();
}

template <class Fn, class T>
net::awaitable<void> job_of<Fn, T>::begin(job_context context) {
    if constexpr (std::is_void_v<T>)
        return (*function)(std::move(context));
    else
        return keep(std::static_pointer_cast<job_of>(this->shared_from_this()), std::move(context));
}

template <class Fn, class T>
net::awaitable<void> job_of<Fn, T>::keep(std::shared_ptr<job_of> self, job_context context) {
    if constexpr (!std::is_void_v<T>) self->value.emplace(co_await (*self->function)(std::move(context)));
    co_return;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_ATTEMPT_HPP
// end <telltale/run/detail/manager_attempt.hpp>
// begin <telltale/run/detail/manager_commands.hpp>

#ifndef TELLTALE_RUN_DETAIL_MANAGER_COMMANDS_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_COMMANDS_HPP

// <telltale/core/json_writer.hpp> is above
// <telltale/run/detail/manager_state.hpp> is above

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What others want of a manager and its jobs: commands, the end of all, and what is due at its time.

namespace telltale::inline TELLTALE_ABI::detail {

inline command_result manager_state::may(const managed_job& job, job_command command) const {
    const auto accepted_if = [](bool yes) { return yes ? command_result::accepted : command_result::refused; };
    if (closed_) return command_result::refused;
    const bool over = is_terminal(job.state);
    switch (command) {
    case job_command::cancel: return accepted_if(!over);
    case job_command::pause:
        if (job.begun && !job.pausable) return command_result::unsupported;
        return accepted_if(!over && job.asked == managed_job::reason::none);
    case job_command::resume: return accepted_if(!over && job.pause_requested.load(std::memory_order_relaxed));
    case job_command::retry:
        if (!job.rarity || !job.rarity->retry.on_command) return command_result::unsupported;
        return accepted_if(over && job.state != job_state::succeeded && job.state != job_state::lost && !stopped_);
    case job_command::approve:
    case job_command::reject: break;
    }
    return accepted_if(job.rarity && job.rarity->asks);
}

inline command_result manager_state::request(std::string_view id, job_command command, std::string comment) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        const auto now = source_.now();
        forget_old(now, todo.forgotten);
        managed_job* const job = index_.find(id);
        if (!job) return command_result::unknown_job;
        if (const auto allowed = may(*job, command); allowed != command_result::accepted) return allowed;
        switch (command) {
        case job_command::cancel: ask_to_end(*job, managed_job::reason::cancelled, todo, now); break;
        case job_command::pause: pause(*job); break;
        case job_command::resume: resume(*job, todo, now); break;
        case job_command::retry: retry(*job, now); break;
        case job_command::approve: answer(*job, {approval_result::approved, std::move(comment)}, todo, now); break;
        case job_command::reject: answer(*job, {approval_result::rejected, std::move(comment)}, todo, now); break;
        }
        pump(todo, now);
        renumber(now);
    }
    carry_out(todo);
    return command_result::accepted;
}

// For whoever knocks at a job's control, perhaps with a lock held that the sink needs too: nothing is told from here.
inline command_result manager_state::request_later(const job_id& id, job_command command) {
    {
        const std::lock_guard lock(mutex());
        const managed_job* const job = index_.find(id);
        if (!job) return closed_ ? command_result::refused : command_result::unknown_job;
        if (const auto allowed = may(*job, command); allowed != command_result::accepted) return allowed;
    }
    net::post(executor_, [s = self(), id, command] { s->request(id, command); });
    return command_result::accepted;
}

inline bool manager_state::supports(std::string_view id, job_command command) const {
    const std::lock_guard lock(mutex());
    const managed_job* const job = index_.find(id);
    return job && may(*job, command) != command_result::unsupported;
}

inline void manager_state::ask_to_end(managed_job& job, managed_job::reason why, effects& todo, clock::time_point now) {
    if (!job.begun) {
        conclude(job, job_state::cancelled, {}, {}, todo, now);
        return;
    }
    if (job.asked != managed_job::reason::none) return;
    job.asked = why;
    job.stop_requested.store(true, std::memory_order_release);
    if (job.in_queue) queue_.erase(job);
    todo.aborted.take(job.held);
    if (job.rarity) {
        todo.aborted.take(job.rarity->approval_waiters);
        job.rarity->asks.reset();
        clear_alarm(job);
    }
    if (!job.lane) return; // its execution context is gone
    todo.cancel.push_back(to_cancel{job.shared_from_this(), job.lane->executor(), job.attempt});
}

inline void manager_state::ask_all_to_end(effects& todo) {
    ending_ = true;
    const auto now = source_.now();
    std::vector<managed_job*> live; // those that end at once leave the queue, and may be forgotten
    live.reserve(live_);
    queue_.for_first(queue_.size(), [&](managed_job& job) { live.push_back(&job); });
    index_.for_each([&](managed_job& job) {
        if (!is_terminal(job.state) && !job.in_queue) live.push_back(&job);
    });
    for (managed_job* const job : live) ask_to_end(*job, managed_job::reason::cancelled, todo, now);
}

inline void manager_state::pause(managed_job& job) {
    job.pause_requested.store(true, std::memory_order_relaxed);
    if (job.state != job_state::queued) return;
    if (job.in_queue) queue_.erase(job);
    move_to(job, job_state::paused);
    tell_state(job);
}

inline void manager_state::resume(managed_job& job, effects& todo, clock::time_point now) {
    job.pause_requested.store(false, std::memory_order_relaxed);
    if (job.state != job_state::paused || (job.rarity && job.rarity->asks)) return;
    if (job.begun) return go_on(job, todo, now);
    move_to(job, job_state::queued);
    if (!job.rarity || job.rarity->alarm_for != job_rarity::purpose::next_attempt) enqueue(job, now);
    tell_state(job);
}

// An attempt that was held wants a slot, before all others of its priority.
inline void manager_state::go_on(managed_job& job, effects& todo, clock::time_point now,
                                 std::optional<job_notice> notice) {
    job.position = 0;
    queue_.push_front(job);
    if (!held_ && occupied_ < max_running_ && queue_.front() == &job) {
        queue_.erase(job);
        return let_run(job, todo, now, std::move(notice));
    }
    move_to(job, job_state::queued);
    tell_state(job, std::move(notice));
    renumber(now);
}

inline void manager_state::retry(managed_job& job, clock::time_point now) {
    ended_.erase(job);
    ++live_;
    job.kept = false;
    job.error = nullptr;
    begin_next_attempt(job, clock::duration::zero(), {}, now);
}

inline void manager_state::hold(managed_job& job, clock::time_point now) {
    job.ran += now - job.since;
    release_slot(job);
    move_to(job, job_state::paused);
    if (job.rarity && job.rarity->alarm_for == job_rarity::purpose::time_limit) {
        const auto limit = job.rarity->left.value_or(*job.rarity->time_limit);
        job.rarity->left = std::max(limit - (now - job.rarity->alarm_since), clock::duration::zero());
        clear_alarm(job);
    }
}

inline void manager_state::ask(managed_job& job, std::string what, std::optional<clock::duration> timeout,
                               effects& todo) {
    const auto now = source_.now();
    approval_request& asked = job.rare().asks.emplace(approval_request{std::move(what), {}});
    if (job.in_queue) queue_.erase(job);
    if (job.state == job_state::running)
        hold(job, now);
    else
        move_to(job, job_state::paused);
    if (timeout) {
        asked.until = source_.system_now() + std::chrono::duration_cast<timestamp::duration>(*timeout);
        set_alarm(job, job_rarity::purpose::approval, *timeout, now);
    }
    if (telling()) {
        job_report r = report_of(job);
        r.state = job_state::paused;
        r.approval = asked;
        r.notices.push_back({event_kind::approval_requested, {}});
        tell(std::move(r));
    }
    pump(todo, now);
}

// The wait was cancelled by the job's own doing (a time limit of its own): it runs, with a slot or without.
inline void manager_state::left_hold(const job_ptr& job) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        if (!job->begun || job->asked != managed_job::reason::none || job->state == job_state::running) return;
        if (job->rarity && job->rarity->approval_waiters.empty() && job->rarity->asks) {
            job->rarity->asks.reset();
            clear_alarm(*job);
        }
        if (!job->held.empty() || (job->rarity && job->rarity->asks)) return;
        if (job->in_queue) queue_.erase(*job);
        let_run(*job, todo, source_.now());
    }
    carry_out(todo);
}

inline job_notice notice_of_answer(const approval_request& asked, const approval& a) {
    constexpr event_kind kinds[]{event_kind::approval_approved, event_kind::approval_rejected,
                                 event_kind::approval_timed_out};
    job_notice notice{kinds[static_cast<std::size_t>(a.result)], {}};
    json_writer out(notice.data);
    out.begin_object().member("what", asked.what);
    if (!a.comment.empty()) out.member("comment", a.comment);
    out.end_object();
    return notice;
}

inline void manager_state::answer(managed_job& job, approval a, effects& todo, clock::time_point now) {
    job_notice notice = notice_of_answer(*job.rarity->asks, a);
    job.rarity->asks.reset();
    clear_alarm(job);
    while (wait_node* const n = job.rarity->approval_waiters.pop_front()) {
        std::get<approval>(static_cast<approval_waiter*>(n)->result()) = a;
        job.held.push_back(*n);
    }
    go_on(job, todo, now, std::move(notice));
}

inline void manager_state::set_alarm(managed_job& job, job_rarity::purpose what, clock::duration after,
                                     clock::time_point now) {
    job_rarity& rare = job.rare();
    if (!rare.alarm) rare.alarm.emplace(executor_);
    rare.alarm_for = what;
    rare.alarm_since = now;
    rare.alarm->expires_after(after);
    rare.alarm->async_wait(
        [weak = std::weak_ptr(self()), weak_job = job.weak_from_this(), number = ++rare.alarm_number](error_code ec) {
            if (ec) return;
            const auto s = weak.lock();
            const auto j = weak_job.lock();
            if (s && j) s->on_alarm(j, number);
        });
}

inline void manager_state::clear_alarm(managed_job& job) noexcept {
    if (!job.rarity || job.rarity->alarm_for == job_rarity::purpose::none) return;
    job.rarity->alarm_for = job_rarity::purpose::none;
    ++job.rarity->alarm_number;
    job.rarity->alarm.reset();
}

inline void manager_state::on_alarm(const job_ptr& job, std::uint64_t number) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        if (closed_ || job->rarity->alarm_number != number) return;
        const auto now = source_.now();
        const auto what = std::exchange(job->rarity->alarm_for, job_rarity::purpose::none);
        if (what == job_rarity::purpose::time_limit) ask_to_end(*job, managed_job::reason::timed_out, todo, now);
        if (what == job_rarity::purpose::approval) answer(*job, {approval_result::timed_out, {}}, todo, now);
        if (what == job_rarity::purpose::next_attempt && job->state == job_state::queued) enqueue(*job, now);
        pump(todo, now);
        renumber(now);
    }
    carry_out(todo);
}

inline void manager_state::set_max_running(std::size_t n) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        max_running_ = n;
        pump(todo, source_.now());
    }
    carry_out(todo);
}

inline void manager_state::hold_queue(bool hold) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        held_ = hold;
        pump(todo, source_.now());
    }
    carry_out(todo);
}

inline void manager_state::stop() {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        stopped_ = true;
        ask_all_to_end(todo);
    }
    carry_out(todo);
}

// Takes no more, and sets the time at which the rest is asked to end: the earliest that was asked for.
inline void manager_state::shut_down(clock::duration drain) {
    if (drain <= clock::duration::zero()) return stop();
    const std::lock_guard lock(mutex());
    stopped_ = true;
    const auto now = source_.now();
    const auto at = drain > clock::time_point::max() - now ? clock::time_point::max() : now + drain;
    if (closed_ || live_ == 0 || at >= deadline_at_) return;
    deadline_at_ = at;
    if (!deadline_) deadline_.emplace(executor_);
    deadline_->expires_at(at);
    deadline_->async_wait([weak = std::weak_ptr(self())](error_code ec) {
        if (const auto s = weak.lock(); s && !ec) s->stop();
    });
}

// What waits is cancelled. What runs is asked to end, and told as lost: nobody will tell how it ends.
inline void manager_state::close() noexcept {
    effects todo;
    wait_list waiters;
    {
        const std::lock_guard lock(mutex());
        stopped_ = true;
        take_all(waiters);
        ask_all_to_end(todo);
        std::vector<managed_job*> ended;
        index_.for_each([&](managed_job& job) {
            if (is_terminal(job.state)) return ended.push_back(&job);
            if (telling()) {
                job_report r = report_of(job);
                r.state = job_state::lost;
                r.message = "its manager was destroyed";
                tell(std::move(r));
            }
            move_to(job, job_state::lost);
        });
        for (managed_job* const job : ended) {
            if (std::exchange(job->kept, false))
                todo.dispose.push_back(job->shared_from_this()); // a handle may keep it
            forget(*job, todo.forgotten);
        }
        closed_ = true;
        lanes_.clear();
    }
    carry_out(todo);
    waiters.finish_all(net::error::operation_aborted);
    if (telling_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
    const std::lock_guard lock(sink_mutex_);
    sink_ = nullptr;
}

inline void manager_state::take_all(wait_list& all) noexcept {
    all.take(drainers_);
    index_.for_each([&all](managed_job& job) {
        all.take(job.waiters);
        all.take(job.held);
        if (!job.rarity) return;
        all.take(job.rarity->approval_waiters);
        job.rarity->alarm.reset();
    });
    tidy_.reset();
    tidying_ = false;
    deadline_.reset();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_COMMANDS_HPP
// end <telltale/run/detail/manager_commands.hpp>
// <telltale/run/detail/manager_state.hpp> is above
// <telltale/run/detail/manager_steps.hpp> is above
// <telltale/run/detail/manager_waits.hpp> is above

#include <charconv>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

// What a manager does with its jobs by itself: the way of a job from the queue to its end.

namespace telltale::inline TELLTALE_ABI::detail {

inline void write_number(std::string& to, std::uint64_t n) {
    char digits[20];
    to.assign(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

inline bool manager_state::submit(const job_ptr& job, job_spec& spec, error_code& ec) {
    ec = {};
    effects todo;
    {
        const std::lock_guard lock(mutex());
        if (stopped_) {
            ec = errc::closed;
            return false;
        }
        const auto now = source_.now();
        forget_old(now, todo.forgotten);
        if (spec.id.empty()) {
            do {
                write_number(job->id, next_id_++);
            } while (!index_.insert(job));
        } else {
            job->id = std::move(spec.id);
            if (!index_.insert(job)) {
                ec = errc::duplicate_job;
                return false;
            }
        }
        job->name = std::move(spec.name);
        job->kind = std::move(spec.kind);
        job->priority = spec.priority;
        if (spec.time_limit || spec.retry.max_attempts > 1 || spec.retry.on_command) {
            job->rare().time_limit = spec.time_limit;
            job->rare().retry = std::move(spec.retry);
        }
        ++live_;
        ++count_of(job_state::queued);
        enqueue(*job, now);
        const std::size_t place = queue_.places_to_end_of(job->priority);
        if (telling()) {
            job_report r = report_of(*job);
            r.state = job_state::queued;
            r.name = job->name;
            r.kind = job->kind;
            r.labels = std::move(spec.labels);
            r.control = std::make_shared<managed_job_control>(self(), job->id);
            if ((held_ || occupied_ >= max_running_) && place <= options_.told_positions)
                r.queue_position = job->position = static_cast<std::uint32_t>(place);
            tell(std::move(r));
        }
        if (place != queue_.size()) renumber(now);
        pump(todo, now);
    }
    carry_out(todo);
    return true;
}

inline job_counts manager_state::counts_now() const noexcept {
    const auto of = [this](job_state s) { return by_state_[static_cast<std::size_t>(s)]; };
    job_counts c;
    c.queued = static_cast<std::size_t>(of(job_state::queued));
    c.paused = static_cast<std::size_t>(of(job_state::paused));
    c.running = static_cast<std::size_t>(of(job_state::running));
    c.succeeded = of(job_state::succeeded);
    c.failed = of(job_state::failed);
    c.cancelled = of(job_state::cancelled);
    c.timed_out = of(job_state::timed_out);
    return c;
}

inline job_report manager_state::report_of(const managed_job& job) const {
    job_report r;
    r.id = job.id;
    r.at = source_.system_now();
    return r;
}

inline void manager_state::tell_state(const managed_job& job, std::optional<job_notice> notice) {
    if (!telling()) return;
    job_report r = report_of(job);
    r.state = job.state;
    if (notice) r.notices.push_back(std::move(*notice));
    tell(std::move(r));
}

inline void manager_state::enqueue(managed_job& job, clock::time_point now) {
    job.since = now;
    job.position = 0;
    queue_.push_back(job);
}

inline void manager_state::pump(effects& todo, clock::time_point now) {
    bool changed = false;
    while (!held_ && occupied_ < max_running_ && !queue_.empty()) {
        managed_job& job = *queue_.front();
        queue_.erase(job);
        let_run(job, todo, now);
        changed = true;
    }
    if (changed) renumber(now);
}

inline void manager_state::let_run(managed_job& job, effects& todo, clock::time_point now,
                                   std::optional<job_notice> notice) {
    job.occupies = true;
    ++occupied_;
    move_to(job, job_state::running);
    if (job.begun) {
        todo.ready.take(job.held);
    } else {
        statistics_.waited.add(now - job.since);
        job.begun = true;
        job.ran = {};
        job.lane = take_lane();
        todo.start.push_back(job.shared_from_this());
    }
    job.since = now;
    if (job.rarity && job.rarity->time_limit)
        set_alarm(job, job_rarity::purpose::time_limit, job.rarity->left.value_or(*job.rarity->time_limit), now);
    tell_state(job, std::move(notice));
}

inline std::unique_ptr<job_lane> manager_state::take_lane() {
    if (lanes_.empty()) return std::make_unique<job_lane>(executor_);
    auto lane = std::move(lanes_.back());
    lanes_.pop_back();
    return lane;
}

inline void manager_state::release_slot(managed_job& job) noexcept {
    if (std::exchange(job.occupies, false)) --occupied_;
}

// Tells those at the head of the queue their places where these have changed: at once, but not too often.
inline void manager_state::renumber(clock::time_point now) {
    if (!telling()) return;
    if (queue_.empty()) {
        if (std::exchange(tidying_, false)) tidy_->cancel();
        return;
    }
    if (tidying_) return;
    if (tidied_ != clock::time_point::min() && now < tidied_ + options_.publish_interval) {
        tidying_ = true;
        if (!tidy_) tidy_.emplace(executor_);
        tidy_->expires_at(tidied_ + options_.publish_interval);
        tidy_->async_wait([weak = std::weak_ptr(self())](error_code ec) {
            if (const auto s = weak.lock(); s && !ec) s->on_tidy();
        });
        return;
    }
    std::uint32_t position = 0;
    queue_.for_first(options_.told_positions, [&](managed_job& job) {
        if (job.position == ++position) return;
        job.position = position;
        job_report r = report_of(job);
        r.queue_position = position;
        tell(std::move(r));
        tidied_ = now;
    });
}

inline void manager_state::on_tidy() {
    {
        const std::lock_guard lock(mutex());
        if (!std::exchange(tidying_, false)) return;
        tidied_ = clock::time_point::min();
        renumber(source_.now());
    }
    flush();
}

// Gives back all that an attempt has while it is under way.
inline void manager_state::leave_attempt(managed_job& job, clock::time_point now) noexcept {
    if (job.begun) {
        if (job.state == job_state::running) job.ran += now - job.since;
        statistics_.ran.add(job.ran);
        if (job.rarity) {
            const auto used = job.rarity->cpu.total().value_or(std::chrono::nanoseconds{});
            statistics_.cpu += used - std::exchange(job.rarity->cpu_counted, used);
        }
    }
    release_slot(job);
    clear_alarm(job);
    if (job.in_queue) queue_.erase(job);
    if (job.lane && !closed_) lanes_.push_back(std::move(job.lane));
    job.lane.reset();
    job.begun = false;
    job.asked = managed_job::reason::none;
    job.stop_requested.store(false, std::memory_order_relaxed);
    if (job.rarity) {
        job.rarity->left.reset();
        job.rarity->asks.reset();
    }
}

inline void manager_state::conclude(managed_job& job, job_state state, std::optional<job_error> error,
                                    std::optional<progress> last, effects& todo, clock::time_point now) {
    if (state == job_state::succeeded && job.state != job_state::running) { // a job that did not care to be paused
        move_to(job, job_state::running);
        job.since = now;
        tell_state(job);
    }
    leave_attempt(job, now);
    move_to(job, state);
    --live_;
    if (telling()) {
        job_report r = report_of(job);
        r.state = state;
        r.progress = last;
        r.error = std::move(error);
        if (job.rarity && job.rarity->steps) end_steps(job, state, r);
        tell(std::move(r));
    }
    while (wait_node* const n = job.waiters.pop_front()) {
        std::get<job_state>(static_cast<end_waiter*>(n)->result()) = state;
        todo.ready.push_back(*n);
    }
    todo.aborted.take(job.held);
    if (job.rarity) todo.aborted.take(job.rarity->approval_waiters);
    job.pause_requested.store(false, std::memory_order_relaxed);
    job.kept = job.rarity && job.rarity->retry.on_command && state != job_state::succeeded && !stopped_;
    if (!job.kept) todo.dispose.push_back(job.shared_from_this());
    if (job.handles == 0 && state == job_state::succeeded) todo.discard.push_back(job.shared_from_this());
    job.since = now;
    ended_.push_back(job);
    while (ended_.size() > options_.keep_ended) forget(*ended_.front(), todo.forgotten);
    forget_old(now, todo.forgotten);
    if (live_ == 0) {
        todo.ready.take(drainers_);
        if (deadline_) deadline_->cancel();
        deadline_at_ = clock::time_point::max();
    }
}

inline void manager_state::forget(managed_job& job, few<job_ptr>& gone) {
    ended_.erase(job);
    gone.push_back(index_.erase(job));
}

inline void manager_state::forget_old(clock::time_point now, few<job_ptr>& gone) {
    if (!options_.keep_ended_for) return;
    while (managed_job* const oldest = ended_.front()) {
        if (now - oldest->since < *options_.keep_ended_for) return;
        forget(*oldest, gone);
    }
}

inline void manager_state::begin_next_attempt(managed_job& job, clock::duration delay, std::string why,
                                              clock::time_point now) {
    leave_attempt(job, now);
    ++job.attempt;
    ++statistics_.retries;
    if (job.tracker) job.rare().abandoned.push_back(std::move(job.tracker));
    const auto former_steps = job.rarity ? std::exchange(job.rarity->steps, nullptr) : nullptr;
    const bool paused = job.pause_requested.load(std::memory_order_relaxed);
    move_to(job, paused ? job_state::paused : job_state::queued);
    if (delay > clock::duration::zero())
        set_alarm(job, job_rarity::purpose::next_attempt, delay, now);
    else if (!paused)
        enqueue(job, now);
    if (telling()) {
        job_report r = report_of(job);
        r.attempt = job.attempt;
        r.state = job.state;
        r.message = std::move(why);
        tell(std::move(r));
    }
    renumber(now);
}

// What has been decided under the mutex.
inline void manager_state::carry_out(effects& todo) {
    flush();
    todo.dispose.for_each([](const job_ptr& job) { job->dispose(); });
    todo.discard.for_each([](const job_ptr& job) { job->discard(); });
    struct beginning {
        void operator()() { std::move(attempt).begin(); }
        attempt_under_way attempt;
    };
    todo.start.for_each([this](const job_ptr& job) { job->lane->post(beginning{attempt_under_way(self(), job)}); });
    // A signal is emitted where the job runs: elsewhere it would be a race with its operations. By then the attempt may
    // be over.
    todo.cancel.for_each([this](const to_cancel& c) {
        net::post(c.executor, [s = self(), job = c.job, attempt = c.attempt] {
            {
                const std::lock_guard lock(s->mutex());
                if (!job->begun || job->attempt != attempt) return;
            }
            job->signal.emit(net::cancellation_type::terminal);
        });
    });
    todo.ready.ready_all();
    todo.aborted.finish_all(net::error::operation_aborted);
}

// One thread at a time. Whoever comes meanwhile waits, so that what it did has been told when it returns; but for the
// sink itself, whose doings are told by the loop that called it.
inline void manager_state::flush() {
    if (!has_sink_) return;
    const auto me = std::this_thread::get_id();
    if (telling_.load(std::memory_order_relaxed) == me) return;
    const std::lock_guard sink_lock(sink_mutex_);
    telling_.store(me, std::memory_order_relaxed);
    for (std::vector<job_report> batch;; batch.clear()) {
        {
            const std::lock_guard lock(mutex());
            batch.swap(outbox_);
        }
        if (batch.empty()) break;
        for (job_report& next : batch) {
            try {
                if (sink_) sink_(std::move(next));
            } catch (...) { // it must not; the jobs go on
            }
        }
    }
    telling_.store(std::thread::id{}, std::memory_order_relaxed);
}

inline double manager_state::random() noexcept {
    std::uint64_t z = (random_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1.0p-53;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_IMPL_HPP
// end <telltale/run/detail/manager_impl.hpp>
// <telltale/run/detail/manager_state.hpp> is above
// <telltale/run/job_context.hpp> is above
// <telltale/run/job_handle.hpp> is above
// <telltale/run/job_manager_options.hpp> is above
// <telltale/run/job_spec.hpp> is above
// <telltale/run/job_statistics.hpp> is above

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Runs jobs, at most so many at once; the others wait in a queue, by priority, then first in, first out.
///
///     telltale::job_manager manager(executor, board.sink(), {.max_running = 2});
///     auto sum = manager.submit({.name = "asio"}, [folder](telltale::job_context job) { return hash(folder, job); });
///     const std::uint32_t hash = co_await sum.result();
///
/// A job is queued, running, and then succeeded; failed when its function throws (job_failure says with which class);
/// cancelled when it was asked to end and did so with operation_aborted; or timed_out, the same for its time limit. A
/// job that ends with its own result or error although it was asked to end has that result or error. Where it comes to a
/// checkpoint, or asks for an approval, it can be paused; then it holds no slot. A job that is tried again
/// (job_spec::retry) is queued again, with the number of its attempt.
///
/// Each job runs on a strand of its own, so on a thread pool jobs run in parallel and can still be cancelled.
///
/// What happens is reported to the sink, in order and never by two threads at once; when a function returns, what it
/// did has been reported. The sink may call the manager.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
class job_manager {
public:
    using executor_type = net::any_io_executor;

    /// `sink` may be empty.
    job_manager(executor_type executor, job_sink sink, job_manager_options options = {})
        : state_(std::make_shared<detail::manager_state>(std::move(executor), std::move(sink), options)) {}

    job_manager(const job_manager&) = delete;
    job_manager& operator=(const job_manager&) = delete;

    /// Cancels all jobs and does not wait for them: what they refer to must outlive them. What was queued is reported
    /// as cancelled, what runs as lost; then the sink is called no more. Whoever waits gets operation_aborted. For an
    /// orderly end: async_shutdown.
    ~job_manager() { state_->close(); }

    executor_type get_executor() const noexcept { return state_->executor(); }

    /// Takes a job in, and starts it when fewer than max_running run. `fn(job_context)` returns a net::awaitable<T>; it is
    /// called on the job's strand, and kept until its coroutine has ended: so here it may be a coroutine lambda with
    /// captures. Throws system_error: `errc::duplicate_job`: the id is in use; `errc::closed`: after stop().
    template <job_function Fn>
    auto submit(job_spec spec, Fn fn) {
        return detail::or_throw([&](error_code& ec) { return submit(std::move(spec), std::move(fn), ec); });
    }

    /// The same, with the error as a value; the handle is empty then.
    template <job_function Fn>
    auto submit(job_spec spec, Fn fn, error_code& ec) {
        return add<detail::job_result_t<Fn>>(std::move(spec), std::move(fn), true, ec);
    }

    /// Takes in a job that is a plain function: `fn(job_context)` or `fn()` is called on a thread of `pool`, any executor,
    /// and what it returns is the job's result. It is asked to end by job_context::stop_requested only, and answers by
    /// throw_if_stopped; it cannot be paused while it runs. The CPU time that it used is in the statistics. Errors as
    /// above.
    template <class Pool, pool_function Fn>
    auto submit(job_spec spec, Pool pool, Fn fn) {
        return detail::or_throw(
            [&](error_code& ec) { return submit(std::move(spec), std::move(pool), std::move(fn), ec); });
    }

    /// The same, with the error as a value; the handle is empty then.
    template <class Pool, pool_function Fn>
    auto submit(job_spec spec, Pool pool, Fn fn, error_code& ec) {
        using on_pool = detail::on_pool<Pool, Fn>;
        return add<detail::pool_result_t<Fn>>(std::move(spec), on_pool{std::move(pool), std::move(fn)}, false, ec);
    }

    /// Ends a job that is queued, or paused and has not begun, now; asks a running one to end
    /// (cancellation_type::terminal). Asking again is accepted and does nothing. `refused`: it has ended already.
    command_result cancel(const job_id& id) { return state_->request(id, job_command::cancel); }

    /// Takes a queued job out of the queue, and holds a running one when it comes to its next checkpoint. `refused`: it has
    /// ended, or was asked to; `unsupported`: it runs and has no checkpoints, as a function on a pool.
    command_result pause(const job_id& id) { return state_->request(id, job_command::pause); }

    /// Lets a paused job go on; one that has not begun is queued again, behind the others. `refused`: it is not to pause.
    command_result resume(const job_id& id) { return state_->request(id, job_command::resume); }

    /// Begins another attempt of a job that has failed, was cancelled or has timed out: it is queued. `unsupported`: its
    /// job_retry::on_command is not set; `refused`: it has not ended, or has succeeded.
    command_result retry(const job_id& id) { return state_->request(id, job_command::retry); }

    /// Answers a job that waits for an approval. `refused`: it does not.
    command_result approve(const job_id& id, std::string comment = {}) {
        return state_->request(id, job_command::approve, std::move(comment));
    }
    command_result reject(const job_id& id, std::string comment = {}) {
        return state_->request(id, job_command::reject, std::move(comment));
    }

    /// Holds the queue: what runs goes on, nothing else begins or goes on until resume().
    void pause() { state_->hold_queue(true); }
    void resume() { state_->hold_queue(false); }

    /// Changes the limit. What runs beyond a lower one goes on.
    void set_max_running(std::size_t n) { state_->set_max_running(n); }
    std::size_t max_running() const { return state_->max_running(); }

    /// Takes no more jobs, and cancels all there are.
    void stop() { state_->stop(); }

    job_counts counts() const { return state_->counts(); }
    job_statistics statistics() const { return state_->statistics(); }

    /// The state of a job that is queued, running, or still remembered.
    std::optional<job_state> state(const job_id& id) const { return state_->state_of(id); }

    /// The CPU time that was measured of a job so far, of all its attempts: of a function on a pool when it has returned,
    /// and of the rest what job_context::measure_cpu has measured. Nothing: nothing was, or the job is not known.
    std::optional<std::chrono::nanoseconds> cpu_time(const job_id& id) const { return state_->cpu_time_of(id); }

    /// Waits until the job has ended.
    ///
    /// @par Completion signature
    /// `void(error_code, job_state)`
    /// @par Error codes
    /// `errc::unknown_job`: there is no such job, or it was forgotten (`keep_ended`); `operation_aborted`: cancelled,
    /// or the manager was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the job goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_wait(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job_state)>(
            get_executor(),
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                state->start_wait_end(std::forward<decltype(handler)>(handler), executor, id);
            },
            std::forward<Token>(token));
    }

    /// Waits until all jobs have ended.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the manager was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the jobs go on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_drain(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            get_executor(),
            [state = state_](auto&& handler, const executor_type& executor) {
                state->start_drain(std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// Takes no more jobs, and waits until all have ended; those that have not after `drain` (0: at once) are cancelled. If
    /// it is called several times, the earliest end counts.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: the wait was cancelled, or the manager was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the shutdown goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_shutdown(std::chrono::steady_clock::duration drain, Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            get_executor(),
            [state = state_, drain](auto&& handler, const executor_type& executor) {
                state->shut_down(drain);
                state->start_drain(std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

private:
    template <class T, class Fn>
    job_handle<T> add(job_spec spec, Fn fn, bool pausable, error_code& ec) {
        auto job = std::make_shared<detail::job_of<Fn, T>>(std::move(fn), pausable);
        job->handles = 1;
        if (!state_->submit(job, spec, ec)) return {};
        return job_handle<T>(detail::job_share<T>(state_, std::move(job)));
    }

    std::shared_ptr<detail::manager_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_MANAGER_HPP
// end <telltale/run/job_manager.hpp>
// <telltale/run/job_manager_options.hpp> is above
// <telltale/run/job_spec.hpp> is above
// <telltale/run/job_statistics.hpp> is above
// begin <telltale/run/process.hpp>

#ifndef TELLTALE_RUN_PROCESS_HPP
#define TELLTALE_RUN_PROCESS_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// begin <telltale/run/detail/process_run.hpp>

#ifndef TELLTALE_RUN_DETAIL_PROCESS_RUN_HPP
#define TELLTALE_RUN_DETAIL_PROCESS_RUN_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/run/detail/process_output.hpp>

#ifndef TELLTALE_RUN_DETAIL_PROCESS_OUTPUT_HPP
#define TELLTALE_RUN_DETAIL_PROCESS_OUTPUT_HPP

// begin <telltale/run/process_options.hpp>

#ifndef TELLTALE_RUN_PROCESS_OPTIONS_HPP
#define TELLTALE_RUN_PROCESS_OPTIONS_HPP

// <telltale/version.hpp> is above

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

enum class process_stream : std::uint8_t { output, errors }; ///< what the process writes to descriptor 1, and to 2

/// How a process is to be run.
///
/// (Name the options before a co_await: GCC 12 destroys temporaries of aggregate type in a co_await expression twice.)
struct process_options {
    /// The program and its arguments; no shell reads them. A program without a slash is looked for in the PATH of this
    /// process, a relative path is taken from working_folder.
    std::vector<std::string> argv{};
    /// Added to the inherited environment; no value: taken out of it.
    std::map<std::string, std::optional<std::string>> environment{};
    bool inherit_environment = true;        ///< false: the process has `environment` and nothing else
    std::filesystem::path working_folder{}; ///< empty: that of this process
    std::optional<std::string> input{};     ///< what the process reads from its standard input; absent: nothing
    /// How many bytes are kept of each stream: the last so many, and how many were dropped before them. Whatever the
    /// limit, all is read, so that the process is never held up by it.
    std::size_t capture_limit = 1'048'576;
    /// How long after a cancellation (SIGTERM) whatever still runs is killed (SIGKILL). 0 or less: at once.
    std::chrono::steady_clock::duration grace = std::chrono::seconds{5};
    /// How long after the end of the process its output is waited for where somebody else, a daemon that it has left
    /// behind, holds it open. What had been written by then is never lost.
    std::chrono::steady_clock::duration linger = std::chrono::milliseconds{200};
    /// The process begins a process group, and signals are sent to all of it: so its children end with it. A Ctrl-C in
    /// the terminal then does not reach it. false: it stays in the group of this process, and only it gets signals.
    bool own_group = true;
    /// Called with every line of either stream, without its '\n', and with what is left at the end; a line longer than
    /// 64 KiB comes in pieces. One call at a time, on a strand of the executor, the last before the completion. The
    /// text is valid during the call. What it throws first is kept in the result; the process goes on.
    std::function<void(process_stream stream, std::string_view line)> on_output{};
};

/// The end of what a process wrote to a stream.
struct captured_output {
    std::string text{};        ///< the last bytes, at most capture_limit
    std::uint64_t dropped = 0; ///< bytes that were before them

    friend bool operator==(const captured_output&, const captured_output&) = default;
};

/// How a process ended, what it wrote and what it took.
struct process_result {
    std::int64_t pid = 0;             ///< 0: it was never started
    std::optional<int> exit_code{};   ///< 0 to 255; absent: it did not exit by itself
    std::optional<int> term_signal{}; ///< the number of the signal that ended it; absent: it exited by itself
    bool core_dumped = false;
    /// It was cancelled, had not ended when its grace was over, and was sent SIGKILL.
    bool killed = false;
    captured_output output{};                    ///< of its standard output
    captured_output errors{};                    ///< of its standard error output
    std::chrono::duration<double> elapsed{};     ///< from its start until its end was seen
    std::chrono::duration<double> user_time{};   ///< CPU time of it and of the children that it waited for
    std::chrono::duration<double> system_time{}; ///< likewise, in the kernel
    std::uint64_t peak_rss_bytes = 0;            ///< the largest resident set of it or of one such child
    std::exception_ptr on_output_error{};        ///< the first that on_output threw

    /// It exited with 0.
    bool succeeded() const noexcept { return exit_code == 0; }
};

/// "exited with 3", "killed by SIGSEGV (core dumped)": for people.
std::string describe_end(const process_result& result);

namespace detail {

inline std::string signal_name(int number) {
    // As Linux has them on all but a few architectures; the first fifteen, but for 7, are the same everywhere.
    static constexpr std::string_view names[] = {"",     "HUP",  "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",
                                                 "FPE",  "KILL", "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM",
                                                 "",     "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",
                                                 "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS"};
    if (number > 0 && static_cast<std::size_t>(number) < std::size(names))
        if (const auto name = names[static_cast<std::size_t>(number)]; !name.empty()) return "SIG" + std::string(name);
    return "signal " + std::to_string(number);
}

} // namespace detail

inline std::string describe_end(const process_result& result) {
    if (result.exit_code) return "exited with " + std::to_string(*result.exit_code);
    if (!result.term_signal) return "was not run";
    return "killed by " + detail::signal_name(*result.term_signal) + (result.core_dumped ? " (core dumped)" : "");
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_PROCESS_OPTIONS_HPP
// end <telltale/run/process_options.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Keeps the last bytes of a stream, in no more memory than their limit.
class output_tail {
public:
    explicit output_tail(std::size_t limit) noexcept : limit_(limit) {}

    void append(std::string_view bytes) {
        if (bytes.size() > limit_) {
            dropped_ += bytes.size() - limit_;
            bytes.remove_prefix(bytes.size() - limit_);
        }
        const std::size_t room = std::min(limit_ - kept_.size(), bytes.size());
        kept_.append(bytes.substr(0, room));
        bytes.remove_prefix(room);
        dropped_ += bytes.size();
        while (!bytes.empty()) { // full: over the oldest, which begin at oldest_
            const std::size_t n = std::min(bytes.size(), limit_ - oldest_);
            bytes.copy(kept_.data() + oldest_, n);
            bytes.remove_prefix(n);
            oldest_ = (oldest_ + n) % limit_;
        }
    }

    captured_output take() {
        std::rotate(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(oldest_), kept_.end());
        oldest_ = 0;
        return {std::move(kept_), std::exchange(dropped_, 0)};
    }

private:
    std::size_t limit_;
    std::string kept_;
    std::size_t oldest_ = 0;
    std::uint64_t dropped_ = 0;
};

/// Cuts a stream into lines; calls `tell(line)`.
class line_splitter {
public:
    static constexpr std::size_t longest = 65'536;

    template <class Tell>
    void append(std::string_view bytes, const Tell& tell) {
        for (;;) {
            const std::size_t end = bytes.find('\n');
            const std::size_t room = longest - begun_.size();
            const std::size_t n = std::min({end, room, bytes.size()});
            if (end == n) { // a whole line
                if (begun_.empty()) {
                    tell(bytes.substr(0, n));
                } else {
                    begun_.append(bytes.substr(0, n));
                    tell_begun(tell);
                }
                bytes.remove_prefix(n + 1);
                continue;
            }
            begun_.append(bytes.substr(0, n));
            bytes.remove_prefix(n);
            if (bytes.empty()) return;
            tell_begun(tell);
        }
    }

    /// Tells the line that has no end.
    template <class Tell>
    void finish(const Tell& tell) {
        if (!begun_.empty()) tell_begun(tell);
    }

private:
    template <class Tell>
    void tell_begun(const Tell& tell) {
        tell(std::string_view(begun_));
        begun_.clear();
    }

    std::string begun_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_PROCESS_OUTPUT_HPP
// end <telltale/run/detail/process_output.hpp>
// begin <telltale/run/detail/process_spawn.hpp>

#ifndef TELLTALE_RUN_DETAIL_PROCESS_SPAWN_HPP
#define TELLTALE_RUN_DETAIL_PROCESS_SPAWN_HPP

// <telltale/asio.hpp> is above
// <telltale/error.hpp> is above
// <telltale/run/process_options.hpp> is above

#if !defined(_WIN32)

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/types.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <sys/syscall.h>
#else
#include <cstdlib>
#endif

// How a process begins. posix_spawn does not copy this process (vfork), returns what exec said instead of a child that
// exits with 127, and is safe while other threads run. Every descriptor is made close-on-exec in the call that opens it,
// so processes that are started by other threads at the same time do not inherit it.

namespace telltale::inline TELLTALE_ABI::detail {

inline error_code errno_code(int value) noexcept { return {value, net::error::get_system_category()}; }

/// Owns a descriptor.
class unique_fd {
public:
    unique_fd() noexcept = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        unique_fd former(std::exchange(fd_, other.release()));
        return *this;
    }
    ~unique_fd() {
        if (fd_ >= 0) ::close(fd_);
    }

    explicit operator bool() const noexcept { return fd_ >= 0; }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

/// Of a descriptor just opened. In a program that has closed one of its standard streams a new descriptor may be 0, 1 or
/// 2, to which others write, and which are those of the child.
inline unique_fd above_standard(unique_fd fd, error_code& ec) noexcept {
    if (fd && fd.get() <= STDERR_FILENO) fd = unique_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!fd) ec = errno_code(errno);
    return fd;
}

struct pipe_ends {
    unique_fd read;
    unique_fd write;
};

inline pipe_ends make_pipe(error_code& ec) noexcept {
    int fds[2] = {-1, -1};
#if defined(__APPLE__)
    const bool made = ::pipe(fds) == 0;
    for (const int fd : fds)
        if (made) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
#else
    const bool made = ::pipe2(fds, O_CLOEXEC) == 0;
#endif
    if (!made) ec = errno_code(errno);
    unique_fd read(fds[0]);
    unique_fd write(fds[1]);
    if (ec) return {};
    read = above_standard(std::move(read), ec);
    if (!ec) write = above_standard(std::move(write), ec);
    return {std::move(read), std::move(write)};
}

/// A file without a name that holds `input`. Not a pipe: what a process does not read is in nobody's way, there is nothing
/// to be written while it runs, and so no SIGPIPE when it ends early.
inline unique_fd make_input(std::string_view input, error_code& ec) noexcept {
#if defined(__linux__)
    unique_fd file(::memfd_create("telltale-input", MFD_CLOEXEC));
#else
    char name[] = "/tmp/telltale-input-XXXXXX";
    unique_fd file(::mkostemp(name, O_CLOEXEC));
    if (file) ::unlink(name);
#endif
    file = above_standard(std::move(file), ec);
    while (!ec && !input.empty()) {
        const ::ssize_t n = ::write(file.get(), input.data(), input.size());
        if (n >= 0)
            input.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            ec = errno_code(errno);
    }
    if (!ec && ::lseek(file.get(), 0, SEEK_SET) != 0) ec = errno_code(errno);
    return file;
}

/// Opens a folder in order to go there, which needs the permission to search it: hence the dot.
inline unique_fd open_folder(const std::string& folder, error_code& ec) {
#if defined(O_PATH)
    constexpr int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
#else
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
#endif
    unique_fd fd(::open((folder + "/.").c_str(), flags));
    return above_standard(std::move(fd), ec);
}

/// Strings as exec takes them. Refers to what it was given.
class c_strings {
public:
    void reserve(std::size_t n) { pointers_.reserve(n + 1); }
    void add(const char* s) { pointers_.push_back(const_cast<char*>(s)); }
    char* const* get() {
        pointers_.push_back(nullptr);
        return pointers_.data();
    }

private:
    std::vector<char*> pointers_;
};

inline bool has_nul(std::string_view s) noexcept { return s.find('\0') != s.npos; }

inline bool are_valid(const process_options& options) noexcept {
    if (options.argv.empty() || options.argv.front().empty()) return false;
    for (const auto& argument : options.argv)
        if (has_nul(argument)) return false;
    for (const auto& [name, value] : options.environment)
        if (name.empty() || name.find('=') != name.npos || has_nul(name) || (value && has_nul(*value))) return false;
    return !has_nul(options.working_folder.native());
}

/// `storage`: of what is not this process's own.
inline void make_environment(const process_options& options, std::vector<std::string>& storage,
                             c_strings& environment) {
    for (char** entry = options.inherit_environment ? ::environ : nullptr; entry && *entry; ++entry) {
        const std::string_view text(*entry);
        if (!options.environment.contains(std::string(text.substr(0, text.find('='))))) environment.add(*entry);
    }
    storage.reserve(options.environment.size()); // so that none moves
    for (const auto& [name, value] : options.environment)
        if (value) environment.add(storage.emplace_back(name + '=' + *value).c_str());
}

/// What posix_spawn is told, with the errors of all the calls that it takes in one.
class spawn_plan {
public:
    spawn_plan() : error_(::posix_spawn_file_actions_init(&actions_)) { check(::posix_spawnattr_init(&attributes_)); }
    spawn_plan(const spawn_plan&) = delete;
    spawn_plan& operator=(const spawn_plan&) = delete;
    ~spawn_plan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    void go_to(const unique_fd& folder) {
        if (folder) check(::posix_spawn_file_actions_addfchdir_np(&actions_, folder.get()));
    }
    void connect(const unique_fd& from, int to) {
        check(::posix_spawn_file_actions_adddup2(&actions_, from.get(), to));
    }
    void connect_to_nothing(int to) {
        check(::posix_spawn_file_actions_addopen(&actions_, to, "/dev/null", O_RDONLY, 0));
    }
    /// Whatever this process has open without close-on-exec, as Asio's sockets are, is not the child's.
    void close_others() {
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
        check(::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1));
#endif
#endif
    }
    /// No signal is blocked or ignored, whatever this process or thread does.
    void reset_signals(bool own_group) {
        ::sigset_t none;
        ::sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        check(::posix_spawnattr_setsigmask(&attributes_, &none));
        check(::posix_spawnattr_setsigdefault(&attributes_, &all));
        const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (own_group ? POSIX_SPAWN_SETPGROUP : 0);
        check(::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)));
    }

    /// An errno, or 0.
    int spawn(::pid_t& pid, char* const* argv, char* const* environment) {
        return error_ ? error_ : ::posix_spawnp(&pid, argv[0], &actions_, &attributes_, argv, environment);
    }

    int error() const noexcept { return error_; }

private:
    void check(int error) noexcept {
        if (!error_) error_ = error;
    }

    ::posix_spawn_file_actions_t actions_;
    ::posix_spawnattr_t attributes_;
    int error_;
};

inline error_code spawn_error(int error) noexcept {
    switch (error) {
    case 0: return {};
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG: return errc::program_not_found;
    case EACCES:
    case EPERM:
    case EISDIR:
    case ENOEXEC: return errc::not_executable;
    default: return errno_code(error);
    }
}

struct spawned_process {
    ::pid_t pid = 0;
    unique_fd output;
    unique_fd errors;
    unique_fd handle; ///< a pidfd, readable when the process has ended; none: there is no such thing here
};

/// How the end of a process is noticed.
enum class exit_watch : bool {
    poll, ///< asks again and again, where the system has no pidfd
    handle
};

inline unique_fd open_handle([[maybe_unused]] ::pid_t pid) noexcept {
#if defined(SYS_pidfd_open)
    error_code ignored;
    return above_standard(unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), ignored); // close-on-exec
#else
    return {};
#endif
}

inline spawned_process spawn_process(const process_options& options, exit_watch watch, error_code& ec) {
    if (!are_valid(options)) {
        ec = errc::invalid_argument;
        return {};
    }
    spawned_process child;
    unique_fd folder;
    if (!options.working_folder.empty()) {
        folder = open_folder(options.working_folder.native(), ec);
        if (ec) {
            if (ec != net::error::no_descriptors) ec = errc::bad_working_folder;
            return {};
        }
    }
    pipe_ends output = make_pipe(ec);
    pipe_ends errors = ec ? pipe_ends{} : make_pipe(ec);
    unique_fd input;
    if (!ec && options.input) input = make_input(*options.input, ec);
    if (ec) return {};

    spawn_plan plan;
    plan.go_to(folder);
    if (input)
        plan.connect(input, STDIN_FILENO);
    else
        plan.connect_to_nothing(STDIN_FILENO);
    plan.connect(output.write, STDOUT_FILENO);
    plan.connect(errors.write, STDERR_FILENO);
    plan.close_others();
    plan.reset_signals(options.own_group);

    c_strings argv;
    argv.reserve(options.argv.size());
    for (const auto& argument : options.argv) argv.add(argument.c_str());
    std::vector<std::string> storage;
    c_strings environment;
    make_environment(options, storage, environment);
    ec = plan.error() ? errno_code(plan.error()) : spawn_error(plan.spawn(child.pid, argv.get(), environment.get()));
    if (ec) return {};
    child.output = std::move(output.read);
    child.errors = std::move(errors.read);
    if (watch == exit_watch::handle) child.handle = open_handle(child.pid);
    return child;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // !_WIN32

#endif // TELLTALE_RUN_DETAIL_PROCESS_SPAWN_HPP
// end <telltale/run/detail/process_spawn.hpp>
// <telltale/run/process_options.hpp> is above
// <telltale/sync/timer.hpp> is above

#if !defined(_WIN32)

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace telltale::inline TELLTALE_ABI::detail {

/// A process from its start to its end, and the operation that waits for it.
///
///     runs ──▶ has exited (a zombie: its number and its group are still ours) ──▶ is reaped, told
///
/// Between the last two its output is read to the end. What is not told when this is destroyed, because the execution
/// context is, is killed and reaped. All members but start() run on the strand.
class process_run final : public std::enable_shared_from_this<process_run> {
    using duration = std::chrono::steady_clock::duration;

public:
    process_run(const net::any_io_executor& executor, process_options options, exit_watch watch)
        : home_(net::make_strand(executor)),
          options_(std::move(options)),
          watch_(watch),
          handle_(home_),
          poll_timer_(home_),
          streams_{stream(home_, options_.capture_limit, process_stream::output),
                   stream(home_, options_.capture_limit, process_stream::errors)} {}
    process_run(const process_run&) = delete;
    process_run& operator=(const process_run&) = delete;

    ~process_run() {
        if (waiting_) waiting_->destroy();
        if (is_ours_) abandon();
    }

    /// Owns `operation` from here on.
    void start(waiter<process_result>& operation) {
        waiting_ = &operation;
        started_ = steady_now(home_);
        error_code ec;
        spawned_process child = spawn_process(options_, watch_, ec);
        if (ec) {
            complete(ec);
            return;
        }
        result_.pid = pid_ = child.pid;
        is_ours_ = true;
        net::post(home_, [self = shared_from_this(), child = std::move(child)]() mutable { self->begin(child); });
    }

    /// To be called on any thread.
    static void ask_to_end(const std::weak_ptr<process_run>& weak) {
        if (const auto self = weak.lock()) net::post(self->home_, [self] { self->terminate(); });
    }

private:
    struct stream {
        stream(const net::any_io_executor& executor, std::size_t limit, process_stream n)
            : descriptor(executor), kept(limit), name(n) {}

        net::posix::stream_descriptor descriptor;
        output_tail kept;
        line_splitter lines;
        process_stream name;
    };

    static constexpr auto shortest_pause = std::chrono::milliseconds{1};
    static constexpr auto longest_pause = std::chrono::milliseconds{50};
    // So much is read before others get their turn; the pipe of a system that allows it to be larger is rare.
    static constexpr std::size_t at_once = 1'048'576;

    void begin(spawned_process& child) {
        attach(streams_[0].descriptor, child.output);
        attach(streams_[1].descriptor, child.errors);
        if (child.handle) {
            error_code ec;
            handle_.assign(child.handle.get(), ec);
            if (!ec) child.handle.release(); // else the process is asked for
        }
        if (failure_) send(SIGKILL);
        for (auto& s : streams_)
            if (s.descriptor.is_open()) read(s);
        watch();
    }

    void attach(net::posix::stream_descriptor& descriptor, unique_fd& fd) {
        error_code ec;
        descriptor.assign(fd.get(), ec);
        if (!ec) fd.release();
        if (!ec) descriptor.native_non_blocking(true, ec);
        if (!ec) return;
        failure_ = ec;
        descriptor.close(ec);
    }

    // ---- output

    void read(stream& s) {
        s.descriptor.async_wait(net::posix::stream_descriptor::wait_read,
                                [self = shared_from_this(), &s](const error_code& ec) {
                                    if (self->over_) return;
                                    if (!ec && self->take(s))
                                        self->read(s);
                                    else
                                        self->end_of(s);
                                });
    }

    /// Reads what is there. False: the stream has ended.
    bool take(stream& s) {
        std::array<char, 16'384> buffer; // NOLINT: filled by read
        for (std::size_t budget = at_once; budget >= buffer.size(); budget -= buffer.size()) {
            const ::ssize_t n = ::read(s.descriptor.native_handle(), buffer.data(), buffer.size());
            if (n == 0) return false;
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
            const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
            s.kept.append(bytes);
            if (options_.on_output) s.lines.append(bytes, teller{*this, s.name});
        }
        return true;
    }

    void end_of(stream& s) {
        close(s);
        if (streams_[0].descriptor.is_open() || streams_[1].descriptor.is_open()) return;
        if (exited_) {
            finish();
            return;
        }
        pause_ = shortest_pause; // it is about to end: who asks looks at once
        poll_timer_.cancel();
    }

    void close(stream& s) {
        if (options_.on_output) s.lines.finish(teller{*this, s.name});
        error_code ignored;
        s.descriptor.close(ignored);
    }

    struct teller {
        void operator()(std::string_view line) const {
            try {
                self.options_.on_output(name, line);
            } catch (...) {
                if (!self.result_.on_output_error) self.result_.on_output_error = std::current_exception();
            }
        }
        process_run& self;
        process_stream name;
    };

    // ---- its end

    void watch() {
        const auto on_look = [self = shared_from_this()](const error_code& ec) {
            if (self->over_ || self->exited_) return;
            error_code ignored;
            if (ec) self->handle_.close(ignored); // asked for from now on
            self->look();
        };
        if (handle_.is_open()) {
            handle_.async_wait(net::posix::stream_descriptor::wait_read, on_look);
            return;
        }
        // Not in the time of the context, for a process lives in the real one.
        poll_timer_.expires_after(pause_);
        poll_timer_.async_wait(on_look);
        pause_ = std::min<duration>(2 * pause_, longest_pause);
    }

    void look() {
        if (!has_exited()) {
            watch();
            return;
        }
        note_exit();
        if (!streams_[0].descriptor.is_open() && !streams_[1].descriptor.is_open())
            finish();
        else if (!asked_ || result_.killed)
            await_output();
        // else what is left of its group has the rest of the grace
    }

    /// Leaves the zombie: as long as it is there its number is nobody else's, nor is that of its group.
    bool has_exited() {
        for (;;) {
            ::siginfo_t info{};
            if (::waitid(P_PID, static_cast<::id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0)
                return info.si_pid != 0;
            if (errno == EINTR) continue;
            is_ours_ = false; // this program ignores SIGCHLD, or waits for any child: nobody knows how it ended
            failure_ = errno_code(errno);
            return true;
        }
    }

    void note_exit() {
        exited_ = true;
        result_.elapsed = steady_now(home_) - started_;
    }

    void await_output() {
        after(options_.linger, [](process_run& self) { self.finish(); });
    }

    void finish() {
        over_ = true;
        for (auto& s : streams_) {
            if (!s.descriptor.is_open()) continue;
            take(s);
            close(s);
        }
        error_code ignored;
        handle_.close(ignored);
        poll_timer_.cancel();
        timer_.reset();
        options_.on_output = nullptr;
        if (asked_) send(SIGKILL); // what is left of its group
        reap();
        for (auto& s : streams_) (s.name == process_stream::output ? result_.output : result_.errors) = s.kept.take();
        complete(failure_ ? failure_ : asked_ ? error_code(net::error::operation_aborted) : error_code{});
    }

    void reap() {
        int status = 0;
        ::rusage usage{};
        ::pid_t reaped = 0;
        do {
            if (is_ours_) reaped = ::wait4(pid_, &status, 0, &usage); // does not wait: it is a zombie
        } while (reaped < 0 && errno == EINTR);
        if (is_ours_ && reaped != pid_) failure_ = errno_code(errno);
        is_ours_ = false;
        if (reaped != pid_) return;
        if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
        if (WIFSIGNALED(status)) {
            result_.term_signal = WTERMSIG(status);
            result_.core_dumped = WCOREDUMP(status);
        }
        const auto time = [](const ::timeval& t) {
            return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec};
        };
        result_.user_time = time(usage.ru_utime);
        result_.system_time = time(usage.ru_stime);
#if defined(__APPLE__)
        constexpr std::uint64_t unit = 1;
#else
        constexpr std::uint64_t unit = 1024;
#endif
        result_.peak_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * unit;
    }

    void complete(const error_code& ec) {
        auto* const operation = std::exchange(waiting_, nullptr);
        operation->complete(ec, std::move(result_));
    }

    // ---- cancellation

    void terminate() {
        if (over_ || asked_) return;
        if (exited_ || has_exited()) { // too late: it has ended by itself
            if (!exited_) note_exit();
            finish();
            return;
        }
        asked_ = true;
        if (options_.grace <= duration::zero()) {
            kill();
            return;
        }
        send(SIGTERM);
        send(SIGCONT); // to one that was stopped, too
        after(options_.grace, [](process_run& self) { self.kill(); });
    }

    void kill() {
        result_.killed = !exited_;
        send(SIGKILL);
        if (exited_) await_output();
    }

    /// Only to what was not reaped: its number is not yet given to another.
    void send(int signal) noexcept {
        if (is_ours_) ::kill(options_.own_group ? -pid_ : pid_, signal);
    }

    template <class Then>
    void after(duration d, Then then) {
        if (!timer_) timer_.emplace(home_);
        timer_->expires_after(d);
        timer_->async_wait([self = shared_from_this(), then](const error_code& ec) {
            if (!ec && !self->over_) then(*self);
        });
    }

    /// Nobody waits any more: kills it, and does not leave a zombie. SIGKILL needs a moment; a process that the kernel
    /// does not let go for a second is left behind.
    void abandon() noexcept {
        if (!exited_ || asked_) send(SIGKILL);
        for (int tries = 0; tries < 1000; ++tries) {
            const ::pid_t reaped = ::waitpid(pid_, nullptr, WNOHANG);
            if (reaped == pid_ || (reaped < 0 && errno != EINTR)) return;
            ::poll(nullptr, 0, 1);
        }
    }

    const net::any_io_executor home_;
    process_options options_;
    const exit_watch watch_;
    waiter<process_result>* waiting_ = nullptr;
    process_result result_;
    error_code failure_;
    ::pid_t pid_ = 0;
    std::chrono::steady_clock::time_point started_{};

    net::posix::stream_descriptor handle_;
    net::steady_timer poll_timer_;
    std::array<stream, 2> streams_;
    std::optional<timer> timer_;
    duration pause_ = shortest_pause;

    bool is_ours_ = false; // it was started, and not reaped
    bool exited_ = false;  // it is a zombie, or was reaped
    bool asked_ = false;   // to end
    bool over_ = false;
};

/// What the operation leaves in its cancellation slot. It does not keep the process, whose descriptors must not outlive
/// their context.
struct process_cancel {
    explicit process_cancel(std::weak_ptr<process_run> r) noexcept : run(std::move(r)) {}

    void operator()(net::cancellation_type type) const {
        if ((type & net::cancellation_type::terminal) != net::cancellation_type::none) process_run::ask_to_end(run);
    }

    std::weak_ptr<process_run> run;
};

template <class Handler, class Executor>
void start_process(Handler&& handler, const Executor& executor, process_options options, exit_watch watch) {
    auto& operation =
        waiter_of<std::decay_t<Handler>, Executor, process_result>::create(std::forward<Handler>(handler), executor);
    const auto run = std::make_shared<process_run>(net::any_io_executor(executor), std::move(options), watch);
    if (auto slot = operation.cancellation_slot(); slot.is_connected())
        slot.template emplace<process_cancel>(std::weak_ptr(run));
    run->start(operation);
}

template <class Executor, class Token>
auto async_run_process_by(exit_watch watch, const Executor& executor, process_options options, Token&& token) {
    return async_start<void(error_code, process_result)>(
        executor,
        [options = std::move(options), watch](auto&& handler, const Executor& ex) mutable {
            start_process(std::forward<decltype(handler)>(handler), ex, std::move(options), watch);
        },
        std::forward<Token>(token));
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // !_WIN32

#endif // TELLTALE_RUN_DETAIL_PROCESS_RUN_HPP
// end <telltale/run/detail/process_run.hpp>
// <telltale/run/job_failure.hpp> is above
// <telltale/run/process_options.hpp> is above

#if !defined(_WIN32) // there is none of this on Windows

#include <csignal>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Runs a program as a process of its own, and completes when it has ended and was reaped.
///
///     telltale::process_options options{.argv = {"tar", "-cf", "backup.tar", "data"}, .working_folder = "/srv"};
///     const telltale::process_result r = co_await telltale::async_run_process(executor, std::move(options));
///     if (!r.succeeded()) std::cerr << describe_end(r) << ": " << r.errors.text;
///
/// However it ended, by any exit code or by a signal, is a result and no error. It starts within the initiation, with all
/// signals at their defaults, none blocked, and no descriptors but 0, 1 and 2 (with glibc before 2.34: and those of this
/// process that are not close-on-exec). No thread and no handler of SIGCHLD is involved: its end is seen by a pidfd, or
/// where there is none by asking every 1 to 50 ms. A program that ignores SIGCHLD, or waits for children that are not its
/// own, takes the result away.
///
/// When the process has ended, children of it that it has left behind go on; their output is read for `linger`.
///
/// @par Completion signature
/// `void(error_code, process_result)`
/// @par Error codes
/// `errc::program_not_found`, `errc::not_executable`, `errc::bad_working_folder`; `errc::invalid_argument`: argv is empty,
/// or a string has a NUL in it, or a name of the environment a '='; what the system says when it is out of descriptors,
/// processes or memory, or the arguments are too long: nothing was started. `no_child_process` of the system: somebody
/// else has reaped it. `operation_aborted`: cancelled; the result says how it ended, and what it had written.
/// @par Per-operation cancellation
/// terminal: SIGTERM, and SIGKILL for what is not gone when `grace` is over, each to the process and, with own_group, to
/// all of its group. It completes when the process was reaped, and the output is at its end or the grace over; then
/// nothing of the group runs any more. If the process has ended by itself, what it ended with is the result.
/// @par Resumes
/// by post, on the handler's associated executor (default: `executor`).
/// @par Tear-down
/// If the execution context is destroyed first, the process and its group are killed and reaped, which takes
/// milliseconds; at most a second if the kernel does not let it go.
template <class Executor, class Token = default_token_t<Executor>>
auto async_run_process(const Executor& executor, process_options options, Token&& token = {}) {
    return detail::async_run_process_by(detail::exit_watch::handle, executor, std::move(options),
                                        std::forward<Token>(token));
}

/// As async_run_process, on the executor of whoever awaits. Throws system_error, with the name of the program or folder
/// in its what().
[[nodiscard]] inline net::awaitable<process_result> run_process(process_options options) {
    const auto executor = co_await net::this_coro::executor;
    std::string program = options.argv.empty() ? std::string() : options.argv.front();
    std::string folder = options.working_folder.string();
    auto [ec, result] = co_await async_run_process(executor, std::move(options), as_result);
    if (ec == errc::bad_working_folder) throw system_error(ec, folder);
    if (ec) throw system_error(ec, program);
    co_return std::move(result);
}

/// The last lines of a text: at most `lines` of them, and no more than `bytes`.
inline std::string_view last_lines(std::string_view text, std::size_t lines, std::size_t bytes = 2000) noexcept {
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    std::size_t begin = text.size();
    while (begin > 0 && text.size() - begin < bytes && (text[begin - 1] != '\n' || --lines > 0)) --begin;
    return text.substr(begin);
}

/// Throws a job_failure unless the process exited with 0: "exited with 3", and the last five lines of its standard error
/// output. Its class is `resource` where a limit of the system has ended it (SIGKILL, as from want of memory, SIGXCPU,
/// SIGXFSZ), else `unknown`.
inline void check_exit(const process_result& result) {
    if (result.succeeded()) return;
    std::string message = describe_end(result);
    if (const auto said = last_lines(result.errors.text, 5); !said.empty()) message.append(": ").append(said);
    const int signal = result.term_signal.value_or(0);
    const bool limit = signal == SIGKILL || signal == SIGXCPU || signal == SIGXFSZ;
    throw job_failure(limit ? error_class::resource : error_class::unknown, message);
}

/// run_process and check_exit: a process as the work of a job, which fails when it does not exit with 0, and ends when it
/// is cancelled or its time is up.
///
///     auto job = manager.submit({.name = "backup"}, telltale::process_job({.argv = {"tar", "-cf", "backup.tar", "/srv"}}));
///     const telltale::process_result r = co_await job.result();
class process_job {
public:
    explicit process_job(process_options options) : options_(std::move(options)) {}

    template <class JobContext>
    net::awaitable<process_result> operator()(JobContext) const {
        return run(options_); // which another attempt needs again
    }

private:
    static net::awaitable<process_result> run(process_options options) {
        process_result result = co_await run_process(std::move(options));
        check_exit(result);
        co_return std::move(result);
    }

    process_options options_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // !_WIN32

#endif // TELLTALE_RUN_PROCESS_HPP
// end <telltale/run/process.hpp>
// <telltale/run/process_options.hpp> is above
// begin <telltale/run/report_to.hpp>

#ifndef TELLTALE_RUN_REPORT_TO_HPP
#define TELLTALE_RUN_REPORT_TO_HPP

// <telltale/core/event.hpp> is above
// <telltale/core/json_writer.hpp> is above
// <telltale/run/chunk.hpp> is above
// <telltale/run/hooks.hpp> is above
// <telltale/run/job_context.hpp> is above

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What report_to tells.
struct report_to_options {
    bool progress = true; ///< the job's tracker counts items; false where the work counts something else in it
    bool workers = true;  ///< events worker_started and worker_stopped
    bool chunks = false;  ///< an event chunk_completed for every chunk: for some thousand chunks, not for millions
    bool slow = true;     ///< a custom event {"slow_chunk":{...}} for each slow one
};

namespace detail {

template <class Write>
std::string json_object(Write write) {
    std::string text;
    json_writer json(text);
    json.begin_object();
    write(json);
    json.end_object();
    return text;
}

inline void write_chunk(json_writer& json, const chunk_info& c) {
    json.member("chunk", c.id).member("first", c.first).member("items", c.size).member("time_s", c.time.count());
    json.member("done", c.done).member("total", c.total).member("percent", c.percent);
    json.member("elapsed_s", c.elapsed.count()).member("worker", c.worker);
}

inline std::string json_of(const chunk_info& c) {
    return json_object([&](json_writer& json) { write_chunk(json, c); });
}

inline std::string json_of(const worker_info& w) {
    return json_object([&](json_writer& json) {
        json.member("worker", w.id).member("chunks", w.chunks).member("items", w.items);
        json.member("busy_s", w.busy.count()).member("elapsed_s", w.elapsed.count());
    });
}

inline std::string json_of(const slow_chunk_info& s) {
    return json_object([&](json_writer& json) {
        json.key("slow_chunk").begin_object();
        write_chunk(json, s.chunk);
        json.member("median_item_s", s.median.count()).member("limit_item_s", s.limit.count()).end_object();
    });
}

} // namespace detail

/// Hooks that report to a job of a job_manager, and so to a board: how far it is, workers and slow chunks, if wanted each
/// chunk. What the events have in `data`: docs/guide/hooks.md.
///
///     const auto hooks = telltale::report_to(job);
///     co_await telltale::for_each_chunk(pool.get_executor(), files, options, hash, hooks);
inline auto report_to(job_context job, report_to_options options = {}) {
    const auto tracker = [](job_context& j) -> progress_tracker& { return j.tracker({.total = 0}); };
    return chunk_hooks{.before =
                           [job, options, tracker](const chunk_plan& p) mutable {
                               if (!options.progress) return;
                               auto& t = tracker(job);
                               t.set_total(p.total);
                               t.set_done(0);
                           },
                       .worker_started =
                           [job, options](const worker_info& w) mutable {
                               if (options.workers) job.notify(event_kind::worker_started, detail::json_of(w));
                           },
                       .chunk_completed =
                           [job, options](const chunk_info& c) mutable {
                               if (options.chunks) job.notify(event_kind::chunk_completed, detail::json_of(c));
                           },
                       .slow_chunk =
                           [job, options](const slow_chunk_info& s) mutable {
                               if (options.slow) job.notify(event_kind::custom, detail::json_of(s));
                           },
                       .progress =
                           [job, options, tracker](const chunk_progress& p) mutable {
                               if (options.progress) tracker(job).set_done(static_cast<std::uint64_t>(p.done));
                           },
                       .worker_stopped =
                           [job, options](const worker_info& w) mutable {
                               if (options.workers) job.notify(event_kind::worker_stopped, detail::json_of(w));
                           }};
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_REPORT_TO_HPP
// end <telltale/run/report_to.hpp>
// begin <telltale/run/resource_reader.hpp>

#ifndef TELLTALE_RUN_RESOURCE_READER_HPP
#define TELLTALE_RUN_RESOURCE_READER_HPP

// <telltale/core/resource_usage.hpp> is above
// begin <telltale/run/detail/proc_files.hpp>

#ifndef TELLTALE_RUN_DETAIL_PROC_FILES_HPP
#define TELLTALE_RUN_DETAIL_PROC_FILES_HPP

// <telltale/version.hpp> is above

#if defined(__linux__)

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What Linux says in files: proc(5), cgroups(7). Files stay open and are read again from the beginning.

namespace telltale::inline TELLTALE_ABI::detail {

inline std::optional<std::uint64_t> parse_count(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end == text.data()) return std::nullopt;
    return value;
}

/// The next word of a text in which words stand between spaces and ends of lines; empty: there is no more.
inline std::string_view next_word(std::string_view& text) noexcept {
    const auto begin = text.find_first_not_of(" \t\n");
    if (begin == std::string_view::npos) return text = {};
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(" \t\n"));
    text.remove_prefix(word.size());
    return word;
}

inline std::string_view next_line(std::string_view& text) noexcept {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    return line;
}

/// What stands behind a name at the beginning of a line: of "VmHWM:\t 1024 kB" the "1024 kB".
inline std::optional<std::string_view> field(std::string_view text, std::string_view name) noexcept {
    while (!text.empty()) {
        std::string_view line = next_line(text);
        if (!line.starts_with(name)) continue;
        line.remove_prefix(name.size());
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        return line;
    }
    return std::nullopt;
}

inline std::optional<std::uint64_t> count_field(std::string_view text, std::string_view name) noexcept {
    const auto value = field(text, name);
    return value ? parse_count(*value) : std::nullopt;
}

/// A file that stays open. Not there, or not to be read: nothing is known.
class kept_file {
public:
    explicit kept_file(const std::string& path) noexcept : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    kept_file(kept_file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    kept_file& operator=(kept_file&&) = delete;
    ~kept_file() {
        if (is_open()) ::close(descriptor_);
    }

    bool is_open() const noexcept { return descriptor_ >= 0; }

    /// As much as there is room for; empty: nothing is known.
    template <std::size_t N>
    std::string_view read(std::array<char, N>& room) const noexcept {
        if (!is_open()) return {};
        const auto n = ::pread(descriptor_, room.data(), room.size(), 0);
        return {room.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
    }

    /// All of it, a piece at a time.
    std::string read_all() const {
        std::string text;
        std::array<char, 4096> room{};
        while (is_open() && text.size() < (1U << 20U)) {
            const auto n = ::pread(descriptor_, room.data(), room.size(), static_cast<off_t>(text.size()));
            if (n <= 0) break;
            text.append(room.data(), static_cast<std::size_t>(n));
        }
        return text;
    }

private:
    int descriptor_;
};

/// "0-3,8" is five.
inline std::optional<double> count_cpus(std::string_view list) noexcept {
    double n = 0;
    while (!list.empty()) {
        const std::string_view part = list.substr(0, list.find(','));
        list.remove_prefix(std::min(part.size() + 1, list.size()));
        const auto dash = part.find('-');
        const auto first = parse_count(part);
        const auto last = dash == std::string_view::npos ? first : parse_count(part.substr(dash + 1));
        if (!first || !last || *last < *first) return std::nullopt;
        n += static_cast<double>(*last - *first + 1);
    }
    return n > 0 ? std::optional(n) : std::nullopt;
}

/// The tighter of two limits.
template <class T>
void tighten(std::optional<T>& limit, const std::optional<T>& other) noexcept {
    if (other && (!limit || *other < *limit)) limit = other;
}

/// The limits of the cgroups that a process is in: of its own, and of all above it that can be seen.
class cgroup_limits {
public:
    /// `root`: where proc/ and sys/ are; ends with a slash.
    explicit cgroup_limits(const std::string& root) {
        const std::string groups = kept_file(root + "proc/self/cgroup").read_all();
        const std::string mounts = kept_file(root + "proc/self/mountinfo").read_all();
        for (std::string_view rest = mounts; !rest.empty();) add_mount(next_line(rest), groups, root);
    }

    std::optional<std::uint64_t> memory_bytes() const noexcept {
        std::optional<std::uint64_t> limit;
        for (const auto& file : memory_) {
            std::array<char, 64> room{};
            const auto bytes = parse_count(file.read(room)); // "max" is none
            if (bytes && *bytes < no_limit_v1) tighten(limit, bytes);
        }
        return limit;
    }

    std::optional<double> cpu_cores() const noexcept {
        std::optional<double> limit;
        for (const auto& file : cpu_v2_) { // "50000 100000", "max 100000"
            std::array<char, 64> room{};
            std::string_view text = file.read(room);
            const auto quota = parse_count(next_word(text));
            tighten(limit, cores(quota, parse_count(next_word(text))));
        }
        for (const auto& [quota, period] : cpu_v1_) { // "-1" is none
            std::array<char, 64> room{};
            const auto q = parse_count(quota.read(room));
            tighten(limit, cores(q, parse_count(period.read(room))));
        }
        return limit;
    }

private:
    /// The kernel says "no limit" with the largest number of whole pages.
    static constexpr std::uint64_t no_limit_v1 = std::uint64_t{1} << 62U;

    static std::optional<double> cores(std::optional<std::uint64_t> quota,
                                       std::optional<std::uint64_t> period) noexcept {
        if (!quota || !period || *period == 0 || *quota == 0) return std::nullopt;
        return static_cast<double>(*quota) / static_cast<double>(*period);
    }

    /// Spaces in paths are "\040".
    static std::string unescaped(std::string_view text) {
        std::string result;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '\\' && i + 3 < text.size()) {
                unsigned code = 0;
                const auto end = text.data() + i + 4;
                if (std::from_chars(text.data() + i + 1, end, code, 8).ptr == end) {
                    result += static_cast<char>(code);
                    i += 3;
                    continue;
                }
            }
            result += text[i];
        }
        return result;
    }

    static bool has_word(std::string_view list, std::string_view word) noexcept {
        while (!list.empty()) {
            const std::string_view part = list.substr(0, list.find(','));
            if (part == word) return true;
            list.remove_prefix(std::min(part.size() + 1, list.size()));
        }
        return false;
    }

    /// The process's path in the hierarchy with this controller; "": that of version 2.
    static std::optional<std::string> path_in(std::string_view groups, std::string_view controller) {
        while (!groups.empty()) { // "4:memory:/a/b", "0::/a/b"
            const std::string_view line = next_line(groups);
            const auto first = line.find(':');
            const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
            if (second == std::string_view::npos) continue;
            const std::string_view controllers = line.substr(first + 1, second - first - 1);
            if (controller.empty() ? controllers.empty() : has_word(controllers, controller))
                return std::string(line.substr(second + 1));
        }
        return std::nullopt;
    }

    void add_mount(std::string_view line, std::string_view groups, const std::string& root) {
        // "36 31 0:33 /root /mount/point rw,relatime shared:1 - cgroup cgroup rw,memory"
        const auto separator = line.find(" - ");
        if (separator == std::string_view::npos) return;
        std::string_view right = line.substr(separator + 3);
        const std::string_view type = next_word(right);
        if (type != "cgroup" && type != "cgroup2") return;
        next_word(right);
        const std::string_view options = next_word(right);
        for (int i = 0; i < 3; ++i) next_word(line);
        const std::string mounted = unescaped(next_word(line));
        const std::string point = unescaped(next_word(line));
        if (type == "cgroup2") {
            add_levels(mounted, point, path_in(groups, ""), root, "memory.max", "cpu.max");
            return;
        }
        if (has_word(options, "memory"))
            add_levels(mounted, point, path_in(groups, "memory"), root, "memory.limit_in_bytes", "");
        if (has_word(options, "cpu")) add_levels(mounted, point, path_in(groups, "cpu"), root, "", "cpu.cfs_quota_us");
    }

    /// The files of the process's own cgroup, and of those above it up to the mount point.
    void add_levels(std::string_view mounted, std::string_view point, const std::optional<std::string>& path,
                    const std::string& root, const std::string& memory, const std::string& cpu) {
        if (!path || mounted.empty() || point.empty() || path->find("/..") != std::string::npos) return;
        std::string_view below = *path; // the mount point
        if (mounted != "/") {
            if (!below.starts_with(mounted)) return; // somebody else's
            below.remove_prefix(mounted.size());
            if (!below.empty() && below.front() != '/') return;
        }
        const std::string top = root + std::string(point.substr(1));
        while (below.ends_with('/')) below.remove_suffix(1);
        for (;;) {
            const std::string folder = top + std::string(below) + '/';
            if (!memory.empty()) keep(memory_, folder + memory);
            if (cpu == "cpu.max") keep(cpu_v2_, folder + cpu);
            if (cpu == "cpu.cfs_quota_us") {
                kept_file quota(folder + cpu);
                if (quota.is_open()) cpu_v1_.emplace_back(std::move(quota), kept_file(folder + "cpu.cfs_period_us"));
            }
            if (below.empty()) return;
            below = below.substr(0, below.rfind('/'));
        }
    }

    static void keep(std::vector<kept_file>& files, const std::string& path) {
        kept_file file(path);
        if (file.is_open()) files.push_back(std::move(file));
    }

    std::vector<kept_file> memory_;
    std::vector<kept_file> cpu_v2_;
    std::vector<std::pair<kept_file, kept_file>> cpu_v1_; // quota and period
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // __linux__

#endif // TELLTALE_RUN_DETAIL_PROC_FILES_HPP
// end <telltale/run/detail/proc_files.hpp>
// <telltale/version.hpp> is above

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace telltale::inline TELLTALE_ABI {

#if defined(__linux__)

/// Reads what this process has used, and what it may use.
///
/// CPU is getrusage's. Memory is the resident set (/proc/self/statm) and its peak (VmHWM). Disk is what went to and came
/// from storage (/proc/self/io), not what the page cache has answered. The limits are those of all cgroups that the
/// process is in, version 1 or 2, its own and those above it as far as they can be seen, of which the tightest holds;
/// and no less tight the CPUs that it may run on and the memory of the machine. A limit that is changed while the
/// process runs is seen. What the system does not say, because a file is missing or may not be read, is absent.
///
/// The files are opened once and read anew for each reading, which allocates nothing and takes some ten microseconds. A
/// process that forks and goes on in the child makes a new reader there.
///
/// Where there is no /proc (anything but Linux) nothing is known.
///
/// @par Thread safety
/// Reading: from any thread.
class resource_reader {
public:
    /// `root`: the folder in which proc/ and the mount points of cgroups are looked for; for tests.
    explicit resource_reader(const std::string& root = "/")
        : resource_reader(detail::kept_file(with_slash(root) + "proc/meminfo").read_all(), with_slash(root)) {}

    resource_reading operator()() const noexcept {
        resource_reading r;
        read_cpu(r);
        read_memory(r);
        read_disk(r);
        detail::tighten(r.cpu_limit_cores, limits_.cpu_cores());
        r.memory_limit_bytes = machine_bytes_;
        detail::tighten(r.memory_limit_bytes, limits_.memory_bytes());
        return r;
    }

private:
    resource_reader(const std::string& meminfo, const std::string& root)
        : statm_(root + "proc/self/statm"),
          status_(root + "proc/self/status"),
          io_(root + "proc/self/io"),
          limits_(root),
          machine_bytes_(kibibytes(detail::count_field(meminfo, "MemTotal:"))),
          page_bytes_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {}

    static std::string with_slash(std::string root) {
        if (!root.ends_with('/')) root += '/';
        return root;
    }

    static std::optional<std::uint64_t> kibibytes(std::optional<std::uint64_t> n) noexcept {
        return n ? std::optional(*n * 1024) : std::nullopt;
    }

    static std::chrono::nanoseconds duration_of(const ::timeval& t) noexcept {
        return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
    }

    static void read_cpu(resource_reading& r) noexcept {
        ::rusage usage{};
        if (::getrusage(RUSAGE_SELF, &usage) != 0) return;
        r.cpu_user = duration_of(usage.ru_utime);
        r.cpu_system = duration_of(usage.ru_stime);
    }

    void read_memory(resource_reading& r) const noexcept {
        std::array<char, 256> small{};
        std::string_view pages = statm_.read(small);
        detail::next_word(pages); // the address space
        if (const auto resident = detail::parse_count(detail::next_word(pages)))
            r.memory_bytes = *resident * page_bytes_;
        std::array<char, 8192> room{};
        const std::string_view status = status_.read(room);
        r.memory_peak_bytes = kibibytes(detail::count_field(status, "VmHWM:"));
        if (const auto cpus = detail::field(status, "Cpus_allowed_list:"))
            r.cpu_limit_cores = detail::count_cpus(*cpus);
    }

    void read_disk(resource_reading& r) const noexcept {
        std::array<char, 1024> room{};
        const std::string_view io = io_.read(room);
        r.disk_read_bytes = detail::count_field(io, "read_bytes:");
        r.disk_written_bytes = detail::count_field(io, "write_bytes:");
        // Written to the page cache, and removed before it came to the disk.
        const auto cancelled = detail::count_field(io, "cancelled_write_bytes:");
        if (r.disk_written_bytes && cancelled) *r.disk_written_bytes -= std::min(*cancelled, *r.disk_written_bytes);
    }

    detail::kept_file statm_;
    detail::kept_file status_;
    detail::kept_file io_;
    detail::cgroup_limits limits_;
    std::optional<std::uint64_t> machine_bytes_;
    std::uint64_t page_bytes_;
};

#else

class resource_reader {
public:
    explicit resource_reader(const std::string& = "/") {}
    resource_reading operator()() const noexcept { return {}; }
};

#endif

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_RESOURCE_READER_HPP
// end <telltale/run/resource_reader.hpp>
// begin <telltale/run/resource_sampler.hpp>

#ifndef TELLTALE_RUN_RESOURCE_SAMPLER_HPP
#define TELLTALE_RUN_RESOURCE_SAMPLER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/resource_usage.hpp> is above
// <telltale/run/resource_reader.hpp> is above
// <telltale/sync/timer.hpp> is above

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct resource_sampler_options {
    std::chrono::nanoseconds period = std::chrono::seconds{1}; ///< from one sample to the next; less than 1 ms is 1 ms
    std::function<resource_reading()> read{};                  ///< what is sampled; empty: this process
    std::function<void(const resource_usage&)> sampled{};      ///< told of every sample of run(), where that runs
};

/// Looks now and then at what the process uses: CPU, memory now, at its peak and on average, disk; and how much of it is
/// allowed, also in a container. Has no thread: a timer of the executor's context wakes it.
///
///     telltale::resource_sampler sampler(executor);
///     telltale::task_group group(executor);
///     group.spawn(sampler.run());
///     co_await work();
///     group.cancel();
///     const telltale::resource_usage used = sampler.sample(); // to the very end
///
/// A sample allocates nothing; once a second they take far less than 0.05 % of a core (docs/benchmarks.md).
///
/// @par Thread safety
/// sample() and usage(): from any thread. run(): not twice at once, and the destructor only where run() runs.
template <class Executor>
class basic_resource_sampler {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_resource_sampler<Other>;
    };

    explicit basic_resource_sampler(const Executor& executor, resource_sampler_options options = {})
        : timer_(executor), options_(std::move(options)) {
        if (!options_.read) options_.read = [reader = std::make_shared<resource_reader>()] { return (*reader)(); };
        options_.period = std::max<std::chrono::nanoseconds>(options_.period, std::chrono::milliseconds(1));
    }

    basic_resource_sampler(const basic_resource_sampler&) = delete;
    basic_resource_sampler& operator=(const basic_resource_sampler&) = delete;

    /// A run() that is under way ends with operation_aborted.
    ~basic_resource_sampler() = default;

    executor_type get_executor() noexcept { return timer_.get_executor(); }

    /// Takes a sample now, and says what was used since the first one.
    resource_usage sample() {
        const std::lock_guard lock(mutex_);
        statistics_.add(options_.read(), timer_.now());
        return statistics_.usage();
    }

    /// As of the last sample.
    resource_usage usage() const {
        const std::lock_guard lock(mutex_);
        return statistics_.usage();
    }

    /// Takes a sample now and then one in each period, until it is cancelled. What was missed because the context was
    /// busy is not made up for.
    ///
    /// @par Errors
    /// Throws system_error with `operation_aborted`: cancelled, or the sampler was destroyed; and what `sampled` throws.
    /// @par Per-operation cancellation
    /// terminal (partial and total, where the coroutine lets them through): stops waiting for the next time.
    net::awaitable<void> run() {
        for (auto next = timer_.now();;) {
            const resource_usage used = sample();
            if (options_.sampled) options_.sampled(used);
            const auto now = timer_.now();
            next += options_.period;
            if (next <= now) next = now + options_.period;
            timer_.expires_at(next);
            co_await timer_.async_wait(net::use_awaitable);
        }
    }

private:
    basic_timer<Executor> timer_;
    resource_sampler_options options_;
    mutable std::mutex mutex_;
    resource_statistics statistics_{};
};

using resource_sampler = basic_resource_sampler<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_RESOURCE_SAMPLER_HPP
// end <telltale/run/resource_sampler.hpp>
// begin <telltale/run/save_report.hpp>

#ifndef TELLTALE_RUN_SAVE_REPORT_HPP
#define TELLTALE_RUN_SAVE_REPORT_HPP

// <telltale/asio.hpp> is above
// <telltale/core/execution_report.hpp> is above
// <telltale/core/json.hpp> is above
// begin <telltale/run/detail/atomic_file.hpp>

#ifndef TELLTALE_RUN_DETAIL_ATOMIC_FILE_HPP
#define TELLTALE_RUN_DETAIL_ATOMIC_FILE_HPP

// <telltale/asio.hpp> is above

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define TELLTALE_DETAIL_POSIX_FILES 1
#else
#include <fstream>
#endif

namespace telltale::inline TELLTALE_ABI::detail {

/// The error of the other library as ours: the numbers are the same.
inline error_code from_std(const std::error_code& ec) {
    return ec ? error_code(ec.value(), sys::system_category()) : error_code();
}

/// /dev/stdout and its like lead to what is open already, and that may be a file: it is to be written to, not replaced.
inline bool is_open_already(const std::filesystem::path& path) {
    const auto folder = path.parent_path();
    return folder == "/dev" || folder == "/dev/fd" || folder.generic_string().starts_with("/proc/");
}

/// Where a file is really written to: through symbolic links, also one that leads to no file yet.
inline std::filesystem::path target_of(const std::filesystem::path& path) {
    std::error_code ignored;
    std::filesystem::path target = path;
    for (int links = 0; links < 40 && !is_open_already(target); ++links) {
        if (!std::filesystem::is_symlink(target, ignored)) break;
        const auto to = std::filesystem::read_symlink(target, ignored);
        if (to.empty()) break;
        target = to.is_absolute() ? to : target.parent_path() / to;
    }
    return target;
}

#if defined(TELLTALE_DETAIL_POSIX_FILES)

inline error_code last_error() { return {errno, sys::system_category()}; }

/// A file that is being written.
class output_file {
public:
    output_file(const std::string& path, int flags, ::mode_t mode) noexcept
        : descriptor_(::open(path.c_str(), flags | O_WRONLY | O_CLOEXEC, mode)) {
        if (descriptor_ < 0) failed_ = last_error();
    }
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;
    ~output_file() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    error_code error() const noexcept { return failed_; }

    /// The owner and the permissions of the file that it will replace; the owner only if that may be.
    void be_like(const struct ::stat& former) noexcept {
        [[maybe_unused]] const int owner = ::fchown(descriptor_, former.st_uid, former.st_gid);
        if (::fchmod(descriptor_, former.st_mode & 0777) != 0) fail();
    }

    void write(std::string_view content) noexcept {
        while (!failed_ && !content.empty()) {
            const auto n = ::write(descriptor_, content.data(), content.size());
            if (n > 0)
                content.remove_prefix(static_cast<std::size_t>(n));
            else if (n == 0 || errno != EINTR)
                fail();
        }
    }

    /// Waits until it is on the disk, where the file system can say so.
    void sync() noexcept {
        if (!failed_ && ::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) fail();
    }

    /// Some file systems tell only now that there was no room.
    void close() noexcept {
        if (!failed_ && ::close(std::exchange(descriptor_, -1)) != 0) fail();
    }

private:
    void fail() noexcept { failed_ = last_error(); }

    int descriptor_;
    error_code failed_{};
};

/// So that the new name is still there after a power cut. Not every file system can.
inline void sync_folder(const std::filesystem::path& file) noexcept {
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    [[maybe_unused]] const int synced = ::fsync(descriptor);
    ::close(descriptor);
}

inline error_code write_in_place(const std::filesystem::path& path, std::string_view content) {
    output_file file(path.native(), O_APPEND, 0);
    file.write(content);
    file.close();
    return file.error();
}

/// A name in the same folder that nobody else takes at the same time.
inline std::filesystem::path part_of(const std::filesystem::path& target) {
    static std::atomic<unsigned> counter{0};
    std::filesystem::path part = target;
    part += "." + std::to_string(::getpid()) + "-" + std::to_string(++counter) + ".part";
    return part;
}

inline error_code write_file_atomically(const std::filesystem::path& path, std::string_view content) {
    const auto target = target_of(path);
    struct ::stat former {};
    const bool exists = ::stat(target.c_str(), &former) == 0;
    if (!exists && errno != ENOENT) return last_error();
    if (is_open_already(target) || (exists && !S_ISREG(former.st_mode))) // a pipe, a terminal
        return write_in_place(target, content);
    const auto part = part_of(target);
    output_file file(part.native(), O_CREAT | O_EXCL, 0666);
    if (file.error()) return file.error();
    if (exists) file.be_like(former);
    file.write(content);
    file.sync();
    file.close();
    error_code ec = file.error();
    if (!ec && ::rename(part.c_str(), target.c_str()) != 0) ec = last_error();
    if (ec)
        ::unlink(part.c_str());
    else
        sync_folder(target);
    return ec;
}

#else

inline error_code write_file_atomically(const std::filesystem::path& path, std::string_view content) {
    const auto target = target_of(path);
    auto part = target;
    part += ".part";
    std::error_code ec;
    {
        std::ofstream file(part, std::ios::binary | std::ios::trunc);
        file.write(content.data(), static_cast<std::streamsize>(content.size()));
        file.close();
        if (!file) ec = std::make_error_code(std::errc::io_error);
    }
    if (!ec) std::filesystem::rename(part, target, ec);
    std::error_code ignored;
    if (ec) std::filesystem::remove(part, ignored);
    return from_std(ec);
}

#endif

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_ATOMIC_FILE_HPP
// end <telltale/run/detail/atomic_file.hpp>

#include <filesystem>

namespace telltale::inline TELLTALE_ABI {

/// Writes the report as JSON, with a line break at its end, so that whoever reads the file sees all of it or what was
/// there before, also after a crash: into a file beside it, which is on the disk before it takes the name.
///
/// A new file has the permissions that the process gives to new files; one that exists keeps its own. A symbolic link
/// stays, and what it leads to is replaced. What is not a file, a pipe or a terminal or /dev/stdout, is simply written to. The folder
/// must exist. Nothing is left behind after an error, which is the system's.
///
/// It blocks until the disk has it, tens of milliseconds: a coroutine that must not be late posts this to a thread pool.
///
/// @par Thread safety
/// From any thread; of two at once on one file, one is the last.
inline void save_report(const execution_report& report, const std::filesystem::path& path, error_code& ec) {
    ec = detail::write_file_atomically(path, to_json(report) += '\n');
}

/// The same; throws system_error with the path in its message.
inline void save_report(const execution_report& report, const std::filesystem::path& path) {
    error_code ec;
    save_report(report, path, ec);
    if (ec) throw system_error(ec, "cannot write " + path.string());
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_SAVE_REPORT_HPP
// end <telltale/run/save_report.hpp>
// <telltale/run/step.hpp> is above
// begin <telltale/run/transform_chunks.hpp>

#ifndef TELLTALE_RUN_TRANSFORM_CHUNKS_HPP
#define TELLTALE_RUN_TRANSFORM_CHUNKS_HPP

// <telltale/asio.hpp> is above
// <telltale/run/chunk.hpp> is above
// begin <telltale/run/detail/chunk_output.hpp>

#ifndef TELLTALE_RUN_DETAIL_CHUNK_OUTPUT_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_OUTPUT_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/run/chunk.hpp> is above
// <telltale/run/detail/chunk_here.hpp> is above
// <telltale/run/detail/chunk_start.hpp> is above

#include <algorithm>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// What becomes of the results of transform_chunks.

namespace telltale::inline TELLTALE_ABI {

/// The result of one chunk.
template <class T>
struct chunk_value {
    chunk_part chunk{}; ///< which one
    T value;
};

/// The results of all chunks.
template <class T>
struct transform_result : chunk_result {
    std::vector<T> values{}; ///< of the chunks that were completed, in the order of the items
};

namespace detail {

/// All results, until the end.
template <class T>
class collected_values {
public:
    static constexpr bool is_bounded = false;

    void put(chunk_part c, T value) {
        const std::lock_guard lock(mutex_);
        values_.push_back({c, std::move(value)});
    }

    /// Once, at the end.
    transform_result<T> with(chunk_result result) {
        std::vector<chunk_value<T>*> in_order;
        in_order.reserve(values_.size());
        for (auto& v : values_) in_order.push_back(&v);
        std::sort(in_order.begin(), in_order.end(), [](auto* a, auto* b) { return a->chunk.id < b->chunk.id; });
        transform_result<T> all;
        static_cast<chunk_result&>(all) = std::move(result);
        all.values.reserve(in_order.size());
        for (auto* v : in_order) all.values.push_back(std::move(v->value));
        return all;
    }

private:
    std::mutex mutex_;
    std::vector<chunk_value<T>> values_;
};

/// Results on their way to who consumes them, a bounded number at a time. A chunk is admitted when it begins, and leaves
/// when its result is consumed.
template <class T>
class chunk_stream final : public wait_state {
public:
    static constexpr bool is_bounded = true;

    chunk_stream(net::execution_context& context, chunk_order order)
        : wait_state(context), in_order_(order == chunk_order::items) {}

    /// Once, before the run starts.
    void set(std::weak_ptr<chunk_control> run, std::size_t ahead) {
        run_ = std::move(run);
        ahead_ = std::max<std::size_t>(ahead, 1);
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    // For the run, from any thread.

    bool admit() {
        const std::lock_guard lock(mutex());
        if (admitted_ >= ahead_) return false;
        ++admitted_;
        return true;
    }

    void put(chunk_part c, T value) {
        change([&] { values_.emplace(in_order_ ? c.id : came_++, chunk_value<T>{c, std::move(value)}); });
    }

    /// There is no result of this one.
    void skip(chunk_part c) {
        change([&] { values_.emplace(in_order_ ? c.id : came_++, std::nullopt); });
    }

    void end(error_code ec, chunk_outcome outcome) {
        change([&] {
            ended_ = true;
            error_ = ec;
            outcome_ = std::move(outcome);
        });
    }

    // For the consumer.

    /// The next result, if it is there.
    std::optional<chunk_value<T>> take() {
        for (;;) {
            {
                const std::lock_guard lock(mutex());
                if (!is_ready()) return std::nullopt;
                auto next = std::move(values_.extract(values_.begin()).mapped());
                ++next_;
                if (next) return next;
            }
            consumed();
        }
    }

    /// What was taken last is done with.
    void consumed() {
        {
            const std::lock_guard lock(mutex());
            --admitted_;
        }
        if (const auto run = run_.lock()) run->go_on();
    }

    /// Nothing more is taken: drops what is there.
    void stop() {
        std::map<std::size_t, std::optional<chunk_value<T>>> dropped;
        {
            const std::lock_guard lock(mutex());
            stopped_ = true;
            dropped.swap(values_);
        }
        if (const auto run = run_.lock()) run->stop();
    }

    bool has_ended() const {
        const std::lock_guard lock(mutex());
        return ended_;
    }

    /// After the end, once.
    chunk_result result() {
        if (outcome_.error) std::rethrow_exception(outcome_.error);
        if (error_) throw system_error(error_);
        return std::move(outcome_.result);
    }

    /// Completes with `void(error_code)` when there may be something to take, or it has ended.
    template <class Token>
    auto async_wait(const net::any_io_executor& executor, Token&& token) {
        return async_start<void(error_code)>(
            executor,
            [self = std::static_pointer_cast<chunk_stream>(shared_from_this())](auto&& handler, const auto& ex) {
                start_wait<>(self, std::forward<decltype(handler)>(handler), ex, [&self](std::tuple<error_code>&) {
                    return self->is_ready() || self->ended_ ? nullptr : &self->waiters_;
                });
            },
            std::forward<Token>(token));
    }

private:
    bool is_ready() const noexcept {
        return !stopped_ && !values_.empty() && (!in_order_ || values_.begin()->first == next_);
    }

    template <class F>
    void change(F f) {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            f();
            if (is_ready() || ended_) ready.take(waiters_);
        }
        ready.ready_all();
    }

    const bool in_order_;
    std::weak_ptr<chunk_control> run_;
    std::size_t ahead_ = 1;

    // Protected by the mutex.
    wait_list waiters_;
    std::map<std::size_t, std::optional<chunk_value<T>>> values_; // by their place
    std::size_t next_ = 0;                                        // place
    std::size_t came_ = 0;
    std::size_t admitted_ = 0;
    bool stopped_ = false;
    bool ended_ = false;
    error_code error_;
    chunk_outcome outcome_;
};

/// In the frame of the consumer: if that is destroyed, nobody is held back for its sake any more.
template <class T>
class chunk_consumer {
public:
    explicit chunk_consumer(std::shared_ptr<chunk_stream<T>> stream) noexcept : stream_(std::move(stream)) {}
    chunk_consumer(const chunk_consumer&) = delete;
    chunk_consumer& operator=(const chunk_consumer&) = delete;
    ~chunk_consumer() { stream_->stop(); }

private:
    std::shared_ptr<chunk_stream<T>> stream_;
};

template <class Items, class Fn>
using chunk_result_of = typename awaited<typename chunk_call<Items, Fn>::returned>::type;

template <class Where, class Items, class Fn, class Hooks, class T = chunk_result_of<Items, Fn>>
net::awaitable<transform_result<T>> collect_chunks(Where where, Items items, chunk_options options, Fn fn,
                                                   Hooks hooks) {
    static_assert(!std::is_void_v<T>, "the function of transform_chunks returns something");
    const net::any_io_executor home = co_await net::this_coro::executor;
    const auto values = std::make_shared<collected_values<T>>();
    auto run = make_chunk_run<collected_values<T>>(home, std::move(where), std::move(items), options, std::move(fn),
                                                   std::move(hooks), values);
    run->announce();
    auto [ec, outcome] = co_await async_run_chunks(std::move(run), home, as_result);
    if (outcome.error) std::rethrow_exception(outcome.error);
    if (ec) throw system_error(ec);
    co_return values->with(std::move(outcome.result));
}

template <class Where, class Items, class Fn, class Consume, class Hooks, class T = chunk_result_of<Items, Fn>>
net::awaitable<chunk_result> stream_chunks(Where where, Items items, chunk_options options, Fn fn, Consume consume,
                                           Hooks hooks) {
    static_assert(!std::is_void_v<T>, "the function of transform_chunks returns something");
    const net::any_io_executor home = co_await net::this_coro::executor;
    const auto stream = std::make_shared<chunk_stream<T>>(context_of(home), options.order);
    auto run = make_chunk_run<chunk_stream<T>>(home, std::move(where), std::move(items), options, std::move(fn),
                                               std::move(hooks), stream);
    stream->set(run, options.ahead != 0 ? options.ahead : run->plan().workers * 2);
    const chunk_consumer<T> me(stream);
    run->announce();
    async_run_chunks(std::move(run), home, [stream](error_code ec, chunk_outcome o) { stream->end(ec, std::move(o)); });
    std::exception_ptr error;
    try {
        for (;;) {
            if (auto next = stream->take()) {
                if constexpr (is_awaitable<std::invoke_result_t<Consume&, chunk_value<T>>>) {
                    auto body = consume(std::move(*next));
                    co_await std::move(body);
                } else {
                    consume(std::move(*next));
                }
                next.reset();
                stream->consumed();
            } else if (stream->has_ended()) {
                break;
            } else {
                co_await stream->async_wait(home, net::use_awaitable);
            }
        }
    } catch (...) {
        error = std::current_exception();
    }
    if (!error) co_return stream->result();
    // Cancelled or not: as long as anybody works, this stays.
    stream->stop();
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);
    while (!stream->has_ended()) co_await stream->async_wait(home, as_result);
    co_await net::this_coro::throw_if_cancelled(throws);
    std::rethrow_exception(error);
}

template <class Items, class Fn, class Hooks, class T = chunk_result_of<Items, Fn>>
transform_result<T> collect_chunks_here(Items items, const chunk_options& options, Fn& fn, Hooks hooks) {
    static_assert(!std::is_void_v<T>, "the function of transform_chunks returns something");
    collected_values<T> values;
    auto result = run_chunks_here(std::move(items), options, fn, std::move(hooks),
                                  [&values](chunk_part c, T value) { values.put(c, std::move(value)); });
    return values.with(std::move(result));
}

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_CHUNK_OUTPUT_HPP
// end <telltale/run/detail/chunk_output.hpp>
// <telltale/run/hooks.hpp> is above

#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// As for_each_chunk (of a range, or of the numbers below a count), for a function that makes something of each chunk: `values` of the result has it, one for each
/// chunk, in the order of the items.
///
///     const auto parts = co_await telltale::transform_chunks(pool.get_executor(), numbers, options, sum_of);
///     const int sum = std::accumulate(parts.values.begin(), parts.values.end(), 0);
///
/// Where, chunks, hooks, errors and cancellation are those of for_each_chunk. `fn` returns a T, or an awaitable of one; T
/// is movable and need not be default-constructible. With error_policy::collect chunks that threw have no value:
/// `errors` says which they are.
template <class Where, detail::chunk_source Items, class Fn, hook_set Hooks = chunk_hooks<>>
[[nodiscard]] auto transform_chunks(Where where, Items&& items, chunk_options options, Fn fn, Hooks hooks = {}) {
    return detail::collect_chunks(std::move(where), detail::items_of(std::forward<Items>(items)), options,
                                  std::move(fn), std::move(hooks));
}

/// The same in the calling thread; returns the transform_result itself.
template <detail::chunk_source Items, class Fn, hook_set Hooks = chunk_hooks<>>
auto transform_chunks(blocking_t, Items&& items, chunk_options options, Fn fn, Hooks hooks = {}) {
    return detail::collect_chunks_here(detail::items_of(std::forward<Items>(items)), options, fn, std::move(hooks));
}

/// Hands over each result as it comes, in bounded memory: `consume(chunk_value<T>)` is called in the coroutine that
/// awaits, one at a time. It may return net::awaitable<void>, which is awaited: so results go on into a queue or a socket
/// as fast as that takes them.
///
///     const telltale::chunk_options options{.size = 1, .order = telltale::chunk_order::completed};
///     co_await telltale::transform_chunks(pool.get_executor(), files, options, parse, store);
///
/// chunk_options::order: in the order of the items, or as they come. chunk_options::ahead: how many chunks may have begun
/// whose results are not consumed; then no more begin until there is room.
///
/// Completes with a chunk_result, under the same conditions as for_each_chunk: nobody works any more, whatever happened.
/// @par Errors
/// As for_each_chunk; the results of the chunks that were completed are handed over before the error is thrown. What
/// `consume` throws stops the work, and is thrown.
/// @par Per-operation cancellation
/// of the awaiting coroutine: as for_each_chunk; results that are not consumed are dropped.
template <class Where, detail::chunk_source Items, class Fn, class Consume, hook_set Hooks = chunk_hooks<>>
    requires(!hook_set<Consume>)
&&(detail::chunkable<Items> || std::convertible_to<Items, std::size_t>)
    [[nodiscard]] net::awaitable<chunk_result> transform_chunks(Where where, Items&& items, chunk_options options,
                                                                Fn fn, Consume consume, Hooks hooks = {}) {
    return detail::stream_chunks(std::move(where), detail::items_of(std::forward<Items>(items)), options, std::move(fn),
                                 std::move(consume), std::move(hooks));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_TRANSFORM_CHUNKS_HPP
// end <telltale/run/transform_chunks.hpp>
// begin <telltale/sync/auto_reset_event.hpp>

#ifndef TELLTALE_SYNC_AUTO_RESET_EVENT_HPP
#define TELLTALE_SYNC_AUTO_RESET_EVENT_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// begin <telltale/sync/detail/event_state.hpp>

#ifndef TELLTALE_SYNC_DETAIL_EVENT_STATE_HPP
#define TELLTALE_SYNC_DETAIL_EVENT_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above

#include <mutex>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A flag and those who wait for it: of manual_reset_event and auto_reset_event. While it is set, nobody waits.
class event_state final : public wait_state {
public:
    using wait_state::wait_state;

    void set_for_all() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            set_ = true;
            all.take(waiters_);
        }
        all.ready_all();
    }

    void set_for_one() {
        wait_node* next = nullptr;
        {
            const std::lock_guard lock(mutex());
            next = waiters_.pop_front();
            if (!next) set_ = true;
        }
        if (next) next->ready();
    }

    /// True if it was set.
    bool reset() {
        const std::lock_guard lock(mutex());
        return take();
    }

    bool is_set() const {
        const std::lock_guard lock(mutex());
        return set_;
    }

    // With the mutex held.
    wait_list* unless_set() noexcept { return set_ ? nullptr : &waiters_; }
    wait_list* unless_taken() noexcept { return take() ? nullptr : &waiters_; }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    bool take() noexcept { return std::exchange(set_, false); }

    wait_list waiters_;
    bool set_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_EVENT_STATE_HPP
// end <telltale/sync/detail/event_state.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A signal that wakes one: each set() lets one waiter through, and waits for one to come if nobody is there. Several
/// set() that nobody has waited for count as one: to say that there is something to do, not how much (that is a queue
/// or a semaphore).
///
///     net::awaitable<void> write_what_is_dirty(telltale::auto_reset_event& dirty) {
///         for (;;) {
///             co_await dirty.wait(); // set() by whoever changes something, on any thread
///             write_all();
///         }
///     }
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_auto_reset_event {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_auto_reset_event<Other>;
    };

    /// Not set.
    explicit basic_auto_reset_event(const Executor& executor)
        : executor_(executor), state_(std::make_shared<detail::event_state>(detail::context_of(executor))) {}

    basic_auto_reset_event(const basic_auto_reset_event&) = delete;
    basic_auto_reset_event& operator=(const basic_auto_reset_event&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_auto_reset_event() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Lets the one through who has waited longest, or else the next who comes. Does nothing when it is set already.
    void set() { state_->set_for_one(); }

    /// Takes back a set() that nobody has used.
    void reset() { state_->reset(); }

    /// True if the event was set; it is not any more. Never suspends.
    [[nodiscard]] bool try_wait() { return state_->reset(); }

    /// Completes when a set() is there for this operation, and uses it up. Several are served in the order in which
    /// they came.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the event was destroyed; no set() is used up.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. One that was let through before stays so.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the event's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->unless_taken(); });
            },
            std::forward<Token>(token));
    }

    /// As async_wait, but does not suspend when the event is set. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> wait() {
        if (!try_wait()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::event_state> state_;
};

using auto_reset_event = basic_auto_reset_event<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_AUTO_RESET_EVENT_HPP
// end <telltale/sync/auto_reset_event.hpp>
// begin <telltale/sync/latch.hpp>

#ifndef TELLTALE_SYNC_LATCH_HPP
#define TELLTALE_SYNC_LATCH_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above

#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

class latch_state final : public wait_state {
public:
    latch_state(net::execution_context& context, std::size_t count) : wait_state(context), count_(count) {}

    error_code count_down(std::size_t n) {
        wait_list ready;
        error_code ec;
        {
            const std::lock_guard lock(mutex());
            ec = count_down(n, ready);
        }
        ready.ready_all();
        return ec;
    }

    std::size_t count() const {
        const std::lock_guard lock(mutex());
        return count_;
    }

    // With the mutex held.
    error_code count_down(std::size_t n, wait_list& ready) noexcept {
        if (n > count_) return errc::invalid_argument;
        count_ -= n;
        if (count_ == 0) ready.take(waiters_);
        return {};
    }
    wait_list* attempt() noexcept { return count_ == 0 ? nullptr : &waiters_; }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    std::size_t count_;
};

} // namespace detail

/// Opens when so many things have happened, and stays open. For once: the count cannot be raised (task_group counts
/// children that come and go).
///
///     net::awaitable<void> start(telltale::latch& ready) { // of three
///         co_await connect();
///         co_await ready.arrive_and_wait(); // goes on when all three are connected
///     }
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_latch {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_latch<Other>;
    };

    /// `count`: how many things have to happen; 0: it is open from the beginning.
    basic_latch(const Executor& executor, std::size_t count)
        : executor_(executor), state_(std::make_shared<detail::latch_state>(detail::context_of(executor), count)) {}

    basic_latch(const basic_latch&) = delete;
    basic_latch& operator=(const basic_latch&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_latch() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// How many things have still to happen.
    std::size_t count() const { return state_->count(); }

    /// `n` things have happened; the last one wakes all who wait, in the order in which they came.
    ///
    /// @throws system_error `errc::invalid_argument`: `n` is more than is left; nothing was counted.
    void count_down(std::size_t n = 1) {
        if (const auto ec = state_->count_down(n)) throw system_error(ec, "telltale::latch: counted below zero");
    }

    /// True if the latch is open. Never suspends.
    [[nodiscard]] bool try_wait() const { return state_->count() == 0; }

    /// Completes when the latch is open.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the latch was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the latch's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->attempt(); });
            },
            std::forward<Token>(token));
    }

    /// As async_wait, but does not suspend when the latch is open. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> wait() {
        if (!try_wait()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

    /// Counts one down, when the operation is started, and waits. As async_wait, and: `errc::invalid_argument` where
    /// the latch is open already. Cancelling does not take back what was counted.
    template <class Token = default_token_t<Executor>>
    auto async_arrive_and_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::wait_list ready;
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&](std::tuple<error_code>& result) {
                                         auto& ec = std::get<0>(result);
                                         ec = state->count_down(1, ready);
                                         return ec ? nullptr : state->attempt();
                                     });
                ready.ready_all();
            },
            std::forward<Token>(token));
    }

    /// As async_arrive_and_wait, but whoever comes last does not suspend. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> arrive_and_wait() {
        count_down();
        if (!try_wait()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::latch_state> state_;
};

using latch = basic_latch<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_LATCH_HPP
// end <telltale/sync/latch.hpp>
// begin <telltale/sync/mailbox.hpp>

#ifndef TELLTALE_SYNC_MAILBOX_HPP
#define TELLTALE_SYNC_MAILBOX_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above

#include <concepts>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

template <class T>
class mailbox_state final : public wait_state {
public:
    using wait_state::wait_state;

    bool put(T value) {
        waiter<T>* next = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (closed_) return false;
            next = static_cast<waiter<T>*>(waiters_.pop_front());
            if (!next) {
                const bool replaced = value_.has_value();
                value_ = std::move(value);
                return replaced;
            }
        }
        next->complete({}, std::move(value));
        return false;
    }

    std::optional<T> try_take() {
        const std::lock_guard lock(mutex());
        return std::exchange(value_, std::nullopt);
    }

    // With the mutex held.
    wait_list* attempt(error_code& ec, T& value) {
        if (value_) {
            value = std::move(*value_);
            value_.reset();
            return nullptr;
        }
        if (!closed_) return &waiters_;
        ec = errc::closed;
        return nullptr;
    }

    void close() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            closed_ = true;
            all.take(waiters_);
        }
        all.finish_all(errc::closed);
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    std::optional<T> value_;
    bool closed_ = false;
};

} // namespace detail

/// Room for one value, in which the latest wins: who takes gets the newest, however many were put since.
///
///     telltale::mailbox<int> degrees(executor);
///     degrees.put(19); // any thread, as often as it likes; never waits
///     degrees.put(20);
///     const int newest = co_await degrees.take();
///
/// `T` is movable and default-constructible.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <std::movable T, class Executor = net::any_io_executor>
    requires std::default_initializable<T>
class mailbox {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = mailbox<T, Other>;
    };

    explicit mailbox(const Executor& executor)
        : executor_(executor), state_(std::make_shared<detail::mailbox_state<T>>(detail::context_of(executor))) {}

    mailbox(const mailbox&) = delete;
    mailbox& operator=(const mailbox&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~mailbox() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Leaves a value for the next taker. True if it replaced one that nobody had taken. Ignored after close().
    bool put(T value) { return state_->put(std::move(value)); }

    /// No more values will come: a value that is there can still be taken, then takers get errc::closed.
    void close() { state_->close(); }

    /// The value that is there, or nothing. Never suspends.
    [[nodiscard]] std::optional<T> try_take() { return state_->try_take(); }

    /// Waits for a value. Several takers are served in the order in which they came.
    ///
    /// @par Completion signature
    /// `void(error_code, T)`
    /// @par Error codes
    /// `errc::closed`: closed and empty; `operation_aborted`: cancelled, or the mailbox was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. No value is lost: one that was given stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the mailbox's).
    template <class Token = default_token_t<Executor>>
    auto async_take(Token&& token = {}) {
        return detail::async_start<void(error_code, T)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<T>(state, std::forward<decltype(handler)>(handler), executor,
                                      [&state](std::tuple<error_code, T>& result) {
                                          return state->attempt(std::get<0>(result), std::get<1>(result));
                                      });
            },
            std::forward<Token>(token));
    }

    /// As async_take, but does not suspend when a value is there. Throws system_error.
    [[nodiscard]] net::awaitable<T, Executor> take() {
        if (auto value = try_take()) co_return std::move(*value);
        co_return co_await async_take(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::mailbox_state<T>> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_MAILBOX_HPP
// end <telltale/sync/mailbox.hpp>
// begin <telltale/sync/manual_reset_event.hpp>

#ifndef TELLTALE_SYNC_MANUAL_RESET_EVENT_HPP
#define TELLTALE_SYNC_MANUAL_RESET_EVENT_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/sync/detail/event_state.hpp> is above

#include <memory>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Something that has happened or not: set once, seen by everybody who waits now or later, until it is reset.
///
///     telltale::manual_reset_event connected(executor);
///     connected.set();           // by whoever has connected, on any thread
///     co_await connected.wait(); // and everybody else who waits, or comes later
///
/// (The things that a board tells of are `event`, in core; this is the synchronisation primitive.)
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_manual_reset_event {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_manual_reset_event<Other>;
    };

    /// Not set.
    explicit basic_manual_reset_event(const Executor& executor)
        : executor_(executor), state_(std::make_shared<detail::event_state>(detail::context_of(executor))) {}

    basic_manual_reset_event(const basic_manual_reset_event&) = delete;
    basic_manual_reset_event& operator=(const basic_manual_reset_event&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_manual_reset_event() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Wakes all who wait, in the order in which they came. Does nothing when it is set already.
    void set() { state_->set_for_all(); }

    /// Whoever waits from now on waits for the next set().
    void reset() { state_->reset(); }

    /// Whether it is set at this moment. Never suspends.
    bool is_set() const { return state_->is_set(); }

    /// Completes when the event is set.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the event was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the event's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->unless_set(); });
            },
            std::forward<Token>(token));
    }

    /// As async_wait, but does not suspend when the event is set. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> wait() {
        if (!is_set()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::event_state> state_;
};

using manual_reset_event = basic_manual_reset_event<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_MANUAL_RESET_EVENT_HPP
// end <telltale/sync/manual_reset_event.hpp>
// <telltale/sync/outcome.hpp> is above
// begin <telltale/sync/queue.hpp>

#ifndef TELLTALE_SYNC_QUEUE_HPP
#define TELLTALE_SYNC_QUEUE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/adapted_handler.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/sync/detail/queue_state.hpp>

#ifndef TELLTALE_SYNC_DETAIL_QUEUE_STATE_HPP
#define TELLTALE_SYNC_DETAIL_QUEUE_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/adapted_handler.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// First in, first out, in room that is allocated once.
template <class T>
class ring {
public:
    explicit ring(std::size_t capacity)
        : room_(capacity ? std::allocator<T>{}.allocate(capacity) : nullptr), capacity_(capacity) {}
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() {
        while (!empty()) pop_front();
        if (room_) std::allocator<T>{}.deallocate(room_, capacity_);
    }

    bool empty() const noexcept { return size_ == 0; }
    bool full() const noexcept { return size_ == capacity_; }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }

    void swap(ring& other) noexcept {
        std::swap(room_, other.room_);
        std::swap(capacity_, other.capacity_);
        std::swap(first_, other.first_);
        std::swap(size_, other.size_);
    }

    T& front() noexcept { return room_[first_]; }

    void push_back(T&& value) {
        const std::size_t to_end = capacity_ - first_;
        std::construct_at(room_ + (size_ < to_end ? first_ + size_ : size_ - to_end), std::move(value));
        ++size_;
    }

    void pop_front() noexcept {
        std::destroy_at(room_ + first_);
        first_ = first_ + 1 == capacity_ ? 0 : first_ + 1;
        --size_;
    }

private:
    T* room_;
    std::size_t capacity_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

/// Values wait in the ring; what a waiting push has brought is in its result, and goes from there into the ring as soon
/// as there is room. So a pop waits only while there is no value at all, and a push only while the ring is full.
template <class T>
class queue_state final : public wait_state {
public:
    queue_state(net::execution_context& context, std::size_t capacity) : wait_state(context), values_(capacity) {}

    /// True if the push has ended. False: it has to wait, and `value` is untouched.
    bool push(T& value, error_code& ec) {
        waiter_type* popper = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (!push(value, ec, popper)) return false;
        }
        if (popper) popper->ready();
        return true;
    }

    /// True if the pop has ended. `value` is a T or an optional of it.
    template <class Value>
    bool pop(Value& value, error_code& ec) {
        waiter_type* pusher = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (!pop(value, ec, pusher)) return false;
        }
        if (pusher) pusher->ready();
        return true;
    }

    /// Appends up to `max` values to `values`.
    void pop_some(std::vector<T>& values, std::size_t max) {
        wait_list pushers;
        {
            const std::lock_guard lock(mutex());
            values.reserve(values.size() + std::min(max, values_.size())); // whatever throws, nothing was taken yet
            std::optional<T> value;
            error_code ec;
            for (; max > 0; --max) {
                waiter_type* pusher = nullptr;
                if (!pop(value, ec, pusher) || ec) break;
                values.push_back(std::move(*value));
                if (pusher) pushers.push_back(*pusher);
            }
        }
        pushers.ready_all();
    }

    template <class Handler, class Executor>
    static void start_push(const std::shared_ptr<queue_state>& state, Handler&& handler, const Executor& executor,
                           T value) {
        using adapted = adapted_handler<std::decay_t<Handler>, error_only>;
        waiter_type* popper = nullptr;
        start_wait<T>(state, adapted{std::forward<Handler>(handler), {}}, executor,
                      [&](std::tuple<error_code, T>& result) -> wait_list* {
                          if (state->push(value, std::get<0>(result), popper)) return nullptr;
                          std::get<1>(result) = std::move(value);
                          state->must_wait_to_pop_.store(false, std::memory_order_relaxed);
                          return &state->pushers_;
                      });
        if (popper) popper->ready();
    }

    template <class Handler, class Executor>
    static void start_pop(const std::shared_ptr<queue_state>& state, Handler&& handler, const Executor& executor) {
        waiter_type* pusher = nullptr;
        start_wait<T>(state, std::forward<Handler>(handler), executor,
                      [&](std::tuple<error_code, T>& result) -> wait_list* {
                          if (state->pop(std::get<1>(result), std::get<0>(result), pusher)) return nullptr;
                          state->must_wait_to_push_.store(false, std::memory_order_relaxed);
                          return &state->poppers_;
                      });
        if (pusher) pusher->ready();
    }

    /// Waits for one value, and takes those with it that are there by then.
    template <class Handler, class Executor>
    static void start_pop_some(const std::shared_ptr<queue_state>& state, Handler&& handler, const Executor& executor,
                               std::size_t max) {
        const auto gather = [state, max](auto&& h, error_code ec, T&& first) {
            std::vector<T> values;
            if (!ec) {
                values.push_back(std::move(first));
                state->pop_some(values, max - 1);
            }
            std::forward<decltype(h)>(h)(ec, std::move(values));
        };
        using adapted = adapted_handler<std::decay_t<Handler>, std::remove_const_t<decltype(gather)>>;
        start_pop(state, adapted{std::forward<Handler>(handler), gather}, executor);
    }

    void close() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            closed_ = true;
            take_all(all);
            note();
        }
        all.finish_all(errc::closed);
    }

    /// The queue is gone.
    void abandon() {
        finish_all(net::error::operation_aborted);
        ring<T> values(0); // which a cancellation slot that still knows this shall not keep
        const std::lock_guard lock(mutex());
        values.swap(values_);
    }

    /// What it looked like a moment ago, at the price of a load.
    bool must_wait_to_push() const noexcept { return must_wait_to_push_.load(std::memory_order_relaxed); }
    bool must_wait_to_pop() const noexcept { return must_wait_to_pop_.load(std::memory_order_relaxed); }

    bool is_closed() const {
        const std::lock_guard lock(mutex());
        return closed_;
    }

    std::size_t size() const {
        const std::lock_guard lock(mutex());
        return values_.size();
    }

    std::size_t capacity() const noexcept { return values_.capacity(); }

    void take_all(wait_list& all) noexcept override {
        all.take(poppers_);
        all.take(pushers_);
    }

private:
    using waiter_type = waiter<T>;

    static waiter_type* first_of(wait_list& list) noexcept { return static_cast<waiter_type*>(list.pop_front()); }
    static T& brought(waiter_type& pusher) noexcept { return std::get<1>(pusher.result()); }

    // With the mutex held. Whoever is woken is to be made ready after unlocking.
    bool push(T& value, error_code& ec, waiter_type*& popper) {
        if (closed_) {
            ec = errc::closed;
            return true;
        }
        popper = first_of(poppers_);
        if (popper)
            std::get<1>(popper->result()) = std::move(value);
        else if (values_.full())
            return false;
        else
            values_.push_back(std::move(value));
        note();
        return true;
    }

    // As push. Nobody waits to push when the queue is closed.
    template <class Value>
    bool pop(Value& value, error_code& ec, waiter_type*& pusher) {
        if (!values_.empty()) {
            value = std::move(values_.front());
            values_.pop_front();
            pusher = first_of(pushers_);
            if (pusher) values_.push_back(std::move(brought(*pusher)));
            note();
            return true;
        }
        pusher = first_of(pushers_); // there is no ring
        if (pusher) {
            value = std::move(brought(*pusher));
            note();
            return true;
        }
        if (closed_) ec = errc::closed;
        return closed_;
    }

    // With the mutex held. A waiter that has been cancelled since counts as there, which does no harm.
    void note() noexcept {
        must_wait_to_push_.store(values_.full() && poppers_.empty() && !closed_, std::memory_order_relaxed);
        must_wait_to_pop_.store(values_.empty() && pushers_.empty() && !closed_, std::memory_order_relaxed);
    }

    ring<T> values_;
    wait_list poppers_;
    wait_list pushers_;
    bool closed_ = false;
    std::atomic<bool> must_wait_to_push_{false};
    std::atomic<bool> must_wait_to_pop_{true};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_QUEUE_STATE_HPP
// end <telltale/sync/detail/queue_state.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// A bounded queue: who pushes waits while it is full, who pops waits while it is empty, each side first come, first
/// served.
///
///     net::awaitable<void> produce(telltale::queue<block>& blocks) {
///         while (auto b = read_block()) co_await blocks.push(std::move(*b)); // waits for those who consume
///         blocks.close();
///     }
///     net::awaitable<void> consume(telltale::queue<block>& blocks) {
///         for (;;) {
///             const auto [ec, b] = co_await blocks.async_pop(telltale::as_result);
///             if (ec) co_return; // closed, and all is consumed
///             handle(b);
///         }
///     }
///
/// A value belongs to the queue from the moment at which its push succeeds, and to a pop as soon as that is given it:
/// nothing is lost to a cancellation or a time limit. So a pop with a time limit is `with_timeout(q.pop(), 1s)`; the
/// value that comes at the last moment is its result.
///
/// `T` is movable, without exceptions, and default-constructible (what a pop that fails gives).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <std::movable T, class Executor = net::any_io_executor>
    requires std::default_initializable<T>
class queue {
public:
    using executor_type = Executor;
    using value_type = T;

    template <class Other>
    struct rebind_executor {
        using other = queue<T, Other>;
    };

    static constexpr std::size_t all = std::numeric_limits<std::size_t>::max(); ///< of pop_some: no limit

    /// `capacity`: how many values can wait to be popped; their room is allocated now. 0: a push completes only when a
    /// pop takes its value. Throws what `std::allocator` throws.
    queue(const Executor& executor, std::size_t capacity)
        : executor_(executor), state_(std::make_shared<state_type>(detail::context_of(executor), capacity)) {}

    queue(const queue&) = delete;
    queue& operator=(const queue&) = delete;

    /// Whoever still waits gets operation_aborted. Values that nobody has popped are destroyed.
    ~queue() { state_->abandon(); }

    executor_type get_executor() const noexcept { return executor_; }

    std::size_t capacity() const noexcept { return state_->capacity(); }

    /// How many values are in the queue at this moment; not those of pushes that wait.
    std::size_t size() const { return state_->size(); }

    bool is_closed() const { return state_->is_closed(); }

    /// Ends the queue. Whoever waits gets errc::closed, on both sides, and so does every push from now on: its value
    /// was not sent. What is in the queue can still be popped; then pops get errc::closed too.
    void close() { state_->close(); }

    /// Pushes if that needs no waiting. False: the queue is full or closed, and `value` was not moved from. Never
    /// suspends.
    [[nodiscard]] bool try_push(T&& value) {
        error_code ec;
        return state_->push(value, ec) && !ec;
    }

    [[nodiscard]] bool try_push(const T& value) requires std::copy_constructible<T> { return try_push(T(value)); }

    /// Completes when the value is in the queue, or was given to a pop.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `errc::closed`; `operation_aborted`: cancelled, or the queue was destroyed. With an error, the value was not
    /// sent and is gone with the operation.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. A value that was accepted before stays so.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the queue's).
    template <class Token = default_token_t<Executor>>
    auto async_push(T value, Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_, value = std::move(value)](auto&& handler, const Executor& executor) mutable {
                state_type::start_push(state, std::forward<decltype(handler)>(handler), executor, std::move(value));
            },
            std::forward<Token>(token));
    }

    /// As async_push, but does not suspend when there is room. Throws system_error.
    ///
    /// (Name a value of aggregate type before the co_await, and move it: GCC 12 destroys an aggregate that is made within
    /// a co_await expression twice.)
    [[nodiscard]] net::awaitable<void, Executor> push(T value) {
        // Decided here already: to await the operation in another coroutine would cost that one's frame.
        if (state_->must_wait_to_push()) return async_push(std::move(value), net::use_awaitable_t<Executor>{});
        return push_or_wait(std::move(value));
    }

    /// The next value, or nothing: the queue is empty. Never suspends.
    [[nodiscard]] std::optional<T> try_pop() {
        std::optional<T> value;
        error_code ec;
        state_->pop(value, ec);
        return value;
    }

    /// The next values, at most `max`, in order; none where the queue is empty. Never suspends.
    [[nodiscard]] std::vector<T> try_pop_some(std::size_t max = all) {
        std::vector<T> values;
        state_->pop_some(values, max);
        return values;
    }

    /// Waits for a value.
    ///
    /// @par Completion signature
    /// `void(error_code, T)`
    /// @par Error codes
    /// `errc::closed`: closed and empty; `operation_aborted`: cancelled, or the queue was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. No value is lost: one that was given stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the queue's).
    template <class Token = default_token_t<Executor>>
    auto async_pop(Token&& token = {}) {
        return detail::async_start<void(error_code, T)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                state_type::start_pop(state, std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// As async_pop, but does not suspend when a value is there. Throws system_error.
    [[nodiscard]] net::awaitable<T, Executor> pop() {
        if (state_->must_wait_to_pop()) return async_pop(net::use_awaitable_t<Executor>{});
        return pop_or_wait();
    }

    /// Waits for a value, and takes with it those that are there when the operation completes: at least one, at most
    /// `max` (0 is taken as 1), in order. As async_pop, with the completion signature `void(error_code,
    /// std::vector<T>)`.
    template <class Token = default_token_t<Executor>>
    auto async_pop_some(std::size_t max, Token&& token = {}) {
        return detail::async_start<void(error_code, std::vector<T>)>(
            executor_,
            [state = state_, max = std::max<std::size_t>(max, 1)](auto&& handler, const Executor& executor) {
                state_type::start_pop_some(state, std::forward<decltype(handler)>(handler), executor, max);
            },
            std::forward<Token>(token));
    }

    /// As async_pop_some, but does not suspend when a value is there. Throws system_error.
    [[nodiscard]] net::awaitable<std::vector<T>, Executor> pop_some(std::size_t max = all) {
        auto values = try_pop_some(std::max<std::size_t>(max, 1));
        if (values.empty()) values = co_await async_pop_some(max, net::use_awaitable_t<Executor>{});
        co_return values;
    }

private:
    using state_type = detail::queue_state<T>;

    net::awaitable<void, Executor> push_or_wait(T value) {
        error_code ec;
        if (!state_->push(value, ec)) co_await async_push(std::move(value), net::use_awaitable_t<Executor>{});
        if (ec) throw system_error(ec);
    }

    net::awaitable<T, Executor> pop_or_wait() {
        std::optional<T> value;
        error_code ec;
        if (!state_->pop(value, ec)) co_return co_await async_pop(net::use_awaitable_t<Executor>{});
        if (ec) throw system_error(ec);
        co_return std::move(*value);
    }

    Executor executor_;
    std::shared_ptr<state_type> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_QUEUE_HPP
// end <telltale/sync/queue.hpp>
// begin <telltale/sync/rate_limiter.hpp>

#ifndef TELLTALE_SYNC_RATE_LIMITER_HPP
#define TELLTALE_SYNC_RATE_LIMITER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/token_bucket.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/sync/detail/rate_limiter_state.hpp>

#ifndef TELLTALE_SYNC_DETAIL_RATE_LIMITER_STATE_HPP
#define TELLTALE_SYNC_DETAIL_RATE_LIMITER_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/token_bucket.hpp> is above
// <telltale/detail/adapted_handler.hpp> is above
// <telltale/detail/time_source.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/sync/timer.hpp> is above

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A bucket, those who wait for tokens (each brings how many, in its result), and one timer: for when the first of them
/// can have its tokens.
template <class Executor>
class rate_limiter_state final : public wait_state {
    using waiter_type = waiter<std::size_t>;
    using clock = token_bucket::clock;

public:
    rate_limiter_state(const Executor& executor, rate_limit limit)
        : wait_state(context_of(executor)),
          source_(time_source_of(executor)),
          bucket_(limit, source_.now()),
          timer_(std::in_place, executor) {}

    /// True if the acquire has ended.
    bool acquire(std::size_t n, error_code& ec) {
        const std::lock_guard lock(mutex());
        return acquire_locked(n, ec);
    }

    template <class Handler>
    static void start_acquire(const std::shared_ptr<rate_limiter_state>& state, Handler&& handler,
                              const Executor& executor, std::size_t n) {
        using adapted = adapted_handler<std::decay_t<Handler>, error_only>;
        start_wait<std::size_t>(state, adapted{std::forward<Handler>(handler), {}}, executor,
                                [&](std::tuple<error_code, std::size_t>& result) -> wait_list* {
                                    if (state->acquire_locked(n, std::get<0>(result))) return nullptr;
                                    std::get<1>(result) = n;
                                    if (state->waiters_.empty()) state->arm(n, state->source_.now());
                                    return &state->waiters_;
                                });
    }

    void set_limit(rate_limit limit) {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            bucket_.set_limit(limit, source_.now());
            serve(ready);
        }
        ready.ready_all();
    }

    rate_limit limit() const {
        const std::lock_guard lock(mutex());
        return bucket_.limit();
    }

    double available() const {
        const std::lock_guard lock(mutex());
        return bucket_.available(source_.now());
    }

    /// The limiter is gone. This may outlive the execution context, which the timer may not.
    void abandon() {
        {
            const std::lock_guard lock(mutex());
            timer_.reset();
        }
        finish_all(net::error::operation_aborted);
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    void after_cancel(wait_list& ready) noexcept override { serve(ready); }

private:
    // With the mutex held. Whoever waits already comes first.
    bool acquire_locked(std::size_t n, error_code& ec) {
        if (n > bucket_.limit().burst) {
            ec = errc::invalid_argument;
            return true;
        }
        return waiters_.empty() && bucket_.try_take(n, source_.now());
    }

    // With the mutex held. Moves those who have ended into `ready`, and sets the timer for the next.
    void serve(wait_list& ready) {
        const auto now = source_.now();
        while (wait_node* const first = waiters_.front()) {
            auto& [ec, n] = static_cast<waiter_type*>(first)->result();
            if (n > bucket_.limit().burst)
                ec = errc::invalid_argument;
            else if (!bucket_.try_take(n, now))
                return arm(n, now);
            ready.push_back(*waiters_.pop_front());
        }
        disarm();
    }

    void arm(std::size_t n, clock::time_point now) {
        const auto due = bucket_.ready_at(n, now);
        if (due == clock::time_point::max()) return disarm(); // until the limit is changed
        if (!timer_ || due == armed_for_) return;
        armed_for_ = due;
        timer_->expires_at(due);
        timer_->async_wait([weak = std::weak_ptr(self())](error_code ec) {
            if (ec) return;
            if (const auto state = weak.lock()) state->on_timer();
        });
    }

    void disarm() {
        if (timer_ && std::exchange(armed_for_, std::nullopt)) timer_->cancel();
    }

    void on_timer() {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            armed_for_.reset();
            serve(ready);
        }
        ready.ready_all();
    }

    std::shared_ptr<rate_limiter_state> self() {
        return std::static_pointer_cast<rate_limiter_state>(shared_from_this());
    }

    time_source& source_;
    token_bucket bucket_;
    wait_list waiters_;
    std::optional<basic_timer<Executor>> timer_;
    std::optional<clock::time_point> armed_for_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_RATE_LIMITER_STATE_HPP
// end <telltale/sync/detail/rate_limiter_state.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Bounds how often something is done: a token bucket, out of which tokens are handed first come, first served. (A
/// semaphore bounds how many do it at once.)
///
///     telltale::rate_limiter requests(executor, {.per_second = 5000.0 / 3600, .burst = 20});
///     co_await requests.acquire(); // at most 5000 per hour, after a pause 20 at once
///     co_await ask_api();
///
/// Follows the clock of the execution context, virtual time included.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_rate_limiter {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_rate_limiter<Other>;
    };

    /// The bucket is full at first.
    ///
    /// @throws system_error `errc::invalid_argument`: `limit` is out of its range.
    basic_rate_limiter(const Executor& executor, rate_limit limit)
        : executor_(executor), state_(std::make_shared<state_type>(executor, checked(limit))) {}

    basic_rate_limiter(const basic_rate_limiter&) = delete;
    basic_rate_limiter& operator=(const basic_rate_limiter&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_rate_limiter() { state_->abandon(); }

    executor_type get_executor() const noexcept { return executor_; }

    rate_limit limit() const { return state_->limit(); }

    /// Changes rate and burst from now on, for those who wait already too. A waiter that wants more than the new burst
    /// gets errc::invalid_argument. Tokens that are there stay, as far as the new burst has room.
    ///
    /// @throws system_error `errc::invalid_argument`: `limit` is out of its range; nothing is changed.
    void set_limit(rate_limit limit) { state_->set_limit(checked(limit)); }

    /// How many tokens there are at this moment: 0 to burst.
    double available() const { return state_->available(); }

    /// Takes `n` tokens if they are there and nobody waits. Never suspends.
    ///
    /// @throws system_error `errc::invalid_argument`: `n` is more than the burst, so it can never be.
    [[nodiscard]] bool try_acquire(std::size_t n = 1) {
        error_code ec;
        const bool ended = state_->acquire(n, ec);
        if (ec) throw_too_many(ec);
        return ended;
    }

    /// Waits for a token.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the limiter was destroyed; no token is lost.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation leaves the queue. Tokens that were given before are used up.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the limiter's).
    template <class Token = default_token_t<Executor>>
        requires(!std::convertible_to<Token, std::size_t>)
    auto async_acquire(Token&& token = {}) { return async_acquire(1, std::forward<Token>(token)); }

    /// Waits for `n` tokens, all at once; who wants many is not overtaken by those who want few. As
    /// async_acquire(token), and: `errc::invalid_argument` at once where `n` is more than the burst.
    template <class Token = default_token_t<Executor>>
    auto async_acquire(std::size_t n, Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_, n](auto&& handler, const Executor& executor) {
                state_type::start_acquire(state, std::forward<decltype(handler)>(handler), executor, n);
            },
            std::forward<Token>(token));
    }

    /// As async_acquire, but does not suspend when the tokens are there. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> acquire(std::size_t n = 1) {
        if (!try_acquire(n)) co_await async_acquire(n, net::use_awaitable_t<Executor>{});
    }

private:
    using state_type = detail::rate_limiter_state<Executor>;

    static rate_limit checked(rate_limit limit) {
        if (!limit.valid())
            throw system_error(make_error_code(errc::invalid_argument),
                               "telltale::rate_limiter: per_second or burst is out of its range");
        return limit;
    }

    [[noreturn]] static void throw_too_many(error_code ec) {
        throw system_error(ec, "telltale::rate_limiter: more tokens than the burst");
    }

    Executor executor_;
    std::shared_ptr<state_type> state_;
};

using rate_limiter = basic_rate_limiter<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_RATE_LIMITER_HPP
// end <telltale/sync/rate_limiter.hpp>
// begin <telltale/sync/result_group.hpp>

#ifndef TELLTALE_SYNC_RESULT_GROUP_HPP
#define TELLTALE_SYNC_RESULT_GROUP_HPP

// <telltale/asio.hpp> is above
// begin <telltale/sync/detail/outcome_group.hpp>

#ifndef TELLTALE_SYNC_DETAIL_OUTCOME_GROUP_HPP
#define TELLTALE_SYNC_DETAIL_OUTCOME_GROUP_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/sync/detail/child_group.hpp> is above
// <telltale/sync/outcome.hpp> is above

#include <algorithm>
#include <cstddef>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What asks the other children of a group to stop.
enum class stop_at { never, error, value, end };

/// Children whose outcomes are kept, in the order in which they ended.
template <class T>
class outcome_group final : public child_group {
    using value_type = typename outcome<T>::value_type;

public:
    using child_type = child_of<value_type>;
    using waiter_type = waiter<std::optional<outcome<T>>>;

    outcome_group(const net::any_io_executor& executor, std::size_t limit, stop_at stop)
        : child_group(executor, limit), stop_(stop) {}

    /// Takes all that are kept, and lets the group begin again if no child is left.
    std::vector<outcome<T>> take() {
        const std::lock_guard lock(mutex());
        if (idle()) begin_again();
        std::vector<outcome<T>> taken(std::make_move_iterator(ended_.begin()), std::make_move_iterator(ended_.end()));
        ended_.clear();
        return taken;
    }

    /// Keeps these again, before those that ended since.
    void put_back(std::vector<outcome<T>> outcomes) {
        const std::lock_guard lock(mutex());
        ended_.insert(ended_.begin(), std::make_move_iterator(outcomes.begin()),
                      std::make_move_iterator(outcomes.end()));
    }

    /// Puts the next outcome into `next`; or none if no child is left. False if one has to wait for it.
    bool try_next(std::optional<outcome<T>>& next) {
        const std::lock_guard lock(mutex());
        return take_next(next);
    }

    template <class Handler>
    static void start_next(const std::shared_ptr<outcome_group>& group, Handler&& handler,
                           const net::any_io_executor& executor) {
        start_wait<std::optional<outcome<T>>>(group, std::forward<Handler>(handler), executor,
                                              [&group](std::tuple<error_code, std::optional<outcome<T>>>& result) {
                                                  return group->take_next(std::get<1>(result)) ? nullptr
                                                                                               : &group->readers();
                                              });
    }

private:
    // With the mutex held.
    bool take_next(std::optional<outcome<T>>& next) {
        if (ended_.empty()) {
            if (idle()) begin_again();
            return idle();
        }
        next = std::move(ended_.front());
        ended_.pop_front();
        return true;
    }

    bool keep(child& c, wait_node* reader) override {
        if (reader)
            std::get<1>(static_cast<waiter_type*>(reader)->result()) = outcome_of(c);
        else
            ended_.push_back(outcome_of(c));
        switch (stop_) {
        case stop_at::never: return false;
        case stop_at::error: return c.error && !c.cancelled;
        case stop_at::value: return !c.error;
        case stop_at::end: return !c.cancelled;
        }
        return false;
    }

    static outcome<T> outcome_of(child& c) {
        outcome<T> result;
        result.index = c.index;
        result.value = std::move(static_cast<child_type&>(c).value);
        result.error = c.error;
        result.cancelled = c.cancelled;
        return result;
    }

    const stop_at stop_;
    std::deque<outcome<T>> ended_;
};

/// A child before it is in a group, and the coroutine that it runs.
struct prepared_child {
    std::shared_ptr<child> c;
    net::awaitable<void> body;
};

template <class V, class Put, class T>
prepared_child prepare(net::awaitable<T> body) {
    auto c = std::make_shared<child_of<V>>();
    auto run = run_child<Put>(c, std::move(body));
    return {std::move(c), std::move(run)};
}

template <class T>
struct child_traits;
template <class T>
struct child_traits<net::awaitable<T>> {
    using value_type = T;
};

template <class Range>
using range_result_t = typename child_traits<std::ranges::range_value_t<Range>>::value_type;

/// A range of coroutines that may be taken: a container that was moved here, or a view that makes them.
template <class Range>
concept awaitable_range = std::ranges::input_range<Range> && requires {
    typename range_result_t<Range>;
} &&(!std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>> ||
     (!std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>>));

template <awaitable_range Range>
std::vector<prepared_child> prepare_range(Range&& range) {
    using value_type = typename outcome<range_result_t<Range>>::value_type;
    std::vector<prepared_child> children;
    if constexpr (std::ranges::sized_range<Range>) children.reserve(std::ranges::size(range));
    for (auto&& body : range) children.push_back(prepare<value_type, put_value>(std::move(body)));
    return children;
}

template <std::size_t I>
struct put_alternative {
    template <class V, class... T>
    static void put(std::optional<V>& to, T&&... value) {
        to.emplace(std::in_place_index<I>, std::forward<T>(value)...);
    }
};

/// What coroutines of several types end with.
template <class... Ts>
using alternatives = std::variant<typename outcome<Ts>::value_type...>;

template <class... Ts, std::size_t... I>
std::vector<prepared_child> prepare_pack(std::index_sequence<I...>, net::awaitable<Ts>... bodies) {
    std::vector<prepared_child> children;
    children.reserve(sizeof...(Ts));
    (children.push_back(prepare<alternatives<Ts...>, put_alternative<I>>(std::move(bodies))), ...);
    return children;
}

/// Sorts outcomes by index.
template <class T>
void put_in_order(std::vector<outcome<T>>& outcomes) {
    std::ranges::sort(outcomes, {}, &outcome<T>::index);
}

/// The values, where all have one.
template <class T>
std::vector<typename outcome<T>::value_type> values_of(std::vector<outcome<T>> outcomes) {
    std::vector<typename outcome<T>::value_type> values;
    values.reserve(outcomes.size());
    for (auto& o : outcomes) values.push_back(std::move(*o.value));
    return values;
}

/// The alternative that a coroutine of a pack ended with, as its own outcome.
template <std::size_t I, class T, class V>
outcome<T> own_outcome(outcome<V>&& of) {
    outcome<T> own;
    own.index = of.index;
    own.error = std::move(of.error);
    own.cancelled = of.cancelled;
    if (of.value) own.value.emplace(std::get<I>(std::move(*of.value)));
    return own;
}

template <class... Ts, std::size_t... I>
std::tuple<outcome<Ts>...> own_outcomes(std::vector<outcome<alternatives<Ts...>>> outcomes, std::index_sequence<I...>) {
    put_in_order(outcomes);
    return {own_outcome<I, Ts>(std::move(outcomes[I]))...};
}

/// The error that speaks for all: the first that is not the answer to being stopped; else the first. Null without any.
template <class T>
std::exception_ptr first_error(const std::vector<outcome<T>>& outcomes) {
    std::exception_ptr cancelled;
    for (const auto& o : outcomes) {
        if (o.error && !o.cancelled) return o.error;
        if (o.error && !cancelled) cancelled = o.error;
    }
    return cancelled;
}

/// Runs coroutines until all have ended. Their outcomes, in the order in which they ended. Throws nothing of theirs;
/// a cancellation is passed on to them.
template <class T>
net::awaitable<std::vector<outcome<T>>> settle_all(std::vector<prepared_child> children, std::size_t limit,
                                                   stop_at stop) {
    const net::any_io_executor executor = co_await net::this_coro::executor;
    const auto group = std::make_shared<outcome_group<T>>(executor, limit, stop);
    const net::cancellation_state before = co_await net::this_coro::cancellation_state;
    const bool was_cancelled = before.cancelled() != net::cancellation_type::none;
    for (auto& p : children) group->spawn(std::move(p.c), std::move(p.body), false);
    // A child begins to run inside spawn(), and may have cancelled whoever awaits this.
    const net::cancellation_state after = co_await net::this_coro::cancellation_state;
    if (!was_cancelled && after.cancelled() != net::cancellation_type::none) group->cancel();
    co_await join_children(group);
    co_return group->take();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_OUTCOME_GROUP_HPP
// end <telltale/sync/detail/outcome_group.hpp>
// <telltale/sync/outcome.hpp> is above
// <telltale/sync/task_group.hpp> is above

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// A task_group whose children have results: taken one by one as they come, or all together in the order of spawn().
///
///     telltale::result_group<page> group(co_await net::this_coro::executor, {.limit = 8});
///     for (auto& url : urls) group.spawn(fetch(url));
///     while (auto next = co_await group.next()) show(urls[next->index], next->take());
///
/// Outcomes that nobody has taken are kept, values and exceptions alike: spawn no faster than you take. `limit` bounds
/// what runs, not what is kept. Each child runs on a strand of its own.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for join, settle and the destructor.
template <class T>
class result_group {
    using state_type = detail::outcome_group<T>;

public:
    using executor_type = net::any_io_executor;

    explicit result_group(const executor_type& executor, task_group_options options = {})
        : state_(std::make_shared<state_type>(executor, options.limit,
                                              options.errors == error_policy::cancel_others ? detail::stop_at::error
                                                                                            : detail::stop_at::never)) {
    }

    result_group(const result_group&) = delete;
    result_group& operator=(const result_group&) = delete;

    /// As ~task_group: cancels the children and does not wait for them. Outcomes that were not taken are lost.
    ~result_group() {
        // In that order: a child that ends at once must not end a wait with success.
        state_->abort_waiters();
        state_->cancel();
    }

    executor_type get_executor() const noexcept { return state_->executor(); }

    /// As task_group::spawn. Returns the number of the child, which its outcome has as `index`: 0, 1, 2, ...
    std::size_t spawn(net::awaitable<T> task) {
        auto c = std::make_shared<typename state_type::child_type>();
        auto body = detail::run_child<detail::put_value>(c, std::move(task));
        return state_->spawn(std::move(c), std::move(body), true);
    }

    /// Asks all children to stop; those that wait for their turn never begin. Until the group is joined or next() says
    /// that none is left, what is spawned is cancelled too.
    void cancel() { state_->cancel(); }

    /// How many children have not ended.
    std::size_t size() const { return state_->size(); }

    /// How many of these wait for their turn.
    std::size_t waiting() const { return state_->waiting(); }

    /// Waits for the next child that ends, in whatever order. Several may wait; each outcome is given to one of them.
    ///
    /// @par Completion signature
    /// `void(error_code, std::optional<outcome<T>>)`; no outcome if no child is left and all outcomes are taken.
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the group was destroyed. What a child throws is in its outcome.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; no outcome is lost. The children go on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the group's).
    template <class Token = default_token_t<executor_type>>
    auto async_next(Token&& token = {}) {
        return detail::async_start<void(error_code, std::optional<outcome<T>>)>(
            state_->executor(),
            [state = state_](auto&& handler, const executor_type& executor) {
                state_type::start_next(state, std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// As async_next, but does not suspend when an outcome is there or no child is left.
    [[nodiscard]] net::awaitable<std::optional<outcome<T>>> next() {
        std::optional<outcome<T>> result;
        if (!state_->try_next(result)) result = co_await async_next(net::use_awaitable);
        co_return result;
    }

    /// Waits until every child has ended. The outcomes that were not taken before, in the order of spawn(), cancelled
    /// ones too; throws nothing of theirs. When whoever awaits this is cancelled, the children are cancelled, and what
    /// they end with is the result. The group can be used again.
    [[nodiscard]] net::awaitable<std::vector<outcome<T>>> settle() {
        const auto state = state_;
        co_await detail::join_children(state);
        auto outcomes = state->take();
        detail::put_in_order(outcomes);
        co_return outcomes;
    }

    /// Waits until every child has ended. Their values, of those that were not taken before, in the order of spawn(). If a
    /// child threw, throws its exception, the first one's; or operation_aborted if children were cancelled. Nothing is
    /// lost then: next() and settle() still have all outcomes. Cancelling is as for settle().
    [[nodiscard]] net::awaitable<std::vector<typename outcome<T>::value_type>> join() {
        const auto state = state_;
        co_await detail::join_children(state);
        auto outcomes = state->take();
        if (const auto error = detail::first_error(outcomes)) {
            state->put_back(std::move(outcomes));
            std::rethrow_exception(error);
        }
        detail::put_in_order(outcomes);
        co_return detail::values_of(std::move(outcomes));
    }

private:
    std::shared_ptr<state_type> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_RESULT_GROUP_HPP
// end <telltale/sync/result_group.hpp>
// <telltale/sync/semaphore.hpp> is above
// <telltale/sync/task_group.hpp> is above
// <telltale/sync/timer.hpp> is above
// begin <telltale/sync/when_all.hpp>

#ifndef TELLTALE_SYNC_WHEN_ALL_HPP
#define TELLTALE_SYNC_WHEN_ALL_HPP

// <telltale/asio.hpp> is above
// <telltale/sync/detail/outcome_group.hpp> is above
// <telltale/sync/outcome.hpp> is above

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// when_all runs coroutines beside each other and has ended when all of them have. Each runs on a strand of the executor of
// whoever awaits: in parallel on a thread pool. They begin when the result is awaited. For another completion token than
// co_await: `net::co_spawn(executor, when_all(a(), b()), token)`.

namespace telltale::inline TELLTALE_ABI {

struct when_all_options {
    /// How many run at the same time; the others wait for their turn, in their order, and have not begun. 0: all.
    std::size_t limit = 0;
};

namespace detail {

template <class T>
net::awaitable<std::conditional_t<std::is_void_v<T>, void, std::vector<typename outcome<T>::value_type>>> all_values(
    std::vector<prepared_child> children, std::size_t limit) {
    auto outcomes = co_await settle_all<T>(std::move(children), limit, stop_at::error);
    if (const auto error = first_error(outcomes)) std::rethrow_exception(error);
    if constexpr (!std::is_void_v<T>) {
        put_in_order(outcomes);
        co_return values_of(std::move(outcomes));
    }
}

template <class T>
net::awaitable<std::vector<outcome<T>>> all_outcomes(std::vector<prepared_child> children, std::size_t limit) {
    auto outcomes = co_await settle_all<T>(std::move(children), limit, stop_at::never);
    put_in_order(outcomes);
    co_return outcomes;
}

template <class... Ts, std::size_t... I>
std::tuple<typename outcome<Ts>::value_type...> own_values(std::vector<outcome<alternatives<Ts...>>> outcomes,
                                                           std::index_sequence<I...>) {
    put_in_order(outcomes);
    return {std::get<I>(std::move(*outcomes[I].value))...};
}

template <class... Ts>
net::awaitable<std::tuple<typename outcome<Ts>::value_type...>> pack_values(std::vector<prepared_child> children) {
    auto outcomes = co_await settle_all<alternatives<Ts...>>(std::move(children), 0, stop_at::error);
    if (const auto error = first_error(outcomes)) std::rethrow_exception(error);
    co_return own_values<Ts...>(std::move(outcomes), std::index_sequence_for<Ts...>{});
}

template <class... Ts>
net::awaitable<std::tuple<outcome<Ts>...>> pack_outcomes(std::vector<prepared_child> children) {
    auto outcomes = co_await settle_all<alternatives<Ts...>>(std::move(children), 0, stop_at::never);
    co_return own_outcomes<Ts...>(std::move(outcomes), std::index_sequence_for<Ts...>{});
}

} // namespace detail

/// The values of all coroutines of a range, in its order: `std::vector<T>`, or nothing for `awaitable<void>`.
///
///     std::vector<net::awaitable<page>> fetches;
///     for (auto& url : urls) fetches.push_back(fetch(url));
///     const auto pages = co_await telltale::when_all(std::move(fetches), {.limit = 8}); // eight at a time
///
/// `range`: a container of coroutines that is moved here, or a view that makes them (`urls | transform(fetch)`); it is read
/// before this returns. If it is empty the result is, at once.
///
/// @par Errors
/// The first exception asks the other coroutines to stop, those that have not begun never do, and it is thrown when
/// all have ended. Values of others and later exceptions are then lost: where these matter take when_all_settled,
/// or result_group, which keep them.
/// @par Cancellation
/// Passed on to all; what they end with decides, as always when all have ended: operation_aborted, or their values if
/// these came all the same.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_all(Range&& coroutines, when_all_options options = {}) {
    return detail::all_values<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                             options.limit);
}

/// As above for coroutines of different types: `auto [text, size] = co_await when_all(read(), measure());`. The result is
/// a `std::tuple`, with std::monostate for void.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<std::tuple<typename outcome<Ts>::value_type...>> when_all(
    net::awaitable<Ts>... coroutines) {
    return detail::pack_values<Ts...>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...));
}

/// Lets all coroutines of a range end by themselves, and hands out how each did, in the order of the range:
/// `std::vector<outcome<T>>`. An exception stops nobody and is not thrown. A cancellation is passed on to all; what had
/// ended before is in the result, which comes when all have ended.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_all_settled(Range&& coroutines, when_all_options options = {}) {
    return detail::all_outcomes<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                               options.limit);
}

/// As above for coroutines of different types: `std::tuple<outcome<Ts>...>`.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<std::tuple<outcome<Ts>...>> when_all_settled(net::awaitable<Ts>... coroutines) {
    return detail::pack_outcomes<Ts...>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_WHEN_ALL_HPP
// end <telltale/sync/when_all.hpp>
// begin <telltale/sync/when_any.hpp>

#ifndef TELLTALE_SYNC_WHEN_ANY_HPP
#define TELLTALE_SYNC_WHEN_ANY_HPP

// <telltale/asio.hpp> is above
// <telltale/error.hpp> is above
// <telltale/sync/detail/outcome_group.hpp> is above
// <telltale/sync/outcome.hpp> is above

#include <cstddef>
#include <exception>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

// when_any runs coroutines beside each other until the first one ends. The others are asked to stop, and it has ended when
// all have. Unlike `a || b` it loses nothing: what another one had got before it could be stopped is handed out too,
// and an exception is never mistaken for an answer that did not come. Each coroutine runs on a strand of the executor of
// whoever awaits. For another completion token than co_await: `net::co_spawn(executor, when_any(a(), b()), token)`.

namespace telltale::inline TELLTALE_ABI {

struct when_any_options {
    /// Whether an exception stops nobody as long as another coroutine may still come to a value: for the same question put
    /// to several who may fail. False: the first one that ends stops the others, whatever it ended with.
    bool skip_errors = false;

    /// How many run at the same time; the others wait for their turn, in their order, and have not begun. 0: all. With
    /// 1 and skip_errors each is tried only after the one before has failed.
    std::size_t limit = 0;
};

/// The first value, and what else came.
template <class T>
struct when_any_result {
    std::size_t index = 0; ///< which one it is from
    T value;
    /// How the others ended that were not cancelled, in the order in which they did: values that came before their
    /// coroutines could be stopped, and exceptions. Mostly empty.
    std::vector<outcome<T>> others;
};

/// How all ended, and which one decided.
template <class Outcomes>
struct when_any_outcomes {
    std::size_t first = 0; ///< index of the one whose value or exception when_any would give
    Outcomes outcomes;     ///< of all, in their order
};

namespace detail {

inline void throw_if_empty(std::size_t size) {
    if (size == 0) throw system_error(make_error_code(errc::invalid_argument), "when_any of nothing");
}

/// The place of the first value; without any, of the error that speaks for all.
template <class T>
std::size_t place_of_first(const std::vector<outcome<T>>& outcomes) {
    std::size_t place = outcomes.size();
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i]) return i;
        if (!outcomes[i].cancelled && place == outcomes.size()) place = i;
    }
    return place == outcomes.size() ? 0 : place;
}

inline stop_at stop_of(const when_any_options& options) noexcept {
    return options.skip_errors ? stop_at::value : stop_at::end;
}

template <class T, class V = typename outcome<T>::value_type>
net::awaitable<when_any_result<V>> any_value(std::vector<prepared_child> children, when_any_options options) {
    throw_if_empty(children.size());
    auto outcomes = co_await settle_all<V>(std::move(children), options.limit, stop_of(options));
    auto& first = outcomes[place_of_first(outcomes)];
    if (first.error) std::rethrow_exception(first.error);
    when_any_result<V> result{first.index, std::move(*first.value), {}};
    for (auto& o : outcomes)
        if (&o != &first && !o.cancelled) result.others.push_back(std::move(o));
    co_return result;
}

template <class T>
net::awaitable<when_any_outcomes<std::vector<outcome<T>>>> any_outcomes(std::vector<prepared_child> children,
                                                                        when_any_options options) {
    throw_if_empty(children.size());
    when_any_outcomes<std::vector<outcome<T>>> result;
    result.outcomes = co_await settle_all<T>(std::move(children), options.limit, stop_of(options));
    result.first = result.outcomes[place_of_first(result.outcomes)].index;
    put_in_order(result.outcomes);
    co_return result;
}

template <class... Ts>
net::awaitable<when_any_outcomes<std::tuple<outcome<Ts>...>>> any_pack_outcomes(std::vector<prepared_child> children) {
    auto outcomes = co_await settle_all<alternatives<Ts...>>(std::move(children), 0, stop_at::end);
    when_any_outcomes<std::tuple<outcome<Ts>...>> result;
    result.first = outcomes[place_of_first(outcomes)].index;
    result.outcomes = own_outcomes<Ts...>(std::move(outcomes), std::index_sequence_for<Ts...>{});
    co_return result;
}

} // namespace detail

/// The value of the first coroutine of a range that comes to one: `when_any_result<T>`, with std::monostate for void.
///
///     auto [index, value, others] = co_await telltale::when_any(std::move(fetches));
///
/// `range`: as for when_all.
///
/// @par Errors
/// If the first one that ends does so with an exception, it too stops the others (options: unless skip_errors). It is
/// thrown, when all have ended, if none of them came to a value; a value counts more, and the exception is then among
/// `others`. Where several exceptions matter take when_any_settled, which has all.
/// `errc::invalid_argument`: the range is empty.
/// @par Cancellation
/// Passed on to all; what they end with decides, when all have: operation_aborted, or a value that came all the same.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_any(Range&& coroutines, when_any_options options = {}) {
    return detail::any_value<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                            options);
}

/// As above for coroutines of different types; the value is a `std::variant` of theirs, whose index is that of the
/// coroutine.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<when_any_result<detail::alternatives<Ts...>>> when_any(net::awaitable<Ts>... coroutines) {
    return detail::any_value<detail::alternatives<Ts...>>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...), {});
}

/// As when_any, and hands out how each of the coroutines ended: `when_any_outcomes<std::vector<outcome<T>>>`. Throws
/// nothing of theirs, and no operation_aborted when cancelled: that is in the outcomes.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_any_settled(Range&& coroutines, when_any_options options = {}) {
    return detail::any_outcomes<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                               options);
}

/// As above for coroutines of different types: `when_any_outcomes<std::tuple<outcome<Ts>...>>`.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<when_any_outcomes<std::tuple<outcome<Ts>...>>> when_any_settled(
    net::awaitable<Ts>... coroutines) {
    return detail::any_pack_outcomes<Ts...>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_WHEN_ANY_HPP
// end <telltale/sync/when_any.hpp>
// <telltale/sync/with_timeout.hpp> is above
// <telltale/version.hpp> is above

#endif // TELLTALE_TELLTALE_HPP
// end <telltale/telltale.hpp>
