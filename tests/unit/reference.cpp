// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/asio.hpp>
#include <telltale/board/board.hpp>
#include <telltale/event/emitter.hpp>
#include <telltale/event/event_log.hpp>
#include <telltale/event/filtered.hpp>
#include <telltale/event/for_each_event.hpp>
#include <telltale/sync/auto_reset_event.hpp>
#include <telltale/sync/latch.hpp>
#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/manual_reset_event.hpp>
#include <telltale/sync/queue.hpp>
#include <telltale/sync/rate_limiter.hpp>
#include <telltale/sync/result_group.hpp>
#include <telltale/sync/semaphore.hpp>
#include <telltale/sync/task_group.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/when_all.hpp>
#include <telltale/sync/when_any.hpp>
#include <telltale/sync/with_timeout.hpp>

#include "catch.hpp"
#include "support.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The examples in the comments of the headers: docs/check_snippets.py looks for them here.

namespace {

namespace net = telltale::net;
using namespace std::chrono_literals;
using telltale_test::virtual_world;

struct page {
    std::string text;
};

const std::vector<std::string> urls{"a", "b", "c"};
std::map<std::string, std::string> shown;

net::awaitable<page> fetch(std::string url) {
    telltale::timer t(co_await net::this_coro::executor);
    t.expires_after(url == "b" ? 1s : 2s);
    co_await t.async_wait(net::use_awaitable);
    co_return page{"page " + url};
}

void show(const std::string& url, page p) { shown[url] = std::move(p.text); }

// ---- sync

net::awaitable<void> hold(net::any_io_executor executor) {
    telltale::semaphore polls(executor, 10);
    telltale::permit p = co_await polls.acquire(); // given back at the end of the scope

    CHECK(polls.available() == 9);
}

int asked = 0;

net::awaitable<void> ask_api() {
    ++asked;
    co_return;
}

net::awaitable<void> ask_slowly(net::any_io_executor executor) {
    telltale::rate_limiter requests(executor, {.per_second = 5000.0 / 3600, .burst = 20});
    co_await requests.acquire(); // at most 5000 per hour, after a pause 20 at once
    co_await ask_api();

    CHECK(requests.available() < 20);
}

net::awaitable<void> take_newest(net::any_io_executor executor) {
    telltale::mailbox<int> degrees(executor);
    degrees.put(19); // any thread, as often as it likes; never waits
    degrees.put(20);
    const int newest = co_await degrees.take();

    CHECK(newest == 20);
}

net::awaitable<void> wait_for_connection(net::any_io_executor executor) {
    telltale::manual_reset_event connected(executor);
    connected.set();           // by whoever has connected, on any thread
    co_await connected.wait(); // and everybody else who waits, or comes later

    CHECK(connected.is_set());
}

net::awaitable<void> wait_for_time(net::any_io_executor executor) {
    const auto begin = telltale::steady_now(executor);

    telltale::timer pause(executor);
    pause.expires_after(5s);
    co_await pause.async_wait();

    CHECK(telltale::steady_now(executor) - begin == 5s);
}

net::awaitable<int> ask() {
    co_await ask_api();
    co_return 42;
}

net::awaitable<void> ask_with_limit() {
    const int answer = co_await telltale::with_timeout(ask(), 5s);

    CHECK(answer == 42);
}

struct block {
    int number = 0;
};

int read_blocks = 0;
int handled = 0;

std::optional<block> read_block() {
    if (read_blocks == 5) return std::nullopt;
    return block{++read_blocks};
}

void handle(const block& b) { handled += b.number; }

net::awaitable<void> produce(telltale::queue<block>& blocks) {
    while (auto b = read_block()) co_await blocks.push(std::move(*b)); // waits for those who consume
    blocks.close();
}
net::awaitable<void> consume(telltale::queue<block>& blocks) {
    for (;;) {
        const auto [ec, b] = co_await blocks.async_pop(telltale::as_result);
        if (ec) co_return; // closed, and all is consumed
        handle(b);
    }
}

int connected = 0;
int started = 0;

net::awaitable<void> connect() {
    ++connected;
    co_return;
}

net::awaitable<void> start(telltale::latch& ready) { // of three
    co_await connect();
    co_await ready.arrive_and_wait(); // goes on when all three are connected
}

net::awaitable<void> start_and_count(telltale::latch& ready) {
    co_await start(ready);
    CHECK(connected == 3);
    ++started;
}

int writes = 0;

void write_all() { ++writes; }

net::awaitable<void> write_what_is_dirty(telltale::auto_reset_event& dirty) {
    for (;;) {
        co_await dirty.wait(); // set() by whoever changes something, on any thread
        write_all();
    }
}

net::awaitable<void> in_a_result_group() {
    telltale::result_group<page> group(co_await net::this_coro::executor, {.limit = 8});
    for (auto& url : urls) group.spawn(fetch(url));
    while (auto next = co_await group.next()) show(urls[next->index], next->take());
}

net::awaitable<void> with_when_all() {
    std::vector<net::awaitable<page>> fetches;
    for (auto& url : urls) fetches.push_back(fetch(url));
    const auto pages = co_await telltale::when_all(std::move(fetches), {.limit = 8}); // eight at a time

    REQUIRE(pages.size() == 3);
    CHECK(pages[2].text == "page c");
}

net::awaitable<void> with_when_any() {
    std::vector<net::awaitable<page>> fetches;
    for (auto& url : urls) fetches.push_back(fetch(url));
    auto [index, value, others] = co_await telltale::when_any(std::move(fetches));

    CHECK(index == 1);
    CHECK(value.text == "page b");
    CHECK(others.empty());
}

namespace task_group_example {

int fetched = 0;

net::awaitable<void> fetch(std::string url) {
    const page p = co_await ::fetch(std::move(url));
    fetched += p.text.empty() ? 0 : 1;
}

net::awaitable<void> run() {
    telltale::task_group group(co_await net::this_coro::executor, {.limit = 8}); // eight at a time
    for (auto& url : urls) group.spawn(fetch(url));
    co_await group.join();
}

} // namespace task_group_example

// ---- event

net::awaitable<void> hear_news(net::any_io_executor executor) {
    telltale::emitter<std::string> news;
    auto reader = news.subscribe(executor);
    news.emit("hello");
    auto d = co_await reader.receive();

    CHECK(*d == "hello");
}

std::size_t looked_at = 0;

void look_at_everything(const std::vector<std::shared_ptr<const telltale::job>>& jobs) { looked_at += jobs.size(); }

net::awaitable<void> hear_board(telltale::board& board) {
    auto events = board.subscribe();
    const auto told = co_await events.receive();
    if (told.is_gap()) look_at_everything(board.jobs()); // so many are missing: told.lost

    CHECK(told->kind == telltale::event_kind::job_created);
    CHECK(looked_at == 0);
}

// Not run: it would leave a file.
[[maybe_unused]] net::awaitable<void> write_log(telltale::subscription<telltale::event>& events) {
    std::ofstream file("events.jsonl", std::ios::app | std::ios::binary);
    telltale::event_log_writer log(file);
    for (const auto& d : co_await events.receive_some()) log.write(d);
    file.flush();
}

int told = 0;

net::awaitable<void> tell_chat(telltale::delivery<telltale::event> d) {
    told += d.is_gap() ? 0 : 1;
    co_return;
}

} // namespace

TEST_CASE("reference: semaphore, rate_limiter") {
    virtual_world world;
    world.run(hold(world.executor()));
    asked = 0;
    world.run(ask_slowly(world.executor()));
    CHECK(asked == 1);
}

TEST_CASE("reference: mailbox, manual_reset_event, timer, with_timeout") {
    virtual_world world;
    world.run(take_newest(world.executor()));
    world.run(wait_for_connection(world.executor()));
    world.run(wait_for_time(world.executor()));
    world.run(ask_with_limit());
}

TEST_CASE("reference: queue") {
    virtual_world world;
    telltale::queue<block> blocks(world.executor(), 2);
    world.spawn(produce(blocks));
    world.run(consume(blocks));
    CHECK(handled == 1 + 2 + 3 + 4 + 5);
}

TEST_CASE("reference: latch") {
    virtual_world world;
    telltale::latch ready(world.executor(), 3);
    for (int i = 0; i < 3; ++i) world.spawn(start_and_count(ready));
    world.clock.run();
    CHECK(started == 3);
}

TEST_CASE("reference: auto_reset_event") {
    virtual_world world;
    telltale::auto_reset_event dirty(world.executor());
    net::co_spawn(world.context, write_what_is_dirty(dirty), net::detached);
    world.clock.run();
    dirty.set();
    world.clock.run();
    CHECK(writes == 1);
}

TEST_CASE("reference: groups") {
    virtual_world world;
    world.run(in_a_result_group());
    CHECK(shown.size() == 3);
    world.run(with_when_all());
    world.run(with_when_any());
    world.run(task_group_example::run());
    CHECK(task_group_example::fetched == 3);
}

TEST_CASE("reference: emitter") {
    virtual_world world;
    world.run(hear_news(world.executor()));
}

TEST_CASE("reference: subscription") {
    virtual_world world;
    telltale::board board(world.executor());
    bool heard = false;
    net::co_spawn(world.context, hear_board(board), [&heard](std::exception_ptr e) {
        telltale_test::rethrow{}(e);
        heard = true;
    });
    world.clock.run();
    board.report({.id = "42", .state = telltale::job_state::queued});
    world.clock.run();
    CHECK(heard);
}

TEST_CASE("reference: filtered") {
    virtual_world world;
    const auto executor = world.executor();
    telltale::emitter<telltale::event> emitter;
    auto events = emitter.subscribe(executor, telltale::filtered({.jobs = {"42"}}));
    emitter.emit(telltale::event{});
    CHECK_FALSE(events.try_receive());
}

TEST_CASE("reference: for_each_event") {
    virtual_world world;
    const auto executor = world.executor();
    telltale::board board(executor);
    net::co_spawn(executor, telltale::for_each_event(board.subscribe(), tell_chat, {.time_limit = 5s}), net::detached);
    board.report({.id = "42", .state = telltale::job_state::queued});
    world.clock.run();
    CHECK(told == 2);
}
