// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/board/board.hpp>

#include "support.hpp"

#include <telltale/core/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> kinds(subscription<event>& events) {
    std::vector<std::string> result;
    while (const auto d = events.try_receive()) result.emplace_back(d->is_gap() ? "gap" : to_string((*d)->kind));
    return result;
}

using words = std::vector<std::string>;

class recorder final : public job_control {
public:
    bool supports(job_command c) const noexcept override { return c == job_command::cancel; }
    command_result request(job_command) override {
        ++asked;
        return command_result::accepted;
    }
    int asked = 0;
};

} // namespace

TEST_CASE("a job's life, told in order") {
    virtual_world world;
    board b(world.executor());
    auto view = b.watch();
    CHECK(view.jobs.empty());
    b.report({.id = "1", .state = job_state::queued, .name = "first", .queue_position = 2});
    b.report({.id = "1", .queue_position = 1});
    world.clock.run_for(2s);
    b.report({.id = "1", .state = job_state::running});
    b.report({.id = "1", .state = job_state::paused});
    b.report({.id = "1", .state = job_state::running});
    world.clock.run_for(1s);
    b.report({.id = "1", .progress = progress{.done = 1, .total = 2}});
    b.report({.id = "1", .progress = progress{.done = 1, .total = 2}}); // nothing new
    b.report({.id = "1", .message = "almost"});
    b.report({.id = "1", .state = job_state::succeeded});
    CHECK(kinds(view.events) == words{"job_created", "job_queued", "job_updated", "job_started", "job_paused",
                                      "job_resumed", "job_progressed", "job_updated", "job_succeeded"});
    const auto j = b.find("1");
    REQUIRE(j);
    CHECK(j->name == "first");
    CHECK(*j->started - *j->queued == 2s);
    CHECK(*j->finished - *j->started == 1s); // a pause does not begin it anew
    CHECK_FALSE(j->queue_position);
    CHECK(j->message == "almost");
}

TEST_CASE("what breaks the rules changes nothing, is counted and told") {
    virtual_world world;
    board b(world.executor());
    b.report({.id = "1", .by = reporter::observer, .state = job_state::running});
    b.report({.id = "1", .by = reporter::observer, .state = job_state::failed});
    auto events = b.subscribe();
    b.report({.id = "1", .by = reporter::observer, .state = job_state::running, .message = "back again"});
    b.report({.id = "1", .progress = progress{.done = 5}}); // late, and not worth a word
    const auto told = events.try_receive();
    REQUIRE(told);
    CHECK((*told)->kind == event_kind::transition_refused);
    CHECK((*told)->data == R"({"from":"failed","to":"running","by":"observer"})");
    CHECK_FALSE(events.try_receive());
    CHECK(b.refused() == 1);
    CHECK(b.find("1")->state == job_state::failed);
    CHECK(b.find("1")->message.empty());
    CHECK_FALSE(b.find("1")->progress);
    CHECK_THROWS_AS(b.report({.id = ""}), std::invalid_argument);
}

TEST_CASE("a producer moves strictly, an observer may jump, and a first report begins anywhere") {
    virtual_world world;
    board b(world.executor());
    b.report({.id = "p", .state = job_state::queued});
    b.report({.id = "p", .state = job_state::succeeded}); // never ran
    CHECK(b.find("p")->state == job_state::queued);
    b.report({.id = "p", .by = reporter::observer, .state = job_state::succeeded});
    CHECK(b.find("p")->state == job_state::succeeded);
    b.report({.id = "q", .state = job_state::running});
    CHECK(b.find("q")->state == job_state::running);
}

TEST_CASE("a retry is a new attempt of the same job") {
    virtual_world world;
    board b(world.executor());
    b.report({.id = "1", .state = job_state::running, .error = job_error{error_class::network, "gone"}});
    b.report({.id = "1", .state = job_state::failed});
    auto events = b.subscribe();
    b.report({.id = "1", .state = job_state::queued, .attempt = 2});
    b.report({.id = "1", .state = job_state::running, .attempt = 1}); // a late word of the first attempt
    CHECK(kinds(events) == words{"job_retrying", "job_queued", "transition_refused"});
    const auto j = b.find("1");
    CHECK(j->attempt == 2);
    CHECK(j->state == job_state::queued);
    CHECK_FALSE(j->error);
    CHECK_FALSE(j->finished);
    CHECK_FALSE(j->started);
}

TEST_CASE("steps are part of the job, an approval of its pause, and notices are told after the change") {
    virtual_world world;
    board b(world.executor());
    b.report({.id = "1", .state = job_state::running});
    auto events = b.subscribe();
    const auto steps = [](job_state load) {
        return std::make_shared<const std::vector<job_step>>(std::vector{job_step{.name = "load", .state = load}});
    };
    b.report(
        {.id = "1", .steps = steps(job_state::running), .notices = {{event_kind::step_started, R"({"step":"load"})"}}});
    CHECK(kinds(events) == words{"job_progressed", "step_started"});
    b.report({.id = "1", .steps = steps(job_state::running)}); // the same: not worth a word
    b.report({.id = "1", .steps = steps(job_state::succeeded), .notices = {{event_kind::step_completed}}});
    CHECK(kinds(events) == words{"job_progressed", "step_completed"});
    CHECK(b.find("1")->steps->front().state == job_state::succeeded);

    b.report({.id = "1",
              .state = job_state::paused,
              .approval = approval_request{.what = "drop the table"},
              .notices = {{event_kind::approval_requested}}});
    CHECK(b.find("1")->approval->what == "drop the table");
    b.report({.id = "1", .state = job_state::running, .notices = {{event_kind::approval_approved}}});
    CHECK(kinds(events) == words{"job_paused", "approval_requested", "job_resumed", "approval_approved"});
    CHECK_FALSE(b.find("1")->approval);
    CHECK(b.find("1")->steps);

    b.report({.id = "1", .state = job_state::failed});
    b.report({.id = "1", .state = job_state::queued, .attempt = 2});
    CHECK_FALSE(b.find("1")->steps);
}

TEST_CASE("a watch that fails says nothing about the job") {
    virtual_world world;
    board b(world.executor());
    b.report({.id = "1", .by = reporter::observer, .state = job_state::running, .health = watch_state::ok});
    const auto seen = b.find("1")->observed;
    world.clock.run_for(1min);
    auto events = b.subscribe();
    const auto fail = [&] {
        b.report({.id = "1", .by = reporter::observer, .health = watch_state::unreachable, .health_error = "refused"});
    };
    fail();
    const auto since = b.find("1")->health.since;
    world.clock.run_for(1min);
    fail();
    auto j = b.find("1");
    CHECK(j->state == job_state::running);
    CHECK(j->health.state == watch_state::unreachable);
    CHECK(j->health.error == "refused");
    CHECK(j->health.since == since);
    CHECK(j->observed == seen);
    b.report({.id = "1", .by = reporter::observer, .health = watch_state::ok});
    j = b.find("1");
    CHECK(j->health.error.empty());
    CHECK(*j->health.since - *since == 1min);
    CHECK(kinds(events) == words{"watch_health_changed", "watch_health_changed"});
}

TEST_CASE("rate and remaining time are estimated where the producer does not say them") {
    virtual_world world;
    board b(world.executor());
    for (int i = 0; i <= 10; ++i) {
        b.report({.id = "1", .state = job_state::running, .progress = progress{.done = i * 10.0, .total = 200}});
        world.clock.run_for(1s);
    }
    const auto j = b.find("1");
    CHECK(*j->progress->rate == Approx(10.0));
    CHECK(j->progress->remaining->count() == Approx(10.0));
    CHECK(j->progress->remaining_low.value() < 10s);
    CHECK(j->progress->remaining_high.value() > 10s);
    b.report({.id = "1", .state = job_state::succeeded});
    CHECK_FALSE(b.find("1")->progress->rate);
    CHECK_FALSE(b.find("1")->progress->remaining);
}

TEST_CASE("watch is a snapshot and exactly what follows, while others report") {
    net::thread_pool pool(1);
    board b(pool.get_executor(), {.history = 100'000});
    constexpr int jobs = 20'000;
    std::thread producer([&] {
        for (int i = 0; i < jobs; ++i) b.report({.id = std::to_string(i), .state = job_state::queued});
    });
    for (int round = 0; round < 20; ++round) {
        auto view = b.watch({}, {.capacity = 1'000'000});
        std::size_t seen = view.jobs.size();
        while (const auto d = view.events.try_receive()) {
            REQUIRE(d->at.offset > view.at.offset);
            if ((*d)->kind != event_kind::job_created) continue;
            // The first event is of the first job that the snapshot did not have.
            REQUIRE((*d)->job->id == std::to_string(seen++));
        }
    }
    producer.join();
    CHECK(b.jobs().size() == jobs);
}

TEST_CASE("a subscription resumes by cursor, through the filter") {
    virtual_world world;
    board b(world.executor());
    b.report({.id = "1", .state = job_state::queued});
    const cursor at = b.position();
    b.report({.id = "1", .state = job_state::running});
    b.report({.id = "2", .state = job_state::running});
    auto all = b.subscribe({}, {.from = at});
    CHECK(kinds(all) == words{"job_started", "job_created", "job_started"});
    auto one = b.subscribe({.jobs = {"1"}}, {.from = at});
    CHECK(kinds(one) == words{"job_started"});
    CHECK(b.jobs({.jobs = {"2"}}).size() == 1);
}

TEST_CASE("async_wait ends with the job, at once if it has ended, and for an unknown one with an error") {
    virtual_world world;
    board b(world.executor());
    b.report({.id = "1", .state = job_state::running});
    std::vector<job_state> ended;
    error_code unknown;
    error_code cancelled;
    net::cancellation_signal signal;
    const auto remember = [&](error_code, const job& j) { ended.push_back(j.state); };
    b.async_wait("1", remember);
    b.async_wait("1", net::bind_cancellation_slot(signal.slot(), [&](error_code ec, const job&) { cancelled = ec; }));
    b.async_wait("2", [&](error_code ec, const job&) { unknown = ec; });
    signal.emit(net::cancellation_type::total);
    world.clock.run_until_idle();
    CHECK(ended.empty());
    CHECK(unknown == errc::unknown_job);
    CHECK(cancelled == net::error::operation_aborted);
    b.report({.id = "1", .state = job_state::timed_out});
    b.async_wait("1", remember);
    world.clock.run_until_idle();
    CHECK(ended == std::vector{job_state::timed_out, job_state::timed_out});
}

TEST_CASE("commands go to the job's control, and a job without one says so") {
    virtual_world world;
    board b(world.executor());
    const auto control = std::make_shared<recorder>();
    b.report({.id = "1", .state = job_state::running, .control = control});
    b.report({.id = "2", .state = job_state::running});
    CHECK(b.request("1", job_command::cancel) == command_result::accepted);
    CHECK(b.request("1", job_command::pause) == command_result::unsupported);
    CHECK(b.request("2", job_command::cancel) == command_result::unsupported);
    CHECK(b.request("3", job_command::cancel) == command_result::unknown_job);
    CHECK(control->asked == 1);
    CHECK(to_json(*b.find("1")).find(R"("commands":["cancel"])") != std::string::npos);
}

TEST_CASE("finished jobs are forgotten, those that ended first; others never") {
    virtual_world world;
    board b(world.executor(), {.finished_jobs = 2});
    b.report({.id = "running", .state = job_state::running});
    for (const std::string id : {"a", "b", "c", "d"}) {
        b.report({.id = id, .state = job_state::running});
        b.report({.id = id, .state = job_state::succeeded});
    }
    CHECK_FALSE(b.find("a"));
    CHECK_FALSE(b.find("b"));
    CHECK(b.find("c"));
    CHECK(b.find("d"));
    CHECK(b.find("running"));
    b.report({.id = "c", .state = job_state::running, .attempt = 2}); // runs again
    for (const std::string id : {"e", "f", "g"}) {
        b.report({.id = id, .state = job_state::running});
        b.report({.id = id, .state = job_state::succeeded});
    }
    CHECK(b.find("c"));
}

TEST_CASE("a sink may outlive its board") {
    virtual_world world;
    job_sink sink;
    {
        board b(world.executor());
        sink = b.sink();
        sink({.id = "1", .state = job_state::running});
        CHECK(b.find("1"));
    }
    sink({.id = "1", .state = job_state::failed});
    SUCCEED("no crash");
}

TEST_CASE("a user's own events go into the same journal") {
    virtual_world world;
    board b(world.executor());
    b.report({.id = "1", .state = job_state::running});
    auto events = b.subscribe({.jobs = {"1"}});
    b.emit_custom(R"({"n":1})", "1");
    b.emit_custom(R"({"n":2})");
    const auto d = events.try_receive();
    REQUIRE(d);
    CHECK((*d)->data == R"({"n":1})");
    CHECK_FALSE(events.try_receive());
}

TEST_CASE("destroying the board ends who waits and who listens") {
    virtual_world world;
    std::optional<board> b(std::in_place, world.executor());
    b->report({.id = "1", .state = job_state::running});
    auto events = b->subscribe();
    error_code waited;
    error_code listened;
    b->async_wait("1", [&](error_code ec, const job&) { waited = ec; });
    events.async_receive([&](error_code ec, const delivery<event>&) { listened = ec; });
    b.reset();
    world.clock.run();
    CHECK(waited == net::error::operation_aborted);
    CHECK(listened == errc::closed);
}

TEST_CASE("a board torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto waits = [](std::shared_ptr<int>) -> net::awaitable<void> {
            board b(co_await net::this_coro::executor);
            auto view = b.watch();
            b.report({.id = "1", .state = job_state::running});
            co_await view.events.async_receive();
            co_await view.events.async_receive();
            co_await b.async_wait("1");
        };
        net::co_spawn(context, waits(witness), net::detached);
    });
}
