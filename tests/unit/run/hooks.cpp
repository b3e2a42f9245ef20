// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/hooks.hpp>

#include <telltale/run/for_each_chunk.hpp>

#include "catch.hpp"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;

namespace {

void nothing(const auto&) {}

} // namespace

TEST_CASE("a hook that is not set is known at compile time, and nothing is told") {
    using detail::chunk_event;
    const chunk_hooks none{};
    static_assert(hook_set<std::remove_const_t<decltype(none)>>);
    static_assert(!detail::chunk_teller<chunk_hooks<>>::tells);
    const chunk_hooks ends{.before = [](const chunk_plan&) {}, .after = [](const chunk_result&) {}};
    static_assert(!detail::chunk_teller<std::remove_const_t<decltype(ends)>>::tells);
    static_assert(detail::may_want<chunk_event::before, std::remove_const_t<decltype(ends)>>);
    const auto both = compose(ends, chunk_hooks{.slow_chunk = [](const slow_chunk_info&) {}});
    static_assert(detail::chunk_teller<std::remove_const_t<decltype(both)>>::tells);
    static_assert(!detail::may_want<chunk_event::progress, std::remove_const_t<decltype(both)>>);
    CHECK(sizeof(none) <= 9); // no more than an address each
    CHECK(for_each_chunk(
              blocking, 3, {}, [](auto) {}, none)
              .items == 3);
}

TEST_CASE("of composed hooks the first is told first, and one that throws keeps it from nobody") {
    std::string told;
    const auto writer = [&told](char name) {
        return chunk_hooks{
            .before = [&told, name](const chunk_plan&) { told += name; },
            .chunk_completed =
                [&told, name](const chunk_info& c) {
                    told += name;
                    if (name == 'b') throw std::runtime_error("b" + std::to_string(c.id));
                },
            .after = [&told, name](const chunk_result& r) { told += name + std::to_string(r.hook_errors); }};
    };
    const chunk_hooks progress_only{.progress = [&told](const telltale::progress&) { told += '%'; }};
    const auto all = compose(writer('a'), compose(writer('b'), progress_only), writer('c'));
    const auto result = for_each_chunk(
        blocking, 4, {.size = 2}, [](auto) {}, all);
    CHECK(told == "abc"
                  "abc%"
                  "abc%"
                  "a2b2c2");
    CHECK(result.hook_errors == 2);
    CHECK_THROWS_WITH(std::rethrow_exception(result.first_hook_error), "b0");
}

TEST_CASE("every hook may throw, and the work is done") {
    const auto fail = [](const auto&) { throw std::runtime_error("no"); };
    const chunk_hooks hooks{fail, fail, fail, fail, fail, fail, fail, fail, fail};
    std::size_t items = 0;
    const auto fn = [&items](auto part) {
        if (part.front() == 3) throw std::logic_error("work");
        ++items;
    };
    const auto result = for_each_chunk(blocking, 5, {.size = 1, .errors = error_policy::collect}, fn, hooks);
    CHECK(items == 4);
    CHECK(result.errors.size() == 1);
    // before; worker started and stopped; five started; four completed, each with progress; an error; after
    CHECK(result.hook_errors == 1 + 2 + 5 + 4 + 4 + 1 + 1);
}

TEST_CASE("hooks may be move-only") {
    auto seen = std::make_unique<std::size_t>(0);
    auto& n = *seen;
    chunk_hooks hooks{.chunk_completed = [seen = std::move(seen)](const chunk_info&) { ++*seen; }};
    for_each_chunk(
        blocking, 5, {.size = 1}, [&n](auto part) { CHECK(n == part.front()); }, std::move(hooks));
}

TEST_CASE("functions are hooks") {
    chunk_hooks hooks{.chunk_completed = &nothing<chunk_info>};
    static_assert(hook_set<decltype(hooks)>);
    CHECK(for_each_chunk(
              blocking, 5, {}, [](auto) {}, hooks)
              .hook_errors == 0);
}
