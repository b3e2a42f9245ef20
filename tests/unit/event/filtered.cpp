// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/filtered.hpp>

#include <telltale/event/emitter.hpp>
#include <telltale/event/subscription.hpp>

#include "support.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace telltale;
using namespace telltale_test;

namespace {

event make(job_id id, event_kind kind, label_map labels = {}) {
    return {kind, {}, std::make_shared<const job>(job{.id = std::move(id), .labels = std::move(labels)}), {}};
}

} // namespace

TEST_CASE("a filter becomes keys and kinds, and only what is left of it is asked") {
    auto o = filtered({.jobs = {"1", "2"}, .kinds = {event_kind::job_failed, event_kind::custom}});
    CHECK(o.keys == std::vector<routing_key>{{"1", {}}, {"2", {}}});
    CHECK(o.classes == (1ULL << 7U | 1ULL << static_cast<unsigned>(event_kind::custom)));
    CHECK_FALSE(o.filter);
    o = filtered({.labels = {{"a", "x"}}});
    CHECK(o.keys == std::vector<routing_key>{{"x", "a"}});
    CHECK_FALSE(o.filter);
    o = filtered({.labels = {{"", "x"}, {"a", "y"}, {"b", "z"}}}, {.capacity = 3, .keys = {{"old", {}}}, .classes = 7});
    CHECK(o.keys == std::vector<routing_key>{{"y", "a"}});
    CHECK(o.classes == 0);
    CHECK(o.capacity == 3);
    REQUIRE(o.filter);
    CHECK(o.filter(make("1", event_kind::custom, {{"", "x"}, {"b", "z"}})));
    CHECK_FALSE(o.filter(make("1", event_kind::custom, {{"", "x"}})));
    CHECK(filtered({}).keys.empty());
}

TEST_CASE("filtered lets pass exactly what the filter lets pass") {
    net::io_context context;
    emitter<event> e({.history = 10'000});
    const cursor begin = e.position();
    std::vector<filter> filters;
    for (const auto& jobs : std::vector<std::vector<job_id>>{{}, {"1"}, {"1", "2", "x"}})
        for (const auto& kinds : std::vector<std::vector<event_kind>>{
                 {}, {event_kind::job_failed}, {event_kind::custom, event_kind::job_lost}})
            for (const auto& labels : std::vector<label_map>{{}, {{"a", "1"}}, {{"a", "1"}, {"b", "2"}}, {{"", "1"}}})
                filters.push_back({jobs, kinds, labels});
    std::deque<subscription<event, net::io_context::executor_type>> live;
    for (const auto& f : filters) live.push_back(e.subscribe(context.get_executor(), filtered(f)));
    std::vector<std::vector<std::string>> expected(filters.size());
    std::mt19937 random(3);
    const auto pick = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    for (int i = 0; i < 1000; ++i) {
        label_map labels;
        for (const auto* name : {"", "a", "b"})
            if (pick(2) == 0) labels[name] = std::to_string(pick(3));
        constexpr event_kind kinds[] = {event_kind::job_failed, event_kind::custom, event_kind::job_lost,
                                        event_kind::job_started};
        auto told = make(std::to_string(pick(4)), kinds[pick(4)], labels);
        if (pick(10) == 0) told.job = nullptr;
        told.data = std::to_string(i);
        for (std::size_t f = 0; f < filters.size(); ++f)
            if (filters[f].matches(told)) expected[f].push_back(told.data);
        e.emit(told);
    }
    const auto drain = [](auto& s) {
        std::vector<std::string> all;
        while (const auto d = s.try_receive()) all.push_back((*d)->data);
        return all;
    };
    for (std::size_t f = 0; f < filters.size(); ++f) {
        CAPTURE(f);
        CHECK(drain(live[f]) == expected[f]);
        auto o = filtered(filters[f]);
        o.from = begin;
        auto late = e.subscribe(context.get_executor(), o);
        CHECK(drain(late) == expected[f]);
    }
}
