// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// An import that is made of stages: files are read, their words counted, and an index written. It is one percentage.

#include <telltale/progress/stage_tree.hpp>
#include <telltale/sync/timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>

namespace net = telltale::net;

net::awaitable<void> work(telltale::stage stage, std::uint64_t pieces) {
    telltale::timer pause(co_await net::this_coro::executor);
    for (std::uint64_t i = 0; i < pieces; ++i) {
        stage.advance();
        pause.expires_after(std::chrono::milliseconds(20));
        co_await pause.async_wait();
    }
}

net::awaitable<void> import_all(telltale::stage_tree& tree) {
    // Reading is three quarters of the work.
    telltale::stage read = tree.root().add("read", {.weight = 3, .total = 4, .unit = telltale::progress_unit::bytes});
    telltale::stage analyse = tree.root().add("analyse");
    telltale::stage words = analyse.add("words", {.total = 2});
    telltale::stage index = analyse.add("index"); // nobody knows yet how much that will be
    co_await work(read, 4);
    co_await work(words, 2);
    index.set_total(3); // now it is known
    co_await work(index, 3);
    tree.finish();
}

void print(const telltale::stage_snapshot& s, std::size_t depth = 0) {
    std::cout << std::string(2 * depth, ' ') << s.name << ": " << to_string(s.state);
    if (const auto percent = s.value.percent()) std::cout << ", " << *percent << " %";
    std::cout << '\n';
    for (const telltale::stage_snapshot& child : s.children) print(child, depth + 1);
}

net::awaitable<void> show(telltale::stage_tree& tree) {
    for (telltale::stage_tree_snapshot last; !last.finished;) {
        last = co_await tree.async_wait_change(last, std::chrono::milliseconds(0));
        if (last.value.percent() == 75) print(last.root);
    }
    print(tree.snapshot().root);
}

int main() {
    net::io_context context;
    telltale::stage_tree tree(context.get_executor(), {.root = {.name = "import"}});
    net::co_spawn(context, show(tree), net::detached);
    net::co_spawn(context, import_all(tree), net::detached);
    context.run();
}
