// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/telltale.hpp>

#include "catch.hpp"
#include "support.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The code that docs/guide shows, and what docs/guide/states.md says of the rules.

namespace {

namespace net = telltale::net;
using namespace std::chrono_literals;
using telltale::job_state;
using telltale::reporter;
using telltale::transition;
using telltale_test::virtual_world;

std::string states_page() {
    std::ifstream file(TELLTALE_TEST_DIR "/../docs/guide/states.md");
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The states in "`queued` `paused`".
std::vector<job_state> states_in(const std::string& cell) {
    static const std::regex word("`([a-z_]+)`");
    std::vector<job_state> result;
    for (std::sregex_iterator i(cell.begin(), cell.end(), word), end; i != end; ++i) {
        const auto state = telltale::parse_job_state((*i)[1].str());
        REQUIRE(state);
        result.push_back(*state);
    }
    return result;
}

bool contains(const std::vector<job_state>& states, job_state s) {
    return std::find(states.begin(), states.end(), s) != states.end();
}

job_state state_at(std::size_t i) { return static_cast<job_state>(i); }

net::awaitable<telltale::job> wait_at_most_5s(telltale::board& board, std::string id) {
    co_return co_await telltale::with_timeout(board.async_wait(id, net::use_awaitable), 5s);
}

net::awaitable<void> expect_deadline(telltale::board& board) {
    telltale::error_code error;
    try {
        co_await wait_at_most_5s(board, "42");
    } catch (const telltale::system_error& e) {
        error = e.code();
    }
    CHECK(error == telltale::errc::deadline_exceeded);
    CHECK(error == telltale::condition::timeout);
    CHECK(board.find("42")->state == job_state::running);
}

int fetched = 0;

net::awaitable<void> fetch(std::string url) {
    telltale::timer t(co_await net::this_coro::executor);
    t.expires_after(url == "slow" ? 1h : 1s);
    co_await t.async_wait(net::use_awaitable);
    if (url == "broken") throw telltale::system_error(net::error::connection_reset);
    ++fetched;
}

net::awaitable<void> fetch_all(std::vector<std::string> urls) {
    telltale::task_group group(co_await net::this_coro::executor);
    for (auto& url : urls) group.spawn(fetch(url));
    co_await group.join();
}

net::awaitable<void> expect_first_error() {
    bool thrown = false;
    std::vector<std::string> urls{"good", "slow", "broken"};
    try {
        co_await fetch_all(std::move(urls));
    } catch (const telltale::system_error& e) {
        thrown = e.code() == net::error::connection_reset;
    }
    CHECK(thrown);
    CHECK(fetched == 1);
}

std::vector<std::string> shown;
void show(const telltale::job& job) { shown.push_back(job.id + " " + std::string(to_string(job.state))); }

net::awaitable<void> follow(telltale::board& board) {
    for (;;) {
        auto [jobs, at, events] = board.watch();
        for (const auto& job : jobs) show(*job);
        for (;;) {
            const auto told = co_await events.receive();
            if (told.is_gap()) break; // told.lost events are missing: look at everything again
            if (told->job) show(*told->job);
        }
    }
}

net::awaitable<void> follow_until_closed(telltale::board& board, telltale::error_code& why) {
    try {
        co_await follow(board);
    } catch (const telltale::system_error& e) {
        why = e.code();
    }
}

struct reading {
    std::string sensor;
    double value;
};

std::string_view conflation_key(const reading& r) { return r.sensor; } // of each sensor only the newest

net::awaitable<double> newest(telltale::emitter<reading>& readings) {
    auto reader = readings.subscribe(co_await net::this_coro::executor, {.capacity = 100});
    readings.emit(reading{"boiler", 71.0});
    readings.emit(reading{"boiler", 72.5});
    const auto told = co_await reader.receive();
    co_return told->value;
}

net::awaitable<void> expect_newest() {
    telltale::emitter<reading> readings;
    const double value = co_await newest(readings);
    CHECK(value == 72.5);
}

} // namespace

TEST_CASE("guide/states: the table says what check_transition says") {
    const std::string page = states_page();
    const std::regex row(R"(\n\| `([a-z_]+)` \|([^|\n]*)\|([^|\n]*)\|(?=\n))");
    std::size_t rows = 0;
    for (std::sregex_iterator i(page.begin(), page.end(), row), end; i != end; ++i, ++rows) {
        const auto from = telltale::parse_job_state((*i)[1].str());
        REQUIRE(from == state_at(rows)); // each state, once, in order
        for (const auto by : {reporter::producer, reporter::observer}) {
            const auto allowed = states_in((*i)[by == reporter::producer ? 2 : 3].str());
            for (std::size_t n = 0; n < telltale::job_state_count; ++n) {
                CAPTURE(to_string(*from), to_string(state_at(n)), by == reporter::producer);
                CHECK((check_transition(*from, state_at(n), by) == transition::allowed) ==
                      contains(allowed, state_at(n)));
            }
        }
    }
    CHECK(rows == telltale::job_state_count);
}

TEST_CASE(
    "guide/states: the diagram has a producer's moves among the states that are not terminal, and the ends of a run") {
    const std::string page = states_page();
    const std::regex arrow(R"(\n    ([a-z_]+) --> ([a-z_]+)(?=\n))");
    std::vector<std::pair<job_state, job_state>> drawn;
    for (std::sregex_iterator i(page.begin(), page.end(), arrow), end; i != end; ++i)
        drawn.emplace_back(telltale::parse_job_state((*i)[1].str()).value(),
                           telltale::parse_job_state((*i)[2].str()).value());
    std::vector<std::pair<job_state, job_state>> expected;
    for (std::size_t f = 0; f < telltale::job_state_count; ++f)
        for (std::size_t t = 0; t < telltale::job_state_count; ++t)
            if (check_transition(state_at(f), state_at(t), reporter::producer) == transition::allowed &&
                (!is_terminal(state_at(t)) || state_at(f) == job_state::running))
                expected.emplace_back(state_at(f), state_at(t));
    CHECK(drawn == expected);
}

TEST_CASE("guide/cancellation: a wait with a time limit") {
    virtual_world world;
    telltale::board board(world.executor());
    board.report({.id = "42", .state = job_state::running});
    world.run(expect_deadline(board));
}

TEST_CASE("guide/cancellation: the first error of a group ends it") {
    virtual_world world;
    fetched = 0;
    world.run(expect_first_error());
}

TEST_CASE("guide/cancellation: one operation") {
    virtual_world world;
    telltale::semaphore semaphore(world.executor(), 1);
    telltale::error_code result;
    const auto on_acquired = [&](telltale::error_code ec, telltale::permit) { result = ec; };
    const telltale::permit held = semaphore.try_acquire();

    net::cancellation_signal stop;
    semaphore.async_acquire(net::bind_cancellation_slot(stop.slot(), on_acquired));
    stop.emit(net::cancellation_type::terminal); // on_acquired gets operation_aborted

    world.clock.run();
    CHECK(result == net::error::operation_aborted);
    CHECK(result == telltale::condition::cancelled);
}

TEST_CASE("guide/events: a snapshot, and what follows") {
    virtual_world world;
    shown.clear();
    telltale::error_code why;
    {
        telltale::board board(world.executor());
        board.report({.id = "1", .state = job_state::queued});
        world.spawn(follow_until_closed(board, why));
        world.clock.run();
        board.report({.id = "1", .state = job_state::running});
        board.report({.id = "1", .state = job_state::failed});
        world.clock.run();
    }
    world.clock.run();
    CHECK(why == telltale::errc::closed);
    CHECK(shown == std::vector<std::string>{"1 queued", "1 running", "1 failed"});
}

TEST_CASE("guide/events: go on later") {
    virtual_world world;
    telltale::board board(world.executor());
    board.report({.id = "1", .state = job_state::queued});

    const telltale::cursor seen = board.position();
    board.report({.id = "1", .state = job_state::running});
    auto events = board.subscribe({}, {.from = seen}); // begins with what happened since
    const auto told = events.try_receive();

    REQUIRE(told);
    REQUIRE_FALSE(told->is_gap());
    CHECK((*told)->kind == telltale::event_kind::job_started);
    CHECK_FALSE(events.try_receive());
}

TEST_CASE("guide/events: events of one's own") {
    virtual_world world;
    world.run(expect_newest());
}
