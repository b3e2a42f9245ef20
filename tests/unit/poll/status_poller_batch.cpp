// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/status_poller.hpp>

#include <telltale/error.hpp>
#include <telltale/poll/poll_error.hpp>

#include "catch.hpp"
#include "unit/poll/poller_fixture.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale::testing;
using namespace std::chrono_literals;

namespace {

struct world : telltale_test::poller_fixture {
    void watch(std::size_t from, std::size_t to, const scripted_step& step = says(job_state::running)) {
        for (std::size_t i = from; i < to; ++i) {
            source.script(std::to_string(i), {step});
            poller->watch(std::to_string(i));
        }
    }
};

status with_hint(poll_hint hint) {
    status s;
    s.state = job_state::running;
    s.word = "running";
    s.hint = hint;
    return s;
}

scripted_step throws(poll_hint hint, unsigned http_status) {
    scripted_step step;
    step.failure = std::make_exception_ptr(
        poll_error(make_error_code(errc::http_status), "no", error_class::api, http_status, hint));
    return step;
}

} // namespace

TEST_CASE_METHOD(world, "status_poller: a source that can is asked for many jobs at once, up to its limit") {
    source.set_batch_limit(100);
    make({.interval = 10s});
    watch(0, 250);
    clock.run_until_idle();
    auto calls = source.batches();
    REQUIRE(calls.size() == 3);
    CHECK(calls[0].size() == 100);
    CHECK(calls[1].size() == 100);
    CHECK(calls[2].size() == 50);
    std::set<job_id> asked;
    for (const auto& ids : calls) asked.insert(ids.begin(), ids.end());
    CHECK(asked.size() == 250);
    CHECK(source.polls() == 250);

    // Afterwards each about once in an interval, in calls that are spread over it.
    const std::size_t before = source.polls();
    std::size_t together = 0;
    std::size_t calls_before = calls.size();
    for (int i = 0; i < 100; ++i) {
        clock.run_for(1s);
        const std::size_t calls_now = source.batches().size();
        together = std::max(together, calls_now - calls_before);
        calls_before = calls_now;
    }
    calls = source.batches();
    CHECK(source.polls() - before >= 2500);
    CHECK(source.polls() - before <= 2500 * 5 / 4);
    CHECK(calls.size() - 3 <= 50); // 30 would be the least
    CHECK(together <= 2);
    for (const auto& ids : calls) CHECK(ids.size() <= 100);
}

TEST_CASE_METHOD(world, "status_poller: a batch is answered job by job; an id that is missing is not found") {
    struct forgetful {
        scripted_source all;
        net::awaitable<status> poll(job_id id) { return all.poll(std::move(id)); }
        net::awaitable<std::vector<status>> poll_many(std::vector<job_id> ids) {
            return without_last(all, std::move(ids));
        }
        static net::awaitable<std::vector<status>> without_last(scripted_source all, std::vector<job_id> ids) {
            auto answers = co_await all.poll_many(std::move(ids));
            answers.pop_back();
            co_return answers;
        }
        static std::size_t batch_limit() { return 10; }
    };
    source.script("1", {says(job_state::running)});
    source.script("2", {says(job_state::failed)});
    source.script("3", {says(job_state::succeeded)});
    poller.emplace(context.get_executor(), forgetful{source}, sink, poller_options{.lost_after = 1, .seed = 1});
    for (const auto* id : {"1", "2", "3"}) poller->watch(id);
    clock.run_until_idle();
    CHECK(source.batches().size() == 1);
    CHECK(poller->find("1")->state == job_state::running);
    CHECK(poller->find("2")->state == job_state::failed);
    CHECK(poller->find("3")->state == job_state::lost);
    CHECK(poller->watching() == 1);
}

TEST_CASE_METHOD(world, "status_poller: what cannot be read of one job of a batch is a failed poll of that one") {
    source.set_batch_limit(10);
    make({.interval = 10s, .jitter = 0});
    status odd;
    odd.unreadable = std::make_exception_ptr(poll_error(errc::wrong_type, "at /jobs/1", error_class::api, 200));
    watch(0, 3);
    source.script("1", {says(job_state::running), says(odd)});
    clock.run_for(25s);
    CHECK(poller->find("0")->health.state == watch_state::ok);
    CHECK(poller->find("2")->health.state == watch_state::ok);
    const auto one = *poller->find("1");
    CHECK(one.state == job_state::running);
    CHECK(one.health.state != watch_state::ok);
    CHECK(one.health.error.find("at /jobs/1") != std::string::npos);
    source.script("1", {says(job_state::succeeded)});
    const auto r = wait("1");
    clock.run_for(1h);
    CHECK(r->last.state == job_state::succeeded);
}

TEST_CASE_METHOD(world,
                 "status_poller: a batch that fails says nothing of any of its jobs; one of it may be unwatched") {
    source.set_batch_limit(10);
    source.script("1", {fails(errc::http_status).after(1s), says(job_state::succeeded)});
    source.script("2", {says(job_state::running)});
    source.script("3", {says(job_state::running)});
    make();
    for (const auto* id : {"1", "2", "3"}) poller->watch(id);
    clock.run_for(500ms);
    CHECK(poller->polling() == 1);
    CHECK(poller->unwatch("2"));
    clock.run_for(600ms);
    CHECK(sink.reports("2").empty());
    CHECK(sink.healths("1") == std::vector<watch_state>{watch_state::degraded});
    CHECK(sink.healths("3") == std::vector<watch_state>{watch_state::degraded});
    CHECK(sink.states("1").empty());
    poller->unwatch("3");
    clock.run();
    CHECK(sink.states("1") == std::vector<job_state>{job_state::succeeded});
}

TEST_CASE_METHOD(world, "status_poller: jobs that begin together are spread over the interval") {
    make({.max_concurrent = 1000, .interval = 10s, .jitter = 0});
    watch(0, 1000);
    clock.run_until_idle();
    CHECK(source.polls() == 1000); // first polls are at once
    clock.run_for(15s);            // by then each has been polled a second time
    for (int i = 0; i < 10; ++i) {
        const std::size_t before = source.polls();
        clock.run_for(1s);
        CHECK(source.polls() - before >= 90);
        CHECK(source.polls() - before <= 110);
    }
}

TEST_CASE_METHOD(
    world, "status_poller: jobs are polled in the order in which they are due, and a slow one holds back no other") {
    make({.max_concurrent = 2, .interval = 1h});
    source.script("slow", {says(job_state::running).after(100s)});
    poller->watch("slow");
    for (int i = 0; i < 9; ++i) {
        const auto id = std::to_string(i);
        source.script(id, {says(job_state::running).after(1s)});
        poller->watch(id);
    }
    clock.run_for(10s);
    std::vector<job_id> order;
    for (const auto& r : sink.reports()) order.push_back(r.id);
    CHECK(order == std::vector<job_id>{"0", "1", "2", "3", "4", "5", "6", "7", "8"});
    CHECK(poller->polling() == 1);
}

TEST_CASE_METHOD(world, "status_poller: Retry-After holds back all jobs of the source, and ends watches on time") {
    poll_hint hint;
    hint.retry_after = 5min;
    const bool answered = GENERATE(true, false);
    source.script("first", {answered ? says(with_hint(hint)) : throws(hint, 429), says(job_state::succeeded)});
    make({.max_concurrent = 1});
    poller->watch("first");
    clock.run_until_idle();
    watch(0, 3);
    poller->watch("short", {.deadline = 1min});
    clock.run_for(4min);
    CHECK(source.polls() == 1);
    CHECK(poller->explain("0")->waits == poll_wait::retry_after);
    REQUIRE(poller->explain("0")->waits_until);
    CHECK(*poller->explain("0")->waits_until - *poller->explain("0")->watched_since == 5min);
    // Its deadline is over, and nobody could look.
    CHECK(poller->explain("short")->over);
    CHECK(poller->explain("short")->end == errc::deadline_exceeded);
    clock.run_for(61s);
    CHECK(source.polls() >= 5);
    CHECK(poller->find("first")->state == job_state::succeeded);
}

TEST_CASE_METHOD(world, "status_poller: a job is not polled sooner than the API asks for") {
    poll_hint hint;
    hint.interval = 1min;
    source.script("1", {says(with_hint(hint))});
    make({.interval = 10s}).watch("1");
    clock.run_for(5min);
    CHECK(source.polls() == 6);
}

TEST_CASE_METHOD(world, "status_poller: pollers of one credential share a budget") {
    const auto budget = std::make_shared<poll_budget>(budget_options{.max_concurrent = 3});
    make({.max_concurrent = 10, .budget = budget});
    status_poller other(context.get_executor(), source, sink, {.max_concurrent = 10, .seed = 2, .budget = budget});
    for (int i = 0; i < 40; ++i) {
        const auto id = std::to_string(i);
        source.script(id, {says(job_state::succeeded).after(1s)});
        (i % 2 == 0 ? *poller : other).watch(id);
    }
    clock.run_for(7s);
    // They take turns.
    CHECK(poller->watching() + other.watching() == 19);
    CHECK(poller->watching() <= 13);
    CHECK(other.watching() <= 13);
    clock.run();
    CHECK(source.most_at_once() == 3);
    CHECK(now() == 14s);
    CHECK(poller->watching() == 0);
    CHECK(other.watching() == 0);
    CHECK(budget->in_use() == 0);
    CHECK(budget->waiting() == 0);
}

TEST_CASE_METHOD(world, "status_poller: a source that fails is left alone by its breaker, and tried with one poll") {
    make({.interval = 10s,
          .backoff = {.min = 1s, .max = 1s},
          .breaker = breaker_options{.failures = 5, .open = {.min = 60s, .max = 60s}}});
    watch(0, 20, fails(net::error::connection_refused));
    clock.run_until_idle();
    const auto polls = source.polls();
    CHECK(polls >= 5);
    CHECK(polls <= 20);
    clock.run_for(29s);
    CHECK(source.polls() == polls);
    CHECK(poller->explain("19")->waits == poll_wait::breaker);
    CHECK(poller->health().sources.at(0).blocked_until.has_value());
    clock.run_for(31s); // equal jitter: open for 30 to 60 s
    CHECK(source.polls() == polls + 1);
    for (int i = 0; i < 20; ++i) source.script(std::to_string(i), {says(job_state::succeeded)});
    clock.run_for(60s);
    CHECK(poller->watching() == 0);
}

TEST_CASE_METHOD(world, "status_poller: one timer gives up all polls that take too long, also those of a batch") {
    source.set_batch_limit(GENERATE(0U, 5U));
    make({.max_concurrent = 100, .interval = 20s, .backoff = {.min = 1s, .max = 1s}, .poll_timeout = 30s});
    watch(0, 20, says(job_state::running).after(10h));
    clock.run_for(29s);
    CHECK(sink.reports().empty());
    CHECK(poller->polling() == (source.batch_limit() == 0 ? 20 : 4));
    for (int i = 0; i < 20; ++i) source.script(std::to_string(i), {says(job_state::succeeded).after(29s)});
    clock.run();
    CHECK(sink.reports().size() == 40);
    CHECK(now() <= 61s);
    CHECK(poller->watching() == 0);
}

TEST_CASE_METHOD(world, "status_poller: an answer that nothing has changed is an answer") {
    status same;
    same.unchanged = true;
    auto first = says(job_state::running);
    first.answer.message = "step 1";
    source.script("1", {first, fails(errc::http_status), says(same), says(not_found()), says(same), says(not_found()),
                        says(not_found()), says(same), says(job_state::succeeded)});
    make().watch("1");
    clock.run();
    CHECK(poller->find("1")->state == job_state::succeeded);
    CHECK(poller->find("1")->message == "step 1");
    CHECK(sink.states("1") == std::vector<job_state>{job_state::running, job_state::succeeded});
    CHECK(sink.healths("1")[2] == watch_state::ok);

    auto waits = says(job_state::queued);
    waits.answer.reason = "Priority";
    source.script("2", {waits, says(same)});
    poller->watch("2");
    clock.run_for(1min);
    CHECK(source.polls("2") >= 3);
    CHECK(poller->explain("2")->reason == "Priority");
}

TEST_CASE_METHOD(world, "status_poller: the adaptive pace asks less often where progress is told") {
    const auto polls_of = [this](poll_pace pace) {
        make({.interval = 15s, .jitter = 0, .pace = pace}).watch("1");
        std::vector<scripted_step> steps;
        source.script("1", {says(job_state::running)});
        const std::size_t before = source.polls();
        const auto begun = now();
        while (poller->watching() != 0) {
            const double done = std::chrono::duration<double>(now() - begun) / 1000s;
            status s;
            s.state = done >= 1 ? job_state::succeeded : job_state::running;
            s.progress = progress{.done = 100 * done, .total = 100, .unit = progress_unit::percent};
            source.script("1", {says(s)});
            clock.run_for(1s);
        }
        return source.polls() - before;
    };
    const auto fixed = polls_of(poll_pace::interval);
    CHECK(fixed >= 66);
    CHECK(polls_of(poll_pace::adaptive) * 2 < fixed);
}

TEST_CASE("due_heap: in the order of the times, and of their setting") {
    std::mt19937 random(7);
    detail::due_heap heap;
    std::map<std::uint32_t, std::pair<int, int>> model; // number: time, order
    int order = 0;
    for (int step = 0; step < 20'000; ++step) {
        const auto number = static_cast<std::uint32_t>(random() % 300);
        const auto what = random() % 5;
        if (what == 0) {
            heap.erase(number);
            model.erase(number);
        } else if (what == 1 && !model.empty()) {
            const auto least = std::min_element(model.begin(), model.end(),
                                                [](const auto& a, const auto& b) { return a.second < b.second; });
            REQUIRE(heap.top() == least->first);
            heap.erase(heap.top());
            model.erase(least);
        } else {
            const int due = static_cast<int>(random() % 50);
            heap.set(number, detail::due_heap::time_point(std::chrono::seconds(due)));
            model[number] = {due, order++};
        }
        REQUIRE(heap.size() == model.size());
        REQUIRE(heap.due(number).has_value() == model.contains(number));
    }
}

TEST_CASE("watch_table: finds what is in it, by its id, and nothing else") {
    struct entry {
        explicit entry(std::string i) : id_(std::move(i)) {}
        std::string_view id() const { return id_; }
        std::string id_;
    };
    std::mt19937 random(7);
    detail::watch_table<entry> table;
    std::map<std::string, std::uint32_t> model;
    for (int step = 0; step < 20'000; ++step) {
        const auto id = "job " + std::to_string(random() % 700);
        const auto found = model.find(id);
        REQUIRE(table.find(id) == (found == model.end() ? table.none : found->second));
        if (found != model.end() && random() % 3 != 0) {
            table.erase(found->second);
            REQUIRE_FALSE(table.has(found->second));
            model.erase(found);
        } else if (found == model.end()) {
            const auto number = table.emplace(id);
            REQUIRE(table.has(number));
            model[id] = number;
        }
        REQUIRE(table.size() == model.size());
    }
    std::size_t seen = 0;
    table.each([&](std::uint32_t number, const entry& e) {
        ++seen;
        CHECK(model.at(e.id_) == number);
    });
    CHECK(seen == model.size());
}

TEST_CASE("packed_job: gives back all that it was given") {
    job all;
    all.state = job_state::running;
    all.attempt = 3;
    all.word = std::string(300, 'W');
    all.name = "n";
    all.kind = "k";
    all.labels = {{"a", "b"}, {"", std::string("\0", 1)}};
    all.message = "m";
    progress p;
    p.done = 1.5;
    p.total = 7;
    p.unit = progress_unit::bytes;
    p.rate = 2;
    p.remaining = std::chrono::duration<double>(3);
    p.remaining_high = std::chrono::duration<double>(4);
    all.progress = p;
    all.queue_position = 4;
    all.created = timestamp(1s);
    all.queued = timestamp(2s);
    all.started = timestamp(3s);
    all.finished = timestamp(4s);
    all.error = job_error{error_class::query, "e"};
    all.health = {watch_state::degraded, timestamp(5s), "h"};
    std::string scratch;
    detail::packed_job packed;
    for (const bool full : {true, false, true}) {
        const job given = full ? all : job{};
        packed.pack(given, {timestamp(6s), timestamp(full ? 7s : 0s)}, scratch);
        job j;
        detail::packed_times times;
        packed.unpack(j, times);
        CHECK(j.state == given.state);
        CHECK(j.attempt == given.attempt);
        CHECK(j.word == given.word);
        CHECK(j.name == given.name);
        CHECK(j.kind == given.kind);
        CHECK(j.labels == given.labels);
        CHECK(j.message == given.message);
        CHECK(j.progress == given.progress);
        CHECK(j.queue_position == given.queue_position);
        CHECK(j.created == given.created);
        CHECK(j.queued == given.queued);
        CHECK(j.started == given.started);
        CHECK(j.finished == given.finished);
        CHECK(j.error == given.error);
        CHECK(j.health == given.health);
        CHECK(times.watched == timestamp(6s));
        CHECK(times.state == timestamp(full ? 7s : 0s));
    }
}
