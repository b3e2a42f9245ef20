// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// What watching the process costs. A sample's CPU time in microseconds, at one a second, is as many millionths of a core:
// `percent_of_core_at_1_hz` is that in percent. The counters cover all threads, and the wait for the timer too.

#include <telltale/run/cpu_meter.hpp>
#include <telltale/run/resource_reader.hpp>
#include <telltale/run/resource_sampler.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <ctime>

namespace {

namespace net = telltale::net;
using namespace std::chrono_literals;

double process_cpu_s() {
    std::timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

void told_1_hz(benchmark::State& state, double cpu_s, double samples) {
    state.counters["cpu_us"] = cpu_s / samples * 1e6;
    state.counters["percent_of_core_at_1_hz"] = cpu_s / samples * 100;
}

void reading(benchmark::State& state) {
    const telltale::resource_reader reader;
    const double begin = process_cpu_s();
    for (auto _ : state) benchmark::DoNotOptimize(reader());
    told_1_hz(state, process_cpu_s() - begin, static_cast<double>(state.iterations()));
}
BENCHMARK(reading);

void sample(benchmark::State& state) {
    net::io_context context;
    telltale::resource_sampler sampler(context.get_executor());
    const double begin = process_cpu_s();
    for (auto _ : state) benchmark::DoNotOptimize(sampler.sample());
    told_1_hz(state, process_cpu_s() - begin, static_cast<double>(state.iterations()));
}
BENCHMARK(sample);

net::awaitable<void> run_for(telltale::resource_sampler& sampler, std::chrono::nanoseconds time) {
    try {
        co_await telltale::with_timeout(sampler.run(), time);
    } catch (const telltale::system_error&) { // its time was up
    }
}

/// run() as it is used: asleep in epoll between two samples, so many times a second. Once a second it finds the caches cold.
void run_at(benchmark::State& state) {
    double cpu_s = 0;
    double samples = 0;
    for (auto _ : state) {
        net::io_context context(1);
        telltale::resource_sampler sampler(context.get_executor(), {.period = 1'000'000'000ns / state.range(0)});
        const double begin = process_cpu_s();
        net::co_spawn(context, run_for(sampler, state.range(0) == 1 ? 10s : 2s), net::detached);
        context.run();
        cpu_s += process_cpu_s() - begin;
        samples += static_cast<double>(sampler.usage().samples);
    }
    told_1_hz(state, cpu_s, samples);
}
BENCHMARK(run_at)->Arg(1)->Arg(100)->Iterations(1);

/// What a piece of a job costs more when its CPU time is measured.
void metered_piece(benchmark::State& state) {
    telltale::cpu_meter meter;
    const double begin = process_cpu_s();
    for (auto _ : state) {
        const auto measured = meter.measure();
        benchmark::ClobberMemory();
    }
    benchmark::DoNotOptimize(meter.total());
    state.counters["cpu_us"] = (process_cpu_s() - begin) / static_cast<double>(state.iterations()) * 1e6;
}
BENCHMARK(metered_piece);

} // namespace

BENCHMARK_MAIN();
