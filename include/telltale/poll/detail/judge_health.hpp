// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_JUDGE_HEALTH_HPP
#define TELLTALE_POLL_DETAIL_JUDGE_HEALTH_HPP

#include <telltale/poll/detail/plain_text.hpp>
#include <telltale/poll/poller_health.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <string>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

/// Sets verdict and reason by all else.
inline void judge(poller_health& h, const poller_health_options& options, timestamp now) {
    using std::chrono::nanoseconds;
    const auto exceeds = [](nanoseconds d, nanoseconds limit) { return limit > nanoseconds::zero() && d > limit; };
    const auto say = [&h](poller_verdict v, std::string reason) {
        if (v > h.verdict) h.verdict = v;
        h.reason += (h.reason.empty() ? "" : "; ") + reason;
    };
    if (exceeds(h.age, options.max_age))
        say(poller_verdict::unhealthy, "no poll has ended for " + plain_duration(h.age));
    const bool many = h.window >= std::max<std::size_t>(options.min_polls, 1);
    if (many && h.error_rate > std::min(options.degraded_errors, options.unhealthy_errors)) {
        const auto most = std::max_element(h.errors_by_class.begin(), h.errors_by_class.end());
        const auto kind = static_cast<error_class>(most - h.errors_by_class.begin());
        const auto percent = std::lround(h.error_rate * 100);
        say(h.error_rate > options.unhealthy_errors ? poller_verdict::unhealthy : poller_verdict::degraded,
            std::to_string(percent) + " % of the last " + std::to_string(h.window) +
                " polls failed, most by the class " + std::string(to_string(kind)));
    }
    for (const auto& s : h.sources)
        if (s.blocked_until && *s.blocked_until > now)
            say(poller_verdict::degraded, (s.name.empty() ? "the source" : plain_text(s.name)) + " is not asked for " +
                                              plain_duration(*s.blocked_until - now));
    if (exceeds(h.mean_lag, options.max_lag))
        say(poller_verdict::degraded, "polls start " + plain_duration(h.mean_lag) + " late");
}

} // namespace detail

inline poller_health poller_health_monitor::health(timestamp now, std::size_t polling) const {
    poller_health h;
    h.watching = watching_;
    h.polling = polling;
    h.polls = polls_;
    h.failed = failed_;
    h.last_poll = last_poll_;
    if (watching_ != 0) h.age = std::max(now - std::max(since_, last_poll_.value_or(since_)), nanoseconds::zero());
    h.window = outcomes_.size();
    h.errors_by_class = errors_;
    std::size_t errors = 0;
    for (const auto n : errors_) errors += n;
    if (h.window != 0) h.error_rate = static_cast<double>(errors) / static_cast<double>(h.window);
    if (!lags_.empty()) {
        h.mean_lag = lag_sum_ / static_cast<nanoseconds::rep>(lags_.size());
        h.max_lag = *std::max_element(lags_.begin(), lags_.end());
    }
    h.sources.push_back(source_);
    detail::judge(h, options_, now);
    return h;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_DETAIL_JUDGE_HEALTH_HPP
