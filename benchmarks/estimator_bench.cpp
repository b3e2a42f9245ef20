// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// What it costs to tell an estimator of progress, and to ask it. CPU time.

#include <telltale/core/estimator.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>

namespace {

using namespace telltale;

// About a millisecond each, never the same: splitmix64.
class uneven_work {
public:
    void step(estimator& speed) {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        now += std::chrono::nanoseconds(500'000 + (z >> 44));
        speed.sample(++done, now);
    }

    estimator::clock::time_point now{};
    double done = 0;

private:
    std::uint64_t state_ = 1;
};

void sample(benchmark::State& state) {
    estimator speed;
    uneven_work work;
    for ([[maybe_unused]] auto _ : state) work.step(speed);
    benchmark::DoNotOptimize(speed);
}

void predict(benchmark::State& state) {
    estimator speed;
    uneven_work work;
    for (int i = 0; i < 10'000; ++i) work.step(speed);
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(speed.predict(work.done *= 1.000001, work.now));
}

BENCHMARK(sample)->Name("estimator sample/telltale");
BENCHMARK(predict)->Name("estimator predict/telltale");

} // namespace

BENCHMARK_MAIN();
