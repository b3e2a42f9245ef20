// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/chunk_sizer.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;
using seconds = std::chrono::duration<double>;

namespace {

/// Workers that take chunks whose items take as long as `cost` says. Returns the chunks, and when the workers ended.
struct simulation {
    std::vector<chunk_part> chunks;
    std::vector<double> ends;

    simulation(chunk_sizer sizer, std::size_t workers, const std::function<double(std::size_t item)>& cost) {
        using arrival = std::pair<double, std::size_t>; // time, which chunk it has done
        std::priority_queue<arrival, std::vector<arrival>, std::greater<>> free;
        constexpr std::size_t none = static_cast<std::size_t>(-1);
        std::vector<double> times;
        for (std::size_t i = 0; i < workers; ++i) free.push({0.0, none});
        while (!free.empty()) {
            const auto [now, last] = free.top();
            free.pop();
            if (last != none) sizer.completed(chunks[last].size, seconds(times[last]));
            const auto part = sizer.next();
            if (part.size == 0) {
                ends.push_back(now);
                continue;
            }
            double time = 0;
            for (std::size_t i = 0; i < part.size; ++i) time += cost(part.first + i);
            chunks.push_back(part);
            times.push_back(time);
            free.push({now + time, chunks.size() - 1});
        }
    }

    std::vector<std::size_t> sizes() const {
        std::vector<std::size_t> all;
        for (const auto& c : chunks) all.push_back(c.size);
        return all;
    }
};

} // namespace

TEST_CASE("one worker: sizes double until chunks take the wanted time, and the rest is the last chunk") {
    const simulation run(chunk_sizer(1000, {.target = 100ms}), 1, [](std::size_t) { return 0.001; });
    CHECK(run.sizes() == std::vector<std::size_t>{1, 2, 4, 8, 16, 32, 64, 100, 100, 100, 100, 100, 100, 100, 100, 73});
}

TEST_CASE("chunks lie side by side, have ids in order, and are all of the items") {
    const auto workers = GENERATE(as<std::size_t>{}, 1, 2, 16);
    const auto total = GENERATE(as<std::size_t>{}, 0, 1, 5, 10'000);
    const simulation run(chunk_sizer(total, {.target = 10ms, .first = 3, .workers = workers}), workers,
                         [](std::size_t item) { return item % 7 == 0 ? 0.01 : 0.0001; });
    std::size_t items = 0;
    for (std::size_t i = 0; i < run.chunks.size(); ++i) {
        CHECK(run.chunks[i].id == i);
        CHECK(run.chunks[i].first == items);
        CHECK(run.chunks[i].size >= 1);
        items += run.chunks[i].size;
    }
    CHECK(items == total);
    CHECK(run.ends.size() == workers);
}

TEST_CASE("work that becomes ten times slower gets chunks a tenth as large, but no more than half at a time") {
    const simulation run(chunk_sizer(20'000, {.target = 100ms}), 1,
                         [](std::size_t item) { return item < 10'000 ? 0.0001 : 0.001; });
    const auto sizes = run.sizes();
    CHECK(*std::max_element(sizes.begin(), sizes.end()) == 1000);
    for (std::size_t i = 1; i + 1 < sizes.size(); ++i) {
        CHECK(sizes[i] <= 2 * sizes[i - 1]);
        CHECK(sizes[i] >= sizes[i - 1] / 2);
    }
    CHECK(sizes[sizes.size() - 2] >= 100);
    CHECK(sizes[sizes.size() - 2] <= 110); // learned again
}

TEST_CASE("one odd chunk halves the size once") {
    chunk_sizer sizer(1'000'000, {.target = 100ms, .first = 64});
    for (int i = 0; i < 20; ++i) sizer.completed(sizer.next().size, 100ms);
    const auto before = sizer.next_size();
    CHECK(before == 64);
    sizer.completed(sizer.next().size, 100s);
    CHECK(sizer.next_size() == 32);
}

TEST_CASE("workers end at about the same time") {
    const auto cost = [](std::size_t) { return 0.001; };
    const simulation run(chunk_sizer(10'000, {.target = 1s, .workers = 4}), 4, cost);
    const auto [first, last] = std::minmax_element(run.ends.begin(), run.ends.end());
    CHECK(*last - *first < 0.02); // of 2.5 seconds, with chunks of a second in the middle
    CHECK(*last == Approx(2.5).epsilon(0.01));
    CHECK(run.chunks.back().size < 10);
}

TEST_CASE("however many complete at once, a chunk is never more than twice as large as one that was measured") {
    chunk_sizer sizer(1'000'000, {.target = 1s, .workers = 16});
    for (int i = 0; i < 16; ++i) CHECK(sizer.next().size == 1);
    for (int i = 0; i < 16; ++i) sizer.completed(1, 1us);
    CHECK(sizer.next_size() == 2);
}

TEST_CASE("limits hold, and what takes no time at all grows to the largest") {
    chunk_sizer sizer(1'000, {.target = 100ms, .first = 1, .min = 4, .max = 50});
    CHECK(sizer.next().size == 4);
    for (int i = 0; i < 10; ++i) sizer.completed(sizer.next().size, 0s);
    CHECK(sizer.next_size() == 50);
    for (int i = 0; i < 10; ++i) sizer.completed(sizer.next().size, 100s);
    CHECK(sizer.next_size() == 4);
    CHECK(chunk_sizer(3, {.min = 5}).next_size() == 3); // all there is
    CHECK(chunk_sizer(0).next() == chunk_part{});
}
