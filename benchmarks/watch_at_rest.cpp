// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Many watched jobs, of which few are polled at any moment: what one takes at rest, and what it costs to wake one that is due.
//
//   watch_at_rest N INTERVAL SECONDS [told|batch]    N jobs, each polled every INTERVAL seconds, for so many SECONDS
//
// The source answers at once: running. `told`: each answer also has a progress, a message and the time of the start, as of
// a job of a real API; `batch`: jobs are asked for 100 at a time. Prints
// {"n": N, "bytes": per watch at rest, "watch_us": to begin it, "wakes": polls, "all_us": CPU of each,
// "poll_us": of a poll of one of ten jobs that are always due, "wake_us": what all_us is more}.
// all_us is all of it: timer, heap, coroutine, answer, report to a sink that does nothing, next time.

#include "peers/process.hpp"

#include <telltale/asio.hpp>
#include <telltale/poll/status_poller.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

using namespace telltale;

namespace {

class answering_source {
public:
    answering_source(bool tells, std::size_t batch) : tells_(tells), batch_(batch) {}

    net::awaitable<status> poll(const job_id&) { co_return answer(); }

    net::awaitable<std::vector<status>> poll_many(std::vector<job_id> ids) {
        std::vector<status> result;
        result.reserve(ids.size());
        for (std::size_t i = 0; i < ids.size(); ++i) result.push_back(answer());
        co_return result;
    }
    std::size_t batch_limit() const { return batch_; }

private:
    status answer() {
        status s;
        s.state = job_state::running;
        s.word = "running";
        if (!tells_) return s;
        telltale::progress p;
        p.done = static_cast<double>(++polls_ % 100);
        p.total = 100;
        p.unit = progress_unit::percent;
        s.progress = p;
        s.message = "step 3 of 7";
        s.started = timestamp(std::chrono::seconds{1'700'000'000});
        return s;
    }

    bool tells_;
    std::size_t batch_;
    long polls_ = 0;
};

job_id id_of(long i) {
    char text[48];
    std::snprintf(text, sizeof text, "job-%032ld", i);
    return text;
}

/// CPU of a poll that needs no waking, in microseconds.
double always_due(bool tells, std::size_t batch) {
    constexpr long wanted = 200'000;
    net::io_context context{1};
    long polls = 0;
    std::uint64_t cpu = 0;
    status_poller poller(context.get_executor(), answering_source(tells, batch == 0 ? 0 : 10),
                         [&](const job_report&) {
                             if (++polls == wanted / 10) cpu = process::cpu();
                             if (polls == wanted) context.stop();
                         },
                         {.interval = std::chrono::nanoseconds{1}});
    for (long i = 0; i < 10; ++i) poller.watch(id_of(i));
    context.run();
    return static_cast<double>(process::cpu() - cpu) / 1e3 / (wanted - wanted / 10.0);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const long n = std::atol(argv[1]);
    const std::chrono::duration<double> interval(std::atof(argv[2]));
    const std::chrono::duration<double> run(std::atof(argv[3]));
    const std::string_view how = argc > 4 ? argv[4] : "";
    // Until a process has started its first thread, libstdc++ counts references without atomic steps, which flatters.
    std::thread([] {}).join();

    const bool tells = how == "told";
    const std::size_t batch = how == "batch" ? 100 : 0;
    const double poll_us = always_due(tells, batch);
    net::io_context context{1};
    long polls = 0;
    const long before_kb = process::memory_kb("self", "VmRSS:");
    const auto before = process::cpu();
    poller_options options;
    options.interval = std::chrono::duration_cast<std::chrono::nanoseconds>(interval);
    status_poller poller(
        context.get_executor(), answering_source(tells, batch), [&polls](const job_report&) { ++polls; }, options);
    for (long i = 0; i < n; ++i) poller.watch(id_of(i));
    const auto begun = process::cpu() - before;
    // Until each has been polled more than once, and stands where it will stand.
    context.run_for(std::chrono::duration_cast<std::chrono::milliseconds>(interval * 1.6));
    const long after_kb = process::memory_kb("self", "VmRSS:");
    polls = 0;
    const auto cpu = process::cpu();
    context.run_for(std::chrono::duration_cast<std::chrono::milliseconds>(run));
    const auto used = process::cpu() - cpu;
    if (poller.watching() != static_cast<std::size_t>(n) || polls == 0) return 1;
    const auto jobs = static_cast<double>(n);
    const double all_us = static_cast<double>(used) / 1e3 / static_cast<double>(polls);
    std::printf("{\"n\":%ld,\"bytes\":%.1f,\"watch_us\":%.3f,\"wakes\":%ld,\"all_us\":%.4f,\"poll_us\":%.4f,\"wake_"
                "us\":%.4f}\n",
                n, static_cast<double>(after_kb - before_kb) * 1024 / jobs, static_cast<double>(begun) / 1e3 / jobs,
                polls, all_us, poll_us, all_us - poll_us);
}
