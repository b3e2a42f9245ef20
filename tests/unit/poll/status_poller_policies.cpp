// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/status_poller.hpp>

#include <telltale/board/board.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/poll_error.hpp>

#include "support.hpp"
#include "unit/poll/poller_fixture.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale::testing;
using namespace std::chrono_literals;

namespace {

using policies = telltale_test::poller_fixture;

using states = std::vector<job_state>;

scripted_step failed_with(error_class kind) {
    status s;
    s.state = job_state::failed;
    s.word = "failed";
    s.error = job_error{kind, "oops"};
    return says(s);
}

struct only_polls {
    net::awaitable<status> poll(job_id id) { return all.poll(std::move(id)); }
    scripted_source all;
};

// docs/guide/polling.md

// A source that can all: one job, many jobs, cancel, retry.
struct build_farm {
    net::awaitable<status> poll(job_id id) { return api.poll(std::move(id)); }
    net::awaitable<std::vector<status>> poll_many(std::vector<job_id> ids) { return api.poll_many(std::move(ids)); }
    std::size_t batch_limit() const { return 100; }
    net::awaitable<command_result> cancel(job_id id) { return api.cancel(std::move(id)); }
    net::awaitable<job_id> retry(job_id id) { return api.retry(std::move(id)); }

    scripted_source api;
};

poller_options careful() {
    poller_options options;
    options.interval = 30s;
    options.budget = std::make_shared<poll_budget>(budget_options{.max_concurrent = 5});
    options.breaker = breaker_options{.failures = 5};
    options.lost_grace = 5min;
    options.retry = retry_policy{};
    return options;
}

net::awaitable<std::string> cancel_and_see(status_poller& poller, job_id id) {
    const job last = co_await poller.async_cancel(id);
    if (last.state == job_state::cancelled) co_return "cancelled";
    co_return "it was faster: " + std::string(to_string(last.state));
}

} // namespace

TEST_CASE_METHOD(policies, "status_poller: what the guide shows") {
    build_farm farm{source};
    source.script("42", {says(job_state::running)});
    source.script_cancel("42", {.then = {says(job_state::succeeded)}});
    poller.emplace(context.get_executor(), farm, sink, careful());
    poller->watch("42", {.control = poller->control("42"), .when_unwatched = remote_job::cancel});
    clock.run_for(1s);
    std::string said;
    net::co_spawn(context, cancel_and_see(*poller, "42"), [&](std::exception_ptr e, std::string s) {
        telltale_test::rethrow{}(e);
        said = std::move(s);
    });
    clock.run();
    CHECK(said == "it was faster: succeeded");
    CHECK(source.batches().size() >= 1);
}

TEST_CASE_METHOD(policies, "status_poller: failed polls make a job failed only if the user wants it so") {
    source.script("1", {says(job_state::running), fails(net::error::connection_refused)});
    make({.backoff = {.min = 1s, .max = 1s}, .fail_after_errors = 5}).watch("1");
    const auto r = wait("1");
    clock.run();
    CHECK(source.polls() == 6);
    CHECK(r->ec == error_code());
    CHECK(r->last.state == job_state::failed);
    REQUIRE(r->last.error);
    CHECK(r->last.error->kind == error_class::network);
    CHECK(sink.states("1") == states{job_state::running, job_state::failed});
    CHECK(sink.reports("1").back().health == watch_state::unreachable);
}

TEST_CASE_METHOD(policies, "status_poller: a job is lost only after the grace") {
    source.script("1", {says(not_found())});
    make({.interval = 10s, .jitter = 0, .lost_after = 2, .lost_grace = 1min}).watch("1");
    const auto r = wait("1");
    clock.run();
    CHECK(r->last.state == job_state::lost);
    CHECK(now() == 1min);
}

TEST_CASE_METHOD(policies, "status_poller: an unknown word is told again after a time, with how long it has been so") {
    std::vector<std::pair<std::string, std::chrono::nanoseconds>> told;
    std::size_t first = 0;
    source.script("1", {says_word("ODD")});
    poller_options options{.interval = 1min, .jitter = 0, .unknown_word_alarm = 10min};
    options.on_unknown_word = [&](const job_id&, const std::string&) { ++first; };
    options.on_unknown_word_alarm = [&](const job_id& id, const std::string& word, std::chrono::nanoseconds d) {
        told.emplace_back(id + word, d);
    };
    make(options).watch("1");
    clock.run_for(9min);
    CHECK(told.empty());
    CHECK(poller->find("1")->health.state == watch_state::ok);
    clock.run_for(12min);
    CHECK(first == 1);
    CHECK(told == std::vector<std::pair<std::string, std::chrono::nanoseconds>>{{"1ODD", 10min}, {"1ODD", 20min}});
    CHECK(poller->find("1")->health.state == watch_state::degraded);
    const auto e = poller->explain("1");
    CHECK(e->unknown_word == "ODD");
    CHECK_FALSE(e->state);
    source.script("1", {says(job_state::running)});
    clock.run_for(1min);
    CHECK(poller->find("1")->health.state == watch_state::ok);
    CHECK(poller->explain("1")->unknown_word.empty());
}

TEST_CASE_METHOD(policies, "status_poller: a failed job is started again as the next attempt of the same job") {
    board all(context.get_executor());
    std::vector<event_kind> kinds;
    auto events = all.subscribe();
    source.script("1", {says(job_state::running), failed_with(error_class::network)});
    auto again = failed_with(error_class::network);
    again.answer.attempt = 1; // of the job that its API has begun
    source.script_retry("1", {.as = "1b", .then = {says(job_state::running), again}});
    source.script_retry("1b", {.as = "1c", .then = {says(job_state::succeeded)}});
    poller.emplace(
        context.get_executor(), source,
        [&](job_report r) {
            sink(r);
            all.report(std::move(r));
        },
        poller_options{.interval = 10s, .jitter = 0, .seed = 1, .retry = retry_policy{}});
    poller->watch("1");
    const auto r = wait("1");
    clock.run_for(11s);
    CHECK(poller->find("1")->state == job_state::pending);
    CHECK(poller->find("1")->attempt == 2);
    CHECK(poller->explain("1")->retry_at);
    CHECK(source.retried().empty());
    clock.run_for(60s);
    CHECK(source.retried() == std::vector<job_id>{"1"});
    clock.run();
    CHECK(source.retried() == std::vector<job_id>{"1", "1b"});
    CHECK(r->ec == error_code());
    CHECK(r->last.id == "1");
    CHECK(r->last.state == job_state::succeeded);
    CHECK(r->last.attempt == 3);
    CHECK_FALSE(r->last.error);
    CHECK(source.polls("1") == 2);
    CHECK(source.polls("1b") == 2);
    CHECK(source.polls("1c") == 1);
    CHECK(now() == 10s + 60s + 20s + 120s + 10s);
    while (const auto d = events.try_receive())
        if (d->is_gap() == false) kinds.push_back((*d)->kind);
    std::size_t retrying = 0;
    for (const auto k : kinds) retrying += k == event_kind::job_retrying ? 1U : 0U;
    CHECK(retrying == 2);
    CHECK(all.find("1")->attempt == 3);
    CHECK(all.find("1")->state == job_state::succeeded);
}

TEST_CASE_METHOD(policies, "status_poller: what is not worth another attempt, or has had all, has failed") {
    retry_policy policy;
    SECTION("another class of error") {
        source.script("1", {failed_with(error_class::query)});
        make({.retry = policy}).watch("1");
        const auto r = wait("1");
        clock.run();
        CHECK(r->last.state == job_state::failed);
        CHECK(source.retried().empty());
    }
    SECTION("as often as may be; the API counts no attempts, and the id stays the same") {
        source.script("1", {failed_with(error_class::api)});
        make({.retry = policy}).watch("1");
        const auto r = wait("1");
        clock.run();
        CHECK(r->last.state == job_state::failed);
        CHECK(r->last.attempt == 4);
        CHECK(source.retried().size() == 3);
    }
    SECTION("the API counts the attempts, and still has the one before for a while") {
        auto before = failed_with(error_class::api);
        before.answer.attempt = 1;
        auto after = says(job_state::succeeded);
        after.answer.attempt = 2;
        source.script("1", {before, before, before, after});
        make({.retry = policy}).watch("1");
        const auto r = wait("1");
        clock.run();
        CHECK(r->last.state == job_state::succeeded);
        CHECK(r->last.attempt == 2);
        CHECK(source.retried().size() == 1);
    }
    SECTION("it cannot be started again") {
        source.script("1", {failed_with(error_class::api)});
        source.script_retry("1", {.error = make_error_code(errc::http_status)});
        make({.retry = policy}).watch("1");
        const auto r = wait("1");
        clock.run();
        CHECK(r->last.state == job_state::failed);
        CHECK(r->last.attempt == 2);
        CHECK(source.retried().size() == 5);
        CHECK(r->last.error->message.find("could not be started again") != std::string::npos);
    }
}

TEST_CASE_METHOD(policies, "status_poller: async_cancel asks the source, and ends when the job has") {
    SECTION("cancelled") {
        source.script("1", {says(job_state::running)});
        source.script_cancel("1", {.then = {says(job_state::running), says(job_state::cancelled)}, .takes = 1s});
        make({.interval = 10min}).watch("1");
        const auto w = wait("1");
        clock.run_for(1s);
        const auto a = cancel("1");
        const auto b = cancel("1");
        CHECK_FALSE(a->ec);
        clock.run_for(500ms);
        CHECK(poller->explain("1")->cancel_requested);
        clock.run();
        for (const auto& r : {a, b, w}) {
            CHECK(r->ec == error_code());
            CHECK(r->last.state == job_state::cancelled);
        }
        CHECK(source.cancelled() == std::vector<job_id>{"1"});
        CHECK(now() < 10s); // it was looked at soon, and again soon
        const auto late = cancel("1");
        clock.run();
        CHECK(late->ec == error_code());
        CHECK(late->last.state == job_state::cancelled);
    }
    SECTION("deleted") {
        source.script("1", {says(job_state::running)});
        source.script_cancel("1", {.then = {says(not_found())}});
        make().watch("1");
        const auto r = cancel("1");
        clock.run();
        CHECK(r->ec == error_code());
        CHECK(r->last.state == job_state::cancelled);
    }
    SECTION("it was faster") {
        source.script("1", {says(job_state::running)});
        source.script_cancel("1", {.result = command_result::refused, .then = {says(job_state::succeeded)}});
        make().watch("1");
        const auto r = cancel("1");
        clock.run();
        CHECK(r->ec == error_code());
        CHECK(r->last.state == job_state::succeeded);
    }
    SECTION("refused") {
        source.script("1", {says(job_state::running)});
        source.script_cancel("1", {.result = command_result::refused});
        make().watch("1");
        clock.run_for(1s);
        const auto r = cancel("1");
        clock.run_for(1s);
        CHECK(r->ec == errc::command_refused);
        CHECK(r->last.state == job_state::running);
        CHECK(poller->watching() == 1);
    }
    SECTION("the request fails") {
        source.script("1", {says(job_state::running)});
        source.script_cancel("1", {.error = net::error::connection_refused});
        make().watch("1");
        clock.run_for(1s);
        const auto r = cancel("1");
        clock.run_for(1s);
        CHECK(r->ec == net::error::connection_refused);
        CHECK(r->last.state == job_state::running);
    }
    SECTION("the request takes too long") {
        source.script("1", {says(job_state::running)});
        source.script_cancel("1", {.takes = 1h});
        make({.poll_timeout = 10s}).watch("1");
        const auto r = cancel("1");
        clock.run_for(11s);
        CHECK(r->ec == errc::deadline_exceeded);
    }
    SECTION("the source cannot") {
        poller.emplace(context.get_executor(), only_polls{source}, sink);
        source.script("1", {says(job_state::running)});
        poller->watch("1");
        const auto r = cancel("1");
        clock.run_for(1s);
        CHECK(r->ec == errc::unsupported_command);
        CHECK(r->last.id == "1");
        CHECK_FALSE(poller->control("1")->supports(job_command::cancel));
    }
    SECTION("nobody watches it") {
        make();
        const auto r = cancel("1");
        clock.run();
        CHECK(r->ec == errc::unknown_job);
        CHECK(source.cancelled().empty());
    }
    SECTION("a wait that is cancelled takes nothing back") {
        source.script("1", {says(job_state::running)});
        source.script_cancel("1", {.then = {says(job_state::cancelled)}, .takes = 1s});
        make().watch("1");
        clock.run_for(1s);
        net::cancellation_signal signal;
        const auto r = std::make_shared<telltale_test::waited>();
        poller->async_cancel("1", net::bind_cancellation_slot(signal.slot(), handler(r)));
        clock.run_for(500ms);
        signal.emit(net::cancellation_type::total);
        clock.run();
        CHECK(r->ec == net::error::operation_aborted);
        CHECK(poller->find("1")->state == job_state::cancelled);
    }
    SECTION("unwatched meanwhile") {
        source.script("1", {says(job_state::running)});
        source.script_cancel("1", {.takes = 10s});
        make().watch("1");
        const auto r = cancel("1");
        clock.run_for(1s);
        poller->unwatch("1");
        clock.run();
        CHECK(r->ec == net::error::operation_aborted);
    }
}

TEST_CASE_METHOD(policies, "status_poller: nothing is asked before the operation is started") {
    source.script("1", {says(job_state::running)});
    make().watch("1");
    auto later = poller->async_cancel("1", telltale::deferred);
    clock.run_for(1s);
    CHECK(source.cancelled().empty());
    std::move(later)([](error_code, const job&) {});
    clock.run_for(1s);
    CHECK(source.cancelled().size() == 1);
}

TEST_CASE_METHOD(policies, "status_poller: its control is a door for the board") {
    board all(context.get_executor());
    source.script("1", {says(job_state::running)});
    source.script_cancel("1", {.then = {says(job_state::cancelled)}});
    const bool offered = GENERATE(true, false);
    poller.emplace(context.get_executor(), source, all.sink(), poller_options{.seed = 1, .offer_control = offered});
    watch_options options;
    if (!offered) options.control = poller->control("1");
    poller->watch("1", options);
    clock.run_for(1s);
    CHECK(all.request("1", job_command::pause) == command_result::unsupported);
    CHECK(all.request("1", job_command::cancel) == command_result::accepted);
    clock.run();
    CHECK(all.find("1")->state == job_state::cancelled);
    const auto door = poller->control("1");
    CHECK(door->request(job_command::cancel) == command_result::refused);
    CHECK(poller->control("2")->request(job_command::cancel) == command_result::unknown_job);
    poller.reset();
    clock.run();
    CHECK_FALSE(door->supports(job_command::cancel));
    CHECK(door->request(job_command::cancel) == command_result::refused);
}

TEST_CASE_METHOD(policies, "status_poller: what becomes of the remote job when nobody watches it any more") {
    for (const auto* id : {"left", "cancelled", "over", "stopped"}) source.script(id, {says(job_state::running)});
    source.script("over", {says(job_state::succeeded)});
    make().watch("left");
    for (const auto* id : {"cancelled", "over", "stopped"}) poller->watch(id, {.when_unwatched = remote_job::cancel});
    clock.run_for(1s);
    for (const auto* id : {"left", "cancelled", "over"}) poller->unwatch(id);
    clock.run_for(1s);
    CHECK(source.cancelled() == std::vector<job_id>{"cancelled"});
    poller.reset();
    clock.run();
    CHECK(source.cancelled() == std::vector<job_id>{"cancelled", "stopped"});
}

TEST_CASE_METHOD(policies, "status_poller: poll_now does not wait for the interval") {
    source.script("1", {says(job_state::running), says(job_state::running).after(1s), says(job_state::succeeded)});
    make({.interval = 1h}).watch("1");
    clock.run_for(1min);
    CHECK(source.polls() == 1);
    CHECK(poller->poll_now("1"));
    CHECK(poller->explain("1")->why_then == poll_reason::command);
    clock.run_for(500ms);
    CHECK(source.polls() == 2);
    CHECK(poller->poll_now("1")); // once more after the one that is under way
    clock.run_for(1s);
    CHECK(source.polls() == 3);
    CHECK_FALSE(poller->poll_now("1"));
    CHECK_FALSE(poller->poll_now("2"));
}

TEST_CASE_METHOD(policies, "status_poller: explains why a job is not done, finds what is stuck, and says how it does") {
    status waits;
    waits.state = job_state::queued;
    waits.word = "PENDING";
    waits.reason = "DependencyNeverSatisfied";
    waits.never_runs = true;
    source.script("1", {says(waits)});
    source.script("2", {says(job_state::running), fails(net::error::connection_refused)});
    make({.interval = 1min, .jitter = 0, .backoff = {.min = 5min, .max = 5min}, .source_name = "Slurm"}).watch("1");
    poller->watch("2");
    CHECK_FALSE(poller->explain("3"));
    clock.run_for(90s);
    const auto e = poller->explain("1");
    REQUIRE(e);
    CHECK(e->state == job_state::queued);
    CHECK(e->reason == "DependencyNeverSatisfied");
    CHECK(e->stuck.why == stuck_reason::never_runs);
    CHECK(e->polls == 2);
    CHECK(e->source == "Slurm");
    CHECK(*e->next_poll - *e->last_answer == 1min);
    CHECK(e->why_then == poll_reason::interval);
    CHECK(e->interval == 1min);
    CHECK(*e->since == *e->watched_since);
    CHECK(poller->find("1")->message == "DependencyNeverSatisfied");
    const auto f = poller->explain("2");
    CHECK(f->failures == 1);
    CHECK(f->why_then == poll_reason::backoff);
    CHECK(f->health.state == watch_state::degraded);
    CHECK(poller->stuck().size() == 1);
    CHECK(poller->stuck({.running = 1min}).size() == 2);
    const auto h = poller->health();
    CHECK(h.watching == 2);
    CHECK(h.polls == 4);
    CHECK(h.failed == 1);
    CHECK(h.errors_by_class[static_cast<std::size_t>(error_class::network)] == 1);
}

TEST_CASE("status_poller: the same seed, calls, answers and times give the same entries") {
    const auto record = [](std::uint64_t seed) {
        net::io_context context;
        virtual_clock clock(context);
        scripted_source source;
        source.set_batch_limit(3);
        std::vector<std::string> lines;
        poller_options options{.interval = 10s, .seed = seed};
        options.recorder = [&](const flight_entry& e) {
            std::string line = std::string(to_string(e.kind)) + " " + e.id + " " + to_rfc3339(e.at);
            if (e.next) line += " " + std::to_string(e.next->count());
            if (e.reason) line += " " + std::string(to_string(*e.reason));
            for (const auto& id : e.ids) line += " " + id;
            lines.push_back(std::move(line));
        };
        status_poller poller(
            context.get_executor(), source, [](const job_report&) {}, options);
        for (int i = 0; i < 10; ++i) {
            const auto id = std::to_string(i);
            std::vector<scripted_step> steps(static_cast<std::size_t>(i), says(job_state::running));
            steps.push_back(fails(errc::http_status));
            steps.push_back(says(job_state::succeeded));
            source.script(id, steps);
            poller.watch(id);
        }
        clock.run();
        return lines;
    };
    const auto lines = record(5);
    CHECK(lines.size() > 50);
    CHECK(lines == record(5));
    CHECK(lines != record(6));
    CHECK(lines.front().rfind("poller_started", 0) == 0);
}

TEST_CASE("status_poller: whatever it does, it may be destroyed with its context at any moment") {
    telltale_test::tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        scripted_source source;
        source.set_batch_limit(2);
        source.script("1", {says(job_state::running).after(1s), failed_with(error_class::api)});
        source.script_retry("1", {.as = "1b", .then = {says(job_state::succeeded)}, .takes = 1s});
        source.script("2", {says(job_state::running)});
        source.script_cancel("2", {.then = {says(job_state::cancelled)}, .takes = 1s});
        source.script("3", {fails(errc::http_status), says(job_state::running).after(1h)});
        poller_options options{.max_concurrent = 2,
                               .interval = 10s,
                               .poll_timeout = 5s,
                               .seed = 1,
                               .breaker = breaker_options{},
                               .retry = retry_policy{}};
        options.recorder = [witness](const flight_entry&) {};
        const auto poller = std::make_shared<status_poller>(
            context.get_executor(), source, [witness](const job_report&) {}, options);
        poller->watch("1");
        poller->watch("2", {.when_unwatched = remote_job::cancel});
        poller->watch("3", {.deadline = 1min, .when_unwatched = remote_job::cancel});
        for (const auto* id : {"1", "2", "3"}) poller->async_wait(id, [witness, poller](error_code, const job&) {});
        poller->async_cancel("2", [witness, poller](error_code, const job&) {});
    });
}
