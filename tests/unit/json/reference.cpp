// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/profile.hpp>
#include <telltale/json/status_parser.hpp>

#include "catch.hpp"

#include <fstream>
#include <iterator>
#include <string>

// The profile and the answer that docs/reference/profile.md shows.

namespace {

std::string reference(const std::string& name) {
    std::ifstream file(std::string(TELLTALE_TEST_DIR) + "/../docs/reference/" + name);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("reference: the profile reads the answer") {
    const auto profile = telltale::parse_profile(reference("profile.json"));
    const auto status = telltale::status_parser(profile).parse(reference("answer.json"));

    CHECK(status.state == telltale::job_state::running);
    CHECK(status.word == "RUNNING");
    REQUIRE(status.progress);
    CHECK(status.progress->done == 30.0);
    CHECK(status.progress->percent() == 25.0);
    CHECK(status.message == "tray 2");
    CHECK(status.started);
    CHECK_FALSE(status.finished);
    CHECK_FALSE(status.queue_position);
}
