// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/progress_tracker.hpp>
#include <telltale/progress/show_progress.hpp>

#include "operation.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace telltale_test::contract::progress_rows {

using namespace telltale;
using namespace std::chrono_literals;

template <class Executor = net::any_io_executor>
struct progress_tracker_wait_done {
    static about row() {
        return {.name = "progress_tracker::async_wait_done", .uncounted = "the end makes all ready who wait"};
    }
    using signature = void(error_code);

    explicit progress_tracker_wait_done(const Executor& e) : object(e) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait_done(std::forward<Token>(token)...);
    }
    void ready() { object.finish(); }

    basic_progress_tracker<Executor> object;
};
TELLTALE_CONTRACT_BASIC(progress_tracker_wait_done);

template <class Executor = net::any_io_executor>
struct progress_tracker_wait_change {
    static about row() {
        return {.name = "progress_tracker::async_wait_change",
                .value = "changed",
                .uncounted = "a change makes all ready who wait"};
    }
    using signature = void(error_code, progress_snapshot);

    explicit progress_tracker_wait_change(const Executor& e) : object(e), since(object.snapshot()) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait_change(since, 100ms, std::forward<Token>(token)...);
    }
    void ready() { object.advance(); }
    static std::string show(const progress_snapshot& s) { return s.value.done > 0 ? "changed" : ""; }

    basic_progress_tracker<Executor> object;
    progress_snapshot since;
};
TELLTALE_CONTRACT_BASIC(progress_tracker_wait_change);

struct show_progress_to_the_end {
    static about row() {
        return {.name = "show_progress",
                .no_object = "the tracker and the bar outlive it",
                .only_terminal = "co_spawn passes on terminal cancellation only",
                .no_allocator = "a coroutine: Asio allocates its frame",
                .endless = "the time that it took is shown every second",
                .uncounted = "the end of the work ends all"};
    }

    explicit show_progress_to_the_end(const executor_type& e) : tracker(std::make_shared<progress_tracker>(e)) {}
    net::awaitable<void> run() { return show(tracker, std::make_shared<shown>()); }
    void ready() { tracker->finish(); }

private:
    struct shown {
        std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::tmpfile(), &std::fclose};
        progress_bar bar{file.get(), "work"};
    };

    // Both outlive it, as they must.
    static net::awaitable<void> show(std::shared_ptr<progress_tracker> work, std::shared_ptr<shown> s) {
        co_await show_progress(*work, s->bar);
    }

    std::shared_ptr<progress_tracker> tracker;
};
TELLTALE_CONTRACT_COROUTINE(show_progress_to_the_end);

// No row: show_jobs, which ends only when it is cancelled. See tests/unit/board/show_jobs.cpp.

} // namespace telltale_test::contract::progress_rows
