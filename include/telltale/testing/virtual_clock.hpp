// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_VIRTUAL_CLOCK_HPP
#define TELLTALE_TESTING_VIRTUAL_CLOCK_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/time_source.hpp>

#include <chrono>
#include <cstddef>

namespace telltale::inline TELLTALE_ABI::testing {

/// Makes time virtual on an io_context: every wait of the library, and of code that uses telltale::timer, runs
/// instantly and in order. Create it before the objects that wait.
///
///     net::io_context context;
///     testing::virtual_clock clock(context);
///     net::co_spawn(context, poll_for_a_day(), net::detached);
///     clock.run(); // a day passes
///
/// Time begins at 2026-01-01T00:00:00Z. Waits of other objects (sockets, net::steady_timer, other contexts) are not
/// virtual and are not waited for.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe. The context is run by this object only.
class virtual_clock {
public:
    using clock = std::chrono::steady_clock;

    explicit virtual_clock(net::io_context& context)
        : context_(context), source_(net::use_service<detail::time_source>(context)) {
        source_.make_virtual(clock::time_point{}, std::chrono::sys_days{std::chrono::January / 1 / 2026});
    }

    clock::time_point now() const { return source_.now(); }

    /// Runs handlers until none is ready; no time passes. Returns how many ran.
    std::size_t run_until_idle() {
        context_.restart();
        return context_.poll();
    }

    /// Runs until nothing is ready and nobody waits for a time.
    void run() {
        run_until_idle();
        while (const auto next = source_.next_expiry()) step_to(*next);
    }

    /// Lets this much time pass, with all that happens in it.
    void run_for(clock::duration d) {
        const auto end = now() + d;
        run_until_idle();
        while (const auto next = source_.next_expiry()) {
            if (*next > end) break;
            step_to(*next);
        }
        step_to(end);
    }

private:
    void step_to(clock::time_point t) {
        source_.advance_to(t);
        run_until_idle();
    }

    net::io_context& context_;
    detail::time_source& source_;
};

} // namespace telltale::inline TELLTALE_ABI::testing

#endif // TELLTALE_TESTING_VIRTUAL_CLOCK_HPP
