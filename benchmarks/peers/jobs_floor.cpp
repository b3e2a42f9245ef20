// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// The least that a queued coroutine can cost, for benchmarks/jobs.cpp: a frame and a place in a queue of one thread. Not a peer.
//
//     jobs_floor N
//
// Once to warm up and to see what one takes while it waits for its turn; then measured.

#include "process.hpp"

#include <coroutine>
#include <cstdlib>
#include <deque>
#include <exception>

namespace {

long done = 0;
std::deque<std::coroutine_handle<>> ready;

struct task {
    struct promise_type {
        task get_return_object() {
            ready.push_back(std::coroutine_handle<promise_type>::from_promise(*this));
            return {};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
};

task trivial() {
    ++done;
    co_return;
}

} // namespace

int main(int argc, char** argv) {
    const long jobs = argc > 1 ? std::atol(argv[1]) : 0;
    if (jobs <= 0) return 2;
    process::jobs_report report(jobs);
    for (const bool measured : {false, true}) {
        done = 0;
        report.begin();
        for (long i = 0; i < jobs; ++i) trivial();
        if (!measured) report.all_queued();
        for (; !ready.empty(); ready.pop_front()) ready.front().resume();
        report.end();
        if (done != jobs) return 1;
    }
    report.print();
}
