// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/testing/scripted_source.hpp>

#include <telltale/testing/virtual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace telltale;
using namespace telltale::testing;
using namespace std::chrono_literals;

static_assert(status_source<scripted_source>);

namespace {

net::awaitable<void> ask(scripted_source source, job_id id, std::shared_ptr<std::vector<std::string>> said) {
    try {
        const status s = co_await source.poll(id);
        said->push_back(s.found ? s.word : "not found");
    } catch (const system_error& e) {
        said->push_back(e.code().message());
    }
}

net::awaitable<void> ask_all(scripted_source source, std::shared_ptr<std::vector<std::string>> said) {
    std::vector<job_id> ids{"1", "2"};
    const auto answers = co_await source.poll_many(std::move(ids));
    for (const auto& s : answers) said->push_back(s.found ? s.word : "not found");
    const auto result = co_await source.cancel("1");
    said->push_back(std::string(to_string(result)));
    said->push_back(co_await source.retry("1"));
    const status s = co_await source.poll("1b");
    said->push_back(s.word);
}

} // namespace

TEST_CASE("scripted_source: many at once, cancel and retry") {
    net::io_context context;
    virtual_clock clock(context);
    scripted_source source;
    CHECK(source.batch_limit() == 0);
    source.script("1", {says(job_state::running).after(2s)});
    source.script_cancel("1", {.result = command_result::refused, .takes = 1s});
    source.script_retry("1", {.as = "1b", .then = {says(job_state::succeeded)}});
    const auto said = std::make_shared<std::vector<std::string>>();
    net::co_spawn(context, ask_all(source, said), net::detached);
    clock.run();
    CHECK(*said == std::vector<std::string>{"running", "not found", "refused", "1b", "succeeded"});
    CHECK(clock.now().time_since_epoch() == 3s);
    CHECK(source.batches() == std::vector<std::vector<job_id>>{{"1", "2"}});
    CHECK(source.cancelled() == std::vector<job_id>{"1"});
    CHECK(source.retried() == std::vector<job_id>{"1"});
}

TEST_CASE("scripted_source: plays its steps, the last one for ever") {
    net::io_context context;
    virtual_clock clock(context);
    scripted_source source;
    source.script("1", {says(job_state::queued), says_word("ODD"), fails(errc::http_status),
                        says(job_state::running).after(5s), says(not_found())});
    const auto said = std::make_shared<std::vector<std::string>>();
    for (int i = 0; i < 6; ++i) {
        net::co_spawn(context, ask(source, "1", said), net::detached);
        clock.run();
    }
    CHECK(*said == std::vector<std::string>{"queued", "ODD", make_error_code(errc::http_status).message(), "running",
                                            "not found", "not found"});
    CHECK(clock.now().time_since_epoch() == 5s);
    CHECK(source.polls("1") == 6);
    CHECK(source.polls("2") == 0);
}

TEST_CASE("scripted_source: a job without a script is not found; polls at once are counted") {
    net::io_context context;
    virtual_clock clock(context);
    scripted_source source;
    source.script("1", {says(job_state::running).after(1s)});
    const auto said = std::make_shared<std::vector<std::string>>();
    for (const auto* id : {"1", "1", "2"}) net::co_spawn(context, ask(source, id, said), net::detached);
    clock.run();
    CHECK(*said == std::vector<std::string>{"not found", "running", "running"});
    CHECK(source.polls() == 3);
    CHECK(source.most_at_once() == 3);
}
