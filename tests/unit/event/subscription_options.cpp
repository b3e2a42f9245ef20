// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/subscription_options.hpp>

#include <telltale/event/emitter.hpp>
#include <telltale/event/subscription.hpp>

#include "support.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

// A reading of a sensor, of one of several sorts, some of which are latest-wins.
struct reading {
    std::string sensor;
    int value = 0;
    unsigned sort = 0;
    std::string room{};
};
template <class Visitor>
void routing_keys(const reading& r, Visitor&& visit) {
    visit(std::string_view{r.sensor});
    if (!r.room.empty()) visit(std::string_view{r.room}, std::string_view{"room"});
}
unsigned routing_class(const reading& r) { return r.sort; }
std::string_view conflation_key(const reading& r) { return r.sort == 1 ? std::string_view{r.sensor} : ""; }
std::size_t byte_size(const reading& r) { return 100 + r.sensor.size(); }

} // namespace

using namespace telltale;
using namespace telltale_test;
using reading_options = subscription_options<reading>;

namespace {

template <class Subscription>
std::vector<int> drain(Subscription& s) {
    std::vector<int> values;
    while (const auto d = s.try_receive())
        values.push_back(d->is_gap() ? -static_cast<int>(d->lost.value_or(9999)) : (*d)->value);
    return values;
}

} // namespace

TEST_CASE("an event is looked at by the subscriptions that it concerns, and by no other") {
    net::io_context context;
    emitter<reading> e;
    std::uint64_t asked = 0;
    const auto counting = [&asked](const reading&) {
        ++asked;
        return true;
    };
    std::deque<subscription<reading, net::io_context::executor_type>> single;
    for (int i = 0; i < 5000; ++i)
        single.push_back(e.subscribe(context.get_executor(), {.keys = {{std::to_string(i), {}}}, .filter = counting}));
    for (unsigned c = 1; c < 50; ++c)
        single.push_back(e.subscribe(context.get_executor(), {.classes = std::uint64_t{1} << c, .filter = counting}));
    for (int i = 0; i < 1000; ++i)
        single.push_back(
            e.subscribe(context.get_executor(), {.keys = {{std::to_string(i), "room"}}, .filter = counting}));
    auto everything = e.subscribe(context.get_executor(), {.filter = counting});

    e.emit({"42", 1, 0});
    CHECK(asked == 2); // the one of 42, and the one of everything
    e.emit({"no such", 2, 0});
    CHECK(asked == 3);
    e.emit({"43", 3, 7, "9"});
    CHECK(asked == 7); // sensor, sort, room, everything
    CHECK(drain(single[42]) == std::vector{1});
    CHECK(drain(single[43]) == std::vector{3});
    CHECK(drain(single[44]).empty());
    CHECK(drain(everything) == std::vector{1, 2, 3});
    single.clear();
    CHECK(e.subscribers() == 1);
    e.emit({"42", 4, 7, "9"});
    CHECK(asked == 8);
}

TEST_CASE("keys, classes and the filter must all agree, and an event comes once though several keys find it") {
    net::io_context context;
    emitter<reading> e({.history = 100});
    const cursor begin = e.position();
    const reading_options wanted{.keys = {{"a", {}}, {"b", {}}, {"a", {}}, {"north", "room"}},
                                 .classes = 1U << 2U | 1U << 3U,
                                 .filter = [](const reading& r) { return r.value % 2 == 0; }};
    auto live = e.subscribe(context.get_executor(), wanted);
    int value = 0;
    for (const unsigned sort : {2U, 3U, 4U, 64U, 1000U})
        for (const auto* sensor : {"a", "b", "c"})
            for (const auto* room : {"", "north", "a"}) e.emit({sensor, ++value, sort, room});
    // Of sort 2 are 1 to 9, of sort 3 are 10 to 18. Of the sensor c only 8 and 17 are in the north.
    const auto got = drain(live);
    CHECK(got == std::vector{2, 4, 6, 8, 10, 12, 14});
    auto late_options = wanted;
    late_options.from = begin;
    auto late = e.subscribe(context.get_executor(), late_options);
    CHECK(drain(late) == got);
}

TEST_CASE("subscriptions come and go, and each gets what it wants as long as it is there") {
    net::io_context context;
    emitter<reading> e;
    std::mt19937 random(5);
    const auto pick = [&random](unsigned n) { return static_cast<unsigned>(random() % n); };
    struct reader {
        std::optional<subscription<reading, net::io_context::executor_type>> events;
        std::vector<unsigned> sensors;
        unsigned sort = 0; // 0: all
        std::vector<int> expected;
    };
    std::vector<reader> readers(40);
    for (int i = 1; i <= 4000; ++i) {
        auto& r = readers[pick(40)];
        if (r.events) {
            REQUIRE(drain(*r.events) == r.expected);
            r.events.reset();
            r.sensors.clear();
            r.expected.clear();
        } else {
            reading_options o{.conflate = false};
            for (auto n = pick(4); n > 0; --n) {
                r.sensors.push_back(pick(6));
                o.keys.push_back({std::to_string(r.sensors.back()), {}});
            }
            r.sort = pick(3);
            if (r.sort != 0) o.classes = std::uint64_t{1} << r.sort;
            r.events.emplace(e.subscribe(context.get_executor(), std::move(o)));
        }
        const unsigned sensor = pick(6);
        const unsigned sort = 1 + pick(3);
        e.emit({std::to_string(sensor), i, sort});
        for (auto& other : readers) {
            const auto& s = other.sensors;
            if (other.events && (s.empty() || std::find(s.begin(), s.end(), sensor) != s.end()) &&
                (other.sort == 0 || other.sort == sort))
                other.expected.push_back(i);
        }
    }
    for (auto& r : readers)
        if (r.events) CHECK(drain(*r.events) == r.expected);
}

TEST_CASE("conflation can be left out") {
    net::io_context context;
    emitter<reading> e;
    auto latest = e.subscribe(context.get_executor());
    auto all = e.subscribe(context.get_executor(), {.conflate = false});
    auto few = e.subscribe(context.get_executor(), {.capacity = 2, .conflate = false});
    for (int i = 1; i <= 4; ++i) e.emit({"a", i, 1});
    CHECK(drain(latest) == std::vector{4});
    CHECK(drain(all) == std::vector{1, 2, 3, 4});
    CHECK(drain(few) == std::vector{-2, 3, 4});
}

TEST_CASE("what latest-wins leaves behind takes no room: an old event, and many new ones of a few keys") {
    net::io_context context;
    emitter<reading> e;
    auto s = e.subscribe(context.get_executor(), {.capacity = 8});
    e.emit({"x", -1, 0});
    std::mt19937 random(7);
    std::vector<int> newest(5);
    for (int i = 1; i <= 100'000; ++i) {
        const auto k = random() % newest.size();
        newest[k] = i;
        e.emit({std::to_string(k), i, 1});
    }
    const auto before = s.statistics();
    CHECK(before.unread == 6);
    CHECK(before.conflated == 99'995);
    CHECK(before.dropped == 0);
    std::sort(newest.begin(), newest.end());
    newest.insert(newest.begin(), -1);
    CHECK(drain(s) == newest);
}

TEST_CASE("statistics say how a reader fares") {
    net::io_context context;
    emitter<reading> e;
    auto s = e.subscribe(context.get_executor(), {.capacity = 3});
    const cursor begin = s.position();
    e.emit({"a", 1, 0});
    static_cast<void>(s.try_receive());
    for (int i = 2; i <= 6; ++i) e.emit({"a", i, 0}); // 2 and 3 are dropped
    e.emit({"a", 7, 1});                              // 4, too
    e.emit({"a", 8, 1});                              // in place of 7
    const auto n = s.statistics();
    CHECK(n.delivered == 1);
    CHECK(n.dropped == 3);
    CHECK(n.conflated == 1);
    CHECK(n.unread == 3);
    CHECK(n.position.offset == begin.offset + 1);
    CHECK(n.newest == e.position());
    CHECK(drain(s) == std::vector{-3, 5, 6, 8});
    CHECK(s.statistics().delivered == 4);
    CHECK(s.statistics().unread == 0);
}

TEST_CASE("history is bounded by bytes") {
    net::io_context context;
    emitter<reading> e({.history = 1000, .history_bytes = 350});
    const cursor begin = e.position();
    for (int i = 1; i <= 10; ++i) e.emit({"s", i}); // 101 bytes each
    auto s = e.subscribe(context.get_executor(), {.from = begin});
    CHECK(drain(s) == std::vector{-7, 8, 9, 10});
    e.emit({std::string(400, 'x'), 11});
    auto none = e.subscribe(context.get_executor(), {.from = begin});
    CHECK(drain(none) == std::vector{-11});
    e.emit({"s", 12});
    auto again = e.subscribe(context.get_executor(), {.from = begin});
    CHECK(drain(again) == std::vector{-11, 12});
}

TEST_CASE("an unknown number of missing events stays unknown when more are dropped") {
    net::io_context context;
    emitter<reading> e({.history = 5});
    auto s = e.subscribe(context.get_executor(), {.capacity = 1, .from = cursor{e.position().epoch + 2, 7}});
    for (int i = 1; i <= 3; ++i) e.emit({"a", i});
    const auto gap = s.try_receive();
    REQUIRE(gap);
    CHECK(gap->is_gap());
    CHECK_FALSE(gap->lost);
    CHECK(gap->at.offset == 2);
    CHECK(drain(s) == std::vector{3});
}

TEST_CASE("what a filter throws comes out of emit, and those that were told before get the event") {
    net::io_context context;
    emitter<reading> e;
    int got = 0;
    auto before = e.subscribe(context.get_executor());
    before.async_receive([&](error_code, const delivery<reading>& d) { got = d->value; });
    auto throws = e.subscribe(context.get_executor(), {.filter = [](const reading& r) -> bool {
                                  if (r.value == 1) throw std::runtime_error("no");
                                  return true;
                              }});
    auto after = e.subscribe(context.get_executor());
    CHECK_THROWS_AS(e.emit({"a", 1}), std::runtime_error);
    e.emit({"a", 2});
    context.run();
    CHECK(got == 1);
    CHECK(drain(before) == std::vector{2});
    CHECK(drain(throws) == std::vector{2});
    CHECK(drain(after).back() == 2);
}

TEST_CASE("sent = received + left + told as lost + conflated, whatever happens") {
    for (const unsigned seed : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
        CAPTURE(seed);
        net::io_context context;
        emitter<reading> e({.history = 50});
        std::mt19937 random(seed);
        struct reader {
            subscription<reading, net::io_context::executor_type> events;
            std::uint64_t wanted = 0, received = 0, lost = 0, place = 0;
            bool waits = false;
        };
        const auto take = [](reader& r, const delivery<reading>& d) {
            CHECK(d.at.offset > r.place);
            r.place = d.at.offset;
            if (d.is_gap())
                r.lost += d.lost.value();
            else
                ++r.received;
        };
        std::deque<reader> readers;
        for (std::size_t capacity : {1U, 2U, 7U, 100U})
            for (const bool conflate : {true, false})
                for (const unsigned sort : {0U, 1U})
                    readers.push_back({e.subscribe(
                        context.get_executor(),
                        {.capacity = capacity,
                         .conflate = conflate,
                         .keys = sort == 0 ? std::vector<routing_key>{} : std::vector<routing_key>{{"1"}, {"2"}}})});
        std::vector<delivery<reading>> batch;
        for (int i = 1; i <= 3000; ++i) {
            const auto k = static_cast<unsigned>(random() % 4);
            e.emit({std::to_string(k), i, static_cast<unsigned>(random() % 3)});
            std::size_t n = 0;
            for (auto& r : readers) {
                if (n++ % 2 == 0 || k == 1 || k == 2) ++r.wanted;
                switch (random() % 12) {
                case 0:
                    if (const auto d = r.events.try_receive()) take(r, *d);
                    break;
                case 1:
                    r.events.try_receive_some(batch, 1 + random() % 9);
                    for (const auto& d : batch) take(r, d);
                    break;
                case 2:
                    if (std::exchange(r.waits, true)) break;
                    r.events.async_receive([&](error_code ec, const delivery<reading>& d) {
                        r.waits = false;
                        if (!ec) take(r, d);
                    });
                    break;
                case 3:
                    if (std::exchange(r.waits, true)) break;
                    r.events.async_receive_some(1 + random() % 9,
                                                [&](error_code ec, const std::vector<delivery<reading>>& all) {
                                                    r.waits = false;
                                                    CHECK(all.empty() == static_cast<bool>(ec));
                                                    for (const auto& d : all) take(r, d);
                                                });
                    break;
                default: break;
                }
            }
            context.restart();
            context.poll();
        }
        for (auto& r : readers) {
            const auto s = r.events.statistics();
            CHECK(r.received == s.delivered);
            CHECK(s.delivered + s.unread + s.conflated + s.dropped == r.wanted);
            while (const auto d = r.events.try_receive()) take(r, *d);
            CHECK(r.received + r.lost + s.conflated == r.wanted);
            CHECK(r.received > 0);
        }
        for (auto& r : readers) {
            [[maybe_unused]] const auto gone = std::move(r.events); // and with it whoever waits
        }
        context.restart();
        context.run();
    }
}
