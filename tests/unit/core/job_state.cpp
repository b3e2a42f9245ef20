// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/job_state.hpp>

#include "catch.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace telltale;

namespace {

const std::vector<job_state> all{job_state::pending,   job_state::queued, job_state::paused,    job_state::running,
                                 job_state::succeeded, job_state::failed, job_state::cancelled, job_state::timed_out,
                                 job_state::skipped,   job_state::lost};

// The rules once more, as a person would read them off the diagram: what each state may turn into.
const std::vector<std::pair<job_state, std::string>> strict{
    {job_state::pending, "queued paused failed cancelled skipped lost"},
    {job_state::queued, "paused running failed cancelled timed_out skipped lost"},
    {job_state::paused, "queued running failed cancelled timed_out skipped lost"},
    {job_state::running, "paused succeeded failed cancelled timed_out lost"}};

bool has_word(const std::string& words, std::string_view word) {
    return (" " + words + " ").find(" " + std::string(word) + " ") != std::string::npos;
}

} // namespace

TEST_CASE("every state has a name that reads back") {
    for (const auto s : all) {
        CHECK(parse_job_state(to_string(s)) == s);
    }
    CHECK_FALSE(parse_job_state("RUNNING"));
    CHECK_FALSE(parse_job_state(""));
}

TEST_CASE("six states are terminal") {
    int terminal = 0;
    for (const auto s : all) terminal += is_terminal(s) ? 1 : 0;
    CHECK(terminal == 6);
    CHECK_FALSE(is_terminal(job_state::running));
    CHECK(is_terminal(job_state::lost));
}

TEST_CASE("a producer moves strictly along the table") {
    for (const auto& [from, words] : strict)
        for (const auto to : all) {
            CAPTURE(to_string(from), to_string(to));
            const auto expected = from == to                       ? transition::unchanged
                                  : has_word(words, to_string(to)) ? transition::allowed
                                                                   : transition::refused;
            CHECK(check_transition(from, to, reporter::producer) == expected);
        }
}

TEST_CASE("an observer may jump forward, and nobody goes back") {
    for (const auto from : all)
        for (const auto to : all) {
            CAPTURE(to_string(from), to_string(to));
            const auto by_observer = check_transition(from, to, reporter::observer);
            if (from == to)
                CHECK(by_observer == transition::unchanged);
            else if (is_terminal(from))
                CHECK(by_observer == transition::refused);
            else if (is_terminal(to))
                CHECK(by_observer == transition::allowed);
            else if (to == job_state::pending)
                CHECK(by_observer == transition::refused);
            else if (from == job_state::running && to == job_state::queued)
                CHECK(by_observer == transition::refused);
            else
                CHECK(by_observer == transition::allowed);
            // Whatever a producer may do, an observer may see.
            if (check_transition(from, to, reporter::producer) == transition::allowed)
                CHECK(by_observer == transition::allowed);
        }
}

TEST_CASE("the rules are known at compile time") {
    STATIC_REQUIRE(check_transition(job_state::pending, job_state::succeeded, reporter::observer) ==
                   transition::allowed);
    STATIC_REQUIRE(check_transition(job_state::pending, job_state::succeeded, reporter::producer) ==
                   transition::refused);
}
