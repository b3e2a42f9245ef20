// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/event_log_reader.hpp>

#include <telltale/board/board.hpp>
#include <telltale/core/json.hpp>
#include <telltale/event/event_log.hpp>

#include "support.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

class some_commands final : public job_control {
public:
    explicit some_commands(unsigned mask) : mask_(mask) {}
    bool supports(job_command c) const noexcept override { return (mask_ >> static_cast<unsigned>(c) & 1U) != 0; }
    command_result request(job_command) override { return command_result::accepted; }

private:
    unsigned mask_;
};

/// Any event: each member is there, or not, by chance.
class generator {
public:
    explicit generator(unsigned seed) : random_(seed) {}

    event make() {
        event e;
        e.kind = static_cast<event_kind>(below(event_kind_count));
        e.time = time();
        if (chance()) e.job = std::make_shared<const job>(make_job());
        if (chance()) {
            constexpr std::string_view values[] = {"17",
                                                   "null",
                                                   "\"a \\\"b\\\" , } data\"",
                                                   "{\"data\":{\"x\":[1,2,{}]} , \"b\":[ ]}",
                                                   "[]",
                                                   "-1.50e3",
                                                   "\"\\\"}\"",
                                                   "{}",
                                                   "[{\"a\":\"]}\\\\\"}, true]"};
            e.data = values[below(std::size(values))];
        }
        return e;
    }

private:
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    bool chance() { return below(2) == 0; }
    timestamp time() {
        return timestamp{} + std::chrono::duration_cast<timestamp::duration>(std::chrono::nanoseconds(
                                 static_cast<std::int64_t>(random_() % 4'000'000'000) * 1'000'000'007));
    }
    std::string text() {
        constexpr std::string_view texts[] = {"",     "a",  "Grüße, 世界 🚀", "\"quoted\"\\", "line\nbreak\r\t\b\f\x01",
                                              "data", "\"", "}{][,:"};
        return std::string(texts[below(std::size(texts))]);
    }
    double number() {
        switch (below(5)) {
        case 0: return static_cast<double>(random_());
        case 1: return 1.0 / static_cast<double>(1 + random_() % 1000);
        case 2: return 1e300;
        case 3: return -5e-324;
        default: return 9.3e18;
        }
    }
    progress make_progress() {
        progress p{.done = number(), .unit = static_cast<progress_unit>(below(6))};
        if (chance()) p.total = number();
        if (chance()) p.rate = number();
        for (auto* d : {&p.remaining, &p.remaining_low, &p.remaining_high})
            if (chance()) *d = std::chrono::duration<double>(number());
        return p;
    }
    job_step make_step() {
        job_step s{.name = text(), .state = static_cast<job_state>(below(job_state_count))};
        if (chance()) s.progress = make_progress();
        for (auto* t : {&s.started, &s.finished})
            if (chance()) *t = time();
        return s;
    }
    job make_job() {
        job j;
        j.id = "id" + text();
        j.name = text();
        j.kind = text();
        j.state = static_cast<job_state>(below(job_state_count));
        j.attempt = static_cast<std::uint32_t>(random_());
        j.word = text();
        if (chance()) j.progress = make_progress();
        if (chance()) j.queue_position = static_cast<std::uint32_t>(random_());
        for (auto n = below(3); n > 0; --n) j.labels[text()] = text();
        j.message = text();
        if (chance()) {
            std::vector<job_step> steps(below(3));
            std::generate(steps.begin(), steps.end(), [this] { return make_step(); });
            j.steps = std::make_shared<const std::vector<job_step>>(std::move(steps));
        }
        if (chance()) j.approval = approval_request{text(), chance() ? std::optional(time()) : std::nullopt};
        for (auto* t : {&j.created, &j.queued, &j.started, &j.finished, &j.observed})
            if (chance()) *t = time();
        if (chance()) j.error = job_error{static_cast<error_class>(below(8)), text()};
        j.health.state = static_cast<watch_state>(below(4));
        if (chance()) j.health.since = time();
        j.health.error = text();
        if (chance())
            j.control = std::make_shared<some_commands>(static_cast<unsigned>(below(1U << job_command_count)));
        return j;
    }

    std::mt19937 random_;
};

void check_same(const job& a, const job& b) {
    CHECK(a.id == b.id);
    CHECK(a.name == b.name);
    CHECK(a.kind == b.kind);
    CHECK(a.state == b.state);
    CHECK(a.attempt == b.attempt);
    CHECK(a.word == b.word);
    CHECK((a.progress == b.progress));
    CHECK(a.queue_position == b.queue_position);
    CHECK(a.labels == b.labels);
    CHECK(a.message == b.message);
    REQUIRE((a.steps == nullptr) == (b.steps == nullptr));
    if (a.steps) CHECK((*a.steps == *b.steps));
    CHECK((a.approval == b.approval));
    CHECK((a.created == b.created));
    CHECK((a.queued == b.queued));
    CHECK((a.started == b.started));
    CHECK((a.finished == b.finished));
    CHECK((a.observed == b.observed));
    CHECK((a.error == b.error));
    CHECK((a.health == b.health));
    REQUIRE((a.control == nullptr) == (b.control == nullptr));
    if (!a.control) return;
    for (std::size_t i = 0; i < job_command_count; ++i) {
        const auto c = static_cast<job_command>(i);
        CHECK(accepts(a, c) == accepts(b, c));
        CHECK(b.control->supports(c) == accepts(a, c));
    }
    CHECK(b.control->request(job_command::cancel) == command_result::refused);
}

/// What the reader says of a text.
std::string complaint(const std::string& text, event_log_reader_options options = {}) {
    std::istringstream in(text);
    event_log_reader log(in, options);
    try {
        while (log.next()) {}
    } catch (const system_error& e) {
        return e.what();
    }
    return log.torn() ? "torn" : "";
}

const std::string good = R"({"type":"event","cursor":"1:2","time":"2026-01-01T00:00:00Z","kind":"custom"})";

} // namespace

TEST_CASE("what was written is read back exactly") {
    std::stringstream file;
    event_log_writer writer(file);
    std::vector<delivery<event>> all;
    generator generate(11);
    for (std::uint64_t i = 1; i <= 500; ++i) {
        if (i % 50 == 0)
            all.push_back({{0xffff'ffff'ffff'ffff, i}, nullptr, i % 100 == 0 ? std::optional(i) : std::nullopt});
        else
            all.push_back({{0xffff'ffff'ffff'ffff, i}, std::make_shared<const event>(generate.make()), {}});
        REQUIRE(writer.write(all.back()));
    }
    event_log_reader reader(file);
    for (const auto& written : all) {
        CAPTURE(written.at.offset);
        const auto d = reader.next();
        REQUIRE(d);
        CHECK(reader.line() == written.at.offset);
        CHECK((d->at == written.at));
        CHECK(d->lost == written.lost);
        REQUIRE(d->is_gap() == written.is_gap());
        if (written.is_gap()) continue;
        CHECK(d->event->kind == written->kind);
        CHECK((d->event->time == written->time));
        CHECK(d->event->data == written->data);
        REQUIRE((d->event->job == nullptr) == (written->job == nullptr));
        if (written->job) check_same(*written->job, *d->event->job);
    }
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.torn());
}

TEST_CASE("numbers that JSON cannot say come back as not a number") {
    std::stringstream file;
    event_log_writer writer(file);
    job j{.id = "1"};
    j.progress = progress{.done = std::nan(""), .total = std::numeric_limits<double>::infinity()};
    writer.write({{1, 1}, std::make_shared<const event>(event{.job = std::make_shared<const job>(j)}), {}});
    const auto d = event_log_reader(file).next();
    CHECK(std::isnan((*d)->job->progress->done));
    CHECK(std::isnan(*(*d)->job->progress->total));
}

TEST_CASE("a bad line is told with its number and what is wrong, and the next one is read") {
    std::istringstream in(good + "\n\n{\"type\":\"event\"]\n" + good + "\r\n[]\n" + good);
    event_log_reader log(in);
    CHECK(log.next());
    try {
        log.next();
        FAIL("accepted");
    } catch (const system_error& e) {
        CHECK(e.code() == errc::malformed_json);
        CHECK(std::string(e.what()).find("line 3, byte 16") == 0);
    }
    CHECK(log.next());
    CHECK(log.line() == 4);
    CHECK_THROWS_AS(log.next(), system_error);
    CHECK(log.next()); // whole, though without a line break
    CHECK_FALSE(log.next());
    CHECK_FALSE(log.torn());
    CHECK(log.line() == 6);
}

TEST_CASE("what can be wrong with a line") {
    const auto changed = [](std::string_view from, std::string_view to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        return complaint(text + "\n");
    };
    CHECK(changed("\"type\"", "\"typo\"").find("line 1, \"type\"") == 0);
    CHECK(changed("event", "gab").find("line 1, \"type\"") == 0);
    CHECK(changed("1:2", "1-2").find("line 1, \"cursor\"") == 0);
    CHECK(changed("\"1:2\"", "12").find("line 1, \"cursor\"") == 0);
    CHECK(changed("custom", "costume").find("line 1, \"kind\"") == 0);
    CHECK(changed("2026-01", "2026-13").find("line 1, \"time\"") == 0);
    const auto of_job = [](std::string_view members) {
        return complaint(good.substr(0, good.size() - 1) + ",\"job\":{" + std::string(members) + "}}\n");
    };
    CHECK(of_job(R"("id":"1","state":"running","attempt":1)").empty());
    CHECK(of_job(R"("state":"running","attempt":1)").find("line 1, \"id\"") == 0);
    CHECK(of_job(R"("id":"1","state":"jogging","attempt":1)").find("line 1, \"state\"") == 0);
    CHECK(of_job(R"("id":"1","state":"running")").find("line 1, \"attempt\"") == 0);
    CHECK(of_job(R"("id":"1","state":"running","attempt":4294967296)").find("line 1, \"attempt\"") == 0);
    CHECK(of_job(R"("id":"1","state":"running","attempt":1,"progress":{"unit":"items"})").find("line 1, \"done\"") ==
          0);
    CHECK(of_job(R"("id":"1","state":"running","attempt":1,"labels":{"a":1})").find("line 1, \"labels\"") == 0);
    CHECK(of_job(R"("id":"1","state":"running","attempt":1,"commands":["run"])").find("line 1, \"commands\"") == 0);
    CHECK(of_job(R"("id":"1","state":"running","attempt":1,"created_at":"now")").find("line 1, \"created_at\"") == 0);
    CHECK(of_job(R"("id":"1","state":"running","attempt":1,"error":{"class":"x"})").find("line 1, \"class\"") == 0);
    CHECK(complaint(good + "\n" + std::string(200, ' ') + "\n" + good, {.max_line = 150}).find("line 2: ") == 0);
    CHECK(complaint(std::string("{\"type\":\"\xff\"}\n")).find("line 1, ") == 0);
}

TEST_CASE("a log that ends in the middle of a line is told, wherever that is, and is not an error") {
    std::stringstream file;
    event_log_writer writer(file);
    generator generate(5);
    for (std::uint64_t i = 1; i <= 3; ++i) writer.write({{1, i}, std::make_shared<const event>(generate.make()), {}});
    const std::string text = file.str();
    const auto last = text.rfind('\n', text.size() - 2) + 1;
    for (auto size = last + 1; size < text.size() - 1; ++size) {
        std::istringstream in(text.substr(0, size));
        event_log_reader log(in);
        CHECK(log.next());
        CHECK(log.next());
        CHECK_FALSE(log.next());
        CHECK(log.torn());
        CHECK(log.line() == 3);
    }
    // With a line break behind it, it was not torn.
    CHECK(complaint(text.substr(0, last + 20) + "\n").find("line 3, ") == 0);
}

TEST_CASE("a log is replayed into another board, which then has the same jobs") {
    virtual_world world;
    std::stringstream file;
    board original(world.executor());
    auto events = original.subscribe({}, {.conflate = false});
    const auto at = timestamp{} + 1h;
    original.report({.id = "1", .at = at, .state = job_state::queued, .name = "one", .queue_position = 3});
    original.report({.id = "1", .at = at + 1s, .state = job_state::running, .labels = label_map{{"a", "b"}}});
    original.report({.id = "2", .by = reporter::observer, .at = at + 2s, .state = job_state::running, .word = "RUN"});
    original.report({.id = "1", .at = at + 3s, .progress = progress{.done = 1, .total = 4}});
    original.report({.id = "1", .at = at + 4s, .progress = progress{.done = 2, .total = 4}});
    original.report({.id = "1", .at = at + 5s, .state = job_state::failed, .error = job_error{error_class::api, "no"}});
    original.report({.id = "1", .at = at + 6s, .state = job_state::running}); // refused
    original.report({.id = "1", .at = at + 7s, .state = job_state::queued, .attempt = 2});
    original.report({.id = "2", .by = reporter::observer, .at = at + 8s, .health = watch_state::degraded});
    event_log_writer writer(file);
    while (const auto d = events.try_receive()) writer.write(*d);

    board copy(world.executor());
    event_log_reader reader(file);
    while (const auto d = reader.next())
        if (auto r = report_of(**d)) copy.report(*std::move(r));
    REQUIRE(copy.jobs().size() == 2);
    const auto without_look = [](job j) { // reports do not say when somebody looked
        j.observed.reset();
        return to_json(j);
    };
    for (const auto* id : {"1", "2"}) CHECK(without_look(*copy.find(id)) == without_look(*original.find(id)));
    CHECK(copy.refused() == 0);
}
