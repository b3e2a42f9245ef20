// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// Measures more often than the display can draw. The display is never behind: it draws the newest, and skips what is old.

#include <telltale/asio.hpp>
#include <telltale/error.hpp>
#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/timer.hpp>

#include <chrono>
#include <exception>
#include <iostream>

namespace net = telltale::net;
using namespace std::chrono_literals;

struct counts {
    int measured = 0;
    int skipped = 0;
    int drawn = 0;
    int last_drawn = 0;
};

net::awaitable<void> measure(telltale::mailbox<int>& newest, counts& n) {
    telltale::timer clock(co_await net::this_coro::executor);
    for (int value = 1; value <= 50; ++value) {
        ++n.measured;
        n.skipped += newest.put(value) ? 1 : 0; // true: nobody had taken the one before
        clock.expires_after(100us);
        co_await clock.async_wait();
    }
    newest.close(); // what is in it can still be taken
}

net::awaitable<void> draw(telltale::mailbox<int>& newest, counts& n) {
    telltale::timer screen(co_await net::this_coro::executor);
    for (;;) {
        const auto [error, value] = co_await newest.async_take(telltale::as_result);
        if (error == telltale::errc::closed) break;
        ++n.drawn;
        n.last_drawn = value;
        screen.expires_after(2ms); // so long does it take to draw
        co_await screen.async_wait();
    }
    std::cout << "measured " << n.measured << " times, drawn " << n.drawn << " times\n"
              << "drawn or skipped: " << n.drawn + n.skipped << "\nthe last one drawn is " << n.last_drawn << '\n';
}

int main() {
    net::io_context context;
    telltale::mailbox<int> newest(context.get_executor());
    counts n;
    const auto end = [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    };
    net::co_spawn(context, draw(newest, n), end);
    net::co_spawn(context, measure(newest, n), end);
    context.run();
}
