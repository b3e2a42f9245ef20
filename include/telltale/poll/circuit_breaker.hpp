// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_CIRCUIT_BREAKER_HPP
#define TELLTALE_POLL_CIRCUIT_BREAKER_HPP

#include <telltale/core/backoff.hpp>
#include <telltale/version.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// When a source that fails is left alone, and for how long.
struct breaker_options {
    std::uint32_t failures = 5; ///< in a row that open it; 0: no number does
    double failure_rate = 0;    ///< above 0, up to 1: this share of the latest `window` outcomes opens it; 0: none does
    std::uint32_t window = 20;  ///< 2 to 64; fewer outcomes have no rate
    /// How long it is open: the n-th time in a row for the longest n-th delay. Equal jitter takes up to a half off.
    backoff open{.min = std::chrono::seconds{15}, .max = std::chrono::minutes{5}};
};

/// Lets calls through (closed) until too many have failed; then none for a while (open); then one, whose outcome decides
/// (half open). Time is passed in: the machine has no clock. 56 bytes, options included by reference.
///
///     if (const auto pass = breaker.try_pass(now)) { ...; breaker.failed(*pass, now); }
///     else come_again(breaker.until());
///
/// Every pass is given back once, by succeeded(), failed() or abandoned(). Outcomes of calls from before it opened are
/// ignored: they say what is known already.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class circuit_breaker {
public:
    using time_point = std::chrono::steady_clock::time_point;
    enum class state : std::uint8_t { closed, open, half_open };
    enum class pass : std::uint64_t {};

    /// Closed. `options` outlives it. `seed`: of the jitter.
    explicit circuit_breaker(const breaker_options& options, std::uint64_t seed = 0) noexcept
        : options_(&options), random_(seed) {}
    explicit circuit_breaker(const breaker_options&&, std::uint64_t = 0) = delete;

    /// Leave for one call; nothing while it is open, and while it is half open and another call is under way.
    std::optional<pass> try_pass(time_point now) noexcept {
        if (openings_ == 0) return pass{generation_};
        if (now < until_ || probing_) return std::nullopt;
        probing_ = true;
        return pass{++generation_};
    }

    /// The call has had an answer. An API that answers that something is wrong with the request has answered.
    void succeeded(pass p, time_point) noexcept {
        if (p != pass{generation_}) return;
        if (openings_ != 0) { // the one that was let through
            ++generation_;
            openings_ = 0;
            probing_ = false;
            outcomes_ = 0;
            count_ = 0;
        }
        in_a_row_ = 0;
        note(false);
    }

    /// The call has failed.
    void failed(pass p, time_point now) noexcept {
        if (p != pass{generation_}) return;
        if (in_a_row_ < 0xFFFFFFFF) ++in_a_row_;
        note(true);
        if (openings_ != 0 || too_many()) open(now);
    }

    /// The call was cancelled: nobody knows.
    void abandoned(pass p) noexcept {
        if (p == pass{generation_} && openings_ != 0) {
            ++generation_;
            probing_ = false;
        }
    }

    state current(time_point now) const noexcept {
        if (openings_ == 0) return state::closed;
        return now < until_ ? state::open : state::half_open;
    }

    /// Until when it is, or was last, open. Meaningful unless it is closed.
    time_point until() const noexcept { return until_; }

    /// Whether the one call of the half open state is under way.
    bool probing() const noexcept { return probing_; }

    /// How often in a row it has opened; 0: it is closed.
    std::uint32_t openings() const noexcept { return openings_; }

    /// Failures in a row, as far as they were counted.
    std::uint32_t failures() const noexcept { return in_a_row_; }

private:
    void note(bool failure) noexcept {
        outcomes_ = outcomes_ << 1U | std::uint64_t{failure};
        if (count_ < 64) ++count_;
    }

    bool too_many() const noexcept {
        if (options_->failures != 0 && in_a_row_ >= options_->failures) return true;
        const std::uint32_t window = std::clamp(options_->window, 2U, 64U);
        if (!(options_->failure_rate > 0) || count_ < window) return false;
        const std::uint64_t latest = outcomes_ & (~std::uint64_t{0} >> (64U - window));
        return std::popcount(latest) >= options_->failure_rate * window;
    }

    void open(time_point now) noexcept {
        ++generation_;
        if (openings_ < 0xFFFFFFFF) ++openings_;
        probing_ = false;
        const auto most = options_->open.ceiling(openings_);
        const auto span = static_cast<double>(most.count()) * (0.5 + random() / 2);
        const std::chrono::nanoseconds delay{static_cast<std::chrono::nanoseconds::rep>(span)};
        until_ = delay > time_point::max() - now ? time_point::max() : now + delay;
    }

    // SplitMix64 (https://prng.di.unimi.it/splitmix64.c); uniform in [0, 1).
    double random() noexcept {
        std::uint64_t z = (random_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1.0p-53;
    }

    const breaker_options* options_;
    std::uint64_t random_;
    std::uint64_t generation_ = 0; // of the passes that count
    std::uint64_t outcomes_ = 0;   // the latest is the lowest bit; set: failed
    time_point until_{};
    std::uint32_t in_a_row_ = 0;
    std::uint32_t openings_ = 0;
    std::uint32_t count_ = 0; // of outcomes
    bool probing_ = false;
};

namespace detail {
inline constexpr std::array<std::string_view, 3> breaker_state_names{"closed", "open", "half_open"};
} // namespace detail

constexpr std::string_view to_string(circuit_breaker::state s) noexcept {
    return detail::breaker_state_names[static_cast<std::size_t>(s)];
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_CIRCUIT_BREAKER_HPP
