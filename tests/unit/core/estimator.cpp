// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/estimator.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

const estimator::clock::time_point start{};

estimator::clock::time_point after(double seconds) {
    return start + std::chrono::duration_cast<estimator::clock::duration>(std::chrono::duration<double>(seconds));
}

double width(const prediction& p) { return (p.high - p.low).count(); }

bool in_order(const prediction& p) {
    return 0 <= p.low.count() && p.low <= p.remaining && p.remaining <= p.high && std::isfinite(p.high.count());
}

// One unit a second, with a little noise.
estimator noisy(int units, std::uint64_t seed = 1) {
    std::mt19937_64 random(seed);
    estimator e;
    double now = 0;
    e.sample(0, start);
    for (int i = 1; i <= units; ++i) {
        now += 0.9 + 0.2 * static_cast<double>(random() % 1000) / 1000;
        e.sample(i, after(now));
    }
    return e;
}

} // namespace

TEST_CASE("nothing is predicted from nothing") {
    estimator e;
    CHECK_FALSE(e.rate(start));
    CHECK_FALSE(e.predict(10, start));
    e.sample(100, start);
    CHECK_FALSE(e.rate(start + 1h)); // no progress seen yet
    CHECK_FALSE(e.remaining(1000, start + 1h));
    CHECK_FALSE(e.predict(1000, start + 1h));
    CHECK_FALSE(e.coverage().share());
}

TEST_CASE("guide: a prediction with its band") {
    estimator speed;
    speed.sample(0, start); // the baseline
    speed.sample(30, start + 10s);
    speed.sample(60, start + 20s);
    const auto left = speed.predict(90, start + 20s); // nothing, where nothing can be said
    REQUIRE(left);
    CHECK(left->remaining.count() == Approx(10.0)); // as likely too long as too short
    CHECK(left->low < 10s);                         // one of ten ends before this
    CHECK(left->high > 10s);                        // and one of ten after this
    CHECK(speed.coverage().checked == 0);           // of the bands so far, how many it could check, and how many held
}

TEST_CASE("a steady job has its rate from the second sample on") {
    estimator e;
    for (int i = 0; i <= 60; ++i) {
        e.sample(10 * i, start + i * 1s);
        if (i > 0) CHECK(*e.rate(start + i * 1s) == Approx(10.0));
    }
    CHECK(e.remaining(700, start + 60s)->count() == Approx(10.0));
    CHECK(e.predict(700, start + 60s)->remaining == *e.remaining(700, start + 60s));
}

TEST_CASE("between two advances the remaining time goes down") {
    estimator e;
    for (int i = 0; i <= 10; ++i) e.sample(i, start + i * 10s);
    CHECK(e.remaining(20, start + 100s)->count() == Approx(100.0));
    CHECK(e.remaining(20, start + 105s)->count() == Approx(95.0));
}

TEST_CASE("what was done before the first sample is not part of the rate, nor of the prediction") {
    estimator e;
    e.sample(1e9, start);
    e.sample(1e9 + 5, start + 1s);
    CHECK(*e.rate(start + 1s) == Approx(5.0));
    CHECK(e.remaining(1e9 + 15, start + 1s)->count() == Approx(2.0));
}

TEST_CASE("a stalled job slows down, however often one looks") {
    estimator e;
    estimator unwatched;
    for (int i = 0; i <= 30; ++i) {
        e.sample(10 * i, start + i * 1s);
        unwatched.sample(10 * i, start + i * 1s);
    }
    const double running = *e.rate(start + 30s);
    const prediction before = *e.predict(600, start + 30s);
    for (int i = 31; i <= 90; ++i) e.sample(300, start + i * 1s);
    CHECK(*e.rate(start + 90s) < running / 10);
    const prediction stalled = *e.predict(600, start + 90s);
    CHECK(stalled.remaining.count() == Approx(29.0 + 59));
    CHECK(width(stalled) > 5 * width(before));
    CHECK(unwatched.predict(600, start + 90s) == stalled);

    SECTION("and is as fast as before when it goes on") {
        e.sample(310, start + 91s);
        e.sample(320, start + 92s);
        CHECK(e.remaining(600, start + 92s)->count() == Approx(28.0).epsilon(0.3));
        CHECK(e.predict(600, start + 92s)->high > 60s); // what happened once may happen again
    }
}

TEST_CASE("an estimator that is not asked for predictions does not make any") {
    estimator checked;
    estimator unchecked;
    for (int i = 0; i <= 100; ++i) {
        checked.sample(i, start + i * 1s);
        unchecked.sample(i, start + i * 1s, false);
    }
    CHECK(checked.coverage().checked > 0);
    CHECK(unchecked.coverage() == band_coverage{});
    CHECK(unchecked.rate(start + 100s) == checked.rate(start + 100s));
    CHECK(unchecked.remaining(200, start + 100s)->count() == Approx(100.0)); // it can all the same
}

TEST_CASE("going backwards starts anew") {
    estimator e = noisy(100);
    CHECK(e.coverage().checked > 0);
    e.sample(10, start + 200s);
    CHECK_FALSE(e.rate(start + 200s));
    CHECK_FALSE(e.predict(100, start + 300s));
    CHECK(e.coverage() == band_coverage{});
    e.sample(12, start + 201s);
    CHECK(*e.rate(start + 201s) == Approx(2.0));
    CHECK(e.remaining(16, start + 201s)->count() == Approx(2.0));
}

TEST_CASE("a finished job has no time left") {
    estimator e;
    CHECK_FALSE(e.predict(0, start));
    e.sample(10, start);
    CHECK(e.predict(10, start) == prediction{});
    CHECK(e.predict(5, start) == prediction{});
    CHECK(e.predict(0, start) == prediction{});
    e.sample(20, start); // in no time
    CHECK(e.predict(20, start) == prediction{});
    CHECK_FALSE(e.predict(30, start));
}

TEST_CASE("what is done in no time counts when time has passed") {
    estimator e;
    e.sample(0, start);
    e.sample(4, start);
    e.sample(6, start - 1s);
    CHECK_FALSE(e.rate(start));
    e.sample(6, start + 2s);
    CHECK(*e.rate(start + 2s) == Approx(3.0));
    CHECK(e.remaining(12, start + 2s)->count() == Approx(2.0));
}

TEST_CASE("numbers beyond reason give no prediction, and do no harm") {
    const double inf = std::numeric_limits<double>::infinity();
    estimator e = noisy(10);
    const auto now = start + 11s;
    const auto sane = e.predict(20, now);
    for (const double done : {inf, -inf, std::nan("")}) e.sample(done, now);
    CHECK(e.predict(20, now) == sane);
    CHECK_FALSE(e.predict(inf, now));
    CHECK_FALSE(e.predict(std::nan(""), now));
    CHECK(in_order(*e.predict(1e18, now)));
    e.sample(1e300, now + 1s);
    e.sample(1.5e300, now + 2s);
    CHECK_FALSE(e.predict(inf, now + 2s));
    estimator slow;
    slow.sample(0, start);
    slow.sample(1, start + 1h);
    CHECK_FALSE(slow.predict(std::numeric_limits<double>::max(), start + 1h));
    estimator bytes;
    bytes.sample(0, start);
    bytes.sample(1, start + 1ns);
    for (int i = 1; i <= 100; ++i) bytes.sample(1 + i * 1e15, start + i * 1s);
    CHECK(bytes.remaining(1 + 150e15, start + 100s)->count() == Approx(50.0));
}

TEST_CASE("the band narrows as the job goes on, and with its noise") {
    const auto relative = [](estimator e, double done, double now) {
        const prediction p = *e.predict(done * 2, after(now));
        return width(p) / p.remaining.count();
    };
    CHECK(relative(noisy(100), 100, 100) < relative(noisy(1), 1, 1));
    estimator rough;
    std::mt19937_64 random(3);
    double now = 0;
    rough.sample(0, start);
    for (int i = 1; i <= 100; ++i) {
        const double u = static_cast<double>(random() % 1000 + 1) / 1001;
        rough.sample(i, after(now += std::pow(u, -0.7)));
    }
    CHECK(relative(rough, 100, now) > 1.3 * relative(noisy(100), 100, 100));
}

TEST_CASE("a job that slows down is predicted to go on so") {
    estimator e;
    double now = 0;
    e.sample(0, start);
    for (int i = 1; i <= 100; ++i) e.sample(i, after(now += 1 + 0.02 * i));
    double truth = 0;
    for (int i = 101; i <= 200; ++i) truth += 1 + 0.02 * i;
    const prediction p = *e.predict(200, after(now));
    CHECK(p.remaining.count() == Approx(truth).epsilon(0.25)); // the mean pace says half of it
    CHECK(p.low.count() < truth);
    CHECK(p.high.count() > truth);
}

TEST_CASE("a job that is slower from some moment on is predicted by what came since") {
    estimator e;
    double now = 0;
    e.sample(0, start);
    for (int i = 1; i <= 200; ++i) e.sample(i, after(now += i <= 120 ? 1 : 4));
    CHECK(e.remaining(400, after(now))->count() == Approx(800.0).epsilon(0.1));
}

TEST_CASE("low, remaining and high are in order, whatever happens") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        std::mt19937_64 random(seed);
        const auto up_to = [&](std::uint64_t n) { return static_cast<double>(random() % n); };
        estimator e;
        double done = 0;
        double now = 0;
        bool good = true;
        for (int i = 0; i < 300; ++i) {
            const auto kind = random() % 12;
            if (kind < 7) done += 1 + up_to(3);
            if (kind == 7) done += std::pow(10, up_to(9));
            if (kind == 8 && random() % 20 == 0) done = done / 2;
            now += kind == 9 ? std::pow(10, up_to(8) - 3) : kind == 10 ? 0 : up_to(1000) / 1000;
            e.sample(done, after(now));
            const double total = done + std::pow(10, up_to(12) - 2);
            const auto p = e.predict(total, after(now + up_to(3)));
            good = good && (!p || in_order(*p));
        }
        CHECK(good);
        CHECK(e.coverage().held <= e.coverage().checked);
    }
}

TEST_CASE("the estimator checks its own bands") {
    SECTION("one that holds") {
        const estimator e = noisy(1000);
        CHECK(e.coverage().checked >= 10);
        CHECK(*e.coverage().share() > 0.8);
    }
    SECTION("ones that do not hold: each item takes longer than all before it") {
        estimator e;
        double now = 0;
        e.sample(0, start);
        for (int i = 1; i <= 40; ++i) e.sample(i, after(now += std::pow(1.5, i)));
        CHECK(e.coverage().checked >= 3);
        CHECK(*e.coverage().share() < 0.5);
    }
}

TEST_CASE("after a miss the band is wider on that side, until bands have held again") {
    detail::work_history history;
    for (int i = 0; i < 8; ++i) history.add(1, i % 2 == 0 ? 0.9 : 1.1);
    detail::forecast ahead;
    ahead.fit(history);
    const detail::quantiles plain = ahead.of(10);
    const auto same = [&](const detail::quantiles& q) {
        return q.low == plain.low && q.middle == plain.middle && q.high == plain.high;
    };
    detail::forecast_checks checks;
    double done = 8;
    const auto next = [&](double pace) {
        checks.remember(ahead, done, done);
        checks.advance(done, done, done, done * pace);
        done *= 2;
    };
    CHECK(same(checks.calibrate(plain)));
    next(1);
    CHECK(same(checks.calibrate(plain)));
    next(3);
    CHECK(checks.calibrate(plain).high > plain.high);
    CHECK(checks.calibrate(plain).low == plain.low);
    next(0.3);
    CHECK(checks.calibrate(plain).low < plain.low);
    CHECK(checks.checked() == 3);
    CHECK(checks.held() == 1);
    for (int i = 0; i < 20; ++i) next(1);
    CHECK(same(checks.calibrate(plain)));
    next(3);
    CHECK(checks.calibrate(plain).high > plain.high);
    for (int i = 0; i < 50; ++i) next(1e6);
    CHECK(checks.calibrate(plain).high < 3 * plain.high); // within reason
}

namespace {

enum class workload { steady, heavy_tailed, bursts, stall, slowing, speeding_up };

// The time of every item; a small sister of benchmarks/estimates.cpp, where these are measured.
std::vector<double> run_of(workload w, std::mt19937_64& random) {
    const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
    const std::size_t items = 150 + random() % 150;
    const double factor = 1.5 + 3 * uniform();
    const auto stalled = static_cast<std::size_t>((0.1 + 0.8 * uniform()) * static_cast<double>(items));
    bool fast = true;
    std::vector<double> times;
    for (std::size_t i = 0; i < items; ++i) {
        const double share = static_cast<double>(i) / static_cast<double>(items);
        double t = 0.7 + 0.6 * uniform();
        if (w == workload::heavy_tailed) t = std::pow(uniform(), -1 / 1.6);
        if (w == workload::bursts && uniform() < 0.15) fast = !fast;
        if (w == workload::bursts && !fast) t *= 8;
        if (w == workload::stall && i == stalled) t += static_cast<double>(items) * 0.3 * uniform();
        if (w == workload::slowing) t *= std::pow(factor, share);
        if (w == workload::speeding_up) t /= 1 + (factor - 1) * share;
        times.push_back(t);
    }
    return times;
}

} // namespace

TEST_CASE("about four of five bands hold what they promise") {
    int held = 0;
    int all = 0;
    for (const auto w : {workload::steady, workload::heavy_tailed, workload::bursts, workload::stall, workload::slowing,
                         workload::speeding_up}) {
        int held_here = 0;
        int all_here = 0;
        for (std::uint64_t seed = 0; seed < 25; ++seed) {
            std::mt19937_64 random(1000 + seed);
            const auto times = run_of(w, random);
            double left = 0;
            for (const double t : times) left += t;
            estimator e;
            double now = 0;
            e.sample(0, start);
            for (std::size_t i = 0; i < times.size(); ++i) {
                now += times[i];
                left -= times[i];
                e.sample(static_cast<double>(i + 1), after(now));
                if ((i + 1) % 10 != 0 || i + 1 == times.size()) continue;
                const auto p = e.predict(static_cast<double>(times.size()), after(now));
                REQUIRE(p);
                held_here += p->low.count() <= left && left <= p->high.count();
                ++all_here;
            }
        }
        INFO("workload " << static_cast<int>(w));
        CHECK(held_here > 0.55 * all_here);
        held += held_here;
        all += all_here;
    }
    INFO(held << " of " << all);
    CHECK(held > 0.65 * all);
    CHECK(held < 0.92 * all);
}
