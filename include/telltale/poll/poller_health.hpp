// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_POLLER_HEALTH_HPP
#define TELLTALE_POLL_POLLER_HEALTH_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/time.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// When a poller counts as unwell.
struct poller_health_options {
    std::chrono::nanoseconds max_age =
        std::chrono::minutes{5}; ///< since a poll ended: unhealthy above; 0: never. More than the interval
    std::chrono::nanoseconds max_lag = std::chrono::seconds{30}; ///< of polls, on average: degraded above; 0: never
    double degraded_errors = 0.1;  ///< the part of the polls that failed, 0 to 1: degraded above
    double unhealthy_errors = 0.5; ///< unhealthy above
    std::size_t min_polls = 5;     ///< with fewer polls the part that failed says nothing
    std::size_t window = 128;      ///< so many polls count, the latest; 1 to 65,536
};

enum class poller_verdict : std::uint8_t { healthy, degraded, unhealthy };

namespace detail {
inline constexpr std::array<std::string_view, 3> poller_verdict_names{"healthy", "degraded", "unhealthy"};
} // namespace detail

constexpr std::string_view to_string(poller_verdict v) noexcept {
    return detail::poller_verdict_names[static_cast<std::size_t>(v)];
}

/// How well a source can be reached.
struct source_health {
    std::string name{};
    bool reachable = true; ///< the last poll was answered, or none has ended yet
    std::optional<timestamp> last_answer{};
    std::optional<timestamp> last_failure{};
    std::uint32_t failures = 0;                    ///< in a row
    error_class last_error = error_class::unknown; ///< of the last failure
    std::string error{};                           ///< what it said
    std::optional<timestamp>
        blocked_until{}; ///< nobody asks it before: the breaker is open, or the API has asked for it
};

/// How a poller itself does, apart from the jobs that it watches.
struct poller_health {
    poller_verdict verdict = poller_verdict::healthy;
    std::string reason{}; ///< of a verdict that is not healthy, for people
    std::size_t watching = 0;
    std::size_t polling = 0;              ///< polls under way
    std::uint64_t polls = 0;              ///< that have ended, in all
    std::uint64_t failed = 0;             ///< of these
    std::optional<timestamp> last_poll{}; ///< when the last one ended
    std::chrono::nanoseconds
        age{}; ///< since then, or since something is watched if that is later; 0: nothing is watched
    // Of the latest polls, at most poller_health_options::window:
    std::size_t window = 0; ///< how many these are
    double error_rate = 0;  ///< the part of them that failed, 0 to 1
    std::array<std::uint32_t, detail::error_class_names.size()> errors_by_class{}; ///< by error_class
    std::chrono::nanoseconds mean_lag{}; ///< from when they were due until they started
    std::chrono::nanoseconds max_lag{};
    std::vector<source_health> sources{};
};

/// Says how a poller does, from what happens in it: a plain machine, stepped with the time.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class poller_health_monitor {
public:
    using nanoseconds = std::chrono::nanoseconds;

    explicit poller_health_monitor(poller_health_options options = {}, std::string source = {}) : options_(options) {
        options_.window = std::clamp<std::size_t>(options_.window, 1, 65'536);
        source_.name = std::move(source);
    }

    /// So many jobs are watched now.
    void watching(std::size_t n, timestamp now) noexcept {
        if (watching_ == 0 && n != 0) since_ = now;
        watching_ = n;
    }

    /// A poll starts so long after it was due.
    void poll_started(nanoseconds lag) {
        lag = std::max(lag, nanoseconds::zero());
        if (lags_.size() < options_.window) {
            lags_.push_back(lag);
        } else {
            lag_sum_ -= std::exchange(lags_[next_lag_], lag);
            next_lag_ = (next_lag_ + 1) % lags_.size();
        }
        lag_sum_ += lag;
    }

    /// A poll ended with an answer.
    void poll_answered(timestamp now) {
        ended(now, answered);
        source_.reachable = true;
        source_.last_answer = now;
        source_.failures = 0;
    }

    /// A poll failed. `error` must not hold a secret.
    void poll_failed(timestamp now, error_class kind, std::string error) {
        ended(now, static_cast<std::uint8_t>(kind));
        ++failed_;
        source_.reachable = false;
        source_.last_failure = now;
        ++source_.failures;
        source_.last_error = kind;
        source_.error = std::move(error);
    }

    /// Nobody asks the source before then; nothing: it may be asked.
    void blocked(std::optional<timestamp> until) noexcept { source_.blocked_until = until; }

    /// How the poller does at `now`, with so many polls under way.
    poller_health health(timestamp now, std::size_t polling = 0) const;

private:
    static constexpr std::uint8_t answered = 0xFF;

    void ended(timestamp now, std::uint8_t how) {
        ++polls_;
        last_poll_ = now;
        if (how != answered) ++errors_[how];
        if (outcomes_.size() < options_.window) {
            outcomes_.push_back(how);
            return;
        }
        const std::uint8_t before = std::exchange(outcomes_[next_outcome_], how);
        if (before != answered) --errors_[before];
        next_outcome_ = (next_outcome_ + 1) % outcomes_.size();
    }

    poller_health_options options_;
    source_health source_{};
    std::size_t watching_ = 0;
    timestamp since_{};
    std::optional<timestamp> last_poll_{};
    std::uint64_t polls_ = 0;
    std::uint64_t failed_ = 0;
    std::vector<std::uint8_t> outcomes_{}; // a ring once it is full; `answered` or an error_class
    std::size_t next_outcome_ = 0;
    std::array<std::uint32_t, detail::error_class_names.size()> errors_{}; // in outcomes_
    std::vector<nanoseconds> lags_{};                                      // a ring once it is full
    std::size_t next_lag_ = 0;
    nanoseconds lag_sum_{};
};

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/poll/detail/judge_health.hpp>

#endif // TELLTALE_POLL_POLLER_HEALTH_HPP
