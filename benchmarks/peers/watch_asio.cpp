// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Watched jobs as people write them, for benchmarks/watch_at_rest.cpp: a coroutine and a timer for each. Nothing is polled.
//
//     watch_asio N INTERVAL SECONDS [floor]
//
// floor: no coroutine, an entry for each job in one heap behind one timer. Not a peer.

#include "process.hpp"

#include <asio.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <queue>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
using entry = std::pair<clock_type::time_point, long>;

long wakes = 0;

struct job {
    explicit job(long i) { std::snprintf(id, sizeof id, "job-%032ld", i); }
    char id[37];
    std::string state = "running";
};

asio::awaitable<void> watch(job j, clock_type::duration first, clock_type::duration interval) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(first);
    co_await timer.async_wait(asio::use_awaitable);
    while (j.state != "done") {
        ++wakes;
        timer.expires_after(interval);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const long n = std::atol(argv[1]);
    const auto seconds = [](const char* text) {
        return std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(std::atof(text)));
    };
    const auto interval = seconds(argv[2]);
    const bool floor = argc > 4 && std::strcmp(argv[4], "floor") == 0;
    std::thread([] {}).join();

    asio::io_context context{1};
    const long before_kb = process::memory_kb("self", "VmRSS:");
    const auto before = process::cpu();
    std::vector<job> jobs;
    std::priority_queue<entry, std::vector<entry>, std::greater<entry>> due;
    asio::steady_timer timer(context);
    std::function<void()> arm = [&] {
        timer.expires_at(due.top().first);
        timer.async_wait([&](asio::error_code ec) {
            if (ec) return;
            const auto now = clock_type::now();
            while (due.top().first <= now) {
                const auto e = due.top();
                due.pop();
                ++wakes;
                due.emplace(now + interval, e.second);
            }
            arm();
        });
    };
    if (floor) {
        jobs.reserve(static_cast<std::size_t>(n));
        const auto now = clock_type::now();
        std::vector<entry> entries;
        entries.reserve(static_cast<std::size_t>(n));
        for (long i = 0; i < n; ++i) {
            jobs.emplace_back(i);
            entries.emplace_back(now + interval * (i + 1) / n, i);
        }
        due = decltype(due)(std::greater<entry>{}, std::move(entries));
        arm();
    } else {
        for (long i = 0; i < n; ++i)
            asio::co_spawn(context, watch(job(i), interval * (i + 1) / n, interval), asio::detached);
    }
    context.poll();
    const auto begun = process::cpu() - before;
    const long after_kb = process::memory_kb("self", "VmRSS:");
    context.run_for(interval);
    wakes = 0;
    const auto cpu = process::cpu();
    context.run_for(seconds(argv[3]));
    const auto used = process::cpu() - cpu;
    std::printf("{\"n\":%ld,\"bytes\":%.1f,\"watch_us\":%.3f,\"wakes\":%ld,\"wake_us\":%.4f}\n", n,
                static_cast<double>(after_kb - before_kb) * 1024 / static_cast<double>(n),
                static_cast<double>(begun) / 1e3 / static_cast<double>(n), wakes,
                static_cast<double>(used) / 1e3 / static_cast<double>(wakes));
    std::fflush(stdout);
    std::_Exit(0);
}
