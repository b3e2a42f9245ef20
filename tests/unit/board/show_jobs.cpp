// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/board/show_jobs.hpp>

#include <telltale/sync/task_group.hpp>
#include <telltale/sync/timer.hpp>

#include "support.hpp"
#include "terminal/screen_file.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

struct scene {
    explicit scene(net::any_io_executor executor, std::shared_ptr<int> w = nullptr)
        : jobs(executor),
          bars(file.get(), {.terminal = true, .style = bar_style{.unicode = false}}),
          witness(std::move(w)) {}

    screen_file file;
    board jobs;
    bar_writer bars;
    std::shared_ptr<int> witness;
};

} // namespace

TEST_CASE("a board is shown as it changes, and to the second while a job runs") {
    virtual_world world;
    scene s(world.executor());
    task_group group(world.executor());
    group.spawn(show_jobs(s.jobs, s.bars));
    s.jobs.report({.id = "1", .state = job_state::running, .name = "build"});
    world.clock.run_for(0s);
    CHECK(s.file.screen() == lines{"build               running  for 0:00"});
    s.jobs.report({.id = "2", .state = job_state::queued, .name = "test"});
    world.clock.run_for(99ms);
    CHECK(s.file.written().empty());
    world.clock.run_for(1ms);
    CHECK(s.file.screen() == lines{"build               running  for 0:00", "test                queued"});
    world.clock.run_for(62s);
    CHECK(s.file.screen()[0] == "build               running  for 1:02");
    s.jobs.report({.id = "1", .state = job_state::succeeded});
    world.clock.run_for(100ms);
    CHECK(s.file.screen() == lines{"build               succeeded in 1:02", "test                queued"});
    world.clock.run_for(1s);
    CHECK(world.clock.run_for(3600s) == 0); // nothing wakes up
    s.jobs.report({.id = "2", .state = job_state::running});
    group.cancel();
    world.clock.run_for(0s);
    CHECK(s.file.screen() == lines{"build               succeeded in 1:02", "test                running  for 0:00"});
}

TEST_CASE("a context that is destroyed at any moment while a board is shown") {
    tear_down_at_every_step(
        [](net::io_context& context, std::shared_ptr<int> witness) {
            const auto all = std::make_shared<scene>(context.get_executor(), std::move(witness));
            net::co_spawn(context, show_jobs(all->jobs, all->bars), [all](std::exception_ptr) {});
            net::post(context, [all] { all->jobs.report({.id = "1", .state = job_state::running}); });
            auto later = std::make_shared<timer>(context.get_executor());
            later->expires_after(3s);
            later->async_wait([all, later](error_code) { all->jobs.report({.id = "1", .state = job_state::failed}); });
        },
        60);
}
