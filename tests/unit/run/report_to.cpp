// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/report_to.hpp>

#include <telltale/run/for_each_chunk.hpp>
#include <telltale/run/job_manager.hpp>

#include "support.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

net::awaitable<void> pause_for(std::chrono::milliseconds d) {
    timer t(co_await net::this_coro::executor);
    t.expires_after(d);
    co_await t.async_wait(net::use_awaitable);
}

net::awaitable<void> sleep_in_chunks(job_context job, report_to_options options) {
    const auto hooks = report_to(job, options);
    // Chunk 9 is slow.
    const auto fn = [](auto part) { return pause_for(part.front() == 18 ? 50ms : 10ms); };
    const chunk_options two{.size = 2, .workers = 1};
    co_await for_each_chunk(concurrent, 20, two, fn, hooks);
}

struct told {
    std::vector<std::string> notices;
    std::optional<progress> last;
};

told run_job(report_to_options options) {
    virtual_world world;
    told all;
    const auto sink = [&all](job_report r) {
        for (const auto& n : r.notices) all.notices.push_back(std::string(to_string(n.kind)) + ' ' + n.data);
        if (r.progress) all.last = r.progress;
    };
    job_manager manager(world.executor(), sink, {});
    manager.submit({.id = "1"}, [options](job_context job) { return sleep_in_chunks(job, options); });
    world.clock.run_for(1s);
    return all;
}

} // namespace

TEST_CASE("a job reports its chunks' progress, workers, and slow chunks") {
    const auto all = run_job({});
    REQUIRE(all.notices.size() == 3);
    CHECK(all.notices[0] == R"(worker_started {"worker":0,"chunks":0,"items":0,"busy_s":0,"elapsed_s":0})");
    CHECK(all.notices[1] ==
          R"(custom {"slow_chunk":{"chunk":9,"first":18,"items":2,"time_s":0.05,"done":20,"total":20,"percent":100,)"
          R"("elapsed_s":0.14,"worker":0,"median_item_s":0.005,"limit_item_s":0.0075}})");
    CHECK(all.notices[2] == R"(worker_stopped {"worker":0,"chunks":10,"items":20,"busy_s":0.14,"elapsed_s":0.14})");
    REQUIRE(all.last);
    CHECK(all.last->done == 20);
    CHECK(all.last->total == 20.0);
}

TEST_CASE("each chunk is told of where that is wanted, and nothing where it is not") {
    const auto all = run_job({.progress = false, .workers = false, .chunks = true, .slow = false});
    REQUIRE(all.notices.size() == 10);
    CHECK(all.notices[1] ==
          R"(chunk_completed {"chunk":1,"first":2,"items":2,"time_s":0.01,"done":4,"total":20,"percent":20,)"
          R"("elapsed_s":0.02,"worker":0})");
    CHECK_FALSE(all.last);
    CHECK(run_job({.progress = false, .workers = false, .slow = false}).notices.empty());
}
