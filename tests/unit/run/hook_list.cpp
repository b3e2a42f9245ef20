// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/hook_list.hpp>

#include <telltale/run/for_each_chunk.hpp>

#include "support.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

using namespace telltale;
using namespace telltale_test;

TEST_CASE("hooks of a list are told in their order, and those that are removed no more") {
    hook_list hooks;
    std::string told;
    const auto writer = [&told](char name) {
        return chunk_hooks{.chunk_completed = [&told, name](const chunk_info&) { told += name; }};
    };
    const auto a = hooks.add(writer('a'));
    const auto b = hooks.add(writer('b'));
    const auto nothing = [](auto) {};
    for_each_chunk(blocking, 2, {.size = 1}, nothing, hooks);
    CHECK(told == "abab");
    CHECK(hooks.remove(a));
    CHECK_FALSE(hooks.remove(a));
    CHECK_FALSE(hooks.remove(0));
    const auto c = hooks.add(writer('c'));
    CHECK(c != a);
    CHECK(c != b);
    CHECK(hooks.size() == 2);
    told.clear();
    for_each_chunk(blocking, 1, {}, nothing, hooks);
    CHECK(told == "bc");
}

TEST_CASE("a hook may add and remove hooks, itself too, while the work runs") {
    hook_list hooks;
    std::string told;
    hook_list::id once = 0;
    const auto witness = std::make_shared<int>(0);
    once = hooks.add(chunk_hooks{.chunk_completed = [&, witness](const chunk_info& c) {
        told += 'o';
        CHECK(hooks.remove(once));
        CHECK(witness.use_count() > 1); // this lives until it has returned
        hooks.add(chunk_hooks{.chunk_completed = [&told](const chunk_info&) { told += 'n'; }});
        CHECK(c.id == 0);
    }});
    for_each_chunk(
        blocking, 3, {.size = 1}, [](auto) {}, hooks);
    CHECK(told == "onn");
    CHECK(witness.use_count() == 1);
}

TEST_CASE("a list knows which events anybody wants") {
    using detail::chunk_event;
    hook_list hooks;
    CHECK_FALSE(hooks.wants(chunk_event::progress));
    const auto p = hooks.add(chunk_hooks{.progress = [](const telltale::progress&) {}});
    const auto q = hooks.add(chunk_hooks{.progress = [](const telltale::progress&) {}, .after = [](const auto&) {}});
    CHECK(hooks.wants(chunk_event::progress));
    CHECK(hooks.wants(chunk_event::after));
    CHECK_FALSE(hooks.wants(chunk_event::chunk_started));
    hooks.remove(q);
    CHECK(hooks.wants(chunk_event::progress));
    CHECK_FALSE(hooks.wants(chunk_event::after));
    hooks.remove(p);
    CHECK_FALSE(hooks.wants(chunk_event::progress));
}

TEST_CASE("one that throws is counted, and the next is told all the same; lists compose with others") {
    hook_list hooks;
    std::size_t told = 0;
    hooks.add(chunk_hooks{.chunk_completed = [](const chunk_info&) { throw std::runtime_error("first"); }});
    hooks.add(chunk_hooks{.chunk_completed = [&told](const chunk_info&) { ++told; }});
    std::size_t before = 0;
    const auto all =
        compose(chunk_hooks{.chunk_completed = [&](const chunk_info& c) { before += c.id == told; }}, hooks);
    const auto result = for_each_chunk(
        blocking, 4, {.size = 1}, [](auto) {}, all);
    CHECK(told == 4);
    CHECK(before == 4);
    CHECK(result.hook_errors == 4);
    CHECK_THROWS_WITH(std::rethrow_exception(result.first_hook_error), "first");
}

TEST_CASE("hooks come and go from any thread while a pool works") {
    net::io_context context{1};
    net::thread_pool pool(2);
    hook_list hooks;
    std::atomic<std::size_t> told{0};
    std::atomic<bool> over{false};
    std::thread other([&] {
        while (!over) {
            const auto id = hooks.add(chunk_hooks{.chunk_completed = [&told](const chunk_info&) { ++told; }});
            std::this_thread::yield();
            hooks.remove(id);
        }
    });
    std::size_t always = 0;
    const auto scene = [](net::thread_pool& p, hook_list list, std::size_t& n) -> net::awaitable<void> {
        const auto id = list.add(chunk_hooks{.chunk_completed = [&n](const chunk_info&) { ++n; }});
        const chunk_options one{.size = 1};
        const auto nothing = [](auto) {};
        const auto result = co_await for_each_chunk(p.get_executor(), 2000, one, nothing, list);
        CHECK(result.chunks == 2000);
        CHECK(list.remove(id));
    };
    net::co_spawn(context, scene(pool, hooks, always), rethrow{});
    context.run();
    over = true;
    other.join();
    CHECK(always == 2000);
    CHECK(hooks.size() == 0);
}
