// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/flight_recorder.hpp>

#include <telltale/core/json.hpp>
#include <telltale/error.hpp>

#include "catch.hpp"

#include <chrono>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

const timestamp noon = std::chrono::sys_days{std::chrono::January / 2 / 2026} + 12h;

flight_entry decision(job_id id, std::chrono::nanoseconds next) {
    flight_entry e;
    e.kind = flight_kind::decided;
    e.at = noon;
    e.id = std::move(id);
    e.next = next;
    e.reason = poll_reason::interval;
    return e;
}

} // namespace

TEST_CASE("flight_recorder: a line for each entry, with what its kind has") {
    std::ostringstream out;
    const flight_recorder recorder(out);
    recorder(decision("42", 15s));

    flight_entry asked;
    asked.kind = flight_kind::poll_started;
    asked.at = noon + 1ns;
    asked.poll = 7;
    asked.ids = {"42", "43"};
    recorder(asked);

    flight_entry failed;
    failed.kind = flight_kind::poll_ended;
    failed.at = noon;
    failed.id = "42";
    failed.poll = 7;
    failed.took = 1500us;
    failed.failure = flight_failure{errc::http_status, error_class::network, 0, {}, "reset"};
    failed.failure->hint.retry_after = 2s;
    recorder(failed);

    CHECK(
        out.str() ==
        R"({"at":"2026-01-02T12:00:00.000000000Z","kind":"decided","job":"42","next_ns":15000000000,"reason":"interval"})"
        "\n"
        R"({"at":"2026-01-02T12:00:00.000000001Z","kind":"poll_started","poll":7,"jobs":["42","43"]})"
        "\n"
        R"({"at":"2026-01-02T12:00:00.000000000Z","kind":"poll_ended","job":"42","poll":7,"took_ns":1500000,)"
        R"("failure":{"class":"network","code":{"category":"telltale","value":13},"hint":{"retry_after_ns":2000000000},)"
        R"("message":"reset"}})"
        "\n");
}

TEST_CASE("flight_recorder: the options of the poller are in it, and those of a watch") {
    flight_entry start;
    start.at = noon;
    start.seed = 17;
    start.batch_limit = 100;
    start.can_cancel = true;
    start.options = std::make_shared<const poller_options>(
        poller_options{.interval = 5s, .poll_timeout = {}, .pace = poll_pace::adaptive});
    const std::string line = to_json(start);
    CHECK(line.find(R"("kind":"poller_started","seed":17,)") != std::string::npos);
    CHECK(line.find(R"("batch_limit":100,"can_cancel":true)") != std::string::npos);
    CHECK(line.find(R"("interval_ns":5000000000,)") != std::string::npos);
    CHECK(line.find(R"("poll_timeout_ns":null,)") != std::string::npos); // which is not the default
    CHECK(line.find(R"("pace":"adaptive")") != std::string::npos);

    flight_entry watched;
    watched.kind = flight_kind::watched;
    watched.watch = std::make_shared<const watch_options>(watch_options{.deadline = 1h, .labels = {{"team", "a"}}});
    CHECK(to_json(watched).find(R"("deadline_ns":3600000000000,)") != std::string::npos);
    CHECK(to_json(watched).find(R"("labels":{"team":"a"})") != std::string::npos);
}

TEST_CASE("flight_recorder: keeps the latest entries, in all and by job") {
    const flight_recorder recorder({.keep = 4});
    const flight_recorder copy = recorder; // the same record
    flight_entry both;
    both.kind = flight_kind::poll_started;
    both.ids = {"1", "2"};
    copy(decision("1", 1s));
    copy(decision("1", 2s));
    copy(decision("2", 3s));
    copy(both);
    copy(decision("1", 4s)); // the first is forgotten

    CHECK(recorder.last(100).size() == 4);
    CHECK(recorder.last(100).front().next == 2s);
    const auto of_two = recorder.last(100, "2");
    REQUIRE(of_two.size() == 2);
    CHECK(of_two[0].next == 3s);
    CHECK(of_two[1].kind == flight_kind::poll_started);
    const auto of_one = recorder.last(2, "1");
    REQUIRE(of_one.size() == 2);
    CHECK(of_one[0].kind == flight_kind::poll_started);
    CHECK(of_one[1].next == 4s);
    CHECK(recorder.last(100, "3").empty());
    CHECK(recorder.last(0).empty());

    std::vector<std::string> lines;
    const flight_recorder none([&](std::string_view line) { lines.emplace_back(line); }, {.keep = 0});
    none(decision("1", 1s));
    CHECK(none.last(100).empty());
    CHECK(lines.size() == 1);
}

TEST_CASE("flight_recorder: what must not be in a line is not") {
    std::ostringstream out;
    const flight_recorder recorder(out, {.secrets = {"hunter\"2", "", "s3cret"}});
    flight_entry e;
    e.kind = flight_kind::told;
    e.word = "with hunter\"2 and s3crets3cret";
    recorder(e);
    CHECK(out.str().find(R"("word":"with *** and ******")") != std::string::npos);
    CHECK(out.str().find("hunter") == std::string::npos);
}

TEST_CASE("flight_recorder: a line without its secrets is still one") {
    std::ostringstream out;
    // A number, a name, the second half of an escape, too short.
    const flight_recorder recorder(out, {.secrets = {"2026", "1234", "word", "nfoo", "2"}});
    flight_entry e;
    e.kind = flight_kind::told;
    e.poll = 1234;
    e.word = "a\nfoo, nfoo and 2";
    recorder(e);
    const std::string line = out.str();
    CHECK(line.find(R"("word":"a\nfoo, *** and 2")") != std::string::npos);
    CHECK(line.find(":1234") != std::string::npos);
    CHECK(line.find("2026") == std::string::npos);
}

TEST_CASE("flight_recorder: words of kinds and waits are read back") {
    for (std::size_t i = 0; i < detail::flight_kind_names.size(); ++i) {
        const auto k = static_cast<flight_kind>(i);
        CHECK(parse_flight_kind(to_string(k)) == k);
    }
    CHECK(to_string(flight_kind::stopped) == "stopped");
    CHECK_FALSE(parse_flight_kind("flown"));
    CHECK(parse_poll_wait("retry_after") == poll_wait::retry_after);
    CHECK(parse_poll_wait(to_string(poll_wait::nothing)) == poll_wait::nothing);
    CHECK_FALSE(parse_poll_wait(""));
}
