// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_RANDOM_SOURCE_HPP
#define TELLTALE_TESTING_RANDOM_SOURCE_HPP

#include <telltale/version.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>

namespace telltale::inline TELLTALE_ABI::testing {

/// Random numbers that are the same on every machine, as those of the standard library's distributions are not: SplitMix64
/// (https://prng.di.unimi.it/splitmix64.c).
class random_source {
public:
    explicit random_source(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t bits() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }

    /// In [0, 1).
    double uniform() noexcept { return static_cast<double>(bits() >> 11U) * 0x1.0p-53; }
    double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }
    bool chance(double probability) noexcept { return uniform() < probability; }

    /// Mean 0, standard deviation 1 (Box and Muller 1958).
    double normal() noexcept {
        const double r = std::sqrt(-2 * std::log(1 - uniform()));
        return r * std::cos(6.283185307179586 * uniform());
    }

    /// Mean 1.
    double exponential() noexcept { return -std::log(1 - uniform()); }

private:
    std::uint64_t state_;
};

/// How long something takes. Seconds, none negative.
class duration_law {
public:
    using seconds = std::chrono::duration<double>;

    /// Always the same.
    static duration_law constant(seconds all) noexcept { return {kind::constant, all.count(), 0, 0, 0}; }
    static duration_law uniform(seconds low, seconds high) noexcept {
        return {kind::uniform, low.count(), high.count(), 0, 0};
    }
    /// Without a memory: how long it has taken says nothing of what is left.
    static duration_law exponential(seconds mean) noexcept { return {kind::exponential, mean.count(), 0, 0, 0}; }
    /// `spread`: the standard deviation of the natural logarithm.
    static duration_law lognormal(seconds median, double spread) noexcept {
        return {kind::lognormal, median.count(), spread, 0, 0};
    }
    /// A share of `share` is about `one`, the others about `other`; lognormal with this spread.
    static duration_law bimodal(seconds one, seconds other, double share, double spread) noexcept {
        return {kind::bimodal, one.count(), spread, other.count(), share};
    }

    seconds draw(random_source& random) const noexcept {
        switch (kind_) {
        case kind::constant: return seconds{a_};
        case kind::uniform: return seconds{random.uniform(a_, b_)};
        case kind::exponential: return seconds{a_ * random.exponential()};
        case kind::lognormal: return seconds{a_ * std::exp(b_ * random.normal())};
        case kind::bimodal: break;
        }
        const double middle = random.chance(share_) ? a_ : c_;
        return seconds{middle * std::exp(b_ * random.normal())};
    }

private:
    enum class kind : std::uint8_t { constant, uniform, exponential, lognormal, bimodal };

    duration_law(kind k, double a, double b, double c, double share) noexcept
        : kind_(k), a_(a), b_(b), c_(c), share_(share) {}

    kind kind_;
    double a_;
    double b_;
    double c_;
    double share_;
};

} // namespace telltale::inline TELLTALE_ABI::testing

#endif // TELLTALE_TESTING_RANDOM_SOURCE_HPP
