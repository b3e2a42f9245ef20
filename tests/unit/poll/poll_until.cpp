// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/poll_until.hpp>

#include <telltale/error.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

// What a remote thing says, one after the other; the last for ever.
struct remote {
    std::deque<std::string> answers{};
    std::vector<std::chrono::nanoseconds> asked{}; // when
    std::chrono::nanoseconds takes{0};

    std::string next() {
        std::string answer = answers.front();
        if (answers.size() > 1) answers.pop_front();
        if (answer == "refused") throw system_error(make_error_code(net::error::connection_refused));
        if (answer == "reset") throw system_error(make_error_code(net::error::connection_reset));
        if (answer == "aborted") throw system_error(make_error_code(net::error::operation_aborted));
        if (answer == "bug") throw std::logic_error("bug");
        return answer;
    }
};

net::awaitable<std::string> ask(std::shared_ptr<remote> r) {
    timer t(co_await net::this_coro::executor);
    r->asked.push_back(t.now().time_since_epoch());
    if (r->takes > 0s) {
        t.expires_after(r->takes);
        co_await t.async_wait();
    }
    co_return r->next();
}

bool is_done(const std::string& s) { return s == "done"; }

// How a wait ended: with an answer or with an error.
struct ending {
    std::string answer{};
    error_code error{};
    std::string what{};
    bool ended = false;
};

net::awaitable<void> wait_for(std::shared_ptr<remote> r, poll_options options, std::shared_ptr<ending> out) {
    try {
        const auto look = [r] { return ask(r); };
        out->answer = co_await poll_until(look, is_done, options);
    } catch (const system_error& e) {
        out->error = e.code();
    } catch (const std::exception& e) {
        out->what = e.what();
    }
    out->ended = true;
}

struct fixture {
    net::io_context context{};
    testing::virtual_clock clock{context};
    std::shared_ptr<remote> r = std::make_shared<remote>();
    std::shared_ptr<ending> end = std::make_shared<ending>();

    void run(poll_options options) {
        net::co_spawn(context, wait_for(r, options, end), net::detached);
        clock.run();
    }
};

} // namespace

TEST_CASE_METHOD(fixture, "poll_until: polls at once, then every interval, and returns the answer") {
    r->answers = {"no", "no", "done"};
    run({.interval = 15s, .jitter = 0});
    CHECK(end->answer == "done");
    CHECK(r->asked == std::vector<std::chrono::nanoseconds>{0s, 15s, 30s});
    CHECK(r.use_count() == 1);
}

TEST_CASE_METHOD(fixture, "poll_until: the interval counts from the answer") {
    r->answers = {"no", "done"};
    r->takes = 4s;
    run({.interval = 10s, .jitter = 0});
    CHECK(r->asked == std::vector<std::chrono::nanoseconds>{0s, 14s});
}

TEST_CASE_METHOD(fixture, "poll_until: a capturing predicate and a move-only answer") {
    static int made = 0;
    made = 0;
    struct source {
        static net::awaitable<std::unique_ptr<int>> next() { co_return std::make_unique<int>(++made); }
        static net::awaitable<void> wait(std::shared_ptr<ending> out) {
            const auto wanted = std::make_shared<int>(3);
            // A wait that is made in one place and awaited in another owns what it needs.
            auto wait = [&] {
                return poll_until(next, [wanted](const std::unique_ptr<int>& i) { return *i == *wanted; });
            }();
            CHECK(wanted.use_count() == 2);
            const auto answer = co_await std::move(wait);
            CHECK(wanted.use_count() == 1);
            out->answer = std::to_string(*answer);
        }
    };
    net::co_spawn(context, source::wait(end), net::detached);
    clock.run();
    CHECK(end->answer == "3");
}

TEST_CASE_METHOD(fixture, "poll_until: errors are passing trouble until there are too many in a row") {
    SECTION("four, then an answer, then four again") {
        r->answers = {"reset", "reset", "reset", "reset", "no", "reset", "reset", "reset", "reset", "done"};
        run({});
        CHECK(end->answer == "done");
    }
    SECTION("five: the last one is thrown") {
        r->answers = {"reset", "reset", "reset", "reset", "refused"};
        run({});
        CHECK(end->error == net::error::connection_refused);
        CHECK(r->asked.size() == 5);
    }
    SECTION("one is too many where the user says so") {
        r->answers = {"reset"};
        run({.max_consecutive_errors = 1});
        CHECK(end->error == net::error::connection_reset);
        CHECK(r->asked.size() == 1);
    }
    SECTION("without a limit") {
        r->answers = std::deque<std::string>(100, "reset");
        r->answers.emplace_back("done");
        run({.max_consecutive_errors = 0});
        CHECK(end->answer == "done");
        CHECK(r->asked.size() == 101);
    }
}

TEST_CASE_METHOD(fixture, "poll_until: waits for the backoff after errors") {
    r->answers = {"reset", "reset", "reset", "done"};
    run({.backoff = {.min = 100s, .max = 100s}});
    CHECK(r->asked == std::vector<std::chrono::nanoseconds>{0s, 100s, 200s, 300s});
}

TEST_CASE_METHOD(fixture, "poll_until: other exceptions end the wait at once") {
    SECTION("a bug of the function") {
        r->answers = {"bug"};
        run({});
        CHECK(end->what == "bug");
    }
    SECTION("operation_aborted") {
        r->answers = {"aborted"};
        run({});
        CHECK(end->error == net::error::operation_aborted);
    }
    CHECK(r->asked.size() == 1);
}

TEST_CASE_METHOD(fixture, "poll_until: one last poll at the deadline") {
    SECTION("which is not the answer") {
        r->answers = {"no"};
        run({.interval = 15s, .jitter = 0, .deadline = 40s});
        CHECK(end->error == errc::deadline_exceeded);
    }
    SECTION("which is the answer") {
        r->answers = {"no", "no", "no", "done"};
        run({.interval = 15s, .jitter = 0, .deadline = 40s});
        CHECK(end->answer == "done");
    }
    SECTION("which fails") {
        r->answers = {"no", "no", "no", "reset"};
        run({.interval = 15s, .jitter = 0, .deadline = 40s});
        CHECK(end->error == errc::deadline_exceeded);
    }
    CHECK(r->asked == std::vector<std::chrono::nanoseconds>{0s, 15s, 30s, 40s});
}

TEST_CASE_METHOD(fixture, "poll_until: a poll that hangs is given up after its own time-out") {
    r->answers = {"no"};
    r->takes = 1h;
    run({.poll_timeout = 5s, .max_consecutive_errors = 2});
    CHECK(end->error == errc::deadline_exceeded);
    CHECK(r->asked.size() == 2);
    CHECK(clock.now().time_since_epoch() < 1h);
}

TEST_CASE_METHOD(fixture, "poll_until: cancellation stops at once, between polls and within one") {
    const auto takes = GENERATE(0s, 10s);
    r->answers = {"no"};
    r->takes = takes;
    net::cancellation_signal signal;
    net::co_spawn(context, wait_for(r, {.interval = 100s, .jitter = 0}, end),
                  net::bind_cancellation_slot(signal.slot(), net::detached));
    clock.run_for(5s);
    CHECK_FALSE(end->ended);
    signal.emit(net::cancellation_type::terminal);
    clock.run_until_idle();
    CHECK(end->error == net::error::operation_aborted);
    CHECK(r->asked.size() == 1);
    CHECK(r.use_count() == 1);
}

TEST_CASE("poll_until: a context that is destroyed at any time leaks nothing") {
    for (std::size_t steps = 0; steps < 60; ++steps) {
        const auto r = std::make_shared<remote>();
        const auto end = std::make_shared<ending>();
        {
            net::io_context context;
            r->answers = {"no", "reset", "no", "done"};
            net::co_spawn(context,
                          wait_for(r, {.interval = 1us, .backoff = {.min = 1us, .max = 1us}, .poll_timeout = 1h}, end),
                          net::detached);
            for (std::size_t i = 0; i < steps && context.run_one() != 0; ++i) {}
        }
        CHECK(r.use_count() == 1);
        CHECK(end.use_count() == 1);
        if (end->ended) {
            CHECK(end->answer == "done");
            CHECK(steps > 4);
            return;
        }
    }
    FAIL("never came to its end");
}
