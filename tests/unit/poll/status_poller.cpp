// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/status_poller.hpp>

#include <telltale/error.hpp>

#include "catch.hpp"
#include "unit/poll/poller_fixture.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale::testing;
using namespace std::chrono_literals;

namespace {

using fixture = telltale_test::poller_fixture;

using states = std::vector<job_state>;
using healths = std::vector<watch_state>;
constexpr auto ok = watch_state::ok;
constexpr auto degraded = watch_state::degraded;
constexpr auto unreachable = watch_state::unreachable;

class control final : public job_control {
public:
    bool supports(job_command) const noexcept override { return true; }
    command_result request(job_command) override { return command_result::accepted; }
};

} // namespace

TEST_CASE_METHOD(fixture, "status_poller: polls at once and then every interval, until the job is over") {
    source.script("1", {says(job_state::queued), says(job_state::running), says(job_state::succeeded)});
    auto& p = make({.interval = 10s, .jitter = 0});
    CHECK(p.watch("1"));
    const auto r = wait("1");
    clock.run_until_idle();
    CHECK(source.polls() == 1);
    CHECK(p.watching() == 1);
    CHECK(p.find("1")->state == job_state::queued);
    clock.run();
    CHECK(r->ec == error_code());
    CHECK(r->last.state == job_state::succeeded);
    CHECK(r->last.word == "succeeded");
    CHECK(r->last.id == "1");
    CHECK(now() == 20s);
    CHECK(source.polls() == 3);
    CHECK(p.watching() == 0);
    CHECK(sink.states("1") == states{job_state::queued, job_state::running, job_state::succeeded});
    CHECK(sink.healths("1") == healths{ok, ok, ok});
    for (const auto& report : sink.reports()) CHECK(report.by == reporter::observer);
    CHECK(sink.reports()[2].at - sink.reports()[0].at == 20s);
}

TEST_CASE_METHOD(fixture, "status_poller: passes on all that the source said, and what the watch was given, once") {
    status s;
    s.state = job_state::running;
    s.word = "RUN";
    s.progress = progress{.done = 3, .total = 4};
    s.queue_position = 7;
    s.message = "hello";
    s.error = job_error{error_class::api, "oops"};
    s.attempt = 2;
    s.started = timestamp{5s};
    source.script("1", {says(s), says(job_state::failed)});
    const auto c = std::make_shared<control>();
    make().watch("1", {.name = "n", .kind = "k", .labels = {{"a", "b"}}, .control = c});
    const auto r = wait("1");
    clock.run();
    const auto told = sink.reports();
    REQUIRE(told.size() == 2);
    CHECK(told[0].word == "RUN");
    CHECK(told[0].progress == s.progress);
    CHECK(told[0].queue_position == 7U);
    CHECK(told[0].message == "hello");
    CHECK(told[0].error == s.error);
    CHECK(told[0].attempt == 2U);
    CHECK(told[0].started == s.started);
    CHECK(told[0].name == "n");
    CHECK(told[0].kind == "k");
    CHECK(told[0].labels == label_map{{"a", "b"}});
    CHECK(told[0].control == c);
    CHECK_FALSE(told[1].name);
    CHECK_FALSE(told[1].control);
    CHECK(r->last.name == "n");
    CHECK(r->last.message == "hello");
    CHECK(r->last.attempt == 2);
    CHECK(r->last.control == c);
    CHECK(r->last.state == job_state::failed);
}

TEST_CASE_METHOD(fixture, "status_poller: several waiters share the polls; late ones get the end that is remembered") {
    source.script("1", {says(job_state::running), says(job_state::cancelled)});
    make().watch("1");
    const auto a = wait("1");
    const auto b = wait("1");
    clock.run();
    const auto c = wait("1");
    CHECK_FALSE(c->ec); // never within the initiating function
    clock.run_until_idle();
    for (const auto& r : {a, b, c}) {
        CHECK(r->ec == error_code());
        CHECK(r->last.state == job_state::cancelled);
    }
    CHECK(source.polls() == 2);
}

TEST_CASE_METHOD(fixture, "status_poller: the sink knows before whoever waits") {
    source.script("1", {says(job_state::succeeded)});
    make().watch("1");
    std::size_t told = 0;
    poller->async_wait("1", [&](error_code, const job&) { told = sink.reports().size(); });
    clock.run();
    CHECK(told == 1);
}

TEST_CASE_METHOD(fixture, "status_poller: nobody waits for a job that is not watched, nor for one that is forgotten") {
    auto& p = make({.keep_finished = 2});
    const auto a = wait("nobody");
    clock.run();
    CHECK(a->ec == errc::unknown_job);
    for (const auto* id : {"1", "2", "3"}) {
        source.script(id, {says(job_state::succeeded)});
        p.watch(id);
        clock.run();
    }
    const auto first = wait("1");
    const auto second = wait("2");
    clock.run();
    CHECK(first->ec == errc::unknown_job);
    CHECK(second->ec == error_code());
    CHECK_FALSE(p.find("1"));
    CHECK(p.find("3"));
}

TEST_CASE_METHOD(fixture, "status_poller: a job is watched once; again after its end") {
    source.script("1", {says(job_state::running), says(job_state::failed)});
    auto& p = make({.keep_finished = 1});
    CHECK(p.watch("1"));
    CHECK_FALSE(p.watch("1"));
    clock.run();
    CHECK(source.polls() == 2);
    source.script("1", {says(job_state::running), says(job_state::succeeded)});
    CHECK(p.watch("1"));
    const auto r = wait("1");
    clock.run();
    CHECK(r->last.state == job_state::succeeded);
    CHECK(source.polls() == 4);
    CHECK(p.find("1")); // the first end of the same job went out of memory, not this one
    CHECK_THROWS_AS(p.watch(""), system_error);
}

TEST_CASE_METHOD(fixture, "status_poller: failed polls change the health of the watch, never the state of the job") {
    const auto refused = fails(make_error_code(net::error::connection_refused));
    source.script("1", {says(job_state::running), refused, refused, refused, refused, says(job_state::running), refused,
                        says(job_state::succeeded)});
    make({.interval = 10s, .backoff = {.min = 2s, .max = 8s}}).watch("1");
    const auto r = wait("1");
    clock.run();
    CHECK(sink.healths("1") == healths{ok, degraded, degraded, unreachable, unreachable, ok, degraded, ok});
    CHECK(sink.states("1") == states{job_state::running, job_state::running, job_state::succeeded});
    CHECK(sink.reports()[3].health_error == system_error(make_error_code(net::error::connection_refused)).what());
    CHECK(r->ec == error_code());
    CHECK(r->last.health.state == ok);
    CHECK(r->last.health.error.empty());
}

TEST_CASE_METHOD(fixture, "status_poller: a job that is not reached from the start has a health and no state") {
    source.script("1", {fails(errc::http_status)});
    make({.unreachable_after = 1}).watch("1", {.name = "n"});
    clock.run_until_idle();
    REQUIRE(sink.reports().size() == 1);
    CHECK(sink.reports()[0].health == unreachable);
    CHECK_FALSE(sink.reports()[0].state);
    CHECK(sink.reports()[0].name == "n");
    CHECK_FALSE(poller->find("1")->observed);
    CHECK(poller->find("1")->health.state == unreachable);
}

TEST_CASE_METHOD(fixture, "status_poller: after failed polls comes the backoff") {
    source.script("1", {fails(errc::http_status), fails(errc::http_status), says(job_state::succeeded)});
    make({.interval = 1h, .backoff = {.min = 7s, .max = 7s}}).watch("1");
    clock.run();
    CHECK(now() == 14s);
}

TEST_CASE_METHOD(fixture, "status_poller: an exception of any kind is a failed poll") {
    struct broken {
        int polls = 0;
        net::awaitable<status> poll(const job_id&) {
            if (++polls == 1) throw std::logic_error("thrown before it began");
            return later(polls);
        }
        static net::awaitable<status> later(int n) {
            if (n == 2) throw 42;
            co_return std::move(says(job_state::succeeded).answer);
        }
    };
    status_poller p(context.get_executor(), broken(), sink);
    p.watch("1");
    clock.run();
    REQUIRE(sink.reports().size() == 3);
    CHECK(sink.reports()[0].health_error == "thrown before it began");
    CHECK(sink.reports()[1].health_error == "an exception of an unknown type");
    CHECK(sink.reports()[2].state == job_state::succeeded);
}

TEST_CASE_METHOD(fixture, "status_poller: what a sink throws comes out of run(), and is no failed poll") {
    source.script("1", {says(job_state::running), says(job_state::succeeded)});
    int told = 0;
    status_poller p(context.get_executor(), source, [&told](const job_report&) {
        if (++told == 1) throw std::logic_error("a sink of the user's");
    });
    p.watch("1");
    CHECK_THROWS_AS(clock.run(), std::logic_error);
    CHECK(p.health().failed == 0);
    clock.run(); // the watch goes on
    CHECK(told == 2);
    CHECK(p.find("1")->state == job_state::succeeded);
    CHECK(p.health().polls == 2);
    CHECK(p.health().failed == 0);
}

TEST_CASE_METHOD(fixture, "status_poller: not found, several times in a row, is lost") {
    const auto missing = says(not_found());
    SECTION("three times") {
        source.script("1", {says(job_state::running), missing, missing, missing});
        make().watch("1");
        const auto r = wait("1");
        clock.run();
        CHECK(r->ec == error_code());
        CHECK(r->last.state == job_state::lost);
        CHECK(sink.states("1") == states{job_state::running, job_state::lost});
        CHECK(sink.healths("1") == healths{ok, degraded, degraded, ok});
    }
    SECTION("with another answer between, but a failed poll is no answer") {
        source.script("1", {missing, missing, says(job_state::running), missing, fails(errc::http_status), missing,
                            says(job_state::succeeded)});
        make().watch("1");
        const auto r = wait("1");
        clock.run();
        CHECK(r->last.state == job_state::succeeded);
        source.script("2", {missing, fails(errc::http_status), missing, missing, says(job_state::succeeded)});
        poller->watch("2");
        clock.run();
        CHECK(poller->find("2")->state == job_state::lost);
    }
    SECTION("never, if the user says so") {
        source.script("1", {missing});
        make({.lost_after = 0}).watch("1", {.deadline = 1h});
        const auto r = wait("1");
        clock.run();
        CHECK(r->ec == errc::deadline_exceeded);
        CHECK(sink.states("1").empty());
    }
}

TEST_CASE_METHOD(fixture, "status_poller: an unknown word is raw, told once, and never the end") {
    std::vector<std::string> words;
    source.script("1", {says_word("ODD"), says_word("ODD"), says_word("ODDER"), says(job_state::running),
                        says_word("ODD"), says(job_state::succeeded)});
    make({.on_unknown_word = [&](const job_id& id, const std::string& word) {
        words.push_back(id + word);
    }}).watch("1");
    clock.run();
    CHECK(words == std::vector<std::string>{"1ODD", "1ODDER", "1ODD"});
    CHECK(sink.reports()[0].word == "ODD");
    CHECK(sink.reports()[0].health == ok);
    CHECK(sink.states("1") == states{job_state::running, job_state::succeeded});
}

TEST_CASE_METHOD(fixture, "status_poller: at the deadline of a watch one last poll, then an error of the wait") {
    SECTION("the job is not over") {
        source.script("1", {says(job_state::running)});
        make({.interval = 15s, .jitter = 0}).watch("1", {.deadline = 40s});
        const auto r = wait("1");
        clock.run();
        const auto late = wait("1");
        clock.run();
        CHECK(now() == 40s);
        CHECK(source.polls() == 4);
        CHECK(r->ec == errc::deadline_exceeded);
        CHECK(late->ec == errc::deadline_exceeded);
        CHECK(r->last.state == job_state::running);
        CHECK(sink.states("1") == states(4, job_state::running));
        CHECK(sink.reports().back().health == watch_state::stale);
        CHECK(poller->watching() == 0);
    }
    SECTION("the last poll sees the end") {
        source.script("1", {says(job_state::running), says(job_state::running), says(job_state::running),
                            says(job_state::succeeded)});
        make({.interval = 15s, .jitter = 0}).watch("1", {.deadline = 40s});
        const auto r = wait("1");
        clock.run();
        CHECK(now() == 40s);
        CHECK(r->ec == error_code());
    }
    SECTION("the last failure is told with it") {
        source.script("1", {says(job_state::running), fails(errc::http_status)});
        make({.unreachable_after = 100}).watch("1", {.deadline = 40s});
        clock.run();
        const std::string why = "the deadline of the watch is over; before, " +
                                std::string(system_error(make_error_code(errc::http_status)).what());
        CHECK(sink.reports().back().health == watch_state::stale);
        CHECK(sink.reports().back().health_error == why);
        CHECK(poller->find("1")->health.error == why);
    }
    SECTION("a failure that was followed by an answer is not") {
        source.script("1", {fails(errc::http_status), says(job_state::running)});
        make().watch("1", {.deadline = 40s});
        clock.run();
        CHECK(sink.healths("1")[0] == degraded);
        CHECK(sink.reports().back().health_error == "the deadline of the watch is over");
    }
    SECTION("an unreachable watch stays that") {
        source.script("1", {fails(errc::http_status)});
        make({.unreachable_after = 1}).watch("1", {.deadline = 40s});
        clock.run();
        CHECK(now() == 40s);
        CHECK(sink.reports().back().health == unreachable);
    }
}

TEST_CASE_METHOD(fixture, "status_poller: a poll that hangs is given up after its time-out") {
    source.script("1", {says(job_state::running).after(10h), says(job_state::succeeded)});
    make({.backoff = {.min = 1s, .max = 1s}, .poll_timeout = 30s}).watch("1");
    clock.run();
    CHECK(now() == 31s);
    CHECK(sink.reports()[0].health_error == system_error(make_error_code(errc::deadline_exceeded)).what());
    CHECK(sink.states("1") == states{job_state::succeeded});
}

TEST_CASE_METHOD(fixture, "status_poller: never more polls in flight than max_concurrent; 1000 jobs all end") {
    const std::size_t most = GENERATE(1U, 7U, 10U);
    constexpr std::size_t jobs = 1000;
    auto& p = make({.max_concurrent = most});
    std::vector<std::shared_ptr<telltale_test::waited>> results;
    for (std::size_t i = 0; i < jobs; ++i) {
        const auto id = std::to_string(i);
        const auto delay = std::chrono::milliseconds(i * 37 % 101);
        std::vector<scripted_step> steps{says(job_state::queued).after(delay)};
        if (i % 3 == 0) steps.push_back(fails(errc::http_status).after(delay));
        if (i % 5 == 0) steps.push_back(says(job_state::running));
        steps.push_back(says(i % 2 == 0 ? job_state::succeeded : job_state::failed).after(delay));
        source.script(id, steps);
        p.watch(id);
        results.push_back(wait(id));
    }
    std::size_t sampled = 0;
    while (p.watching() != 0) {
        clock.run_for(10ms);
        sampled = std::max(sampled, p.polling());
    }
    clock.run();
    CHECK(source.most_at_once() == most);
    CHECK(sampled <= most);
    CHECK(p.polling() == 0);
    std::size_t succeeded = 0;
    for (const auto& r : results) {
        REQUIRE(r->ec == error_code());
        if (r->last.state == job_state::succeeded) ++succeeded;
    }
    CHECK(succeeded == jobs / 2);
}

TEST_CASE_METHOD(fixture, "status_poller: unwatch cancels the poll in flight and whoever waits") {
    source.script("1", {says(job_state::running).after(10s)});
    auto& p = make();
    p.watch("1");
    const auto r = wait("1");
    clock.run_for(5s);
    CHECK(p.polling() == 1);
    CHECK(p.unwatch("1"));
    CHECK_FALSE(p.unwatch("1"));
    clock.run_until_idle();
    CHECK(r->ec == net::error::operation_aborted);
    CHECK(p.polling() == 0);
    CHECK(p.watching() == 0);
    CHECK_FALSE(p.find("1"));
    clock.run();
    CHECK(now() == 5s);
    CHECK(sink.reports().empty());
}

TEST_CASE_METHOD(fixture, "status_poller: unwatch at any moment, and watch again, is one watch") {
    for (std::size_t steps = 0; steps < 40; ++steps) {
        sink.clear();
        source.script("1", {says(job_state::running).after(1s), says(job_state::succeeded)});
        auto& p = make({.interval = 1s});
        p.watch("1");
        context.restart();
        for (std::size_t i = 0; i < steps; ++i) {
            if (context.poll_one() == 0) clock.run_for(1s);
        }
        const bool ended = p.watching() == 0;
        p.unwatch("1");
        CHECK(p.watch("1"));
        const auto r = wait("1");
        clock.run();
        CHECK(r->ec == error_code());
        CHECK(p.watching() == 0);
        CHECK(sink.states("1").back() == job_state::succeeded);
        CHECK(sink.states("1").size() <= (ended ? 4U : 3U));
    }
}

TEST_CASE_METHOD(fixture, "status_poller: a waiter that is cancelled leaves the watch alone") {
    source.script("1", {says(job_state::running), says(job_state::succeeded)});
    make().watch("1");
    net::cancellation_signal signal;
    std::optional<error_code> ec;
    poller->async_wait("1", net::bind_cancellation_slot(signal.slot(), [&](error_code e, const job&) { ec = e; }));
    const auto other = wait("1");
    clock.run_until_idle();
    signal.emit(net::cancellation_type::total);
    clock.run_until_idle();
    CHECK(ec == net::error::operation_aborted);
    clock.run();
    CHECK(other->ec == error_code());
}

TEST_CASE_METHOD(fixture, "status_poller: stop ends everything for good, also when the sink calls it") {
    source.script("1", {says(job_state::running)});
    source.script("2", {says(job_state::running).after(1h)});
    SECTION("from outside") {
        auto& p = make();
        p.watch("1");
        p.watch("2");
        const auto r = wait("2");
        clock.run_until_idle();
        p.stop();
        clock.run();
        CHECK(r->ec == net::error::operation_aborted);
        CHECK(now() == 0s);
        CHECK_FALSE(p.watch("3"));
        CHECK(p.watching() == 0);
        const auto late = wait("1");
        clock.run();
        CHECK(late->ec == errc::unknown_job);
    }
    SECTION("from the sink") {
        std::size_t told = 0;
        poller.emplace(context.get_executor(), source, [&](const job_report&) {
            ++told;
            poller->stop();
        });
        poller->watch("1");
        clock.run();
        CHECK(told == 1);
        CHECK(source.polls() == 1);
    }
    SECTION("from a hook, before the sink is called") {
        source.script("1", {says_word("ODD")});
        make({.on_unknown_word = [&](const job_id&, const std::string&) { poller->stop(); }}).watch("1");
        clock.run();
        CHECK(sink.reports().empty());
    }
}

TEST_CASE_METHOD(fixture, "status_poller: a poller that dies aborts whoever waits, and tells its sink nothing more") {
    source.script("1", {says(job_state::running).after(1s)});
    make().watch("1");
    const auto r = wait("1");
    clock.run_until_idle();
    poller.reset();
    clock.run();
    CHECK(r->ec == net::error::operation_aborted);
    CHECK(sink.reports().empty());
}

TEST_CASE("status_poller: destroying the poller, and the context, after any handler leaks nothing") {
    const bool unwind = GENERATE(true, false);
    bool ended = false;
    for (std::size_t steps = 0; !ended; ++steps) {
        REQUIRE(steps < 500);
        const auto witness = std::make_shared<int>();
        auto context = std::make_unique<net::io_context>();
        virtual_clock clock(*context);
        scripted_source source;
        source.script("1", {says(job_state::queued), fails(errc::http_status), says(job_state::succeeded).after(1s)});
        source.script("2", {says(job_state::running).after(1s)});
        auto poller = std::make_unique<status_poller>(
            context->get_executor(), source, [witness](const job_report&) {},
            poller_options{.max_concurrent = 1, .poll_timeout = 1h});
        poller->watch("1");
        poller->watch("2", {.deadline = 1min});
        for (const auto* id : {"1", "2"}) poller->async_wait(id, [witness](error_code, const job&) {});
        context->restart();
        for (std::size_t i = 0; i < steps; ++i) {
            if (context->poll_one() == 0) {
                if (poller->watching() == 0) ended = true;
                clock.run_for(500ms);
            }
        }
        poller.reset();
        if (unwind) {
            context->restart();
            context->poll();
            CHECK(witness.use_count() == 1);
        }
        context.reset();
        CHECK(witness.use_count() == 1);
    }
}

TEST_CASE("status_poller: may be used from any thread") {
    net::thread_pool pool(2);
    scripted_source source;
    std::atomic<std::size_t> told = 0;
    std::atomic<std::size_t> ended = 0;
    std::atomic<int> inside = 0;
    std::atomic<bool> alone = true;
    constexpr std::size_t jobs = 200;
    for (std::size_t i = 0; i < jobs; ++i)
        source.script(std::to_string(i), {says(job_state::running), says(job_state::succeeded).after(1ms)});
    {
        status_poller poller(pool.get_executor(), source,
                             [&](const job_report&) {
                                 if (++inside != 1) alone = false;
                                 ++told;
                                 --inside;
                             },
                             {.interval = 1ms});
        const auto use = [&](std::size_t from) {
            for (std::size_t i = from; i < jobs; i += 2) {
                poller.watch(std::to_string(i));
                if (i % 10 == 0) poller.unwatch(std::to_string(i));
                poller.async_wait(std::to_string(i), [&](error_code, const job&) { ++ended; });
            }
        };
        std::thread other(use, 1);
        use(0);
        other.join();
        while (poller.watching() != 0) std::this_thread::yield();
    }
    pool.join();
    CHECK(ended == jobs);
    // One that is no longer watched may have been looked at before.
    CHECK(told >= 2 * (jobs - jobs / 10));
    CHECK(told <= 2 * jobs);
    CHECK(alone);
}
