// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// Waits until something remote is ready: poll_until calls a coroutine of yours until its answer is the one to wait for.

#include <telltale/asio.hpp>
#include <telltale/poll/poll_until.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>

namespace net = telltale::net;
using namespace std::chrono_literals;

// One look at the thing. A real one would ask a server; this one is an export that is ready at the fourth look.
net::awaitable<std::string> look_at_export() {
    static int looks = 0;
    if (++looks == 2) throw telltale::system_error(net::error::connection_reset); // passing trouble: it will look again
    co_return looks < 4 ? "RUNNING" : "COMPLETED";
}

bool is_over(const std::string& state) {
    std::cout << "the export is " << state << '\n';
    return state == "COMPLETED" || state == "FAILED";
}

net::awaitable<void> wait_for_export() {
    const auto state = co_await telltale::poll_until(look_at_export, is_over,
                                                     {.interval = 20ms,                       // default: 15 s
                                                      .backoff = {.min = 10ms, .max = 100ms}, // after an error
                                                      .deadline = 10s});                      // default: none
    std::cout << "waited until it was " << state << '\n';
}

int main() {
    net::io_context context;
    std::exception_ptr failure;
    net::co_spawn(context, wait_for_export(), [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure) std::rethrow_exception(failure);
}
