// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/json.hpp>

#include "catch.hpp"

#include <chrono>
#include <memory>

using namespace telltale;
using namespace std::chrono_literals;

namespace {
class all_commands final : public job_control {
public:
    bool supports(job_command) const noexcept override { return true; }
    command_result request(job_command) override { return command_result::accepted; }
};
} // namespace

TEST_CASE("what is unknown is left out") {
    CHECK(to_json(job{.id = "1"}) == R"({"id":"1","state":"pending","attempt":1})");
    CHECK(to_json(progress{.done = 3}) == R"({"done":3,"unit":"items"})");
}

TEST_CASE("a job with everything") {
    job j{.id = "a\"b", .name = "n", .kind = "k", .state = job_state::running, .attempt = 2, .word = "RUN"};
    j.progress = progress{.done = 1, .total = 4, .unit = progress_unit::bytes, .rate = 0.5, .remaining = 6s};
    j.progress->remaining_low = 4s;
    j.progress->remaining_high = 9s;
    j.queue_position = 3;
    j.labels = {{"l", "v"}};
    j.message = "m";
    j.steps = std::make_shared<const std::vector<job_step>>(std::vector<job_step>{
        {.name = "load", .state = job_state::succeeded, .started = timestamp{}, .finished = timestamp{} + 1s},
        {.name = "sort", .state = job_state::running, .progress = progress{.done = 1}}});
    j.approval = approval_request{"drop the table", timestamp{} + 60s};
    j.created = timestamp{};
    j.finished = timestamp{} + 1s;
    j.error = job_error{error_class::timeout, "slow"};
    j.health = {watch_state::unreachable, timestamp{}, "refused"};
    j.control = std::make_shared<all_commands>();
    CHECK(
        to_json(j) ==
        R"({"id":"a\"b","name":"n","kind":"k","state":"running","attempt":2,"word":"RUN",)"
        R"("progress":{"done":1,"total":4,"unit":"bytes","percent":25,"rate":0.5,"remaining_s":6,"remaining_low_s":4,"remaining_high_s":9},)"
        R"("queue_position":3,"labels":{"l":"v"},"message":"m",)"
        R"("steps":[{"name":"load","state":"succeeded","started_at":"1970-01-01T00:00:00.000Z",)"
        R"("finished_at":"1970-01-01T00:00:01.000Z"},)"
        R"({"name":"sort","state":"running","progress":{"done":1,"unit":"items"}}],)"
        R"("approval":{"what":"drop the table","until":"1970-01-01T00:01:00.000Z"},"created_at":"1970-01-01T00:00:00.000Z",)"
        R"("finished_at":"1970-01-01T00:00:01.000Z","error":{"class":"timeout","message":"slow"},)"
        R"("health":{"state":"unreachable","since":"1970-01-01T00:00:00.000Z","error":"refused"},)"
        R"("commands":["cancel","pause","approve","reject"]})");
}

TEST_CASE("commands are those that the job takes as it is") {
    job j{.id = "1", .state = job_state::failed, .control = std::make_shared<all_commands>()};
    CHECK(to_json(j) == R"({"id":"1","state":"failed","attempt":1,"commands":["retry"]})");
    j.state = job_state::paused;
    CHECK(to_json(j) == R"({"id":"1","state":"paused","attempt":1,"commands":["cancel","resume"]})");
}

TEST_CASE("an event carries its cursor, its job and its data") {
    const event e{.kind = event_kind::transition_refused,
                  .time = timestamp{},
                  .job = std::make_shared<const job>(job{.id = "1"}),
                  .data = R"({"from":"failed"})"};
    CHECK(to_json(cursor{16, 7}, e) ==
          R"({"type":"event","cursor":"10:7","time":"1970-01-01T00:00:00.000Z","kind":"transition_refused",)"
          R"("job":{"id":"1","state":"pending","attempt":1},"data":{"from":"failed"}})");
}
