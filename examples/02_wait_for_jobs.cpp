// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// Waits for many remote jobs at once: a status_poller asks a source how each one is, and reports what it sees to a board.

#include <telltale/asio.hpp>
#include <telltale/board/board.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/testing/scripted_source.hpp>

#include <chrono>
#include <exception>
#include <iostream>

namespace net = telltale::net;
using namespace std::chrono_literals;
using telltale::job_state;
using telltale::testing::says, telltale::testing::fails;

// Stands for a job API: what it answers to each question. For a real one see http_status_source.
telltale::testing::scripted_source make_source() {
    telltale::testing::scripted_source source;
    source.script("compile", {says(job_state::queued), says(job_state::running), says(job_state::succeeded)});
    source.script("test", {says(job_state::running), fails(net::error::connection_reset), says(job_state::failed)});
    source.script("deploy", {says(job_state::pending)}); // for ever
    return source;
}

net::awaitable<void> wait_for_jobs() {
    const auto executor = co_await net::this_coro::executor;
    telltale::board board(executor);
    telltale::status_poller poller(executor, make_source(), board.sink(),
                                   {.max_concurrent = 2, .interval = 20ms, .backoff = {.min = 10ms, .max = 100ms}});
    for (const auto* id : {"compile", "test", "deploy"}) poller.watch(id, {.deadline = 200ms});

    for (const auto* id : {"compile", "test", "deploy"}) {
        const auto [error, job] = co_await poller.async_wait(id, telltale::as_result);
        std::cout << id << ": " << to_string(job.state);
        if (error) std::cout << " (" << error.message() << ')';
        std::cout << '\n';
    }
    std::cout << "on the board: " << board.jobs().size() << " jobs\n";
}

int main() {
    net::io_context context;
    std::exception_ptr failure;
    net::co_spawn(context, wait_for_jobs(), [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure) std::rethrow_exception(failure);
}
