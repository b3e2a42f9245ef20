// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Why is it not done? Asks a poller, finds what is stuck, looks at how the poller does, and makes its decisions again.

#include <telltale/poll/flight_recorder.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/testing/replay.hpp>
#include <telltale/testing/scripted_source.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include <chrono>
#include <iostream>

namespace net = telltale::net;
using namespace std::chrono_literals;
using telltale::job_state;
using telltale::testing::says, telltale::testing::fails;

// Stands for a Slurm: one job waits for another that has failed, one cannot be reached any more, one takes its time.
telltale::testing::scripted_source make_source() {
    telltale::status waits{.state = job_state::queued, .word = "PENDING"};
    waits.reason = "DependencyNeverSatisfied";
    waits.never_runs = true;
    telltale::testing::scripted_source source;
    source.script("17", {says(waits)});
    source.script("18", {says(job_state::running), fails(net::error::connection_refused)});
    source.script("19", {says(job_state::running)});
    return source;
}

int main() {
    net::io_context context;
    telltale::testing::virtual_clock clock(context); // two hours pass at once
    const auto executor = context.get_executor();
    const telltale::flight_recorder recorder({.keep = 100'000});
    telltale::status_poller poller(executor, make_source(), {},
                                   {.seed = 1, .source_name = "Slurm", .recorder = recorder});
    for (const auto* id : {"17", "18", "19"}) poller.watch(id);

    clock.run_for(2min);
    for (const auto* id : {"17", "18", "19"})
        std::cout << to_sentence(*poller.explain(id), telltale::system_now(executor)) << '\n';

    clock.run_for(2h);
    for (const auto& e : poller.stuck()) std::cout << "stuck: " << e.id << ", " << to_string(e.stuck.why) << '\n';

    const auto health = poller.health();
    std::cout << "the poller is " << to_string(health.verdict) << ": " << health.reason << '\n';

    poller.stop();
    const auto recorded = recorder.last(100'000);
    std::cout << "again: " << to_string(telltale::testing::replay(recorded)) << '\n';
    const auto hasty = [](telltale::poller_options& o) { o.interval = 5s; };
    std::cout << "with 5 s: " << to_string(telltale::testing::replay(recorded, {.change = hasty})) << '\n';
}
