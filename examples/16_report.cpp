// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Three jobs on a thread pool, and at the end: what they did, how long it took, and what the process used for it.

#include <telltale/board/board.hpp>
#include <telltale/core/execution_report.hpp>
#include <telltale/progress/report_text.hpp>
#include <telltale/run/cpu_meter.hpp>
#include <telltale/run/for_each_chunk.hpp>
#include <telltale/run/job_manager.hpp>
#include <telltale/run/resource_sampler.hpp>
#include <telltale/sync/task_group.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>

namespace net = telltale::net;

// Keeps four rows of five, and tells what only it can know.
net::awaitable<void> clean(net::thread_pool& pool, std::uint64_t rows, telltale::job_figures& figures) {
    std::atomic<std::uint64_t> kept{0};
    telltale::cpu_meter cpu;
    const auto work = [&](auto chunk) {
        const auto measured = cpu.measure();
        for (const std::uint64_t n : chunk) kept += n % 5 == 0 ? 0U : 1U;
    };
    const telltale::chunk_options options{.size = 100'000};
    co_await telltale::for_each_chunk(pool.get_executor(), rows, options, work);
    figures = {.rows_in = rows, .rows_out = kept.load(), .cpu = cpu.total()};
}

net::awaitable<void> run(net::thread_pool& pool) {
    const auto executor = co_await net::this_coro::executor;
    telltale::board board(executor);
    telltale::job_manager manager(executor, board.sink(), {.max_running = 2});
    telltale::resource_sampler sampler(executor);
    telltale::task_group helpers(executor);
    helpers.spawn(sampler.run());

    telltale::figures_map figures;
    for (const char* name : {"a", "b", "c"}) {
        telltale::job_figures& known = figures[name];
        manager.submit({.id = name}, [&pool, &known](telltale::job_context) { return clean(pool, 1'000'000, known); });
    }
    co_await manager.async_drain();
    helpers.cancel();
    co_await helpers.join();

    const auto report = telltale::make_report(
        board.jobs(), {.now = telltale::system_now(executor), .figures = figures, .resources = sampler.sample()});
    std::cout << telltale::render_summary(report, {.unicode = false, .width = 60});
}

int main() {
    net::io_context context;
    net::thread_pool pool(2);
    net::co_spawn(context, run(pool), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
    context.run();
}
