// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// An import in two stages, shown as bars in a terminal, and as lines in a file or a pipe.

#include <telltale/progress/progress_bar.hpp>
#include <telltale/progress/show_progress.hpp>
#include <telltale/progress/stage_tree.hpp>
#include <telltale/sync/task_group.hpp>
#include <telltale/sync/timer.hpp>

#include <chrono>
#include <cstdio>
#include <exception>

namespace net = telltale::net;
using namespace std::chrono_literals;

// Stands for work: so many things, one after the other.
net::awaitable<void> work(telltale::stage stage, int things) {
    telltale::timer pause(co_await net::this_coro::executor);
    for (int i = 0; i < things; ++i) {
        pause.expires_after(5ms);
        co_await pause.async_wait(net::use_awaitable);
        stage.advance();
    }
}

net::awaitable<void> import() {
    const auto executor = co_await net::this_coro::executor;
    telltale::stage_tree stages(executor);
    auto load = stages.root().add("load", {.weight = 3, .total = 60});
    auto index = stages.root().add("index", {.total = 40});

    telltale::progress_bar bar(stdout, "import");
    telltale::task_group helpers(executor);
    helpers.spawn(telltale::show_progress(stages, bar));

    co_await work(load, 60);
    bar.log("7 rows were empty, and left out"); // above the bars
    co_await work(index, 40);

    stages.finish();
    co_await helpers.join(); // the bar has its last line
}

int main() {
    net::io_context context;
    std::exception_ptr failure;
    net::co_spawn(context, import(), [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure) std::rethrow_exception(failure);
}
