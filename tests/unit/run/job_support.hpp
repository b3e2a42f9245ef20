// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_UNIT_RUN_JOB_SUPPORT_HPP
#define TELLTALE_TESTS_UNIT_RUN_JOB_SUPPORT_HPP

#include "support.hpp"

#include <telltale/core/job_report.hpp>
#include <telltale/run/job_context.hpp>
#include <telltale/sync/timer.hpp>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

namespace telltale_test {

/// Keeps all that is reported, and checks that reports never overlap.
struct recorder {
    telltale::job_sink sink() {
        return [this](telltale::job_report r) {
            if (inside.exchange(true)) overlapped = true;
            const std::lock_guard lock(mutex);
            reports.push_back(std::move(r));
            inside = false;
        };
    }

    /// "1:queued 1:running ..."
    std::string states() const {
        std::string all;
        for (const auto& r : reports)
            if (r.state) all += (all.empty() ? "" : " ") + r.id + ":" + std::string(to_string(*r.state));
        return all;
    }

    std::vector<telltale::job_report> of(const telltale::job_id& id) const {
        std::vector<telltale::job_report> all;
        for (const auto& r : reports)
            if (r.id == id) all.push_back(r);
        return all;
    }

    std::mutex mutex;
    std::vector<telltale::job_report> reports;
    std::atomic<bool> inside{false};
    bool overlapped = false;
};

inline net::awaitable<void> pass_time(std::chrono::steady_clock::duration d) {
    telltale::timer t(co_await net::this_coro::executor);
    t.expires_after(d);
    co_await t.async_wait();
}

struct sleeper {
    std::chrono::steady_clock::duration length = std::chrono::seconds{1};
    net::awaitable<void> operator()(telltale::job_context) const { return pass_time(length); }
};

/// Does not hear that it is asked to end before it is done.
inline net::awaitable<void> stubborn(telltale::job_context) {
    co_await net::this_coro::reset_cancellation_state(net::disable_cancellation());
    co_await pass_time(std::chrono::seconds{10});
}

} // namespace telltale_test

#endif // TELLTALE_TESTS_UNIT_RUN_JOB_SUPPORT_HPP
