// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_WATCHDOG_HPP
#define TELLTALE_BEAST_DETAIL_WATCHDOG_HPP

#include <telltale/asio.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

using steady_time = std::chrono::steady_clock::time_point;

/// One timer for any number of deadlines, armed lazily: who has a deadline stores it and says need(deadline); only when
/// that is earlier than what the timer waits for anyway is the timer touched. When it fires, `look(now)` acts on all
/// deadlines that are over and returns the earliest of the others.
///
/// Not thread-safe: on its executor only. Destroying it, also from within `look`, ends it.
class watchdog {
public:
    using look_function = std::function<steady_time(steady_time now)>;
    static constexpr steady_time never = steady_time::max();

    /// `resolution`: looks are at least this far apart, so deadlines may be noticed so much later.
    watchdog(net::any_io_executor ex, std::chrono::steady_clock::duration resolution, look_function look)
        : state_(std::make_shared<state>(std::move(ex), resolution, std::move(look))) {}
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;
    ~watchdog() {
        state_->look = nullptr;
        rest();
    }

    /// The time on its clock, which is that of its execution context.
    steady_time now() const { return state_->clock.now(); }

    /// There is a deadline at `at`.
    void need(steady_time at) {
        if (at < state_->armed) arm(state_, at);
    }

    /// There is no deadline any more: the timer must not keep the context running.
    void rest() {
        state_->armed = never;
        state_->clock.cancel();
    }

private:
    struct state {
        state(net::any_io_executor ex, std::chrono::steady_clock::duration r, look_function f)
            : clock(ex), resolution(r), look(std::move(f)) {}
        timer clock;
        std::chrono::steady_clock::duration resolution;
        look_function look;
        steady_time armed = never;
    };

    static void arm(const std::shared_ptr<state>& s, steady_time at) {
        s->armed = at;
        s->clock.expires_at(at);
        s->clock.async_wait([s, at](error_code ec) {
            if (ec || s->armed != at || !s->look) return;
            s->armed = never;
            const auto now = s->clock.now();
            const auto look = s->look; // it may destroy the watchdog
            const auto next = look(now);
            if (s->look && next < s->armed) arm(s, std::max(next, now + s->resolution));
        });
    }

    std::shared_ptr<state> state_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_WATCHDOG_HPP
