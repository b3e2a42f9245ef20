// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_VIRTUAL_CLOCK_HPP
#define TELLTALE_TESTING_VIRTUAL_CLOCK_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/testing/run_until_idle.hpp>

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

    /// As testing::run_until_idle on its context: no time passes. Returns how many handlers ran.
    std::size_t run_until_idle() { return testing::run_until_idle(context_); }

    /// Runs until nothing is ready and nobody waits for a time; time goes from one thing that is due to the next. Returns
    /// how many handlers ran. Does not return while somebody waits again and again, like a status_poller of a job that
    /// does not end: take run_for there.
    std::size_t run() {
        std::size_t ran = run_until_idle();
        while (const auto next = source_.next_expiry()) ran += step_to(*next);
        return ran;
    }

    /// Lets this much time pass, with all that happens in it, including what is due at its end. Returns how many handlers
    /// ran.
    std::size_t run_for(clock::duration d) {
        const auto end = now() + d;
        std::size_t ran = run_until_idle();
        while (const auto next = source_.next_expiry()) {
            if (*next > end) break;
            ran += step_to(*next);
        }
        return ran + step_to(end);
    }

private:
    std::size_t step_to(clock::time_point t) {
        source_.advance_to(t);
        return run_until_idle();
    }

    net::io_context& context_;
    detail::time_source& source_;
};

} // namespace telltale::inline TELLTALE_ABI::testing

#endif // TELLTALE_TESTING_VIRTUAL_CLOCK_HPP
