// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// Asks several weather stations at once, and is done when all have ended: with an answer each, or because one failed.

#include <telltale/asio.hpp>
#include <telltale/sync/task_group.hpp>
#include <telltale/sync/timer.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <map>
#include <string>

namespace net = telltale::net;
using namespace std::chrono_literals;

using answers = std::map<std::string, int>; // degrees, by city

// Stands for a request over the network.
net::awaitable<void> ask(std::string city, std::chrono::milliseconds takes, int degrees, answers& to) {
    telltale::timer request(co_await net::this_coro::executor);
    request.expires_after(takes);
    const auto [error] = co_await request.async_wait(telltale::as_result);
    if (error) {
        std::cout << "  " << city << " was told to stop\n"; // what it throws now is not reported: it was asked for
        throw telltale::system_error(error);
    }
    if (city == "Atlantis" || city == "El Dorado") throw telltale::system_error(net::error::host_not_found);
    to[city] = degrees;
}

net::awaitable<void> ask_all() {
    const auto executor = co_await net::this_coro::executor;

    std::cout << "Three at once:\n";
    answers weather; // outlives the group
    telltale::task_group group(executor);
    group.spawn(ask("Oslo", 3ms, 4, weather));
    group.spawn(ask("Rome", 2ms, 19, weather));
    group.spawn(ask("Cairo", 1ms, 31, weather));
    co_await group.join(); // from here on nobody uses weather any more
    for (const auto& [city, degrees] : weather) std::cout << "  " << city << ": " << degrees << '\n';

    std::cout << "The first that fails cancels the others:\n";
    group.spawn(ask("Oslo", 1h, 4, weather));
    group.spawn(ask("Atlantis", 1ms, 0, weather));
    try {
        co_await group.join();
    } catch (const telltale::system_error& e) {
        std::cout << "  join threw: " << (e.code() == net::error::host_not_found ? "host not found" : e.what()) << '\n';
    }

    std::cout << "Four, two at a time, and whatever fails:\n";
    weather.clear();
    telltale::task_group patient(executor, {.errors = telltale::error_policy::collect, .limit = 2});
    for (const auto* city : {"Atlantis", "Oslo", "El Dorado", "Rome"}) patient.spawn(ask(city, 1ms, 10, weather));
    co_await patient.async_wait(); // join would throw the first error
    std::cout << "  " << weather.size() << " answers, " << patient.errors().size() << " errors\n";
}

int main() {
    net::io_context context;
    std::exception_ptr failure;
    net::co_spawn(context, ask_all(), [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure) std::rethrow_exception(failure);
}
