// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Two jobs on a thread pool, one at a time: each adds up numbers in chunks and says how far it is.

#include <telltale/board/board.hpp>
#include <telltale/progress/bar.hpp>
#include <telltale/run/for_each_chunk.hpp>
#include <telltale/run/job_manager.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <iostream>

namespace net = telltale::net;

// Any pool thread may advance a tracker, as often as it likes: that costs next to nothing.
net::awaitable<void> add_up(telltale::job_context job, net::thread_pool& pool, std::uint64_t numbers) {
    auto& done = job.tracker({.total = numbers});
    std::atomic<std::uint64_t> sum{0};
    const auto add = [&](auto chunk) {
        for (const std::uint64_t n : chunk) {
            sum += n;
            done.advance();
        }
    };
    const telltale::chunk_options options{.size = 1000};
    const auto result = co_await telltale::for_each_chunk(pool.get_executor(), numbers, options, add);
    job.set_message("sum " + std::to_string(sum) + " in " + std::to_string(result.chunks) + " chunks");
}

net::awaitable<void> show(telltale::board& board) {
    auto events = board.subscribe();
    for (int ended = 0; ended < 2;) {
        const auto d = co_await events.receive();
        if (d.is_gap() || d->kind == telltale::event_kind::job_progressed) continue; // how often depends on the machine
        const telltale::job& job = *d->job;
        std::cout << to_string(d->kind) << ": " << telltale::render_plain(job);
        std::cout << (job.message.empty() ? "" : ", ") << job.message << '\n';
        ended += is_terminal(job.state) ? 1 : 0;
    }
}

int main() {
    net::io_context context;
    net::thread_pool pool(2);
    telltale::board board(context.get_executor());
    telltale::job_manager manager(context.get_executor(), board.sink(), {.max_running = 1});
    net::co_spawn(context, show(board), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
    net::post(context, [&] {
        manager.submit({.name = "small"}, [&](telltale::job_context job) { return add_up(job, pool, 10'000); });
        manager.submit({.name = "large"}, [&](telltale::job_context job) { return add_up(job, pool, 1'000'000); });
    });
    context.run();
}
