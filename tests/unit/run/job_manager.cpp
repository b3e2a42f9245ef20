// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/job_manager.hpp>

#include "job_support.hpp"

#include <telltale/run/job_failure.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

TEST_CASE("at most so many jobs run, the others are queued with their place, first in first out") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 2});
    for (int i = 0; i < 5; ++i) CHECK(manager.submit({}, sleeper{}).id() == std::to_string(i + 1));
    CHECK(manager.counts() == job_counts{.queued = 3, .running = 2});
    CHECK(record.reports[4].id == "3");
    CHECK(record.reports[4].queue_position == 1U);
    CHECK(record.of("5")[0].queue_position == 3U);
    bool drained = false;
    manager.async_drain([&](error_code ec) { drained = !ec; });
    world.clock.run();
    CHECK(drained);
    CHECK(manager.counts() == job_counts{.succeeded = 5});
    CHECK(record.states() == "1:queued 1:running 2:queued 2:running 3:queued 4:queued 5:queued 1:succeeded 3:running "
                             "2:succeeded 4:running 3:succeeded 5:running 4:succeeded 5:succeeded");
    std::vector<std::uint32_t> places;
    for (const auto& r : record.of("5"))
        if (r.queue_position) places.push_back(*r.queue_position);
    CHECK(places == std::vector<std::uint32_t>{3, 2, 1});
}

TEST_CASE("ten at once by default, and only the first in the queue are told their place") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.told_positions = 2});
    for (int i = 0; i < 15; ++i) manager.submit({}, sleeper{});
    CHECK(manager.counts().running == 10);
    CHECK(record.of("12")[0].queue_position == 2U);
    CHECK_FALSE(record.of("13")[0].queue_position);
    manager.cancel("11");
    CHECK(record.of("12").back().queue_position == 1U);
    CHECK(record.of("13").back().queue_position == 2U);
    CHECK(record.of("14").size() == 1);
    world.clock.run();
}

TEST_CASE("by default the first hundred are told their place, and the newest ten thousand ends remembered") {
    virtual_world world;
    recorder record;
    job_manager told(world.executor(), record.sink());
    for (int i = 0; i < 111; ++i) told.submit({}, sleeper{});
    CHECK(record.of("110").back().queue_position == 100U);
    CHECK_FALSE(record.of("111").back().queue_position);
    job_manager manager(world.executor(), nullptr);
    const auto trivial = [](job_context) -> net::awaitable<void> { co_return; };
    for (int i = 0; i < 10'001; ++i) manager.submit({}, trivial);
    world.clock.run();
    CHECK_FALSE(manager.state("1"));
    world.clock.run_for(24h * 365); // however long ago it was
    CHECK(manager.state("2") == job_state::succeeded);
}

TEST_CASE("a manager of which nothing may run starts a job when that changes") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr, {.max_running = 0});
    manager.submit({}, sleeper{});
    world.clock.run_for(1h);
    CHECK(manager.counts() == job_counts{.queued = 1});
    manager.set_max_running(1);
    world.clock.run();
    CHECK(manager.counts() == job_counts{.succeeded = 1});
}

TEST_CASE("a job of which nothing else is said has one attempt, for as long as it takes, and takes no retry") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    int attempts = 0;
    const auto fails = [&attempts](job_context) -> net::awaitable<void> {
        ++attempts;
        throw job_failure(error_class::network, "no");
        co_return;
    };
    manager.submit({}, sleeper{24h * 365});
    manager.submit({}, fails);
    manager.submit({.retry = {.max_attempts = 0}}, fails); // which is 1
    world.clock.run();
    CHECK(manager.state("1") == job_state::succeeded);
    CHECK(manager.state("2") == job_state::failed);
    CHECK(manager.state("3") == job_state::failed);
    CHECK(attempts == 2);
    CHECK(manager.retry("2") == command_result::unsupported);
}

TEST_CASE("a report tells the job's name, kind, labels and door, and when it was") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink());
    CHECK(manager.submit({.id = "a", .name = "asio", .kind = "hash", .labels = {{"k", "v"}}}, sleeper{}).id() == "a");
    CHECK(record.reports[0].name == "asio");
    CHECK(record.reports[0].kind == "hash");
    CHECK(record.reports[0].labels == label_map{{"k", "v"}});
    CHECK(record.reports[0].control->supports(job_command::cancel));
    CHECK_FALSE(record.reports[0].control->supports(job_command::retry));
    CHECK(record.reports[0].control->request(job_command::retry) == command_result::unsupported);
    world.clock.run();
    CHECK(record.reports.back().at - record.reports[0].at == 1s);
}

TEST_CASE("ids are unique, generated ones too, and those of ended jobs are remembered for a while") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr, {.keep_ended = 1});
    manager.submit({.id = "1"}, sleeper{});
    CHECK(manager.submit({}, sleeper{}).id() == "2");
    error_code ec;
    CHECK_FALSE(manager.submit({.id = "1"}, sleeper{}, ec));
    CHECK(ec == errc::duplicate_job);
    CHECK_THROWS_AS(manager.submit({.id = "1"}, sleeper{}), system_error);
    world.clock.run();
    CHECK_FALSE(manager.state("1")); // forgotten
    CHECK(manager.state("2") == job_state::succeeded);
    CHECK_THROWS_AS(manager.submit({.id = "2"}, sleeper{}), system_error);
}

TEST_CASE("how a job ends is how its coroutine ends") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink());
    const auto failure = [](job_context) -> net::awaitable<void> {
        throw job_failure(error_class::query, "no such table");
        co_return;
    };
    const auto refused = [](job_context) -> net::awaitable<void> {
        throw system_error(net::error::connection_refused);
        co_return;
    };
    const auto at_once = [](job_context) -> net::awaitable<void> { throw std::bad_alloc(); }; // not even a coroutine
    const auto aborted = [](job_context) -> net::awaitable<void> {
        throw system_error(net::error::operation_aborted); // of something else: nobody asked
        co_return;
    };
    const auto odd = [](job_context) -> net::awaitable<void> {
        throw 42;
        co_return;
    };
    manager.submit({.id = "failure"}, failure);
    manager.submit({.id = "refused"}, refused);
    manager.submit({.id = "at once"}, at_once);
    manager.submit({.id = "aborted"}, aborted);
    manager.submit({.id = "odd"}, odd);
    world.clock.run();
    CHECK(manager.counts().failed == 5);
    CHECK(record.of("failure").back().error == job_error{error_class::query, "no such table"});
    CHECK(record.of("refused").back().error->kind == error_class::network);
    CHECK(record.of("at once").back().error->kind == error_class::resource);
    CHECK(record.of("aborted").back().state == job_state::failed);
    CHECK(record.of("odd").back().error->kind == error_class::unknown);
}

TEST_CASE("errors have classes") {
    CHECK(classify(net::error::timed_out) == error_class::timeout);
    CHECK(classify(errc::deadline_exceeded) == error_class::timeout);
    CHECK(classify(net::error::host_not_found) == error_class::network);
    CHECK(classify(net::error::access_denied) == error_class::permission);
    CHECK(classify(net::error::no_descriptors) == error_class::resource);
    CHECK(classify(errc::malformed_json) == error_class::api);
    const auto open = std::make_exception_ptr(std::system_error(std::make_error_code(std::errc::permission_denied)));
    CHECK(describe_error(open).kind == error_class::permission);
}

TEST_CASE("cancel ends a queued job now and a running one when it hears of it, and can be repeated") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 1});
    manager.submit({}, sleeper{});
    manager.submit({}, sleeper{});
    manager.submit({}, sleeper{});
    CHECK(manager.cancel("2") == command_result::accepted);
    CHECK(manager.state("2") == job_state::cancelled);
    CHECK(manager.cancel("2") == command_result::refused);
    CHECK(manager.cancel("9") == command_result::unknown_job);
    world.clock.run_for(100ms);
    CHECK(manager.cancel("1") == command_result::accepted);
    CHECK(manager.cancel("1") == command_result::accepted);
    world.clock.run_until_idle();
    CHECK(manager.state("1") == job_state::cancelled);
    CHECK(manager.state("3") == job_state::running);
    CHECK(record.of("3")[0].control->request(job_command::cancel) == command_result::accepted);
    world.clock.run_until_idle();
    CHECK(manager.counts() == job_counts{.cancelled = 3});
    CHECK(record.of("3")[0].control->request(job_command::cancel) == command_result::refused);
}

TEST_CASE("a job that is cancelled before its first step does not begin") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    bool begun = false;
    manager.submit({}, [&begun](job_context) -> net::awaitable<void> {
        begun = true;
        co_return;
    });
    manager.cancel("1");
    world.clock.run();
    CHECK_FALSE(begun);
    CHECK(manager.state("1") == job_state::cancelled);
}

TEST_CASE("a job that ends by itself although it was asked to has its own end") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    manager.submit({}, stubborn);
    manager.submit({.time_limit = 1s}, stubborn);
    world.clock.run_for(1s);
    manager.cancel("1");
    world.clock.run();
    CHECK(manager.state("1") == job_state::succeeded);
    CHECK(manager.state("2") == job_state::succeeded);
}

TEST_CASE("the time limit begins with the run, not in the queue") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 1});
    manager.submit({}, sleeper{10s});
    manager.submit({.time_limit = 5s}, sleeper{4s});
    manager.submit({.time_limit = 5s}, sleeper{6s});
    world.clock.run();
    CHECK(manager.state("2") == job_state::succeeded);
    CHECK(manager.state("3") == job_state::timed_out);
    CHECK(record.of("3").back().error->kind == error_class::timeout);
    CHECK(record.of("3").back().at - record.of("3")[0].at == 19s);
}

TEST_CASE("the limit can be changed while jobs run, and the queue held") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr, {.max_running = 4});
    for (int i = 0; i < 10; ++i) manager.submit({}, sleeper{});
    manager.set_max_running(2);
    CHECK(manager.max_running() == 2);
    CHECK(manager.counts().running == 4);
    world.clock.run_for(1s);
    CHECK(manager.counts().running == 2);
    manager.set_max_running(3);
    CHECK(manager.counts().running == 3);
    manager.pause();
    world.clock.run_for(1s);
    CHECK(manager.counts() == job_counts{.queued = 3, .succeeded = 7});
    manager.resume();
    CHECK(manager.counts() == job_counts{.running = 3, .succeeded = 7});
    world.clock.run();
}

TEST_CASE("higher priorities start first, equal ones in their order, and each knows its place") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 0});
    manager.submit({.id = "low", .priority = -1}, sleeper{});
    manager.submit({.id = "first"}, sleeper{});
    manager.submit({.id = "high", .priority = 7}, sleeper{});
    CHECK(record.of("high")[0].queue_position == 1U);
    manager.submit({.id = "second"}, sleeper{});
    CHECK(record.of("second")[0].queue_position == 3U);
    world.clock.run(); // the others are told a little later
    CHECK(record.of("low").back().queue_position == 4U);
    CHECK(record.of("first").back().queue_position == 2U);
    const auto before = record.reports.size();
    manager.set_max_running(1);
    world.clock.run();
    std::string order;
    for (std::size_t i = before; i < record.reports.size(); ++i)
        if (record.reports[i].state == job_state::running) order += record.reports[i].id + " ";
    CHECK(order == "high first second low ");
}

TEST_CASE("a job that fails is tried again after a delay without a slot, as often as was said") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 1});
    const auto flaky = [](job_context job) -> net::awaitable<int> {
        job.tracker().advance();
        if (job.attempt() < 3) throw system_error(net::error::connection_refused);
        co_return 42;
    };
    const job_retry retry{.max_attempts = 3, .delay = {.min = 10s, .max = 10s}};
    auto job = manager.submit({.id = "a", .retry = retry}, flaky);
    manager.submit({.id = "b"}, sleeper{30s});
    manager.submit({.id = "c", .retry = {.max_attempts = 2, .delay = {.min = 10s, .max = 10s}}}, flaky);
    int result = 0;
    job.async_result([&result](error_code, outcome<int> o) { result = o.take(); });
    world.clock.run_for(5s);
    CHECK(manager.counts() == job_counts{.queued = 2, .running = 1}); // it does not stand in the way
    world.clock.run();
    CHECK(result == 42);
    CHECK(manager.state("c") == job_state::failed);
    CHECK(manager.statistics().retries == 3);
    std::vector<std::string> told;
    for (const auto& r : record.of("a"))
        if (r.attempt) told.push_back(std::to_string(*r.attempt) + *r.message);
    CHECK(told.size() == 2);
    CHECK(told.at(0).substr(0, 12) == "2attempt 1: ");
    CHECK(record.states().find("a:failed") == std::string::npos);
}

TEST_CASE("which errors are worth another attempt is up to the job; a cancelled one is not tried again") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    const job_retry network{.max_attempts = 5, .delay = {.min = 1s, .max = 1s}, .when = [](const job_error& e) {
                                return e.kind == error_class::network;
                            }};
    const job_retry thrower{.max_attempts = 5, .when = [](const job_error&) -> bool { throw 1; }};
    const auto bad = [](job_context) -> net::awaitable<void> {
        throw job_failure(error_class::query, "no");
        co_return;
    };
    const auto late = [](job_context job) { return pass_time(job.attempt() == 1 ? 10s : 1s); };
    manager.submit({.retry = network}, bad);
    manager.submit({.retry = thrower}, bad);
    manager.submit({.time_limit = 5s, .retry = {.max_attempts = 2}}, late);
    manager.submit({.retry = {.max_attempts = 2}}, late);
    manager.submit({.retry = {.max_attempts = 2, .delay = {.min = 1h, .max = 1h}}}, bad);
    world.clock.run_for(1s);
    manager.cancel("4");
    CHECK(manager.state("5") == job_state::queued);
    manager.cancel("5"); // between two attempts
    world.clock.run();
    CHECK(manager.state("1") == job_state::failed);
    CHECK(manager.state("2") == job_state::failed);
    CHECK(manager.state("3") == job_state::succeeded);
    CHECK(manager.state("4") == job_state::cancelled);
    CHECK(manager.state("5") == job_state::cancelled);
    CHECK(manager.statistics().retries == 2);
}

TEST_CASE("a job can be paused between two attempts") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    const auto twice = [](job_context job) -> net::awaitable<void> {
        if (job.attempt() < 3) throw 1;
        co_return;
    };
    manager.submit({.retry = {.max_attempts = 3, .delay = {.min = 10s, .max = 10s}}}, twice);
    world.clock.run_for(5s);
    manager.pause("1");
    world.clock.run_for(10s);
    CHECK(manager.state("1") == job_state::paused);
    manager.resume("1"); // its time has come meanwhile
    world.clock.run_until_idle();
    CHECK(manager.statistics().retries == 2);
    manager.pause("1");
    manager.resume("1"); // its time has not
    world.clock.run_for(5s);
    CHECK(manager.state("1") == job_state::queued);
    world.clock.run();
    CHECK(manager.state("1") == job_state::succeeded);
}

TEST_CASE("a job that did not succeed is tried again when somebody wants it, if it was so submitted") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink());
    const auto second = [](job_context job) -> net::awaitable<int> {
        if (job.attempt() == 1) throw 1;
        co_return 42;
    };
    auto job = manager.submit({.retry = {.on_command = true}}, second);
    manager.submit({}, second);
    CHECK(manager.retry("1") == command_result::refused);
    CHECK(manager.retry("2") == command_result::unsupported);
    world.clock.run();
    CHECK(job.state() == job_state::failed);
    const auto control = record.of("1")[0].control;
    CHECK(control->supports(job_command::retry));
    CHECK(control->request(job_command::retry) == command_result::accepted);
    world.clock.run();
    CHECK(job.state() == job_state::succeeded);
    CHECK(manager.counts() == job_counts{.succeeded = 1, .failed = 1});
    CHECK(manager.retry("1") == command_result::refused);
    int result = 0;
    job.async_result([&result](error_code, outcome<int> o) { result = o.take(); });
    world.clock.run();
    CHECK(result == 42);
}

TEST_CASE("ended jobs are forgotten when they are old") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr, {.keep_ended_for = 1min});
    manager.submit({}, sleeper{});
    world.clock.run();
    world.clock.run_for(59s);
    CHECK(manager.state("1") == job_state::succeeded);
    world.clock.run_for(1s);
    CHECK_FALSE(manager.state("1"));
    CHECK(manager.counts().succeeded == 1);
    CHECK(manager.cancel("1") == command_result::unknown_job);
}

TEST_CASE("how long jobs waited and ran is summed up") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr, {.max_running = 1});
    manager.submit({}, sleeper{1s});
    manager.submit({}, sleeper{2s});
    manager.submit({}, sleeper{3s});
    world.clock.run();
    const auto s = manager.statistics();
    CHECK(s.counts == job_counts{.succeeded = 3});
    CHECK(s.waited == duration_summary{3, 4s, 3s});
    CHECK(s.ran == duration_summary{3, 6s, 3s});
    CHECK(s.ran.mean() == 2s);
    CHECK(duration_summary{}.mean() == 0s);
}

TEST_CASE("a shutdown takes no more, lets end what ends in time, and cancels the rest") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr, {.max_running = 2});
    manager.submit({}, sleeper{1s});
    manager.submit({}, sleeper{1h});
    manager.submit({}, sleeper{2s});
    manager.submit({}, sleeper{2h});
    manager.submit({}, sleeper{1s});
    world.run([](job_manager& m) -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        m.async_shutdown(1h, [](error_code) {}); // somebody else is not in such a hurry
        co_await m.async_shutdown(10s);
        CHECK(steady_now(executor) - begin == 10s);
        CHECK(m.counts() == job_counts{.succeeded = 2, .cancelled = 3});
        co_await m.async_shutdown(1h);
        CHECK(steady_now(executor) - begin == 10s);
    }(manager));
    error_code ec;
    CHECK_FALSE(manager.submit({}, sleeper{}, ec));
    CHECK(ec == errc::closed);
    job_manager hasty(world.executor(), nullptr);
    hasty.submit({}, sleeper{});
    hasty.async_shutdown(0s, [](error_code) {});
    world.clock.run_until_idle();
    CHECK(hasty.counts() == job_counts{.cancelled = 1});
}

TEST_CASE("a hundred thousand jobs, with all that is told of them") {
    virtual_world world;
    constexpr std::size_t many = 100'000;
    std::size_t told = 0;
    std::size_t ended = 0;
    job_manager manager(world.executor(), [&](const job_report& r) {
        ++told;
        if (r.state && is_terminal(*r.state)) ++ended;
    });
    for (std::size_t i = 0; i < many; ++i)
        manager.submit({.priority = static_cast<int>(i % 5)}, [](job_context) -> net::awaitable<void> { co_return; });
    CHECK(manager.counts() == job_counts{.queued = many - 10, .running = 10});
    manager.cancel("99999");
    world.clock.run();
    CHECK(manager.counts() == job_counts{.succeeded = many - 1, .cancelled = 1});
    CHECK(ended == many);
    CHECK(told < 3 * many + 10'000); // places in the queue are told with measure
    CHECK_FALSE(manager.state("1"));
    CHECK(manager.state("99996") == job_state::succeeded); // of the lowest priority
}

TEST_CASE("a tracker's progress is reported at its pace, first and last included, and never after the end") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink());
    manager.submit({}, [](job_context job) -> net::awaitable<void> {
        auto& count = job.tracker({.total = 1000, .unit = progress_unit::bytes});
        for (int i = 0; i < 1000; ++i) {
            count.advance();
            if (i == 500) count.set_message("half");
            co_await pass_time(1ms);
        }
    });
    world.clock.run();
    std::vector<job_report> told;
    for (const auto& r : record.reports)
        if (r.progress) told.push_back(r);
    CHECK(told.size() >= 10);
    CHECK(told.size() <= 13);
    for (std::size_t i = 1; i + 1 < told.size(); ++i) CHECK(told[i].at - told[i - 1].at >= 100ms);
    CHECK(told.back().state == job_state::succeeded);
    CHECK(told.back().progress->percent() == 100.0);
    CHECK(told.back().progress->unit == progress_unit::bytes);
    CHECK(record.reports.back().state == job_state::succeeded);
    CHECK(std::count_if(told.begin(), told.end(), [](const job_report& r) { return r.message == "half"; }) == 1);
}

TEST_CASE("a job can report by itself; what it says after its end is ignored") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink());
    std::optional<job_context> kept;
    manager.submit({.id = "x", .name = "n"}, [&kept](job_context job) -> net::awaitable<void> {
        job.report_progress({.done = 1, .total = 2});
        job.set_message("on my way");
        kept = job;
        co_return;
    });
    world.clock.run();
    CHECK(record.reports[2].progress->done == 1);
    CHECK(record.reports[3].message == "on my way");
    CHECK(kept->id() == "x");
    CHECK(kept->name() == "n");
    const auto before = record.reports.size();
    kept->set_message("late");
    kept->report_progress({});
    kept->tracker().advance();
    world.clock.run();
    CHECK(record.reports.size() == before);
}

TEST_CASE("waits for one job: running, ended, unknown, cancelled") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    manager.submit({}, sleeper{});
    world.run([](job_manager& m) -> net::awaitable<void> {
        CHECK(co_await m.async_wait("1") == job_state::succeeded);
        CHECK(co_await m.async_wait("1") == job_state::succeeded);
        const auto [unknown, none] = co_await m.async_wait("2", as_result);
        CHECK(unknown == errc::unknown_job);
        co_await m.async_drain();
    }(manager));
    manager.submit({}, sleeper{});
    net::cancellation_signal signal;
    error_code ended;
    manager.async_wait("2", net::bind_cancellation_slot(signal.slot(), [&](error_code ec, job_state) { ended = ec; }));
    signal.emit(net::cancellation_type::partial);
    world.clock.run();
    CHECK(ended == net::error::operation_aborted);
    CHECK(manager.state("2") == job_state::succeeded);
}

TEST_CASE("stop cancels all and takes no more") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 2});
    for (int i = 0; i < 4; ++i) manager.submit({}, sleeper{});
    world.clock.run_until_idle();
    manager.stop();
    bool drained = false;
    manager.async_drain([&](error_code ec) { drained = !ec; });
    world.clock.run_until_idle();
    CHECK(drained);
    CHECK(manager.counts() == job_counts{.cancelled = 4});
    CHECK_THROWS_AS(manager.submit({}, sleeper{}), system_error);
}

TEST_CASE("a destroyed manager tells what became of its jobs, then nothing, and its jobs are cancelled") {
    virtual_world world;
    auto record = std::make_unique<recorder>();
    const auto witness = std::make_shared<int>();
    const auto held = std::make_shared<int>();
    error_code waited;
    error_code drained;
    std::shared_ptr<job_control> control;
    bool cancelled = false;
    {
        const auto sink = [inner = record->sink(), held](job_report r) { inner(std::move(r)); };
        job_manager manager(world.executor(), sink, {.max_running = 1});
        const auto watched = [witness, &cancelled](job_context job) -> net::awaitable<void> {
            job.tracker().advance();
            try {
                co_await pass_time(1h);
            } catch (const system_error&) {
                cancelled = true;
                job.set_message("nobody hears this");
                job.tracker().advance();
                throw;
            }
        };
        manager.submit({}, watched);
        manager.submit({}, watched);
        manager.async_wait("1", [&](error_code ec, job_state) { waited = ec; });
        manager.async_drain([&](error_code ec) { drained = ec; });
        world.clock.run_for(1s);
        control = record->reports[0].control;
    }
    CHECK(record->of("1").back().state == job_state::lost);
    CHECK(record->of("2").back().state == job_state::cancelled);
    CHECK(held.use_count() == 1); // the sink is gone, though a job still runs
    record.reset();               // a use of it would show under AddressSanitizer
    CHECK(control->request(job_command::cancel) == command_result::refused);
    world.clock.run();
    CHECK(cancelled);
    CHECK(waited == net::error::operation_aborted);
    CHECK(drained == net::error::operation_aborted);
    CHECK(control->request(job_command::cancel) == command_result::refused);
    CHECK(witness.use_count() == 1);
}

TEST_CASE("the sink may use the manager") {
    virtual_world world;
    std::string told;
    job_manager* to = nullptr;
    job_manager manager(world.executor(), [&](const job_report& r) {
        if (!r.state) return;
        told += r.id + std::string(to_string(*r.state)) + " ";
        if (r.state == job_state::succeeded && r.id == "1") to->submit({}, sleeper{});
        if (r.state == job_state::running && r.id == "2") to->cancel("2");
    });
    to = &manager;
    manager.submit({}, sleeper{});
    world.clock.run();
    CHECK(told == "1queued 1running 1succeeded 2queued 2running 2cancelled ");
}

TEST_CASE("on a thread pool jobs run in parallel, are cancelled, and are reported in order") {
    net::thread_pool pool(2);
    recorder record;
    job_manager manager(pool.get_executor(), record.sink(), {.max_running = 4});
    constexpr int many = 300;
    for (int i = 0; i < many; ++i)
        manager.submit({}, [i](job_context job) -> net::awaitable<void> {
            auto& count = job.tracker({.total = 10});
            for (int n = 0; n < 10; ++n) {
                count.advance();
                co_await net::post(co_await net::this_coro::executor, net::use_awaitable);
            }
            if (i % 7 == 0) co_await pass_time(1h); // only a cancel ends it
        });
    for (int i = 0; i < many; i += 7) manager.cancel(std::to_string(i + 1));
    pool.join();
    const auto counts = manager.counts();
    CHECK(counts.cancelled >= 43);
    CHECK(counts.cancelled + counts.succeeded == many);
    CHECK_FALSE(record.overlapped);
    int wrong = 0;
    for (int i = 0; i < many; ++i) {
        std::string states;
        for (const auto& r : record.of(std::to_string(i + 1)))
            if (r.state) states += std::string(to_string(*r.state)) + " ";
        wrong += states == "queued running succeeded " || states == "queued running cancelled " ||
                         states == "queued cancelled "
                     ? 0
                     : 1;
    }
    CHECK(wrong == 0);
}

TEST_CASE("on a thread pool jobs are steered from all sides") {
    net::thread_pool pool(2);
    recorder record;
    job_manager manager(pool.get_executor(), record.sink(), {.max_running = 3, .publish_interval = 1ms});
    constexpr int many = 200;
    const auto work = [](job_context job) -> net::awaitable<int> {
        job.tracker({.total = 5});
        for (int n = 0; n < 5; ++n) {
            co_await job.checkpoint();
            job.tracker().advance();
            co_await net::post(co_await net::this_coro::executor, net::use_awaitable);
        }
        if (job.attempt() == 1) throw 1;
        co_return 1;
    };
    std::atomic<int> sum{0};
    for (int i = 1; i <= many; ++i) {
        job_spec spec{.time_limit = 1h, .priority = i % 3};
        spec.retry.max_attempts = 2;
        spec.retry.delay = {.min = 1us, .max = 1ms};
        auto job = manager.submit(std::move(spec), work);
        job.async_result([&sum](error_code, outcome<int> o) { sum += o.value.value_or(0); });
        const job_id other = std::to_string(1 + i / 2);
        if (i % 2 == 0) manager.pause(other);
        if (i % 11 == 0) job.cancel();
        manager.set_max_running(static_cast<std::size_t>(2 + i % 3));
    }
    for (int i = 1; i <= many; ++i) {
        const job_id id = std::to_string(i);
        manager.resume(id);
        if (i % 13 == 0) net::post(pool, [&manager, id] { manager.cancel(id); });
    }
    pool.join();
    const auto counts = manager.counts();
    // One that is cancelled as it fails has failed.
    CHECK(counts.succeeded + counts.cancelled + counts.failed == many);
    CHECK(counts.queued + counts.paused + counts.running == 0);
    CHECK(static_cast<std::uint64_t>(sum) == counts.succeeded);
    CHECK_FALSE(record.overlapped);
}

TEST_CASE("a manager torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto scene = [](std::shared_ptr<int> w) -> net::awaitable<void> {
            const net::any_io_executor executor = co_await net::this_coro::executor;
            job_manager manager(executor, [w](const job_report&) {}, {.max_running = 2});
            const auto work = [w](job_context job) -> net::awaitable<void> {
                job.tracker({.total = 2}).advance();
                co_await pass_time(150ms);
                job.tracker().advance();
            };
            for (int i = 0; i < 3; ++i) manager.submit({.time_limit = 1s}, work);
            const auto asks = [w](job_context job) -> net::awaitable<std::shared_ptr<int>> {
                if (job.attempt() == 1) throw 1;
                co_await job.checkpoint();
                co_await job.request_approval("what", 1s);
                co_return w;
            };
            auto handle = manager.submit({.time_limit = 10ms, .retry = {.max_attempts = 2}}, asks);
            co_await manager.async_wait("2");
            manager.cancel("3");
            manager.pause(handle);
            co_await pass_time(5s);
            manager.resume(handle);
            co_await handle.result();
            co_await manager.async_drain();
            manager.submit({}, work);
            manager.submit({}, work);
            manager.submit({.retry = {.on_command = true}}, asks);
            manager.pause("7");
            co_await pass_time(10ms);
        };
        net::co_spawn(context, scene(witness), net::detached);
    });
}
