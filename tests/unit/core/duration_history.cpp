// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/duration_history.hpp>

#include "catch.hpp"

#include <telltale/testing/random_source.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace telltale;
using testing::duration_law;
using testing::random_source;
using seconds = duration_history::seconds;

static_assert(sizeof(duration_history) < 5200);

namespace {

duration_history learn(const duration_law& law, int count, std::uint64_t seed = 1) {
    duration_history h;
    random_source random(seed);
    for (int i = 0; i < count; ++i) h.add(law.draw(random));
    return h;
}

} // namespace

TEST_CASE("duration_history: too few durations say nothing, and odd ones do not count") {
    duration_history h;
    for (std::size_t i = 0; i + 1 < duration_history::enough; ++i) h.add(seconds{10});
    h.add(seconds{-1});
    h.add(seconds{std::nan("")});
    h.add(seconds{std::numeric_limits<double>::infinity()});
    CHECK(h.count() == duration_history::enough - 1);
    CHECK_FALSE(h.quantile(0.5));
    CHECK_FALSE(h.next_look(seconds{0}, seconds{5}, seconds{100}));
    h.add(seconds{10});
    CHECK(h.quantile(0.5).value().count() == Approx(10).epsilon(0.05));
    h.add(seconds{0});
    h.add(seconds{1e300});
    CHECK(h.quantile(1).value().count() > 4e6); // the edges of what is counted
    CHECK(h.next_look(seconds{0}, seconds{5}, seconds{100}).value().count() > 0);
}

TEST_CASE("duration_history: quantiles are those of the law, as near as the bins are") {
    const auto h = learn(duration_law::uniform(seconds{100}, seconds{300}), 2000);
    CHECK(h.quantile(0.1).value().count() == Approx(120).epsilon(0.1));
    CHECK(h.quantile(0.5).value().count() == Approx(200).epsilon(0.1));
    CHECK(h.quantile(0.9).value().count() == Approx(280).epsilon(0.1));
    double last = 0;
    for (double q = 0; q <= 1; q += 0.01) {
        const double t = h.quantile(q).value().count();
        CHECK(t >= last);
        last = t;
    }
}

TEST_CASE("duration_history: what is left is that of jobs that have run for as long") {
    const auto uniform = learn(duration_law::uniform(seconds{100}, seconds{300}), 2000);
    CHECK(uniform.remaining(0.5, seconds{250}).value().count() == Approx(25).epsilon(0.3));
    CHECK(uniform.remaining(0.5, seconds{50}).value().count() == Approx(150).epsilon(0.1));
    // Without a memory it is always the same.
    const auto exponential = learn(duration_law::exponential(seconds{100}), 5000);
    for (const double ran : {0.0, 50.0, 100.0, 150.0})
        CHECK(exponential.remaining(0.5, seconds{ran}).value().count() == Approx(69.3).epsilon(0.25));
    // Of two sorts the short one is over.
    const auto two = learn(duration_law::bimodal(seconds{60}, seconds{1000}, 0.8, 0.05), 1000);
    CHECK(two.remaining(0.5, seconds{0}).value().count() == Approx(60).epsilon(0.15));
    CHECK(two.remaining(0.5, seconds{200}).value().count() == Approx(800).epsilon(0.15));
    // Longer than any: nobody knows.
    CHECK(two.remaining(0.5, seconds{1500}));
    CHECK_FALSE(two.remaining(0.5, seconds{6000}));
}

TEST_CASE("duration_history: newer durations count more") {
    auto h = learn(duration_law::constant(seconds{100}), 1000);
    for (int i = 0; i < 300; ++i) h.add(seconds{500});
    CHECK(h.quantile(0.5).value().count() == Approx(500).epsilon(0.05));
    for (int i = 0; i < 100'000; ++i) h.add(seconds{50}); // weights do not overflow
    CHECK(h.quantile(0.5).value().count() == Approx(50).epsilon(0.05));
}

TEST_CASE("duration_history: looks are where jobs end") {
    const auto h = learn(duration_law::constant(seconds{600}), 200);
    const auto first = h.next_look(seconds{0}, seconds{7.5}, seconds{10'000}).value().count();
    CHECK(first > 500); // not before
    CHECK(first < 640);
    CHECK(h.next_look(seconds{0}, seconds{7.5}, seconds{120}).value().count() == Approx(120));
    // Where all times are alike the looks are as far apart as the delay says.
    const auto e = learn(duration_law::exponential(seconds{600}), 5000);
    double sum = 0;
    for (double ran = 5; ran < 600; ran += 5)
        sum += e.next_look(seconds{ran}, seconds{7.5}, seconds{120}).value().count();
    CHECK(sum / 119 == Approx(15).epsilon(0.15));
}

TEST_CASE("duration_history: an end is seen as late as was asked for, with fewer looks than at an interval") {
    const auto delay = GENERATE(7.5, 60.0);
    for (const auto& law :
         {duration_law::uniform(seconds{300}, seconds{900}), duration_law::lognormal(seconds{530}, 0.5),
          duration_law::bimodal(seconds{180}, seconds{1200}, 0.6, 0.1), duration_law::exponential(seconds{600})}) {
        const auto h = learn(law, 500);
        random_source random(99);
        double late = 0;
        double looks = 0;
        double looks_at_interval = 0;
        constexpr int jobs = 500;
        for (int i = 0; i < jobs; ++i) {
            const double end = law.draw(random).count();
            double t = 0;
            while (t < end) {
                const auto next = h.next_look(seconds{t}, seconds{delay}, seconds{1e6});
                if (next && !(next->count() > 0)) FAIL("a look at once");
                t += next ? next->count() : 2 * delay;
                ++looks;
            }
            late += t - end;
            looks_at_interval += std::ceil(end / (2 * delay));
        }
        CAPTURE(delay, late / jobs, looks / looks_at_interval);
        CHECK(late / jobs < 1.25 * delay);
        CHECK(looks < 1.05 * looks_at_interval);
    }
}
