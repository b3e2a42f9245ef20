// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// What the parts cost in one process, beside what Asio and the language offer. CPU time of the whole process; the counter
// `each` is the time of one operation. Names: <what>/<who>.

#include <telltale/asio.hpp>
#include <telltale/board/board.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/json.hpp>
#include <telltale/event/emitter.hpp>
#include <telltale/event/filtered.hpp>
#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/queue.hpp>
#include <telltale/sync/semaphore.hpp>
#include <telltale/sync/with_timeout.hpp>

#if defined(TELLTALE_USE_BOOST_ASIO)
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#else
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#endif

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace telltale;
using namespace std::chrono_literals;
using channel = net::experimental::channel<void(error_code, int)>;
using concurrent_channel = net::experimental::concurrent_channel<void(error_code, int)>; // for several threads
using awaitable = net::awaitable<void>;

// Until a process has started its first thread, libstdc++ counts references without atomic steps, which flatters.
[[maybe_unused]] const bool has_had_a_thread = (std::thread([] {}).join(), true);

void each(benchmark::State& state, double operations) {
    state.counters["each"] =
        benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void must_end_well(std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
}

void spawn(net::io_context& context, awaitable work) { net::co_spawn(context, std::move(work), must_end_well); }

awaitable yield() { co_await net::post(net::use_awaitable); }

// ---- events

void emit_to_nobody(benchmark::State& state) {
    emitter<int> source;
    for (auto _ : state) source.emit(1);
    each(state, 1);
}

void call_empty_function(benchmark::State& state) {
    std::function<void(int)> hook;
    for (auto _ : state) {
        benchmark::DoNotOptimize(hook);
        if (hook) hook(1);
    }
    each(state, 1);
}

constexpr int deliveries = 20'000; // in one iteration

awaitable read(subscription<int>& s, int count, int& sum) {
    for (int i = 0; i < count; ++i) {
        const auto d = co_await s.receive();
        sum += *d;
    }
}

awaitable emit_all(emitter<int>& source, int count) {
    for (int i = 0; i < count; ++i) {
        source.emit(i);
        co_await net::post(net::use_awaitable);
    }
}

void emit_one_by_one(benchmark::State& state) {
    const auto readers = static_cast<int>(state.range(0));
    int sum = 0;
    for (auto _ : state) {
        net::io_context context{1};
        const net::any_io_executor executor = context.get_executor();
        emitter<int> source;
        std::deque<subscription<int>> subscriptions;
        for (int i = 0; i < readers; ++i) subscriptions.push_back(source.subscribe(executor));
        for (auto& s : subscriptions) spawn(context, read(s, deliveries / readers, sum));
        spawn(context, emit_all(source, deliveries / readers));
        context.run();
    }
    benchmark::DoNotOptimize(sum);
    each(state, deliveries);
}

void emit_in_batches(benchmark::State& state) {
    const auto readers = static_cast<int>(state.range(0));
    net::io_context context{1};
    const net::any_io_executor executor = context.get_executor();
    emitter<int> source;
    std::deque<subscription<int>> subscriptions;
    for (int i = 0; i < readers; ++i) subscriptions.push_back(source.subscribe(executor));
    int sum = 0;
    std::vector<delivery<int>> batch;
    for (auto _ : state) {
        for (int i = 0; i < 64; ++i) source.emit(i);
        for (auto& s : subscriptions) {
            s.try_receive_some(batch);
            for (const auto& d : batch) sum += *d;
        }
    }
    benchmark::DoNotOptimize(sum);
    each(state, 64.0 * readers);
}

// Two subscriptions to everything, which must not feel how many there are to single jobs besides.
void emit_beside_single_jobs(benchmark::State& state) {
    net::io_context context{1};
    const net::any_io_executor executor = context.get_executor();
    emitter<event> source;
    std::deque<subscription<event>> single;
    for (int i = 0; i < state.range(0); ++i)
        single.push_back(source.subscribe(executor, filtered({.jobs = {"other-" + std::to_string(i)}})));
    auto all = source.subscribe(executor);
    auto failures = source.subscribe(executor, filtered({.kinds = {event_kind::job_failed}}));
    std::vector<std::shared_ptr<const job>> jobs;
    for (int i = 0; i < 64; ++i) jobs.push_back(std::make_shared<const job>(job{.id = "job-" + std::to_string(i)}));
    std::vector<delivery<event>> batch;
    for (auto _ : state) {
        for (const auto& j : jobs) source.emit({event_kind::job_failed, {}, j, {}});
        benchmark::DoNotOptimize(all.try_receive_some(batch));
        benchmark::DoNotOptimize(failures.try_receive_some(batch));
    }
    each(state, 64);
}

awaitable read_some(subscription<int>& s, int count, int& sum) {
    subscription<int>::batch_type batch;
    for (int received = 0; received < count;) {
        batch = co_await s.receive_some(subscription<int>::all, std::move(batch));
        for (const auto& d : batch) sum += *d;
        received += static_cast<int>(batch.size());
    }
}

awaitable emit_in_bursts(emitter<int>& source, int count) {
    for (int i = 1; i <= count; ++i) {
        source.emit(i);
        if (i % 64 == 0) co_await net::post(net::use_awaitable);
    }
}

void emit_to_coroutines(benchmark::State& state) {
    const auto readers = static_cast<int>(state.range(0));
    constexpr int events = 100 * 64; // so many that the first steps of the readers do not count
    int sum = 0;
    for (auto _ : state) {
        net::io_context context{1};
        const net::any_io_executor executor = context.get_executor();
        emitter<int> source;
        std::deque<subscription<int>> subscriptions;
        for (int i = 0; i < readers; ++i) subscriptions.push_back(source.subscribe(executor));
        for (auto& s : subscriptions) spawn(context, read_some(s, events, sum));
        spawn(context, emit_in_bursts(source, events));
        context.run();
    }
    benchmark::DoNotOptimize(sum);
    each(state, static_cast<double>(events) * readers);
}

awaitable read_channel(channel& c, int count, int& sum) {
    for (int i = 0; i < count; ++i) sum += co_await c.async_receive(net::use_awaitable);
}

awaitable send_to_all(std::deque<channel>& channels, int count) {
    for (int i = 0; i < count; ++i) {
        for (auto& c : channels)
            if (!c.try_send(error_code{}, i)) co_await c.async_send(error_code{}, i, net::use_awaitable);
        co_await net::post(net::use_awaitable);
    }
}

void send_one_by_one(benchmark::State& state) {
    const auto readers = static_cast<int>(state.range(0));
    int sum = 0;
    for (auto _ : state) {
        net::io_context context{1};
        std::deque<channel> channels;
        for (int i = 0; i < readers; ++i) channels.emplace_back(context, 64);
        for (auto& c : channels) spawn(context, read_channel(c, deliveries / readers, sum));
        spawn(context, send_to_all(channels, deliveries / readers));
        context.run();
    }
    benchmark::DoNotOptimize(sum);
    each(state, deliveries);
}

void call_functions(benchmark::State& state) {
    int sum = 0;
    std::vector<std::function<void(int)>> functions(static_cast<std::size_t>(state.range(0)),
                                                    [&sum](int i) { sum += i; });
    int n = 0;
    for (auto _ : state) {
        for (const auto& f : functions) f(n);
        ++n;
    }
    benchmark::DoNotOptimize(sum);
    each(state, static_cast<double>(functions.size()));
}

BENCHMARK(emit_to_nobody)->Name("emit, nobody listens/telltale")->MeasureProcessCPUTime();
BENCHMARK(call_empty_function)->Name("emit, nobody listens/empty std::function")->MeasureProcessCPUTime();
BENCHMARK(emit_one_by_one)
    ->Name("delivery, one by one, to/telltale")
    ->Arg(1)
    ->Arg(10)
    ->Arg(100)
    ->MeasureProcessCPUTime();
BENCHMARK(send_one_by_one)
    ->Name("delivery, one by one, to/asio channel")
    ->Arg(1)
    ->Arg(10)
    ->Arg(100)
    ->MeasureProcessCPUTime();
BENCHMARK(emit_in_batches)->Name("delivery, in batches of 64, to/telltale")->Arg(1)->Arg(100)->MeasureProcessCPUTime();
BENCHMARK(emit_to_coroutines)
    ->Name("delivery, in batches of 64, to/telltale, waiting coroutines")
    ->Arg(1)
    ->Arg(100)
    ->MeasureProcessCPUTime();
BENCHMARK(emit_beside_single_jobs)
    ->Name("emit and read twice, beside subscriptions to single jobs/telltale")
    ->Arg(0)
    ->Arg(1)
    ->Arg(10'000)
    ->MeasureProcessCPUTime();
BENCHMARK(call_functions)->Name("delivery, by a call, to/std::function")->Arg(1)->Arg(100)->MeasureProcessCPUTime();

// ---- semaphore

constexpr int rounds = 20'000; // in one iteration

void semaphore_try(benchmark::State& state) {
    net::io_context context{1};
    semaphore s(context.get_executor(), 1);
    for (auto _ : state) {
        auto p = s.try_acquire();
        benchmark::DoNotOptimize(p);
    }
    each(state, 1);
}

void channel_try(benchmark::State& state) {
    net::io_context context{1};
    channel c(context, 1);
    for (auto _ : state) {
        benchmark::DoNotOptimize(c.try_send(error_code{}, 0));
        c.try_receive([](error_code, int) {});
    }
    each(state, 1);
}

awaitable acquire(semaphore& s, int count, bool contended) {
    for (int i = 0; i < count; ++i) {
        const auto p = co_await s.acquire();
        if (contended) co_await net::post(net::use_awaitable);
    }
}

awaitable acquire(channel& c, int count, bool contended) {
    for (int i = 0; i < count; ++i) {
        co_await c.async_send(error_code{}, 0, net::use_awaitable);
        if (contended) co_await net::post(net::use_awaitable);
        c.try_receive([](error_code, int) {});
    }
}

template <class Semaphore>
void acquire_by(benchmark::State& state) {
    const auto coroutines = static_cast<int>(state.range(0));
    for (auto _ : state) {
        net::io_context context{1};
        Semaphore s(context.get_executor(), 1);
        for (int i = 0; i < coroutines; ++i) spawn(context, acquire(s, rounds / coroutines, coroutines > 1));
        context.run();
    }
    each(state, rounds);
}

awaitable yield_only(int count) {
    for (int i = 0; i < count; ++i) co_await net::post(net::use_awaitable);
}

void yields(benchmark::State& state) {
    for (auto _ : state) {
        net::io_context context{1};
        spawn(context, yield_only(rounds));
        context.run();
    }
    each(state, rounds);
}

BENCHMARK(semaphore_try)->Name("try_acquire and release/telltale")->MeasureProcessCPUTime();
BENCHMARK(channel_try)->Name("try_acquire and release/asio channel")->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(acquire_by, semaphore)
    ->Name("co_await acquire and release, coroutines:/telltale")
    ->Arg(1)
    ->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(acquire_by, channel)
    ->Name("co_await acquire and release, coroutines:/asio channel")
    ->Arg(1)
    ->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(acquire_by, semaphore)
    ->Name("contend, each yields, coroutines:/telltale")
    ->Arg(8)
    ->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(acquire_by, channel)
    ->Name("contend, each yields, coroutines:/asio channel")
    ->Arg(8)
    ->MeasureProcessCPUTime();
BENCHMARK(yields)->Name("contend, each yields, coroutines:/asio, the yield alone")->Arg(8)->MeasureProcessCPUTime();

// ---- mailbox and queue

void mailbox_put_take(benchmark::State& state) {
    net::io_context context{1};
    mailbox<int> box(context.get_executor());
    for (auto _ : state) {
        box.put(1);
        benchmark::DoNotOptimize(box.try_take());
    }
    each(state, 1);
}

awaitable ping(mailbox<int>& there, mailbox<int>& back, int count) {
    for (int i = 0; i < count; ++i) {
        there.put(i);
        co_await back.take();
    }
}

template <class Channel>
awaitable ping(Channel& there, Channel& back, int count) {
    for (int i = 0; i < count; ++i) {
        co_await there.async_send(error_code{}, i, net::use_awaitable);
        co_await back.async_receive(net::use_awaitable);
    }
}

awaitable ping(queue<int>& there, queue<int>& back, int count) {
    for (int i = 0; i < count; ++i) {
        co_await there.push(i);
        co_await back.pop();
    }
}

awaitable pong(mailbox<int>& there, mailbox<int>& back, int count) {
    for (int i = 0; i < count; ++i) back.put(co_await there.take());
}

awaitable pong(queue<int>& there, queue<int>& back, int count) {
    for (int i = 0; i < count; ++i) {
        const int value = co_await there.pop();
        co_await back.push(value);
    }
}

template <class Channel>
awaitable pong(Channel& there, Channel& back, int count) {
    for (int i = 0; i < count; ++i) {
        const int value = co_await there.async_receive(net::use_awaitable);
        co_await back.async_send(error_code{}, value, net::use_awaitable);
    }
}

template <class Box>
Box make_box(const net::any_io_executor& executor) {
    if constexpr (std::is_constructible_v<Box, net::any_io_executor, std::size_t>)
        return Box(executor, 1); // room for one
    else
        return Box(executor);
}

template <class Box>
void ping_pong(benchmark::State& state) {
    const auto threads = static_cast<int>(state.range(0));
    for (auto _ : state) {
        net::io_context context{threads};
        const net::any_io_executor executor = context.get_executor();
        Box there = make_box<Box>(executor);
        Box back = make_box<Box>(executor);
        spawn(context, ping(there, back, rounds));
        spawn(context, pong(there, back, rounds));
        std::vector<std::jthread> others;
        for (int i = 1; i < threads; ++i) others.emplace_back([&context] { context.run(); });
        context.run();
    }
    each(state, rounds);
}

BENCHMARK(mailbox_put_take)->Name("put and try_take/telltale mailbox")->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(ping_pong, queue<int>)
    ->Name("ping-pong, round trip, threads:/telltale queue")
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(ping_pong, mailbox<int>)
    ->Name("ping-pong, round trip, threads:/telltale mailbox")
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(ping_pong, channel)
    ->Name("ping-pong, round trip, threads:/asio channel")
    ->Arg(1)
    ->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(ping_pong, concurrent_channel)
    ->Name("ping-pong, round trip, threads:/asio concurrent_channel")
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime();

// ---- queue, where nobody has to wait

void queue_try(benchmark::State& state) {
    net::io_context context{1};
    queue<int> q(context.get_executor(), 64);
    for (auto _ : state) {
        benchmark::DoNotOptimize(q.try_push(1));
        benchmark::DoNotOptimize(q.try_pop());
    }
    each(state, 1);
}

awaitable push_and_pop(queue<int>& q, int count) {
    for (int i = 0; i < count; ++i) {
        co_await q.push(i);
        co_await q.pop();
    }
}

template <class Channel>
void channel_try_on(benchmark::State& state) {
    net::io_context context{1};
    Channel c(context, 64);
    for (auto _ : state) {
        benchmark::DoNotOptimize(c.try_send(error_code{}, 1));
        benchmark::DoNotOptimize(c.try_receive([](error_code, int) {}));
    }
    each(state, 1);
}

template <class Channel>
awaitable push_and_pop(Channel& c, int count) {
    for (int i = 0; i < count; ++i) {
        co_await c.async_send(error_code{}, i, net::use_awaitable);
        co_await c.async_receive(net::use_awaitable);
    }
}

template <class Box>
void push_pop(benchmark::State& state) {
    for (auto _ : state) {
        net::io_context context{1};
        Box box(context.get_executor(), 1);
        spawn(context, push_and_pop(box, rounds));
        context.run();
    }
    each(state, rounds);
}

BENCHMARK(queue_try)->Name("try_push and try_pop/telltale queue")->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(channel_try_on, channel)->Name("try_push and try_pop/asio channel")->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(channel_try_on, concurrent_channel)
    ->Name("try_push and try_pop/asio concurrent_channel")
    ->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(push_pop, queue<int>)
    ->Name("co_await push and pop, none waits/telltale queue")
    ->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(push_pop, channel)->Name("co_await push and pop, none waits/asio channel")->MeasureProcessCPUTime();
BENCHMARK_TEMPLATE(push_pop, concurrent_channel)
    ->Name("co_await push and pop, none waits/asio concurrent_channel")
    ->MeasureProcessCPUTime();

// ---- board

job_report a_poll(double done) {
    job_report r;
    r.id = "job-000123";
    r.by = reporter::observer;
    r.state = job_state::running;
    r.word = "RUNNING";
    r.health = watch_state::ok;
    r.progress = progress{.done = done, .total = 1e9, .unit = progress_unit::items};
    return r;
}

void board_report(benchmark::State& state) {
    net::io_context context{1};
    board b(context.get_executor());
    double done = 0;
    for (auto _ : state) b.report(a_poll(++done));
    each(state, 1);
}

void encode_event(benchmark::State& state) {
    net::io_context context{1};
    board b(context.get_executor());
    auto events = b.subscribe();
    b.report(a_poll(1));
    b.report(a_poll(123'456));
    subscription<event>::delivery_type last;
    while (auto d = events.try_receive()) last = *d;
    std::string text;
    for (auto _ : state) {
        text.clear();
        json_writer out(text);
        write_json(out, last.at, *last);
        benchmark::DoNotOptimize(text.data());
    }
    state.counters["bytes"] = static_cast<double>(text.size());
    each(state, 1);
}

BENCHMARK(board_report)->Name("board: report of a poll/telltale")->MeasureProcessCPUTime();
BENCHMARK(encode_event)->Name("event to JSON/telltale")->MeasureProcessCPUTime();

// ---- time-outs

using limited = awaitable (*)();

awaitable plainly() { co_await yield(); }

awaitable with_our_timeout() { co_await with_timeout(yield(), 1min); }

awaitable with_operators() {
    using namespace net::experimental::awaitable_operators;
    net::steady_timer timer(co_await net::this_coro::executor, 1min);
    co_await (yield() || timer.async_wait(net::use_awaitable));
}

awaitable repeat(limited operation, int count) {
    for (int i = 0; i < count; ++i) co_await operation();
}

void time_limits(benchmark::State& state, limited operation) {
    for (auto _ : state) {
        net::io_context context{1};
        spawn(context, repeat(operation, rounds / 4));
        context.run();
    }
    each(state, rounds / 4);
}

BENCHMARK_CAPTURE(time_limits, plain, plainly)->Name("an operation that yields/no time limit")->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(time_limits, ours, with_our_timeout)
    ->Name("an operation that yields/telltale with_timeout")
    ->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(time_limits, asio, with_operators)
    ->Name("an operation that yields/asio || timer")
    ->MeasureProcessCPUTime();

} // namespace

BENCHMARK_MAIN();
