// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/emitter.hpp>

#include "support.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

// Even numbers are progress of one thing each hundred: latest wins.
struct tick {
    std::string key;
    int value = 0;
};
std::string_view conflation_key(const tick& t) { return t.key; }

template <class Subscription>
std::vector<int> drain(Subscription& s) {
    std::vector<int> values;
    while (const auto d = s.try_receive())
        values.push_back(d->is_gap() ? -static_cast<int>(d->lost.value_or(9999)) : **d);
    return values;
}

} // namespace

using namespace telltale;
using namespace telltale_test;

TEST_CASE("every subscription gets every event, in order, from when it began") {
    net::io_context context;
    emitter<int> e;
    auto early = e.subscribe(context.get_executor());
    e.emit(1);
    auto late = e.subscribe(context.get_executor());
    e.emit(2);
    CHECK(drain(early) == std::vector{1, 2});
    CHECK(drain(late) == std::vector{2});
    CHECK(e.subscribers() == 2);
    CHECK(early.position() == e.position());
}

TEST_CASE("places rise by one, also over events that the filter holds back") {
    net::io_context context;
    emitter<int> e;
    auto odd = e.subscribe(context.get_executor(), {.filter = [](int i) { return i % 2 == 1; }});
    for (int i = 1; i <= 4; ++i) e.emit(i);
    const auto first = odd.try_receive();
    const auto second = odd.try_receive();
    REQUIRE(second);
    CHECK(**first == 1);
    CHECK(**second == 3);
    CHECK(second->at.offset - first->at.offset == 2);
    CHECK_FALSE(odd.try_receive());
}

TEST_CASE("a reader that falls behind gets a gap that says how many, where they are missing") {
    net::io_context context;
    emitter<int> e;
    auto s = e.subscribe(context.get_executor(), {.capacity = 3});
    for (int i = 1; i <= 10; ++i) e.emit(i);
    CHECK(drain(s) == std::vector{-7, 8, 9, 10});
    e.emit(11);
    CHECK(drain(s) == std::vector{11});
}

TEST_CASE("sent = received + told as lost, whatever the reader does") {
    net::io_context context;
    emitter<int> e;
    auto s = e.subscribe(context.get_executor(), {.capacity = 5});
    std::uint64_t received = 0;
    std::uint64_t lost = 0;
    int last = 0;
    unsigned random = 12345;
    for (int i = 1; i <= 5000; ++i) {
        e.emit(i);
        random = random * 1664525U + 1013904223U;
        if (random % 7 > 1) continue;
        for (unsigned n = random / 7 % 6; n > 0; --n) {
            const auto d = s.try_receive();
            if (!d) break;
            if (d->is_gap()) {
                lost += *d->lost;
            } else {
                ++received;
                REQUIRE(**d > last);
                last = **d;
            }
        }
    }
    for (const int i : drain(s)) i < 0 ? lost += static_cast<std::uint64_t>(-i) : ++received;
    CHECK(received + lost == 5000);
    CHECK(lost > 0);
}

TEST_CASE("with the policy `end` a reader that falls behind is ended, and can resume where it was") {
    net::io_context context;
    emitter<int> e({.history = 100});
    auto s = e.subscribe(context.get_executor(), {.capacity = 2, .overflow = overflow_policy::end});
    for (int i = 1; i <= 5; ++i) e.emit(i);
    CHECK(drain(s) == std::vector{1, 2});
    error_code ended;
    s.async_receive([&](error_code ec, const delivery<int>&) { ended = ec; });
    context.run();
    CHECK(ended == errc::fell_behind);
    auto again = e.subscribe(context.get_executor(), {.from = s.position()});
    CHECK(drain(again) == std::vector{3, 4, 5});
}

TEST_CASE("of what is latest-wins only the newest is kept, at its own place") {
    net::io_context context;
    emitter<tick> e;
    auto s = e.subscribe(context.get_executor(), {.capacity = 4});
    for (int i = 1; i <= 100; ++i) {
        e.emit({"a", i});
        e.emit({"b", -i});
        if (i == 50) e.emit({"", 0});
    }
    std::vector<int> values;
    std::uint64_t place = 0;
    while (const auto d = s.try_receive()) {
        REQUIRE_FALSE(d->is_gap());
        CHECK(d->at.offset > place);
        place = d->at.offset;
        values.push_back((*d)->value);
    }
    CHECK(values == std::vector{0, 100, -100});
    e.emit({"a", 101});
    CHECK(s.try_receive());
}

TEST_CASE("a subscription continues after a cursor") {
    net::io_context context;
    emitter<int> e({.history = 5});
    e.emit(1);
    const cursor at = e.position();
    for (int i = 2; i <= 4; ++i) e.emit(i);
    auto s = e.subscribe(context.get_executor(), {.from = at});
    e.emit(5);
    CHECK(drain(s) == std::vector{2, 3, 4, 5});
    auto up_to_date = e.subscribe(context.get_executor(), {.from = e.position()});
    CHECK(drain(up_to_date).empty());
}

TEST_CASE("where history does not reach back, the gap comes first") {
    net::io_context context;
    emitter<int> e({.history = 3});
    e.emit(1);
    const cursor at = e.position();
    for (int i = 2; i <= 9; ++i) e.emit(i);
    auto s = e.subscribe(context.get_executor(), {.from = at});
    CHECK(drain(s) == std::vector{-5, 7, 8, 9}); // 2 to 6 are missing
    auto foreign = e.subscribe(context.get_executor(), {.from = cursor{at.epoch + 2, 1}});
    const auto d = foreign.try_receive();
    REQUIRE(d);
    CHECK(d->is_gap());
    CHECK_FALSE(d->lost); // nobody knows how many
    auto future = e.subscribe(context.get_executor(), {.from = cursor{at.epoch, 1000}});
    const auto from_future = future.try_receive();
    REQUIRE(from_future);
    CHECK(from_future->is_gap());
}

TEST_CASE("history is replayed through the filter, and longer than the capacity") {
    net::io_context context;
    emitter<int> e({.history = 100});
    const cursor begin = e.position();
    for (int i = 1; i <= 50; ++i) e.emit(i);
    auto s = e.subscribe(context.get_executor(),
                         {.capacity = 2, .filter = [](int i) { return i % 10 == 0; }, .from = begin});
    CHECK(drain(s) == std::vector{10, 20, 30, 40, 50});
}

TEST_CASE("events that nobody heard make an old cursor worthless, and that is said") {
    net::io_context context;
    emitter<int> e; // no history
    cursor at;
    {
        auto s = e.subscribe(context.get_executor());
        e.emit(1);
        at = s.try_receive()->at;
    }
    auto at_once = e.subscribe(context.get_executor(), {.from = at});
    CHECK(drain(at_once).empty()); // nothing happened since
    {
        emitter<int> lonely;
        const cursor before = lonely.position();
        lonely.emit(1);
        auto s = lonely.subscribe(context.get_executor(), {.from = before});
        const auto d = s.try_receive();
        REQUIRE(d);
        CHECK(d->is_gap());
    }
}

TEST_CASE("receive waits, async_receive never completes inside, and a cancelled one loses nothing") {
    net::io_context context;
    emitter<int> e;
    auto s = e.subscribe(context.get_executor());
    net::cancellation_signal signal;
    error_code ended;
    std::optional<int> got;
    s.async_receive(
        net::bind_cancellation_slot(signal.slot(), [&](error_code ec, const delivery<int>&) { ended = ec; }));
    signal.emit(net::cancellation_type::terminal);
    s.async_receive([&](error_code, const delivery<int>& d) { got = *d; });
    e.emit(7);
    CHECK_FALSE(got);
    context.run();
    CHECK(ended == net::error::operation_aborted);
    CHECK(got == 7);
}

TEST_CASE("when the emitter is gone what is unread can be read, then it is closed") {
    net::io_context context;
    std::optional<emitter<int>> e(std::in_place);
    auto s = e->subscribe(context.get_executor());
    e->emit(1);
    e.reset();
    std::vector<int> got;
    error_code ended;
    s.async_receive([&](error_code, const delivery<int>& d) { got.push_back(*d); });
    s.async_receive([&](error_code ec, const delivery<int>&) { ended = ec; });
    context.run();
    CHECK(got == std::vector{1});
    CHECK(ended == errc::closed);
}

TEST_CASE("emitting on two threads gives one order for all") {
    net::io_context context;
    emitter<int> e;
    auto a = e.subscribe(context.get_executor(), {.capacity = 100'000});
    auto b = e.subscribe(context.get_executor(), {.capacity = 100'000});
    const auto emit = [&e](int sign) {
        for (int i = 1; i <= 5000; ++i) e.emit(sign * i);
    };
    std::thread other(emit, 1);
    emit(-1);
    other.join();
    const auto seen = drain(a);
    CHECK(seen.size() == 10'000);
    CHECK(seen == drain(b));
}

TEST_CASE("a subscription torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto listens = [](std::shared_ptr<int> w) -> net::awaitable<void> {
            emitter<std::shared_ptr<int>> e({.history = 2});
            auto s = e.subscribe(co_await net::this_coro::executor);
            e.emit(w);
            co_await s.async_receive();
            co_await s.async_receive();
        };
        net::co_spawn(context, listens(witness), net::detached);
    });
}
