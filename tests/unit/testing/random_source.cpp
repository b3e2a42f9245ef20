// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/testing/random_source.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace telltale::testing;
using namespace std::chrono_literals;

namespace {

constexpr int many = 20'000;

std::vector<double> drawn(const duration_law& law) {
    random_source random(1);
    std::vector<double> all;
    for (int i = 0; i < many; ++i) all.push_back(law.draw(random).count());
    std::sort(all.begin(), all.end());
    return all;
}

double mean_of(const std::vector<double>& all) {
    double sum = 0;
    for (const double d : all) sum += d;
    return sum / static_cast<double>(all.size());
}

double median_of(const std::vector<double>& sorted) { return sorted[sorted.size() / 2]; }

} // namespace

TEST_CASE("random_source: the numbers of SplitMix64, on every machine") {
    random_source zero(0);
    for (const std::uint64_t expected : {0xE220A8397B1DCDAFU, 0x6E789E6AA1B965F4U, 0x06C45D188009454FU})
        CHECK(zero.bits() == expected);
    random_source other(1234567);
    for (const std::uint64_t expected : {6457827717110365317U, 3203168211198807973U, 9817491932198370423U})
        CHECK(other.bits() == expected);
    CHECK(random_source(0).uniform() == static_cast<double>(0xE220A8397B1DCDAFU >> 11U) / 9007199254740992.0);
}

TEST_CASE("random_source: within the bounds, and spread as said") {
    random_source random(7);
    std::vector<int> tenths(10);
    int heads = 0;
    double sum = 0;
    double squares = 0;
    double waits = 0;
    int wrong = 0;
    for (int i = 0; i < many; ++i) {
        const double u = random.uniform();
        const double between = random.uniform(-3, -1);
        const double n = random.normal();
        const double e = random.exponential();
        const bool within = u >= 0 && u < 1 && between >= -3 && between < -1 && std::isfinite(n) && e >= 0;
        if (!within || !std::isfinite(e) || random.chance(0) || !random.chance(1)) ++wrong;
        if (within) ++tenths[static_cast<std::size_t>(u * 10)];
        heads += random.chance(0.25) ? 1 : 0;
        sum += n;
        squares += n * n;
        waits += e;
    }
    CHECK(wrong == 0);
    for (const int n : tenths) CHECK(n == Approx(many / 10).epsilon(0.1));
    CHECK(heads == Approx(many / 4).epsilon(0.05));
    CHECK(sum / many == Approx(0).margin(0.03));
    CHECK(squares / many == Approx(1).epsilon(0.05));
    CHECK(waits / many == Approx(1).epsilon(0.05));
}

TEST_CASE("duration_law: a constant, and between two bounds") {
    const auto same = drawn(duration_law::constant(7s));
    CHECK(same.front() == 7);
    CHECK(same.back() == 7);
    const auto even = drawn(duration_law::uniform(10s, 30s));
    CHECK(even.front() >= 10);
    CHECK(even.back() < 30);
    CHECK(mean_of(even) == Approx(20).epsilon(0.02));
    CHECK(median_of(even) == Approx(20).epsilon(0.02));
}

TEST_CASE("duration_law: the exponential one has no memory") {
    const auto all = drawn(duration_law::exponential(60s));
    CHECK(all.front() >= 0);
    CHECK(mean_of(all) == Approx(60).epsilon(0.05));
    // What has taken a minute, or two, takes another with the same probability.
    const auto longer_than = [&all](double d) {
        return static_cast<double>(all.end() - std::upper_bound(all.begin(), all.end(), d));
    };
    CHECK(longer_than(60) / longer_than(0) == Approx(std::exp(-1)).epsilon(0.05));
    CHECK(longer_than(120) / longer_than(60) == Approx(std::exp(-1)).epsilon(0.05));
}

TEST_CASE("duration_law: median and spread of the lognormal one, and a mixture of two") {
    const auto one = drawn(duration_law::lognormal(100s, 0.5));
    CHECK(one.front() > 0);
    CHECK(median_of(one) == Approx(100).epsilon(0.03));
    // A standard deviation above the median are 15.9 %.
    const auto above = one.end() - std::upper_bound(one.begin(), one.end(), 100 * std::exp(0.5));
    CHECK(static_cast<double>(above) / many == Approx(0.1587).epsilon(0.05));
    const auto two = drawn(duration_law::bimodal(10s, 1000s, 0.3, 0.1));
    const auto about_ten = std::upper_bound(two.begin(), two.end(), 100) - two.begin();
    CHECK(static_cast<double>(about_ten) / many == Approx(0.3).epsilon(0.05));
    CHECK(two[static_cast<std::size_t>(about_ten) / 2] == Approx(10).epsilon(0.03));
    CHECK(two[(two.size() + static_cast<std::size_t>(about_ten)) / 2] == Approx(1000).epsilon(0.03));
}

TEST_CASE("duration_law: the same seed, the same durations") {
    random_source a(42);
    random_source b(42);
    random_source c(43);
    const auto law = duration_law::bimodal(1s, 2s, 0.5, 0.2);
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const auto d = law.draw(a);
        REQUIRE(d == law.draw(b));
        differs = differs || d != law.draw(c);
    }
    CHECK(differs);
}
