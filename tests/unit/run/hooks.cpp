// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/hooks.hpp>

#include <telltale/run/for_each_chunk.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

void nothing(const auto&) {}

/// Five chunks, one after the other on a pool, each of which ends when it is told to; in virtual time.
class slow_motion {
public:
    explicit slow_motion(const chunk_options& options) { net::co_spawn(context_, work(*this, options), net::detached); }

    /// Ends the chunk that is under way; returns when the next one is, or all is over, and whoever is ready has run.
    void end_chunk() {
        clock.run_until_idle();
        begun_.acquire();
        go_on_.release();
        if (++ended_ == 5)
            pool_.wait();
        else
            wait_for_next();
        clock.run_until_idle();
    }

private:
    net::io_context context_{1};

public:
    testing::virtual_clock clock{context_};
    std::string told;
    bool over = false;

private:
    void wait_for_next() {
        begun_.acquire();
        begun_.release();
    }

    static net::awaitable<void> work(slow_motion& s, chunk_options options) {
        options.size = 1;
        options.errors = error_policy::collect;
        const auto fn = [&s](auto part) {
            s.begun_.release();
            s.go_on_.acquire();
            if (part.front() == 2) throw std::runtime_error("no");
        };
        const chunk_hooks hooks{.chunk_completed = [&s](const chunk_info& c) { s.told += std::to_string(c.id); },
                                .error = [&s](const chunk_error&) { s.told += 'e'; }};
        const auto result = co_await for_each_chunk(s.pool_.get_executor(), 5, options, fn, hooks);
        CHECK(result.errors.size() == 1);
        s.over = true;
    }

    std::counting_semaphore<> begun_{0};
    std::counting_semaphore<> go_on_{0};
    int ended_ = 0;
    net::thread_pool pool_{1};
};

} // namespace

TEST_CASE("a hook that is not set is known at compile time, and nothing is told") {
    using detail::chunk_event;
    const chunk_hooks none{};
    static_assert(hook_set<std::remove_const_t<decltype(none)>>);
    static_assert(!detail::chunk_teller<chunk_hooks<>>::tells);
    const chunk_hooks ends{.before = [](const chunk_plan&) {}, .after = [](const chunk_result&) {}};
    static_assert(!detail::chunk_teller<std::remove_const_t<decltype(ends)>>::tells);
    static_assert(detail::may_want<chunk_event::before, std::remove_const_t<decltype(ends)>>);
    const auto both = compose(ends, chunk_hooks{.slow_chunk = [](const slow_chunk_info&) {}});
    static_assert(detail::chunk_teller<std::remove_const_t<decltype(both)>>::tells);
    static_assert(!detail::may_want<chunk_event::progress, std::remove_const_t<decltype(both)>>);
    CHECK(sizeof(none) <= 9); // no more than an address each
    CHECK(for_each_chunk(
              blocking, 3, {}, [](auto) {}, none)
              .items == 3);
}

TEST_CASE("of composed hooks the first is told first, and one that throws keeps it from nobody") {
    std::string told;
    const auto writer = [&told](char name) {
        return chunk_hooks{
            .before = [&told, name](const chunk_plan&) { told += name; },
            .chunk_completed =
                [&told, name](const chunk_info& c) {
                    told += name;
                    if (name == 'b') throw std::runtime_error("b" + std::to_string(c.id));
                },
            .after = [&told, name](const chunk_result& r) { told += name + std::to_string(r.hook_errors); }};
    };
    const chunk_hooks progress_only{.progress = [&told](const telltale::progress&) { told += '%'; }};
    const auto all = compose(writer('a'), compose(writer('b'), progress_only), writer('c'));
    const auto result = for_each_chunk(
        blocking, 4, {.size = 2}, [](auto) {}, all);
    CHECK(told == "abc"
                  "abc%"
                  "abc%"
                  "a2b2c2");
    CHECK(result.hook_errors == 2);
    CHECK_THROWS_WITH(std::rethrow_exception(result.first_hook_error), "b0");
}

TEST_CASE(
    "of what a pool does hooks are told at once, and then together after the interval; of errors and the end at once") {
    slow_motion film({.hook_interval = 10ms});
    film.end_chunk();
    CHECK(film.told == "0");
    film.end_chunk();
    film.clock.run_for(9ms);
    CHECK(film.told == "0");
    SECTION("an error") {
        film.end_chunk();
        CHECK(film.told == "01e");
        film.end_chunk();
        CHECK(film.told == "01e");
    }
    SECTION("the interval is over, and so is another one, in which nothing happens") {
        film.clock.run_for(1ms);
        CHECK(film.told == "01");
        film.end_chunk();
        film.clock.run_for(20ms);
        film.end_chunk();
        CHECK(film.told == "01e3");
    }
    CHECK_FALSE(film.over);
    film.end_chunk();
    CHECK(film.told == "01e34");
    CHECK(film.over);
}

TEST_CASE("without an interval hooks are told of a pool as it happens") {
    slow_motion film({.hook_interval = 0ms});
    film.end_chunk();
    film.end_chunk();
    CHECK(film.told == "01");
    for (int i = 0; i < 3; ++i) film.end_chunk();
    CHECK(film.told == "01e34");
}

TEST_CASE("every hook may throw, and the work is done") {
    const auto fail = [](const auto&) { throw std::runtime_error("no"); };
    const chunk_hooks hooks{fail, fail, fail, fail, fail, fail, fail, fail, fail};
    std::size_t items = 0;
    const auto fn = [&items](auto part) {
        if (part.front() == 3) throw std::logic_error("work");
        ++items;
    };
    const auto result = for_each_chunk(blocking, 5, {.size = 1, .errors = error_policy::collect}, fn, hooks);
    CHECK(items == 4);
    CHECK(result.errors.size() == 1);
    // before; worker started and stopped; five started; four completed, each with progress; an error; after
    CHECK(result.hook_errors == 1 + 2 + 5 + 4 + 4 + 1 + 1);
}

TEST_CASE("hooks may be move-only") {
    auto seen = std::make_unique<std::size_t>(0);
    auto& n = *seen;
    chunk_hooks hooks{.chunk_completed = [seen = std::move(seen)](const chunk_info&) { ++*seen; }};
    for_each_chunk(
        blocking, 5, {.size = 1}, [&n](auto part) { CHECK(n == part.front()); }, std::move(hooks));
}

TEST_CASE("functions are hooks") {
    chunk_hooks hooks{.chunk_completed = &nothing<chunk_info>};
    static_assert(hook_set<decltype(hooks)>);
    CHECK(for_each_chunk(
              blocking, 5, {}, [](auto) {}, hooks)
              .hook_errors == 0);
}
