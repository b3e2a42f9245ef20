// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Trivial jobs through a job_manager, at most 10 at once as by default: submitted, queued, run, ended.
//
//   jobs N [board]    N jobs, all submitted before the first runs; board: what happens is told to a board
//
// Once to warm up and to see what one takes while it is queued; then measured. Prints
// {"jobs": N, "cpu_us": per job, "bytes": per queued job}.

#include "peers/process.hpp"

#include <telltale/asio.hpp>
#include <telltale/board/board.hpp>
#include <telltale/run/job_manager.hpp>

#include <cstdlib>
#include <cstring>
#include <thread>

namespace {

using namespace telltale;

net::awaitable<void> trivial(job_context) { co_return; }

} // namespace

int main(int argc, char** argv) {
    const long jobs = argc > 1 ? std::atol(argv[1]) : 0;
    const bool tells = argc > 2 && std::strcmp(argv[2], "board") == 0;
    if (jobs <= 0) return 2;
    // Until a process has started its first thread, libstdc++ counts references without atomic steps, which flatters.
    std::thread([] {}).join();

    process::jobs_report report(jobs);
    for (const bool measured : {false, true}) {
        net::io_context context{1};
        board told(context.get_executor());
        job_manager manager(context.get_executor(), tells ? told.sink() : job_sink{});
        report.begin();
        for (long i = 0; i < jobs; ++i) manager.submit({}, trivial);
        if (!measured) report.all_queued();
        context.run();
        report.end();
        if (static_cast<long>(manager.counts().succeeded) != jobs) return 1;
    }
    report.print();
}
