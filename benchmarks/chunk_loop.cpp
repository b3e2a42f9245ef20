// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// What a loop in chunks costs beside the loop itself.
//
//     chunk_loop MODE CHUNKS SIZE                 once; for callgrind, which counts the instructions
//     chunk_loop pairs MODE CHUNKS SIZE PAIRS     without hooks and with both, by turns: CPU time, as JSON
//
// MODE: bare (the loop, written by hand), blocking, serial, pool (of two threads); with both hooks: blocking-hooks,
// serial-hooks, pool-hooks. The pairs of MODE posts have no hooks: there the function posts an empty one to the context after
// each chunk on the pool, by hand, which is the least that it takes to tell somebody there.

#include <telltale/run/for_each_chunk.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <ranges>
#include <string>
#include <utility>

namespace net = telltale::net;

namespace {

/// Some 10 instructions for an item: numbers are mixed and added up, once per chunk into what all share. Not inline: the same
/// compiled loop for everybody, or the compiler's choice of registers is measured, up to an instruction per item.
class work {
public:
    explicit work(std::atomic<std::uint64_t>& sum) noexcept : sum_(&sum) {}

    template <class Part>
    [[gnu::noinline]] void operator()(Part part) const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t i : part) {
            std::uint64_t x = i ^ i >> 33U;
            x *= 0xff51afd7ed558ccdULL;
            sum += x ^ x >> 33U;
        }
        sum_->fetch_add(sum, std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t>* sum_;
};

void bare(std::size_t items, std::size_t size, work fn) {
    for (std::size_t first = 0; first < items; first += size)
        fn(std::views::iota(first, std::min(first + size, items)));
}

template <class Where, class Work, class Hooks>
net::awaitable<void> each(Where where, std::size_t items, std::size_t size, Work fn, Hooks hooks) {
    const telltale::chunk_options options{.size = size};
    co_await telltale::for_each_chunk(where, items, options, fn, hooks);
}

void finish(std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
}

/// What there is before the loop and after it.
struct service {
    net::io_context context{1};
    net::thread_pool pool{2};

    void run(net::awaitable<void> all) {
        net::co_spawn(context, std::move(all), finish);
        context.run();
        context.restart();
    }
};

template <class Hooks>
void run(service& s, const std::string& mode, std::size_t items, std::size_t size, work fn, Hooks hooks) {
    if (mode == "blocking") {
        telltale::for_each_chunk(telltale::blocking, items, {.size = size}, fn, hooks);
    } else if (mode == "serial") {
        s.run(each(telltale::serial, items, size, fn, hooks));
    } else if (mode == "pool") {
        s.run(each(s.pool.get_executor(), items, size, fn, hooks));
    } else {
        std::fprintf(stderr, "no such mode: %s\n", mode.c_str());
        std::exit(2);
    }
}

/// What tells by hand: nothing, but there.
class work_and_post {
public:
    work_and_post(work fn, net::io_context& context) noexcept : fn_(fn), context_(&context) {}

    template <class Part>
    void operator()(Part part) const {
        fn_(part);
        net::post(*context_, [] {});
    }

private:
    work fn_;
    net::io_context* context_;
};

void run_with_posts(service& s, std::size_t items, std::size_t size, work fn) {
    s.run(each(s.pool.get_executor(), items, size, work_and_post(fn, s.context), telltale::chunk_hooks<>{}));
}

/// What both hooks see.
struct witness {
    std::size_t chunks = 0;
    double done = 0;
};

void run_with_hooks(service& s, const std::string& mode, std::size_t items, std::size_t size, work fn) {
    witness seen;
    const telltale::chunk_hooks hooks{.chunk_completed = [&seen](const telltale::chunk_info&) { ++seen.chunks; },
                                      .progress = [&seen](const telltale::chunk_progress& p) { seen.done = p.done; }};
    run(s, mode, items, size, fn, hooks);
    if (seen.done != static_cast<double>(items)) std::abort();
}

double cpu_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

template <class F>
double measure(F f) {
    const double begun = cpu_ns();
    f();
    return cpu_ns() - begun;
}

int pairs(const std::string& mode, std::size_t chunks, std::size_t size, std::size_t count, work fn) {
    const std::size_t items = chunks * size;
    const bool posts = mode == "posts";
    service s;
    const auto without = [&] { run(s, posts ? "pool" : mode, items, size, fn, telltale::chunk_hooks<>{}); };
    const auto with = [&] { posts ? run_with_posts(s, items, size, fn) : run_with_hooks(s, mode, items, size, fn); };
    without();
    with();
    std::printf("[");
    for (std::size_t i = 0; i < count; ++i) {
        // Each is first in every other pair.
        const bool swap = i % 2 != 0;
        const double first = swap ? measure(with) : measure(without);
        const double second = swap ? measure(without) : measure(with);
        std::printf("%s{\"without_ns\": %.0f, \"with_ns\": %.0f}", i == 0 ? "" : ",\n ", swap ? second : first,
                    swap ? first : second);
    }
    std::printf("]\n");
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const auto word = [&](int i) { return std::string(i < argc ? argv[i] : ""); };
    const auto number = [&](int i) { return static_cast<std::size_t>(std::strtoull(word(i).c_str(), nullptr, 10)); };
    std::atomic<std::uint64_t> sum{0};
    if (word(1) == "pairs") return pairs(word(2), number(3), number(4), number(5), work(sum));
    const std::size_t items = number(2) * number(3);
    const std::string mode = word(1);
    const std::size_t suffix = mode.find("-hooks");
    service s;
    if (mode == "bare")
        bare(items, number(3), work(sum));
    else if (suffix != std::string::npos)
        run_with_hooks(s, mode.substr(0, suffix), items, number(3), work(sum));
    else
        run(s, mode, items, number(3), work(sum), telltale::chunk_hooks<>{});
    std::printf("%s: %llu\n", mode.c_str(), static_cast<unsigned long long>(sum)); // so that nobody leaves it out
}
