// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// What a tick of progress costs, beside the atomic step that it cannot do without. CPU time of the whole process, all its
// threads; the counter `each` is the time of one tick. Names: <what>/<who>/<threads>, all on one tracker.

#include <telltale/asio.hpp>
#include <telltale/progress/progress_tracker.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

namespace {

using namespace telltale;
using namespace std::chrono_literals;

constexpr int ticks = 1'000'000; // in one iteration, of all threads together

template <class Tick>
void on_threads(benchmark::State& state, Tick tick) {
    const auto threads = static_cast<int>(state.range(0));
    const auto work = [tick, n = ticks / threads] {
        for (int i = 0; i < n; ++i) tick();
    };
    for (auto _ : state) {
        std::vector<std::jthread> others;
        for (int i = 1; i < threads; ++i) others.emplace_back(work);
        work();
    }
    state.counters["each"] =
        benchmark::Counter(ticks, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

constexpr progress_tracker_options far_away{.total = std::uint64_t{1} << 50};

void advance(benchmark::State& state) {
    net::io_context context{1};
    progress_tracker tracker(context.get_executor(), far_away);
    on_threads(state, [&] { tracker.advance(); });
}

net::awaitable<void> look(progress_tracker& tracker) {
    for (progress_snapshot last; !last.finished;) last = co_await tracker.async_wait_change(last, 100ms);
}

// As a bar or a report does, ten times a second.
void advance_looked_at(benchmark::State& state) {
    net::io_context context{1};
    progress_tracker tracker(context.get_executor(), far_away);
    net::co_spawn(context, look(tracker), net::detached);
    const std::jthread looks([&context] { context.run(); });
    on_threads(state, [&] { tracker.advance(); });
    tracker.finish();
}

void fetch_add(benchmark::State& state) {
    std::atomic<std::uint64_t> count{0};
    on_threads(state, [&] { count.fetch_add(1, std::memory_order_relaxed); });
}

// What every tick costs where it asks whether it is time to draw.
void fetch_add_and_clock(benchmark::State& state) {
    std::atomic<std::uint64_t> count{0};
    on_threads(state, [&] {
        count.fetch_add(1, std::memory_order_relaxed);
        auto now = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize(now);
    });
}

// What it costs who knows that nobody else counts.
void load_and_store(benchmark::State& state) {
    std::atomic<std::uint64_t> count{0};
    on_threads(state, [&] { count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); });
}

BENCHMARK(advance)->Name("progress tick, threads:/telltale")->Arg(1)->Arg(2)->MeasureProcessCPUTime();
BENCHMARK(advance_looked_at)
    ->Name("progress tick, threads:/telltale, looked at ten times a second")
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime();
BENCHMARK(fetch_add)->Name("progress tick, threads:/relaxed fetch_add")->Arg(1)->Arg(2)->MeasureProcessCPUTime();
BENCHMARK(fetch_add_and_clock)
    ->Name("progress tick, threads:/relaxed fetch_add, and the clock read")
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime();
BENCHMARK(load_and_store)
    ->Name("progress tick, threads:/floor: load and store, one writer")
    ->Arg(1)
    ->MeasureProcessCPUTime();

} // namespace

BENCHMARK_MAIN();
