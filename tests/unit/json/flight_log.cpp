// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/flight_log.hpp>

#include <telltale/core/json.hpp>
#include <telltale/poll/flight_recorder.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/testing/replay.hpp>
#include <telltale/testing/scripted_source.hpp>

#include "support.hpp"

#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

/// Any entry: each member is there, or not, by chance.
class entry_generator {
public:
    explicit entry_generator(unsigned seed) : random_(seed) {}

    flight_entry make() {
        flight_entry e;
        e.kind = static_cast<flight_kind>(below(detail::flight_kind_names.size()));
        e.at = time();
        e.id = text();
        if (e.kind == flight_kind::poller_started) {
            e.options = std::make_shared<const poller_options>(make_options());
            maybe(e.budget, budget_options{.max_concurrent = 7, .rate = rate_limit{.per_second = 0.5, .burst = 3}});
            e.seed = number();
            e.steady = some_time();
            e.batch_limit = number();
            e.can_cancel = chance();
            e.can_retry = chance();
        }
        if (chance()) e.watch = std::make_shared<const watch_options>(make_watch());
        e.poll = number();
        for (auto n = below(3); n > 0; --n) e.ids.push_back(text());
        e.took = some_time();
        if (chance()) e.answer = make_status();
        if (chance()) e.failure = make_failure();
        maybe(e.next, some_time());
        maybe(e.reason, static_cast<poll_reason>(below(8)));
        e.waits = static_cast<poll_wait>(below(5));
        maybe(e.state, static_cast<job_state>(below(job_state_count)));
        e.word = text();
        maybe(e.health, static_cast<watch_state>(below(4)));
        e.retry_as = text();
        e.attempt = static_cast<std::uint32_t>(number());
        maybe(e.command, static_cast<command_result>(below(4)));
        if (chance()) e.end = errc::deadline_exceeded;
        return e;
    }

private:
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    bool chance() { return below(2) == 0; }
    std::uint64_t number() { return chance() ? random_() : below(3); }
    std::chrono::nanoseconds some_time() {
        return chance() ? 0ns : std::chrono::nanoseconds(static_cast<std::int64_t>(random_()));
    }
    timestamp time() { return timestamp{} + std::chrono::duration_cast<timestamp::duration>(1ns * (random_() >> 2U)); }
    template <class T>
    void maybe(std::optional<T>& to, T value) {
        if (chance()) to = std::move(value);
    }
    std::string text() {
        constexpr std::string_view texts[] = {"",      "a", "Grüße, 世界 🚀", "\"quoted\"\\", "line\nbreak\r\t\b\f\x01",
                                              "}{][,:"};
        return std::string(texts[below(std::size(texts))]);
    }
    label_map labels() {
        label_map m;
        for (auto n = below(3); n > 0; --n) m[text()] = text();
        return m;
    }
    poll_hint hint() {
        poll_hint h;
        maybe(h.retry_after, some_time());
        maybe(h.interval, some_time());
        maybe(h.left, number());
        maybe(h.window, some_time());
        return h;
    }
    status make_status() {
        status s;
        s.found = chance();
        maybe(s.state, static_cast<job_state>(below(job_state_count)));
        s.word = text();
        s.reason = text();
        s.never_runs = chance();
        s.unchanged = chance();
        s.hint = hint();
        if (chance()) s.progress = progress{.done = 0.1, .total = 1e300, .rate = 5e-324, .remaining = 0.3s};
        maybe(s.queue_position, static_cast<std::uint32_t>(number()));
        maybe(s.message, text());
        maybe(s.error, job_error{static_cast<error_class>(below(8)), text()});
        maybe(s.name, text());
        maybe(s.kind, text());
        maybe(s.labels, labels());
        maybe(s.attempt, static_cast<std::uint32_t>(number()));
        for (auto* t : {&s.created, &s.queued, &s.started, &s.finished}) maybe(*t, time());
        return s;
    }
    flight_failure make_failure() {
        flight_failure f;
        const error_code codes[] = {{},
                                    errc::body_too_large,
                                    net::error::connection_refused,
                                    net::error::eof,
                                    net::error::host_not_found,
                                    net::error::service_not_found};
        f.code = codes[below(std::size(codes))];
        f.kind = static_cast<error_class>(below(8));
        f.http_status = static_cast<unsigned>(number());
        f.hint = hint();
        f.text = text();
        return f;
    }
    poller_options make_options() {
        poller_options o;
        o.max_concurrent = static_cast<std::size_t>(number());
        o.interval = some_time();
        o.jitter = 0.3;
        o.backoff = {some_time(), some_time()};
        o.poll_timeout.reset();
        maybe(o.poll_timeout, some_time());
        o.lost_after = static_cast<std::uint32_t>(number());
        maybe(o.seed, number());
        o.pace = static_cast<poll_pace>(below(3));
        o.offer_control = chance();
        maybe(o.source_name, text());
        maybe(o.breaker, breaker_options{.failure_rate = 0.25, .open = {some_time(), some_time()}});
        maybe(o.retry, retry_policy{.classes = {error_class::api, static_cast<error_class>(below(8))}});
        return o;
    }
    watch_options make_watch() {
        watch_options o;
        maybe(o.deadline, some_time());
        o.name = text();
        o.kind = text();
        o.labels = labels();
        o.when_unwatched = static_cast<remote_job>(below(2));
        return o;
    }

    std::mt19937_64 random_;
};

std::string message_of(std::string_view log) {
    std::istringstream in{std::string(log)};
    flight_log_reader reader(in, {.max_line = 150});
    try {
        while (reader.next()) {}
    } catch (const system_error& e) {
        return std::string(e.what());
    }
    return reader.torn() ? "torn" : "nothing";
}

constexpr const char* good = R"({"at":"2026-01-02T12:00:00Z","kind":"stopped")";

} // namespace

TEST_CASE("flight_log: what was written is read") {
    entry_generator any(17);
    std::stringstream log;
    const flight_recorder recorder(log);
    std::vector<flight_entry> entries;
    for (int i = 0; i < 2000; ++i) recorder(entries.emplace_back(any.make()));

    flight_log_reader reader(log);
    for (const auto& e : entries) {
        const auto read = reader.next();
        REQUIRE(read);
        REQUIRE(to_json(*read) == to_json(e)); // every member that can be written
        REQUIRE(read->at == e.at);
        REQUIRE(read->took == e.took);
        REQUIRE(read->end == e.end);
        REQUIRE(read->failure.has_value() == e.failure.has_value());
        if (e.failure) REQUIRE(read->failure->code == e.failure->code);
        if (e.failure) REQUIRE((read->failure->hint == e.failure->hint));
        if (e.options) REQUIRE(read->options->poll_timeout == e.options->poll_timeout);
        if (e.options) REQUIRE(read->options->interval == e.options->interval);
        if (e.options && e.options->retry) REQUIRE((read->options->retry->classes == e.options->retry->classes));
        if (e.watch) REQUIRE(read->watch->labels == e.watch->labels);
    }
    CHECK_FALSE(reader.next());
    CHECK(reader.line() == 2000);
    CHECK_FALSE(reader.torn());
}

TEST_CASE("flight_log: an option that is not there has its default, a member that is not known is skipped") {
    std::istringstream in(
        R"({"at":"2026-01-02T12:00:00Z","kind":"poller_started","more":[1],"options":{"x":2,"jitter":0.5}})"
        "\n");
    const auto e = flight_log_reader(in).next();
    REQUIRE(e);
    CHECK(e->options->jitter == Approx(0.5));
    CHECK(e->options->interval == poller_options{}.interval);
    CHECK(e->options->poll_timeout == poller_options{}.poll_timeout);
}

TEST_CASE("flight_log: errors name the line and the place, and the next line is read") {
    const std::string line = std::string(good) + "}\n";
    const auto bad = [&](std::string_view member) { return line + good + std::string(member) + "}\n" + line; };
    CHECK(message_of(line + "\n  \n" + line) == "nothing");
    CHECK(message_of(bad(",")).find("line 2, byte ") == 0);
    CHECK(message_of(line + "[]\n").find("line 2, \"kind\"") == 0);
    CHECK(message_of(bad(R"(,"state":"flying")")).find("line 2, \"state\"") == 0);
    CHECK(message_of(bad(R"(,"reason":3)")).find("line 2, \"reason\"") == 0);
    CHECK(message_of(bad(R"(,"attempt":4294967296)")).find("line 2, \"attempt\"") == 0);
    CHECK(message_of(bad(R"(,"next_ns":1.5)")).find("line 2, \"next_ns\"") == 0);
    CHECK(message_of(bad(R"(,"jobs":[1])")).find("line 2, \"jobs\"") == 0);
    CHECK(message_of(bad(R"(,"end":{"value":1})")).find("line 2, \"category\"") == 0);
    CHECK(message_of(bad(R"(,"end":{"value":1e3})")).find("line 2, \"value\"") == 0);
    CHECK(message_of(bad(R"(,"options":{"pace":"x"})")).find("line 2, \"pace\"") == 0);
    CHECK(message_of(bad(R"(,"options":{"jitter":""})")).find("line 2, \"jitter\"") == 0);
    CHECK(message_of(bad(R"(,"options":{"retry":{"classes":["odd"]}})")).find("line 2, \"classes\"") == 0);
    CHECK(message_of(bad(R"(,"budget":{"rate":{"burst":0}})")).find("line 2, \"rate\"") == 0);
    CHECK(message_of(bad(R"(,"options":{"breaker":7})")).find("line 2, \"breaker\"") == 0);
    CHECK(message_of("{\"kind\":\"stopped\"}\n").find("line 1, \"at\"") == 0);
    CHECK(message_of("{\"at\":\"now\",\"kind\":\"stopped\"}\n").find("line 1, \"at\"") == 0);
    CHECK(message_of(line + std::string(151, ' ') + "\n").find("line 2") == 0);

    std::istringstream in("{\"kind\"\n" + line);
    flight_log_reader reader(in);
    CHECK_THROWS_AS(reader.next(), system_error);
    CHECK(reader.next());
    CHECK(reader.line() == 2);
}

TEST_CASE("flight_log: a last line that ends too early is told, wherever it ends") {
    const std::string whole = std::string(good) + "}";
    const std::string line = whole + "\n";
    for (std::size_t n = 1; n < whole.size(); ++n) {
        CAPTURE(n);
        std::istringstream in(line + whole.substr(0, n));
        flight_log_reader reader(in);
        CHECK(reader.all().size() == 1);
        CHECK(reader.torn());
    }
    std::istringstream in(line + whole); // only its line break is missing
    flight_log_reader reader(in);
    CHECK(reader.all().size() == 2);
    CHECK_FALSE(reader.torn());
}

TEST_CASE("flight_log: an error of a category that nobody knows is one all the same") {
    std::istringstream in(std::string(good) + R"(,"end":{"category":"my.own","value":7}})" + "\n");
    CHECK(flight_log_reader(in).next()->end == errc::recorded_error);
}

TEST_CASE("flight_log: a flight that was read is replayed; an old one, with a poller of today") {
    std::stringstream file;
    {
        telltale_test::virtual_world world;
        telltale::testing::scripted_source source;
        source.script("42", {telltale::testing::says(job_state::running),
                             telltale::testing::fails(net::error::connection_reset),
                             telltale::testing::says(job_state::succeeded).after(80ms)});
        const telltale::flight_recorder recorder(file, {.secrets = {"s3cret"}});
        telltale::status_poller poller(world.executor(), source, {}, {.recorder = recorder});
        poller.watch("42");
        world.clock.run_for(1h);
    }

    telltale::flight_log_reader log(file);
    const auto recorded = log.all();
    if (log.torn()) std::clog << "the last line ends too early\n";
    const auto result = telltale::testing::replay(recorded);
    CHECK(to_string(result) == "all " + std::to_string(recorded.size()) + " entries are the same");
    CHECK(recorded.size() > 10);
    CHECK(recorded.back().kind == flight_kind::stopped);
    CHECK(telltale::testing::replay(recorded, {.tolerance = 0s}));
}
