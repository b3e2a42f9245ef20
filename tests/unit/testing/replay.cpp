// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/testing/replay.hpp>

#include <telltale/core/json.hpp>
#include <telltale/poll/flight_recorder.hpp>
#include <telltale/poll/poll_error.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/sync/timer.hpp>

#include "support.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;
using telltale::testing::replay;

namespace {

using entries = std::vector<flight_entry>;

/// Jobs that live by the clock of the context: each is queued, runs and ends after a time that its number says; answers
/// take a while, some fail, some say when to come again. Never the same twice.
class clockwork {
public:
    explicit clockwork(std::shared_ptr<std::uint64_t> random) : random_(std::move(random)) {}

    net::awaitable<status> poll(job_id id) { return answer(random_, std::move(id)); }
    net::awaitable<command_result> cancel(job_id) { return accept(random_); }

protected:
    static std::uint64_t next(std::uint64_t& random) {
        random ^= random << 13U;
        random ^= random >> 7U;
        random ^= random << 17U;
        return random;
    }

    static net::awaitable<void> sleep(std::chrono::nanoseconds d) {
        timer t(co_await net::this_coro::executor);
        t.expires_after(d);
        co_await t.async_wait(net::use_awaitable);
    }

    static status look(std::uint64_t& random, const job_id& id, std::chrono::nanoseconds age) {
        const auto number = std::stoul(id);
        status s;
        if (number % 5 == 3 && age > 60s) return not_found();
        s.state = age < 20s                       ? job_state::queued
                  : age < 100s * (number % 3 + 1) ? job_state::running
                                                  : job_state::succeeded;
        s.word = number % 7 == 2 && next(random) % 4 == 0 ? "COOKING" : std::string(to_string(*s.state));
        if (s.word == "COOKING") s.state.reset();
        if (number % 2 == 0) s.progress = progress{.done = std::chrono::duration<double>(age).count(), .total = 300};
        if (next(random) % 9 == 0) s.hint.interval = 40s;
        return s;
    }

    static net::awaitable<status> answer(std::shared_ptr<std::uint64_t> random, job_id id) {
        co_await sleep(1ms * (next(*random) % 900));
        const auto odd = next(*random) % 10;
        if (odd == 0) throw system_error(net::error::connection_reset);
        if (odd == 1) {
            poll_hint hint;
            hint.retry_after = 30s;
            throw poll_error(errc::http_status, "429 Too Many Requests", error_class::resource, 429, hint);
        }
        if (odd == 2 && id == "4") co_await sleep(1h); // does not answer
        const auto now = system_now(co_await net::this_coro::executor);
        co_return look(*random, id, now - std::chrono::sys_days{std::chrono::January / 1 / 2026});
    }

    static net::awaitable<command_result> accept(std::shared_ptr<std::uint64_t> random) {
        co_await sleep(1ms * (next(*random) % 900));
        co_return command_result::accepted;
    }

    std::shared_ptr<std::uint64_t> random_;
};

class many_clockwork : public clockwork {
public:
    using clockwork::clockwork;
    static std::size_t batch_limit() { return 4; }
    net::awaitable<std::vector<status>> poll_many(std::vector<job_id> ids) {
        return answer_all(random_, std::move(ids));
    }

private:
    static net::awaitable<std::vector<status>> answer_all(std::shared_ptr<std::uint64_t> random,
                                                          std::vector<job_id> ids) {
        std::vector<status> all;
        all.push_back(co_await answer(random, ids.front()));
        const auto now = system_now(co_await net::this_coro::executor);
        for (std::size_t i = 1; i < ids.size(); ++i)
            all.push_back(look(*random, ids[i], now - std::chrono::sys_days{std::chrono::January / 1 / 2026}));
        co_return all;
    }
};

/// Whose jobs fail, and can be started again under another id.
class retrying_clockwork : public clockwork {
public:
    using clockwork::clockwork;
    net::awaitable<status> poll(job_id id) { return answer_again(random_, std::move(id)); }
    net::awaitable<job_id> retry(job_id id) { return start_again(random_, std::move(id)); }

private:
    static net::awaitable<status> answer_again(std::shared_ptr<std::uint64_t> random, job_id id) {
        auto s = co_await answer(random, std::move(id));
        if (s.state == job_state::running && next(*random) % 3 == 0) {
            s.state = job_state::failed;
            s.error = job_error{error_class::network, "lost its node"};
        }
        co_return s;
    }
    static net::awaitable<job_id> start_again(std::shared_ptr<std::uint64_t> random, job_id id) {
        co_await sleep(1ms * (next(*random) % 900));
        if (next(*random) % 3 == 0) throw system_error(net::error::eof);
        co_return id + "r";
    }
};

net::awaitable<void> use(status_poller& poller) {
    timer t(poller.get_executor());
    for (int i = 0; i < 12; ++i) {
        poller.watch(std::to_string(i), {.deadline = 4min + 1s * i, .kind = i % 2 == 0 ? "even" : "odd"});
        if (i % 3 != 0) continue;
        t.expires_after(700ms);
        co_await t.async_wait(net::use_awaitable);
    }
    t.expires_after(33s);
    co_await t.async_wait(net::use_awaitable);
    poller.unwatch("5");
    poller.poll_now("6");
    poller.async_cancel("7", [](const error_code&, const job&) {});
    co_await poller.async_wait("0", as_result);
    poller.watch("5"); // again, at the very end of another watch
    t.expires_after(2min);
    co_await t.async_wait(net::use_awaitable);
    poller.stop();
}

template <class Source>
entries record(std::uint64_t seed, poller_options options) {
    const flight_recorder recorder({.keep = 100'000});
    options.recorder = recorder;
    options.seed = seed;
    options.poll_timeout = 5s;
    virtual_world world;
    status_poller poller(world.executor(), Source(std::make_shared<std::uint64_t>(seed)), {}, std::move(options));
    world.run(use(poller));
    return recorder.last(100'000);
}

std::size_t count(const entries& all, flight_kind k) {
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [k](const auto& e) { return e.kind == k; }));
}

} // namespace

TEST_CASE("replay: decides as it was decided, whatever the source did") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        const auto one = record<clockwork>(seed, {.max_concurrent = 3, .interval = 10s});
        REQUIRE(count(one, flight_kind::poll_ended) > 30);
        REQUIRE(count(one, flight_kind::decided) > 30);
        const auto again = replay(one, {.tolerance = 0s});
        INFO(to_string(again));
        REQUIRE(again);
        REQUIRE(again.compared == one.size());
        REQUIRE(to_string(again) == "all " + std::to_string(one.size()) + " entries are the same");
    }
}

TEST_CASE("replay: so with batches, an adaptive pace, a breaker") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        const auto many = record<many_clockwork>(
            seed, {.interval = 10s, .pace = poll_pace::adaptive, .breaker = breaker_options{.failures = 2}});
        REQUIRE(std::any_of(many.begin(), many.end(), [](const auto& e) { return e.ids.size() > 1; }));
        REQUIRE(std::any_of(many.begin(), many.end(), [](const auto& e) { return e.waits != poll_wait::nothing; }));
        const auto again = replay(many, {.tolerance = 0s});
        INFO(to_string(again));
        REQUIRE(again);
        REQUIRE(again.compared == many.size());
    }
}

TEST_CASE("replay: so with jobs that are started again") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        const auto all = record<retrying_clockwork>(
            seed, {.interval = 5s, .retry = retry_policy{.max_retries = 2, .delays = {.min = 7s, .max = 20s}}});
        REQUIRE(count(all, flight_kind::retry_started) > 0);
        const auto again = replay(all, {.tolerance = 0s});
        INFO(to_string(again));
        REQUIRE(again);
        REQUIRE(again.compared == all.size());
    }
}

TEST_CASE("replay: so with a budget, as far as it was this poller's alone") {
    const auto budget =
        std::make_shared<poll_budget>(budget_options{.rate = rate_limit{.per_second = 0.4, .burst = 2}});
    const auto all = record<many_clockwork>(11, {.interval = 5s, .budget = budget});
    REQUIRE(all.front().budget);
    REQUIRE(std::any_of(all.begin(), all.end(), [](const auto& e) { return e.waits == poll_wait::budget && e.next; }));
    const auto again = replay(all, {.tolerance = 0s});
    INFO(to_string(again));
    CHECK(again);
    CHECK(again.compared == all.size());
    auto without = all;
    without.front().budget.reset();
    CHECK_FALSE(replay(without));
}

TEST_CASE("replay: with another option it says where it goes another way first") {
    const auto all = record<clockwork>(1, {.interval = 10s});
    const auto other = replay(all, {.change = [](poller_options& o) { o.interval = 11s; }});
    REQUIRE(other.difference);
    const auto& d = *other.difference;
    REQUIRE(d.expected);
    REQUIRE(d.got);
    CHECK(to_json(*d.expected) == to_json(all.at(d.line - 1)));
    CHECK(d.expected->kind == flight_kind::decided);
    CHECK(d.expected->reason == poll_reason::interval);
    CHECK(d.got->id == d.expected->id);
    CHECK(d.got->at == d.expected->at);
    CHECK(*d.got->next > *d.expected->next);
    for (std::size_t i = 0; i + 1 < d.line; ++i) CHECK(all[i].reason != poll_reason::interval); // none before it
    const std::string text = to_string(other);
    const std::string start = "line " + std::to_string(d.line) + ": expected {";
    CHECK(text.find(start) == 0);
    CHECK(text.find("\n" + std::string(start.size() - 5, ' ') + "got {") != std::string::npos);

    const auto patient = replay(all, {.change = [](poller_options& o) { o.unreachable_after = 1; }});
    REQUIRE(patient.difference);
    CHECK(patient.difference->expected->health == watch_state::degraded);
    CHECK(patient.difference->got->health == watch_state::unreachable);
}

TEST_CASE("replay: a recording that stops anywhere, as when its program was killed") {
    const auto all = record<many_clockwork>(3, {.interval = 10s});
    REQUIRE(all.size() > 200);
    for (std::size_t n = 1; n < all.size(); n += 7) {
        CAPTURE(n);
        const auto again =
            replay(entries(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n)), {.tolerance = 0s});
        INFO(to_string(again));
        REQUIRE(again);
        REQUIRE(again.compared == n);
    }
}

TEST_CASE("replay: real time is a little late everywhere") {
    auto all = record<clockwork>(5, {.interval = 10s});
    std::chrono::nanoseconds late{};
    for (auto& e : all) {
        if (e.kind == flight_kind::poll_started) e.at += 3ms;
        if (e.kind == flight_kind::poll_ended) e.took += 2ms;
        late = late == 4ms ? 1ms : late + 1ms;
        if (e.kind == flight_kind::told) e.at += late;
    }
    const auto again = replay(all);
    INFO(to_string(again));
    CHECK(again);
    CHECK_FALSE(replay(all, {.tolerance = 1ms}));
}

TEST_CASE("replay: what has been left out or made up is told") {
    const auto all = record<clockwork>(7, {.interval = 10s});
    const auto told = [](const flight_entry& e) { return e.kind == flight_kind::told; };
    const auto first = static_cast<std::size_t>(std::find_if(all.begin(), all.end(), told) - all.begin());

    auto more = all;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(first), all[first]);
    more[first].word = "made up";
    const auto a = replay(more, {.tolerance = 0s});
    REQUIRE(a.difference);
    CHECK(a.difference->line == first + 1);
    CHECK(a.difference->expected->word == "made up");

    auto missing = all; // all that was told of one job
    std::erase_if(missing, [&](const flight_entry& e) { return told(e) && e.id == all[first].id; });
    const auto b = replay(missing, {.tolerance = 0s});
    REQUIRE(b.difference);
    CHECK(b.difference->got->kind == flight_kind::told);
    CHECK(b.difference->got->id == all[first].id);
}

TEST_CASE("replay: several pollers in one log, one after the other") {
    auto all = record<clockwork>(8, {.interval = 10s});
    const auto first = all.size();
    const auto second = record<many_clockwork>(9, {.interval = 20s});
    all.insert(all.end(), second.begin(), second.end());
    const auto again = replay(all, {.tolerance = 0s});
    INFO(to_string(again));
    CHECK(again);
    CHECK(again.compared == all.size());
    CHECK(again.entries.size() == all.size());

    auto wrong = all;
    wrong.back().kind = flight_kind::ended; // the second poller was not stopped
    const auto other = replay(wrong, {.tolerance = 0s});
    REQUIRE(other.difference);
    CHECK(other.difference->line > first);

    CHECK(replay({}));
    CHECK_THROWS_AS(replay(entries(all.begin() + 1, all.end())), system_error);
}
