// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Trivial jobs with nothing but co_spawn: no queue, no limit, no state, nobody who is told. For benchmarks/jobs.cpp.
//
//     jobs_asio N [AT_ONCE]    N coroutines, all spawned before the first runs, or AT_ONCE at a time
//
// Once to warm up and to see what one takes while it waits for its turn; then measured.

#include "process.hpp"

#include <asio.hpp>

#include <algorithm>
#include <cstdlib>

namespace {

long done = 0;

asio::awaitable<void> trivial() {
    ++done;
    co_return;
}

void spawn(asio::io_context& context, long jobs) {
    for (long i = 0; i < jobs; ++i) asio::co_spawn(context, trivial(), asio::detached);
}

} // namespace

int main(int argc, char** argv) {
    const long jobs = argc > 1 ? std::atol(argv[1]) : 0;
    const long at_once = argc > 2 ? std::atol(argv[2]) : jobs;
    if (jobs <= 0 || at_once <= 0) return 2;
    process::jobs_report report(jobs);
    for (const bool measured : {false, true}) {
        asio::io_context context{1};
        done = 0;
        report.begin();
        for (long left = jobs; left > 0; left -= at_once) {
            spawn(context, std::min(left, at_once));
            if (at_once == jobs && !measured) report.all_queued();
            context.run();
            context.restart();
        }
        report.end();
        if (done != jobs) return 1;
    }
    report.print();
}
