// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/stage_snapshot.hpp>

#include "catch.hpp"

using namespace telltale;

TEST_CASE("stage snapshots are values, and states have names") {
    CHECK(to_string(stage_state::pending) == "pending");
    CHECK(to_string(stage_state::running) == "running");
    CHECK(to_string(stage_state::done) == "done");
    CHECK(to_string(stage_state::failed) == "failed");
    stage_snapshot a{.name = "a"};
    a.children.push_back({.name = "b", .weight = 2});
    stage_snapshot same = a;
    CHECK(same == a);
    same.children[0].count = 1;
    CHECK(same != a);
    CHECK(stage_tree_snapshot{}.revision == 0); // has seen nothing
}
