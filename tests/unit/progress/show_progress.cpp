// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/show_progress.hpp>

#include <telltale/sync/timer.hpp>

#include "catch.hpp"
#include "support.hpp"
#include "terminal/screen_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;
using telltale_test::screen_file;

namespace {

using lines = std::vector<std::string>;

constexpr bar_writer_options on_terminal{.terminal = true, .style = bar_style{.unicode = false}};

auto lines_in(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

/// A bar for a tracker, and what was written at each time.
struct exhibit {
    explicit exhibit(progress_tracker_options options = {.total = 10}, bar_writer_options how = on_terminal)
        : tracker(std::in_place, world.executor(), options), bar(file.get(), "work", how) {
        net::co_spawn(world.context, show_progress(*tracker, bar), [this](std::exception_ptr e) {
            ended = true;
            try {
                telltale_test::rethrow{}(e);
            } catch (const system_error& error) {
                ec = error.code();
            }
        });
        pass(0s);
    }

    /// What is written while that time passes.
    std::string pass(std::chrono::steady_clock::duration time) {
        world.clock.run_for(time);
        return file.written();
    }

    telltale_test::virtual_world world;
    screen_file file;
    std::optional<progress_tracker> tracker;
    progress_bar bar;
    bool ended = false;
    error_code ec;
};

} // namespace

TEST_CASE("a tracker is shown until its total is reached, drawn no more often than the interval") {
    exhibit s({.total = 1000});
    int drawn = 0;
    for (int i = 0; i < 999; ++i) {
        s.tracker->advance();
        drawn += s.pass(1ms).empty() ? 0 : 1;
    }
    CHECK(drawn == 9);
    CHECK_FALSE(s.ended);
    s.tracker->advance();
    CHECK(s.pass(101ms) != "");
    CHECK(s.ended);
    CHECK_FALSE(s.ec);
    CHECK(s.pass(10s).empty());
}

TEST_CASE("the last line of a tracker: arrived, ended before, or without a total") {
    SECTION("arrived") {
        exhibit s;
        s.tracker->advance(4);
        s.world.clock.run_for(2s);
        s.tracker->advance(6);
        s.world.clock.run_for(100ms);
        CHECK(s.ended);
        CHECK(s.file.screen().back() == "work                succeeded in 2.0 s  10/10");
    }
    SECTION("ended before") {
        exhibit s;
        s.tracker->advance(4);
        s.world.clock.run_for(2s);
        s.tracker->finish();
        s.world.clock.run_for(0s);
        CHECK(s.ended);
        CHECK(s.file.screen().back().find("succeeded") == std::string::npos);
        CHECK(s.file.screen().back().find("40 %  4/10") != std::string::npos);
    }
    SECTION("without a total") {
        exhibit s(progress_tracker_options{});
        s.tracker->advance(4);
        s.tracker->set_message("done by hand");
        s.world.clock.run_for(2s);
        s.tracker->finish();
        s.world.clock.run_for(0s);
        CHECK(s.ended);
        CHECK(s.file.screen().back().starts_with("work                succeeded in 2.0 s: done by hand  4"));
    }
}

TEST_CASE("stages are lines below the bar, until the tree is finished") {
    telltale_test::virtual_world world;
    screen_file file;
    stage_tree import(world.executor());
    progress_bar bar(file.get(), "import", on_terminal);
    net::co_spawn(world.context, show_progress(import, bar), telltale_test::rethrow{});
    auto load = import.root().add("load", {.total = 4});
    world.clock.run_for(1s);
    load.advance(4);
    load.finish();
    world.clock.run_for(1s); // all that there is is done; it goes on all the same
    auto index = import.root().add("index", {.total = 4});
    index.advance(1);
    world.clock.run_for(1s);
    const lines seen = file.screen();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].starts_with("import              ["));
    CHECK(seen[0].find("] ") != std::string::npos);
    CHECK(seen[1].starts_with("  load              succeeded in "));
    CHECK(seen[2].find("25 %  1/4") != std::string::npos);
    index.advance(3);
    index.finish();
    import.finish();
    world.clock.run_for(0s);
    CHECK(file.screen().size() == 1);
    CHECK(file.screen()[0] == "import              succeeded in 2.0 s");
}

TEST_CASE("the time goes on while nothing changes, once a second") {
    exhibit s;
    s.tracker->advance(5);
    s.pass(100ms);
    CHECK(s.pass(800ms).empty());
    CHECK(s.pass(200ms) != ""); // "for 0:01"
    CHECK(s.pass(900ms).empty());
    CHECK_FALSE(s.ended);
    s.world.clock.run_for(60s);
    CHECK(s.file.screen().back().find("for 1:0") != std::string::npos);
}

TEST_CASE("not on a terminal, a tracker that does much says little") {
    exhibit s({.total = 10'000}, {.terminal = false, .style = bar_style{.unicode = false}});
    std::string all;
    for (int i = 0; i < 1200; ++i) {
        s.tracker->advance();
        all += s.pass(10ms);
    }
    CHECK(lines_in(all) == 2); // and one at the beginning
    s.tracker->advance(10'000 - 1200);
    all = s.pass(100ms); // the end is not held back
    CHECK(s.ended);
    CHECK(all.starts_with("work: succeeded in 0:12, 100 %"));
    CHECK(lines_in(all) == 1);
}

TEST_CASE("a tracker that is destroyed while it is shown") {
    exhibit s;
    s.tracker->advance(3);
    s.world.clock.run_for(1s);
    s.tracker.reset();
    s.world.clock.run_for(0s);
    CHECK(s.ended);
    CHECK(s.ec == net::error::operation_aborted);
    CHECK(s.file.screen().back().find("30 %  3/10") != std::string::npos);
}

TEST_CASE("showing a tracker can be cancelled") {
    telltale_test::virtual_world world;
    screen_file file;
    progress_tracker tracker(world.executor(), {.total = 10});
    progress_bar bar(file.get(), "work", on_terminal);
    net::cancellation_signal signal;
    error_code ec;
    net::co_spawn(world.context, show_progress(tracker, bar),
                  net::bind_cancellation_slot(signal.slot(), [&ec](std::exception_ptr e) {
                      try {
                          telltale_test::rethrow{}(e);
                      } catch (const system_error& error) {
                          ec = error.code();
                      }
                  }));
    world.clock.run_for(1s);
    signal.emit(net::cancellation_type::terminal);
    world.clock.run_for(0s);
    CHECK(ec == net::error::operation_aborted);
    CHECK(file.screen().size() == 1);
    tracker.advance();
    world.clock.run_for(5s);
    CHECK(file.written().empty());
}

TEST_CASE("a context that is destroyed at any moment while a tracker is shown") {
    telltale_test::tear_down_at_every_step([](net::io_context& context, std::shared_ptr<int> witness) {
        struct scene {
            scene(net::io_context& c, std::shared_ptr<int> w)
                : tracker(c.get_executor(), {.total = 3}), bar(file.get(), "work", on_terminal), kept(std::move(w)) {}
            screen_file file;
            progress_tracker tracker;
            progress_bar bar;
            std::shared_ptr<int> kept;
        };
        const auto all = std::make_shared<scene>(context, std::move(witness));
        net::co_spawn(context, show_progress(all->tracker, all->bar), [all](std::exception_ptr) {});
        net::post(context, [all] { all->tracker.advance(); });
        auto timer = std::make_shared<telltale::timer>(context.get_executor());
        timer->expires_after(3s);
        timer->async_wait([all, timer](error_code) { all->tracker.advance(2); });
    });
}
