// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Jobs that are steered: one at a time, with results, priorities, another attempt, a pause and an approval.

#include <telltale/run/job_manager.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

namespace net = telltale::net;
using namespace std::chrono_literals;

net::awaitable<int> download(telltale::job_context job) {
    if (job.attempt() == 1) throw telltale::system_error(net::error::connection_reset);
    for (int part = 0; part < 3; ++part) co_await job.checkpoint(); // here it can be paused
    co_return 3;
}

net::awaitable<std::string> deploy(telltale::job_context job) {
    const auto answer = co_await job.request_approval("deploy to production", 1h);
    co_return answer ? "deployed, said " + answer.comment : "not deployed";
}

int count_primes(telltale::job_context job) { // on a pool: an ordinary function
    int primes = 0;
    for (int n = 2; n < 10'000; ++n) {
        job.throw_if_stopped(); // cancelled, or out of time
        int d = 2;
        while (d * d <= n && n % d != 0) ++d;
        primes += d * d > n ? 1 : 0;
    }
    return primes;
}

net::awaitable<void> steer(telltale::job_manager& jobs, net::thread_pool& pool) {
    jobs.pause(); // the queue, until all are in it
    auto primes = jobs.submit({.name = "primes", .time_limit = 1min}, pool.get_executor(), count_primes);
    telltale::job_spec twice{.name = "download", .priority = 1};
    twice.retry = {.max_attempts = 3, .delay = {.min = 10ms, .max = 1s}};
    auto parts = jobs.submit(std::move(twice), download);
    auto release = jobs.submit({.id = "release"}, deploy);
    jobs.resume();

    std::cout << "parts: " << co_await parts.result() << '\n';
    std::cout << "primes: " << co_await primes.result() << '\n';
    while (release.state() != telltale::job_state::paused) co_await net::post(net::use_awaitable);
    jobs.approve("release", "somebody else");
    std::cout << co_await release.result() << '\n';

    auto late = jobs.submit({.name = "late"}, pool.get_executor(), [](telltale::job_context job) {
        for (;; std::this_thread::yield()) job.throw_if_stopped();
    });
    co_await jobs.async_shutdown(20ms); // no more jobs; what has not ended by then is cancelled
    const auto s = jobs.statistics();
    std::cout << "late: " << to_string(late.state()) << '\n'
              << s.counts.succeeded << " succeeded, " << s.retries << " more attempt\n";
}

int main() {
    net::io_context context;
    net::thread_pool pool(1);
    telltale::job_manager jobs(context.get_executor(), nullptr, {.max_running = 1});
    net::co_spawn(context, steer(jobs, pool), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
    context.run();
}
