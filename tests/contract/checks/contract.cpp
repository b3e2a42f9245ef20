// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include "contract/contract.hpp"

#include "catch.hpp"
#include "stage.hpp"
#include "support.hpp"

#include <telltale/error.hpp>
#include <telltale/sync/manual_reset_event.hpp>
#include <telltale/sync/with_timeout.hpp>

#if defined(TELLTALE_USE_BOOST_ASIO)
#include <boost/asio/experimental/awaitable_operators.hpp>
#else
#include <asio/experimental/awaitable_operators.hpp>
#endif

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace telltale_test::contract {

namespace {

using namespace std::chrono_literals;
using telltale::manual_reset_event;

constexpr auto aborted = net::error::operation_aborted;
constexpr std::array cancellations{net::cancellation_type::terminal, net::cancellation_type::partial,
                                   net::cancellation_type::total};
constexpr std::array tokens{awaited::use_awaitable, awaited::defaulted, awaited::as_tuple, awaited::redirect_error};

bool has_face(const make_subject& make) {
    net::io_context context;
    return make(context.get_executor())->has_face();
}

const char* name_of(awaited token) {
    switch (token) {
    case awaited::use_awaitable: return "use_awaitable";
    case awaited::defaulted: return "the default token";
    case awaited::as_tuple: return "as_tuple";
    default: return "redirect_error";
    }
}

/// One check of one row at one place.
class check {
public:
    check(const about& row, const make_subject& make, place p)
        : row_(row), stage_(p, !row.sockets.empty()), object_(make(stage_.executor())) {}

    ~check() {
        stage_.act([&] { object_.reset(); });
    }
    check(const check&) = delete;
    check& operator=(const check&) = delete;

    record_ptr start() {
        auto r = stage_.new_record();
        stage_.act([&] { object_->start(r); });
        return r;
    }

    void ready() {
        stage_.act([&] { object_->ready(); });
    }

    void emit(const record_ptr& r, net::cancellation_type type) {
        stage_.act([&] { r->signal.emit(type); });
    }

    void expect_waiting(const record_ptr& r) {
        stage_.act([] {});
        CHECK(r->called == 0);
        if (!stage_.on_threads()) CHECK_FALSE(stage_.out_of_work());
    }

    void expect_handler(const record_ptr& r, stage::duration horizon = stage::duration::max()) {
        REQUIRE(stage_.run_until_called(r, horizon));
        stage_.act([] {});
        CHECK(r->called == 1);
        CHECK_FALSE(r->inside);
        CHECK(r->at_home);
    }

    void expect_success(const record_ptr& r) {
        expect_handler(r);
        CHECK(r->result.error == error_code{});
        CHECK(r->result.value == row_.value);
    }

    // To be cancelled takes no time.
    void expect_error(const record_ptr& r, error_code ec, stage::duration horizon = {}) {
        expect_handler(r, horizon);
        CHECK(r->result.error == ec);
    }

    void expect_memory_back(const record_ptr& r) {
        if (row_.no_allocator.empty()) CHECK(r->counts->total > 0);
        CHECK(r->live_at_call == 0);
        CHECK(r->counts->live == 0);
    }

    // Either it succeeded, or nothing was taken: the next one has it without another ready().
    void expect_nothing_lost(const record_ptr& r, error_code otherwise) {
        expect_handler(r);
        if (!r->result.error) {
            CHECK(r->result.value == row_.value);
            return;
        }
        CHECK(r->result.error == otherwise);
        if (row_.once.empty()) expect_success(start());
    }

    void expect_usable() {
        if (!row_.once.empty()) return;
        const auto again = start();
        expect_waiting(again);
        ready();
        expect_success(again);
    }

    // ----

    void completes_when_ready() {
        const auto r = start();
        expect_waiting(r);
        ready();
        expect_success(r);
        expect_memory_back(r);
        stage_.act([&] { object_.reset(); });
        if (!stage_.on_threads()) CHECK(stage_.out_of_work());
        CHECK(r->called == 1);
    }

    void completes_when_ready_before() {
        ready();
        const auto r = start();
        expect_success(r);
        expect_memory_back(r);
    }

    void honours_an_executor_elsewhere() {
        const auto poll = [this] {
            elsewhere_.restart();
            elsewhere_.poll();
        };
        const auto r = std::make_shared<record>(net::make_strand(executor_type(elsewhere_.get_executor())));
        stage_.act([&] { object_->start(r); });
        poll();
        CHECK_FALSE(elsewhere_.stopped()); // the handler counts as work where it will run
        ready();
        REQUIRE(stage_.run_until([&] {
            poll();
            return r->called != 0;
        }));
        CHECK(r->at_home);
        CHECK_FALSE(r->inside);
        CHECK(r->result.error == error_code{});
        CHECK(r->result.value == row_.value);
        // The thread that posted the handler may still be in net::post, and hold its copy of the executor.
        REQUIRE(stage_.run_until([&] {
            poll();
            return elsewhere_.stopped();
        }));
    }

    void takes_a_plain_handler() {
        const auto r = stage_.new_record();
        stage_.act([&] { object_->start_plain(r); });
        expect_waiting(r);
        ready();
        REQUIRE(stage_.run_until_called(r));
        CHECK(r->called == 1);
        CHECK_FALSE(r->inside);
        CHECK(r->result.error == error_code{});
        CHECK(r->result.value == row_.value);
    }

    void takes_detached() {
        stage_.act([&] { object_->start_detached(); });
        if (!stage_.on_threads()) CHECK_FALSE(stage_.out_of_work());
        ready();
        if (row_.uncounted.empty()) { // it has taken one, and no more
            const auto r = start();
            ready();
            expect_success(r);
        }
        stage_.act([&] { object_.reset(); });
        CHECK(stage_.run_until([&] { return stage_.on_threads() || stage_.out_of_work(); }));
    }

    void takes_use_future() {
        started_future future;
        stage_.act([&] { future = object_->start_future(); });
        CHECK_FALSE(future.is_ready());
        ready();
        expect_future(future, {}, row_.value);
    }

    void use_future_tells_errors() {
        started_future future;
        stage_.act([&] { future = object_->start_future(); });
        stage_.act([&] { object_.reset(); });
        expect_future(future, row_.destroyed, {});
    }

    void expect_future(const started_future& future, error_code error, const std::string& value) {
        REQUIRE(stage_.run_until(future.is_ready));
        const outcome o = future.get();
        CHECK(o.error == error);
        CHECK(o.value == value);
    }

    void takes_deferred() {
        std::function<void(record_ptr)> never;
        std::function<void(record_ptr)> launch;
        stage_.act([&] {
            never = object_->defer();
            launch = object_->defer();
        });
        if (!stage_.on_threads() && row_.busy.empty()) CHECK(stage_.out_of_work()); // nothing has happened yet
        ready();
        never = nullptr;
        const auto r = stage_.new_record();
        stage_.act([&] { launch(r); });
        expect_success(r);
    }

    void is_awaited(awaited token) {
        const auto r = stage_.new_record();
        spawn(object_->await(token, r), r);
        expect_waiting(r);
        ready();
        expect_success(r);
    }

    void is_cancelled_as(awaited token) {
        const auto r = stage_.new_record();
        spawn(object_->await(token, r), r);
        emit(r, net::cancellation_type::terminal);
        expect_error(r, aborted);
        expect_usable();
    }

    void has_a_face_that_does_not_suspend() {
        ready();
        const auto r = stage_.new_record();
        net::co_spawn(stage_.home(), object_->face(r), net::detached);
        std::size_t steps = 0;
        stage_.io().restart();
        while (r->called == 0 && stage_.io().poll_one() == 1) ++steps;
        CHECK(steps == 1); // the first step of the coroutine
        CHECK(r->result.error == error_code{});
        CHECK(r->result.value == row_.value);
    }

    void has_a_face_that_waits() {
        const auto r = stage_.new_record();
        spawn(object_->face(r), r);
        expect_waiting(r);
        ready();
        expect_success(r);
    }

    void has_a_face_that_is_cancelled() {
        const auto r = stage_.new_record();
        spawn(object_->face(r), r);
        emit(r, net::cancellation_type::terminal);
        expect_error(r, aborted);
        expect_usable();
    }

    void is_cancelled_by(net::cancellation_type type) {
        const auto r = start();
        emit(r, type);
        if (type != net::cancellation_type::terminal && !row_.only_terminal.empty()) {
            expect_waiting(r);
            ready();
            expect_success(r);
            return;
        }
        expect_error(r, aborted);
        expect_memory_back(r);
        emit(r, type); // it is over
        CHECK(r->called == 1);
        expect_usable();
    }

    void is_cancelled_too_late() {
        const auto r = start();
        stage_.act([&] {
            object_->ready();
            r->signal.emit(net::cancellation_type::terminal);
        });
        expect_nothing_lost(r, aborted);
    }

    void is_cancelled_just_before() {
        const auto r = start();
        stage_.act([&] {
            r->signal.emit(net::cancellation_type::terminal);
            object_->ready();
        });
        expect_nothing_lost(r, aborted);
    }

    void ends_when_destroyed() {
        const std::array all{start(), start()};
        stage_.act([&] { object_.reset(); });
        for (const auto& r : all) {
            expect_error(r, row_.destroyed);
            expect_memory_back(r);
        }
    }

    void runs_out_of_time() {
        const auto r = stage_.new_record();
        stage_.act([&] { object_->start_timed(1ms, r); });
        expect_error(r, telltale::errc::deadline_exceeded, 1ms); // not so far that the operation itself is due
        expect_memory_back(r);
        expect_usable();
    }

    void is_in_time() {
        const auto r = stage_.new_record();
        stage_.act([&] { object_->start_timed(1000h, r); });
        expect_waiting(r);
        ready();
        expect_success(r);
        expect_memory_back(r);
    }

    void is_ready_when_time_is_up() {
        const auto r = stage_.new_record();
        stage_.act([&] { object_->start_timed(1ms, r); });
        stage_.act([&] {
            object_->ready();
            let_pass(stage_.executor(), 1ms);
        });
        expect_nothing_lost(r, telltale::errc::deadline_exceeded);
    }

    void passes_cancellation_through_a_time_out() {
        const auto r = stage_.new_record();
        stage_.act([&] { object_->start_timed(1000h, r); });
        emit(r, net::cancellation_type::terminal);
        expect_error(r, aborted);
        expect_usable();
    }

    void loses_against_another() {
        const auto r = stage_.new_record();
        const auto both = stage_.new_record();
        manual_reset_event other(stage_.executor());
        spawn(race(object_->await(awaited::use_awaitable, r), other, both), both);
        expect_waiting(both);
        stage_.act([&] { other.set(); });
        expect_handler(both, {});
        // Aborted: await() completes the record also then, as a coroutine that catches does.
        CHECK(r->called == 1);
        CHECK(r->result.error == aborted);
        expect_usable();
    }

    void races_with_another() {
        const auto r = stage_.new_record();
        const auto both = stage_.new_record();
        manual_reset_event other(stage_.executor());
        spawn(race(object_->await(awaited::use_awaitable, r), other, both), both);
        stage_.act([&] {
            other.set();
            object_->ready();
        });
        expect_handler(both);
        expect_nothing_lost_in_coroutine(r);
    }

    void runs_out_of_time_in_a_coroutine() {
        const auto r = stage_.new_record();
        const auto whole = stage_.new_record();
        spawn(limited(object_->await(awaited::use_awaitable, r), whole), whole);
        REQUIRE(stage_.run_until_called(whole, 1ms));
        CHECK(r->called == 1);
        CHECK(r->result.error == aborted);
        expect_usable();
    }

private:
    void spawn(net::awaitable<void> coroutine, const record_ptr& r) {
        stage_.act([&] {
            net::co_spawn(
                stage_.home(), std::move(coroutine),
                net::bind_cancellation_slot(r->signal.slot(), net::bind_executor(stage_.home(), net::detached)));
        });
    }

    static net::awaitable<void> race(net::awaitable<void> operation, manual_reset_event& other, record_ptr both) {
        using namespace net::experimental::awaitable_operators;
        co_await (std::move(operation) || other.async_wait(net::use_awaitable));
        both->complete({});
    }

    static net::awaitable<void> limited(net::awaitable<void> operation, record_ptr whole) {
        co_await telltale::with_timeout(std::move(operation), 1ms);
        whole->complete({});
    }

    void expect_nothing_lost_in_coroutine(const record_ptr& r) {
        CHECK(r->called == 1);
        if (r->result.error) {
            CHECK(r->result.error == aborted);
            if (row_.once.empty()) expect_success(start());
        } else {
            CHECK(r->result.value == row_.value);
        }
    }

    const about& row_;
    net::io_context elsewhere_; // outlives the threads of the stage, which post to it
    stage stage_;
    subject_ptr object_;
};

/// What a handler keeps alive in a tear-down: the object itself, so that this dies within the destruction of the context.
struct scene {
    subject_ptr object;
    std::shared_ptr<int> witness;
};

subject* object_of(const record_ptr& r) { return std::static_pointer_cast<scene>(r->owner)->object.get(); }

net::awaitable<void> await_as(awaited token, record_ptr r) { co_await object_of(r)->await(token, r); }

net::awaitable<void> await_face(record_ptr r) { co_await object_of(r)->face(r); }

void spawn(const record_ptr& r, net::awaitable<void> coroutine) {
    net::co_spawn(r->home, std::move(coroutine), net::detached);
}

struct play {
    const char* name;
    void (*begin)(const record_ptr&);
    void (*then)(const record_ptr&);
};

void nothing(const record_ptr&) {}
void start(const record_ptr& r) { object_of(r)->start(r); }
void ready(const record_ptr& r) { object_of(r)->ready(); }

constexpr std::array plays{
    play{"it waits", start, nothing},
    play{"it completes", start, ready},
    play{"it completes at once", ready, start},
    play{"it is cancelled", start, [](const record_ptr& r) { r->signal.emit(net::cancellation_type::terminal); }},
    play{"its object is destroyed", start,
         [](const record_ptr& r) { std::static_pointer_cast<scene>(r->owner)->object.reset(); }},
    play{"its time runs out", [](const record_ptr& r) { object_of(r)->start_timed(1ms, r); }, nothing},
    play{"it completes in time", [](const record_ptr& r) { object_of(r)->start_timed(1000h, r); }, ready},
    play{"a coroutine waits", [](const record_ptr& r) { spawn(r, await_as(awaited::use_awaitable, r)); }, nothing},
    play{"a coroutine has it", [](const record_ptr& r) { spawn(r, await_as(awaited::as_tuple, r)); }, ready},
    play{"its awaitable face", [](const record_ptr& r) { spawn(r, await_face(r)); }, ready},
};

/// The context is stopped and destroyed after every possible step.
void is_torn_down(const about& row, const make_subject& make, const play& p) {
    std::shared_ptr<allocations> counts;
    const auto scene_of = [&](net::io_context& context, const std::shared_ptr<int>& witness) {
        if (counts) REQUIRE(counts->live == 0);
        const auto r = std::make_shared<record>(net::make_strand(executor_type(context.get_executor())));
        r->owner = std::make_shared<scene>(scene{make(context.get_executor()), witness});
        counts = r->counts;
        net::post(r->home, [r, begin = p.begin] { begin(r); });
        net::post(r->home, [r, then = p.then] { net::post(r->home, [r, then] { then(r); }); });
    };
    tear_down_at_every_step(scene_of, row.endless.empty() ? std::nullopt : std::optional<std::size_t>(60));
    CHECK(counts->live == 0);
}

/// A pool that is stopped and destroyed while its threads are at it.
void is_torn_down_on_threads(const make_subject& make, const play& p) {
    for (int i = 0; i < 20; ++i) {
        const auto witness = std::make_shared<int>(0);
        std::shared_ptr<allocations> counts;
        {
            stage s(place::thread_pool);
            const auto r = s.new_record();
            r->owner = std::make_shared<scene>(scene{make(s.executor()), witness});
            counts = r->counts;
            net::post(r->home, [r, begin = p.begin] { begin(r); });
            net::post(r->home, [r, then = p.then] { then(r); });
        }
        CHECK(witness.use_count() == 1);
        CHECK(counts->live == 0);
    }
}

} // namespace

void keeps_the_contract(const about& row, const make_subject& make) {
    SECTION("excused") {
        SUCCEED();
        for (const auto* reason : {&row.no_object, &row.only_terminal, &row.no_allocator, &row.one_thread, &row.sockets,
                                   &row.busy, &row.endless, &row.once})
            if (!reason->empty()) WARN(row.name << ": " << *reason);
    }
    for (const place p : {place::io_context, place::strand, place::thread_pool}) {
        if (p == place::thread_pool && !row.one_thread.empty()) continue;
        const auto named = [&](const std::string& what) { return std::string(name_of(p)) + ": " + what; };
        const auto with = [&](const std::string& what, const auto& run) {
            SECTION(named(what)) {
                INFO(row.name);
                check c(row, make, p);
                run(c);
            }
        };
        with("completes when ready", [](check& c) { c.completes_when_ready(); });
        with("completes when ready before", [](check& c) { c.completes_when_ready_before(); });
        with("an associated executor elsewhere", [](check& c) { c.honours_an_executor_elsewhere(); });
        with("a plain handler", [](check& c) { c.takes_a_plain_handler(); });
        with("detached", [](check& c) { c.takes_detached(); });
        with("use_future", [](check& c) { c.takes_use_future(); });
        with("deferred", [](check& c) { c.takes_deferred(); });
        for (const awaited token : tokens) {
            with(name_of(token), [&](check& c) { c.is_awaited(token); });
            with(name_of(token) + std::string(", cancelled"), [&](check& c) { c.is_cancelled_as(token); });
        }
        for (const auto type : cancellations)
            with("cancelled by " + std::to_string(static_cast<int>(type)), [&](check& c) { c.is_cancelled_by(type); });
        with("cancelled too late", [](check& c) { c.is_cancelled_too_late(); });
        with("cancelled just before", [](check& c) { c.is_cancelled_just_before(); });
        if (row.no_object.empty()) {
            with("destroyed", [](check& c) { c.ends_when_destroyed(); });
            with("destroyed under a future", [](check& c) { c.use_future_tells_errors(); });
        }
        with("runs out of time", [](check& c) { c.runs_out_of_time(); });
        with("is in time", [](check& c) { c.is_in_time(); });
        with("is ready when time is up", [](check& c) { c.is_ready_when_time_is_up(); });
        with("cancelled through a time-out", [](check& c) { c.passes_cancellation_through_a_time_out(); });
        with("with_timeout", [](check& c) { c.runs_out_of_time_in_a_coroutine(); });
        with("loses in ||", [](check& c) { c.loses_against_another(); });
        with("races in ||", [](check& c) { c.races_with_another(); });
        if (has_face(make)) {
            if (p != place::thread_pool)
                with("the awaitable face, ready", [](check& c) { c.has_a_face_that_does_not_suspend(); });
            with("the awaitable face", [](check& c) { c.has_a_face_that_waits(); });
            with("the awaitable face, cancelled", [](check& c) { c.has_a_face_that_is_cancelled(); });
        }
    }
    for (const play& p : plays) {
        SECTION("torn down: " + std::string(p.name)) {
            INFO(row.name);
            is_torn_down(row, make, p);
        }
        if (!row.one_thread.empty()) continue;
        SECTION("torn down on threads: " + std::string(p.name)) {
            INFO(row.name);
            is_torn_down_on_threads(make, p);
        }
    }
}

void keeps_the_contract_on(const about& row, concrete_subject& object, const strand_type& home,
                           const std::function<void()>& run) {
    INFO(row.name);
    const auto runs_until_called = [&](const record_ptr& r) {
        while (r->called == 0) run();
        CHECK(r->called == 1);
        CHECK_FALSE(r->inside);
        CHECK(r->result.error == error_code{});
        CHECK(r->result.value == row.value);
    };
    const auto full = std::make_shared<record>(home);
    const auto plain = std::make_shared<record>(home);
    const auto coroutine = std::make_shared<record>(home);
    {
        const calling now;
        object.start(full);
        object.ready();
    }
    runs_until_called(full);
    CHECK(full->at_home);
    {
        const calling now;
        object.start_plain(plain);
        object.ready();
    }
    runs_until_called(plain);
    {
        const calling now;
        object.ready();
        object.spawn(coroutine);
    }
    runs_until_called(coroutine);
}

} // namespace telltale_test::contract
