// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// The least that what benchmarks/primitives_bench.cpp measures can cost; the rows have its names. Not a peer: coroutines that
// are resumed from one queue of one thread, without executor, allocation, cancellation or lock. CPU time of the whole process;
// each row is run once to warm up, then measured once.
//
//     primitives_floor [-quick] [-filter REGEX]

#include "process.hpp"

#include <atomic>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <regex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

// Of a fixed size: what is measured is the coroutines, not a container.
class run_queue {
public:
    void push(std::coroutine_handle<> h) {
        ring_[end_++ % size] = h;
        if (end_ - begin_ > size) std::abort();
    }
    void run() {
        while (begin_ != end_) ring_[begin_++ % size].resume();
    }

private:
    static constexpr unsigned size = 1024;
    std::coroutine_handle<> ring_[size];
    unsigned begin_ = 0;
    unsigned end_ = 0;
};

run_queue ready;

class task {
public:
    struct promise_type {
        task get_return_object() { return task(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };

    task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    task& operator=(task&&) = delete;
    ~task() {
        if (handle_) handle_.destroy();
    }

    void start() const { ready.push(handle_); }

private:
    explicit task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

void run(std::vector<task> tasks) {
    for (const auto& t : tasks) t.start();
    ready.run();
}

struct yield {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) const { ready.push(h); }
    void await_resume() const noexcept {}
};

// One permit. Who waits is linked through the waiting coroutines' own frames.
class semaphore {
public:
    struct acquire_type {
        bool await_ready() const noexcept { return std::exchange(s.free_, false); }
        void await_suspend(std::coroutine_handle<> h) noexcept {
            handle = h;
            (s.last_ ? s.last_->next : s.first_) = this;
            s.last_ = this;
        }
        void await_resume() const noexcept {}

        semaphore& s;
        std::coroutine_handle<> handle{};
        acquire_type* next = nullptr;
    };

    acquire_type acquire() { return {*this}; }

    void release() {
        if (!first_) {
            free_ = true;
            return;
        }
        ready.push(first_->handle);
        first_ = first_->next;
        if (!first_) last_ = nullptr;
    }

private:
    bool free_ = true;
    acquire_type* first_ = nullptr;
    acquire_type* last_ = nullptr;
};

// Room for one value, one reader.
class channel {
public:
    struct receive_type {
        bool await_ready() const noexcept { return c.full_; }
        void await_suspend(std::coroutine_handle<> h) const noexcept { c.reader_ = h; }
        int await_resume() const noexcept {
            c.full_ = false;
            return c.value_;
        }
        channel& c;
    };

    void send(int value) {
        value_ = value;
        full_ = true;
        if (reader_) ready.push(std::exchange(reader_, {}));
    }

    receive_type receive() { return {*this}; }

private:
    int value_ = 0;
    bool full_ = false;
    std::coroutine_handle<> reader_;
};

task acquire(semaphore& s, int n, bool yields) {
    for (int i = 0; i < n; ++i) {
        co_await s.acquire();
        if (yields) co_await yield{};
        s.release();
    }
}

task yield_only(int n) {
    for (int i = 0; i < n; ++i) co_await yield{};
}

task ping(channel& there, channel& back, int n) {
    for (int i = 0; i < n; ++i) {
        there.send(i);
        co_await back.receive();
    }
}

task pong(channel& there, channel& back, int n) {
    for (int i = 0; i < n; ++i) back.send(co_await there.receive());
}

int sum = 0;

task read(channel& c, int n) {
    for (int i = 0; i < n; ++i) sum += co_await c.receive();
}

task send_to_all(std::deque<channel>& channels, int n) {
    for (int i = 0; i < n; ++i) {
        for (auto& c : channels) c.send(i);
        co_await yield{};
    }
}

void contend(int coroutines, int n) {
    semaphore s;
    std::vector<task> tasks;
    for (int i = 0; i < coroutines; ++i) tasks.push_back(acquire(s, n / coroutines, coroutines > 1));
    run(std::move(tasks));
}

void yields(int n) {
    std::vector<task> tasks;
    tasks.push_back(yield_only(n));
    run(std::move(tasks));
}

void ping_pong(int n) {
    channel there;
    channel back;
    std::vector<task> tasks;
    tasks.push_back(ping(there, back, n));
    tasks.push_back(pong(there, back, n));
    run(std::move(tasks));
}

void deliver(int readers, int n) {
    std::deque<channel> channels(static_cast<std::size_t>(readers));
    std::vector<task> tasks;
    for (auto& c : channels) tasks.push_back(read(c, n / readers));
    tasks.push_back(send_to_all(channels, n / readers));
    run(std::move(tasks));
}

// What a permit costs that any thread may take and give back: two atomic steps.
void two_steps(int n) {
    std::atomic<long> free{1};
    for (int i = 0; i < n; ++i) {
        long seen = free.load(std::memory_order_relaxed);
        while (seen > 0 && !free.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire)) {}
        seen = free.load(std::memory_order_relaxed);
        while (!free.compare_exchange_weak(seen, seen + 1, std::memory_order_release)) {}
    }
}

// Two threads that look at one atomic in turn, and never sleep: means something only while each has a core to itself.
void spin(int n) {
    std::atomic<int> turn{0};
    const auto step = [&turn](int mine, int last) {
        for (int i = mine; i < last; i += 2) {
            while (turn.load(std::memory_order_acquire) != i) {}
            turn.store(i + 1, std::memory_order_release);
        }
    };
    std::thread other([&] { step(1, 2 * n); });
    step(0, 2 * n);
    other.join();
}

class report {
public:
    report(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            if (std::strcmp(argv[i], "-quick") == 0) rounds = 20'000;
            if (std::strcmp(argv[i], "-filter") == 0 && i + 1 < argc) filter_ = argv[++i];
        }
    }

    template <class Body>
    void measure(const std::string& what, const char* who, int operations, Body body) {
        if (!std::regex_search(what + "/" + who, filter_)) return;
        body();
        const auto begin = process::cpu();
        body();
        std::printf(R"(%s{"what":"%s","who":"%s","ns":%.3f})", std::exchange(separator_, ","), what.c_str(), who,
                    static_cast<double>(process::cpu() - begin) / operations);
    }

    int rounds = 200'000;

private:
    std::regex filter_{"."};
    const char* separator_ = "";
};

} // namespace

int main(int argc, char** argv) {
    report out(argc, argv);
    std::putchar('[');
    const int n = out.rounds;
    out.measure("try_acquire and release", "floor: two compare-exchanges", n, [n] { two_steps(n); });
    out.measure("co_await acquire and release, coroutines: 1", "floor", n, [n] { contend(1, n); });
    out.measure("contend, each yields, coroutines: 8", "floor", n, [n] { contend(8, n); });
    out.measure("contend, each yields, coroutines: 8", "floor, the yield alone", n, [n] { yields(n); });
    for (const int readers : {1, 10, 100})
        out.measure("delivery, one by one, to " + std::to_string(readers), "floor", n, [=] { deliver(readers, n); });
    out.measure("ping-pong, round trip, threads: 1", "floor", n, [n] { ping_pong(n); });
    out.measure("ping-pong, round trip, threads: 2", "floor: both spin", n / 10, [n] { spin(n / 10); });
    std::puts("]");
}
