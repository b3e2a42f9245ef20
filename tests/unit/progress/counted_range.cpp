// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/counted_range.hpp>

#include "support.hpp"

#include <telltale/progress/progress_tracker.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <ranges>
#include <sstream>
#include <string>
#include <vector>

using namespace telltale;
using namespace telltale_test;

namespace {
struct only_counts {
    void advance(std::uint64_t n) { done += n; }
    std::uint64_t done = 0;
};
} // namespace

TEST_CASE("counted: each element when the loop goes on from it, and the total before") {
    virtual_world world;
    progress_tracker t(world.executor(), {.done = 2});
    const std::vector<int> numbers{1, 2, 3};
    int sum = 0;
    for (const int& n : counted(numbers, t)) {
        CHECK(&n == &numbers[static_cast<std::size_t>(n - 1)]);
        CHECK(t.sample().total == 5.0); // with what was done before
        CHECK(t.done() == static_cast<std::uint64_t>(n) + 1);
        sum += n;
    }
    CHECK(sum == 6);
    CHECK(t.done() == 5);
}

TEST_CASE("counted: where it stops is not counted") {
    only_counts c;
    for (const int n : counted(std::vector<int>{1, 2, 3, 4}, c))
        if (n == 3) break;
    CHECK(c.done == 2);
    for ([[maybe_unused]] const int n : counted(std::vector<int>{}, c)) CHECK(false);
    CHECK(c.done == 2);
}

TEST_CASE("counted: elements can be changed and moved, views composed, and ranges without a size have no total") {
    virtual_world world;
    progress_tracker t(world.executor());
    std::list<std::unique_ptr<int>> owners;
    owners.push_back(std::make_unique<int>(1));
    for (auto& p : counted(owners, t)) ++*p;
    CHECK(*owners.front() == 2);
    progress_tracker words(world.executor());
    std::istringstream in("a b c");
    std::string all;
    for (const auto& word : counted(std::views::istream<std::string>(in), words)) all += word;
    CHECK(all == "abc");
    CHECK(words.done() == 3);
    CHECK_FALSE(words.sample().total);
    only_counts c;
    std::vector<int> numbers{1, 2, 3};
    int sum = 0;
    for (const int n : counted(numbers, c) | std::views::transform([](int i) { return 10 * i; })) sum += n;
    CHECK(sum == 60);
    CHECK(c.done == 3);
}
