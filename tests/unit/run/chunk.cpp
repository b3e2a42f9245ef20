// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/chunk.hpp>

#include "catch.hpp"

#include <atomic>

using namespace telltale;

TEST_CASE("a chunk sees that it is to stop") {
    std::atomic<bool> flag{false};
    const chunk_stop stop(flag);
    CHECK_FALSE(stop.requested());
    flag = true;
    CHECK(stop.requested());
}

TEST_CASE("progress of chunks is a progress") {
    chunk_progress p;
    p.done = 3;
    p.total = 4;
    const telltale::progress& plain = p;
    CHECK(plain.percent() == 75.0);
    CHECK(p.elapsed.count() == 0);
}
