// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/checkpoint.hpp>

#include "support.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

error_code tracker_error(std::string_view bytes) {
    error_code ec;
    parse_tracker_checkpoint(bytes, ec);
    return ec;
}

error_code stage_error(std::string_view bytes) {
    error_code ec;
    parse_stage_checkpoint(bytes, ec);
    return ec;
}

/// With the checksum that fits.
std::string signed_again(std::string bytes) {
    const std::uint64_t hash = detail::fnv1a(std::string_view(bytes).substr(0, bytes.size() - 8));
    for (std::size_t i = 0; i < 8; ++i) bytes[bytes.size() - 8 + i] = static_cast<char>(hash >> 8 * i);
    return bytes;
}

std::string some_stages(virtual_world& world) {
    stage_tree tree(world.executor(), {.root = {.name = "import"}});
    stage load = tree.root().add("load", {.weight = 3, .total = 1000, .unit = progress_unit::bytes});
    stage index = tree.root().add("index");
    index.add("words", {.total = 10}).advance(10);
    index.add("links").fail("no room");
    world.clock.run_for(10s);
    load.advance(500);
    return to_checkpoint(tree.snapshot());
}

} // namespace

TEST_CASE("checkpoint: a tracker goes on from there, and its rate leaves the old part out") {
    virtual_world world;
    std::string bytes;
    {
        progress_tracker t(world.executor(), {.total = 1000, .unit = progress_unit::bytes});
        world.clock.run_for(2s);
        t.advance(600);
        CHECK(*t.sample().rate > 100);
        bytes = to_checkpoint(t.snapshot());
    }
    world.clock.run_for(1h); // nobody is there
    progress_tracker t(world.executor(), parse_tracker_checkpoint(bytes));
    CHECK(t.done() == 600);
    CHECK(t.sample().total == 1000.0);
    CHECK(t.sample().unit == progress_unit::bytes);
    CHECK(t.snapshot().elapsed == 2s);
    CHECK_FALSE(t.sample().rate);
    for (int i = 0; i < 10; ++i) {
        world.clock.run_for(1s);
        t.advance(4);
        t.sample();
    }
    CHECK(*t.sample().rate == Approx(4.0));
    CHECK(t.sample().remaining->count() == Approx(90.0));
    CHECK(t.snapshot().elapsed == 12s);

    progress_tracker endless(world.executor());
    endless.advance(std::uint64_t{1} << 60);
    const auto options = parse_tracker_checkpoint(to_checkpoint(endless.snapshot()));
    CHECK(options.done == std::uint64_t{1} << 60);
    CHECK_FALSE(options.total);
}

TEST_CASE("checkpoint: stages go on from there when they are added again") {
    virtual_world world;
    const std::string bytes = some_stages(world);
    stage_tree tree(world.executor(), parse_stage_checkpoint(bytes));
    const auto before = tree.snapshot();
    CHECK(before.root.name == "import");
    CHECK(before.elapsed == 10s);
    CHECK(before.value.percent() == 50.0); // 3 * 1/2 and 1 * 1/2 of 4
    CHECK(before.root.state == stage_state::failed);
    REQUIRE(before.root.children.size() == 2);
    CHECK(before.root.children[0].elapsed == 10s);
    CHECK(before.root.children[1].children[0].state == stage_state::done);
    CHECK(before.root.children[1].children[1].message == "no room");
    stage load = tree.root().add("load", {.weight = 3, .total = 1000, .unit = progress_unit::bytes});
    stage index = tree.root().add("index");
    CHECK(load.done() == 500);
    CHECK(tree.snapshot().root.children.size() == 2);
    for (int i = 0; i < 10; ++i) {
        world.clock.run_for(1s);
        load.advance(10);
        tree.snapshot();
    }
    CHECK(*load.snapshot().value.rate == Approx(10.0));
    CHECK(*tree.sample().rate == Approx(0.75));
    stage links = index.add("links");
    links.start(); // another try
    CHECK(tree.snapshot().root.state == stage_state::running);
    links.finish();
    load.advance(400);
    CHECK(tree.sample().percent() == 100.0);
    tree.root().add("more");
    tree.root().add("load"); // asked for a second time: another one
    CHECK(tree.snapshot().root.children.size() == 4);
}

TEST_CASE("checkpoint: what is written is what is read") {
    virtual_world world;
    const std::string bytes = some_stages(world);
    stage_tree tree(world.executor(), parse_stage_checkpoint(bytes));
    CHECK(to_checkpoint(tree.snapshot()) == bytes);
}

TEST_CASE("checkpoint: the bytes are the same on every machine") {
    progress_snapshot s;
    s.count = 0x0102;
    s.value.total = 3;
    s.value.unit = progress_unit::steps;
    s.elapsed = 1s;
    const std::string expected("tltp\x01\x01\x30\0\0\0\0\0\0\0" // length 48
                               "\0\0\0\0\0\0\xf0\x3f"           // 1.0
                               "\x02\x01\x03\0\0\0\0\0\0\0"     // steps, of 3
                               "\x02\x01\0\0\0\0\0\0",          // done
                               40);
    CHECK(to_checkpoint(s).substr(0, 40) == expected);
    CHECK(to_checkpoint(s).size() == 48);
}

TEST_CASE("checkpoint: what is wrong has a name") {
    virtual_world world;
    const std::string stages = some_stages(world);
    const std::string good = to_checkpoint(progress_tracker(world.executor(), {.total = 7}).snapshot());
    REQUIRE_FALSE(tracker_error(good));
    REQUIRE_FALSE(stage_error(stages));
    for (std::size_t n = 0; n < good.size(); ++n) CHECK(tracker_error(good.substr(0, n)) == errc::truncated_checkpoint);
    for (std::size_t n = 0; n < stages.size(); ++n)
        CHECK(stage_error(stages.substr(0, n)) == errc::truncated_checkpoint);
    CHECK(tracker_error("PK\x03\x04 something else") == errc::malformed_checkpoint);
    CHECK(tracker_error(good + "x") == errc::malformed_checkpoint);
    CHECK(tracker_error(stages) == errc::malformed_checkpoint);
    CHECK(stage_error(good) == errc::malformed_checkpoint);
    std::string newer = good;
    newer[4] = 2;
    CHECK(tracker_error(newer) == errc::checkpoint_version);
    CHECK_THROWS_AS(parse_tracker_checkpoint("x"), system_error);
    CHECK_THROWS_AS(parse_stage_checkpoint("x"), system_error);
    std::string unit = good;
    unit[22] = 6;
    CHECK(tracker_error(signed_again(unit)) == errc::malformed_checkpoint);
    std::string elapsed = good;
    elapsed[21] = '\x80'; // -0.0 would be 0; below it is not
    elapsed[20] = '\x01';
    CHECK(tracker_error(signed_again(elapsed)) == errc::malformed_checkpoint);
}

TEST_CASE("checkpoint: one that is damaged is never taken, one that is forged never harms") {
    virtual_world world;
    const std::string good = some_stages(world);
    int taken = 0;
    int read = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (const int change : {1, 0x80, 0xff}) {
            std::string bad = good;
            bad[i] = static_cast<char>(bad[i] ^ change);
            if (!stage_error(bad)) ++taken;
            if (i < good.size() - 8 && !stage_error(signed_again(bad))) ++read;
        }
    }
    CHECK(taken == 0);
    CHECK(read > 0); // another name, another count
    detail::checkpoint_writer deep(detail::checkpoint_kind::stages);
    deep.write(0.0);
    stage_snapshot s;
    for (int i = 0; i < 1001; ++i) {
        stage_snapshot outer;
        outer.children.push_back(std::move(s));
        s = std::move(outer);
    }
    deep.write_stage(s);
    CHECK(stage_error(std::move(deep).finish()) == errc::malformed_checkpoint);
}
