// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// Time limits on waits. When the time is up the operation is cancelled and waited for; nothing that it had is lost.

#include <telltale/asio.hpp>
#include <telltale/error.hpp>
#include <telltale/sync/semaphore.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <chrono>
#include <exception>
#include <iostream>

namespace net = telltale::net;
using namespace std::chrono_literals;

// Stands for a printer that is asked how many sheets it has.
net::awaitable<int> ask_printer(std::chrono::milliseconds takes, int sheets) {
    telltale::timer answer(co_await net::this_coro::executor);
    answer.expires_after(takes);
    const auto [error] = co_await answer.async_wait(telltale::as_result);
    std::cout << "  the printer has " << (error ? "been let go" : "answered") << '\n';
    if (error) throw telltale::system_error(error);
    if (sheets < 0) throw telltale::system_error(net::error::connection_reset);
    co_return sheets;
}

net::awaitable<void> print_result(net::awaitable<int> question) {
    try {
        const int sheets = co_await std::move(question);
        std::cout << "  " << sheets << " sheets\n";
    } catch (const telltale::system_error& e) {
        std::cout << "  no answer: "
                  << (e.code() == telltale::errc::deadline_exceeded ? "its time was up" : "the connection broke")
                  << '\n';
    }
}

net::awaitable<void> ask() {
    std::cout << "In time:\n";
    co_await print_result(telltale::with_timeout(ask_printer(1ms, 42), 10s));
    std::cout << "Too slow: it has ended before with_timeout does\n";
    co_await print_result(telltale::with_timeout(ask_printer(1h, 42), 10ms));
    std::cout << "It failed: that is not swallowed\n";
    co_await print_result(telltale::with_timeout(ask_printer(1ms, -1), 10s));

    std::cout << "A permit that is not to be had:\n";
    telltale::semaphore printers(co_await net::this_coro::executor, 1);
    telltale::permit held = printers.try_acquire();
    try {
        co_await telltale::with_timeout(printers.acquire(), 10ms);
    } catch (const telltale::system_error& e) {
        std::cout << "  " << e.code().message() << '\n';
    }
    held.release();
    std::cout << "  free when it is given back: " << printers.available() << '\n'; // nobody waits for it any more
}

int main() {
    net::io_context context;
    std::exception_ptr failure;
    net::co_spawn(context, ask(), [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure) std::rethrow_exception(failure);
}
