// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/stage.hpp>

#include "support.hpp"

#include <telltale/progress/stage_tree.hpp>

using namespace telltale;
using namespace telltale_test;

TEST_CASE("copies of a stage are the same stage; stages of one name are not") {
    virtual_world world;
    stage_tree tree(world.executor());
    stage a = tree.root().add("part", {.total = 10});
    stage copy = a;
    stage other = tree.root().add("part", {.total = 10});
    copy.advance(3);
    other.advance();
    CHECK(a.done() == 3);
    CHECK(other.done() == 1);
    a = other;
    CHECK(a.done() == 1);
    copy.set_message("m");
    CHECK(tree.snapshot().root.children[0].message == "m");
    copy.set_done(1);
    CHECK(copy.snapshot().value.percent() == 10.0);
}
