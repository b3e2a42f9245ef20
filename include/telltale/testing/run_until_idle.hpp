// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_RUN_UNTIL_IDLE_HPP
#define TELLTALE_TESTING_RUN_UNTIL_IDLE_HPP

#include <telltale/asio.hpp>

#include <cstddef>

namespace telltale::inline TELLTALE_ABI::testing {

/// Runs what is ready on a context, and what becomes ready by that, until nothing is: whoever still waits, waits for
/// something that has not happened, or for a time. Returns how many handlers ran; 0: nothing has changed.
///
///     permits.release();
///     CHECK(testing::run_until_idle(context) == 1); // the one who waited
///
/// No time passes: for that there is virtual_clock::run() and run_for(). Can be called again and again, also after the
/// context has run out of work. An exception of a handler is passed on.
///
/// Not for a context that other threads run, nor for waits on sockets or the real clock: what comes from outside comes
/// when it comes.
inline std::size_t run_until_idle(net::io_context& context) {
    context.restart();
    return context.poll();
}

} // namespace telltale::inline TELLTALE_ABI::testing

#endif // TELLTALE_TESTING_RUN_UNTIL_IDLE_HPP
