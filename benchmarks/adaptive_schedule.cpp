// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// What does the adaptive pace save, and what does it cost? One job after the other in virtual time, polled by a
// poll_schedule until its end is seen; nothing here reads a clock, so the figures are the same on every machine.
//
//   adaptive_schedule [--json] [--jobs N] [--seed S] [--development]
//
// Five laws of duration, all with a mean near ten minutes. Each job is watched from its start, at an interval of 15 s
// (with the default jitter, phases spread) and adaptively, and the requests and the time from its end to the poll that
// saw it are counted; a poll takes 50 to 500 ms. Requests are those of all jobs of a law; the delay is the mean.
//
// - "progress": each job reports the share that is done, rounded down to whole percents. Its pace is not steady: the share
//   is that of the time to the power of 0.7 to 1.4, disturbed by a random walk that ends where it began. The API tells
//   neither a rate nor what remains, nor when it started.
// - "no progress": the durations are learned from what is seen, in ten series of a tenth of the jobs, each of which
//   begins with nothing learned: its first jobs are polled at the interval, and count.
// Beside them, and in none of the figures to reach: "failing", where one job in ten ends at any moment; jobs of two minutes,
// and of an hour, on the average.
//
// The schedule was developed on the seeds of --development; the figures of the documentation are from other seeds.

#include <telltale/core/duration_history.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/poll/schedule.hpp>
#include <telltale/testing/random_source.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

namespace {

using namespace telltale;
using testing::duration_law;
using testing::random_source;
using seconds = std::chrono::duration<double>;
using time_point = poll_schedule::time_point;

struct law {
    const char* name;
    duration_law durations;
};

std::array<law, 5> laws_of(seconds mean) {
    return {law{"constant", duration_law::constant(mean)},
            law{"uniform", duration_law::uniform(mean * 0.5, mean * 1.5)},
            law{"lognormal", duration_law::lognormal(mean * 0.88, 0.5)},
            law{"bimodal", duration_law::bimodal(mean * 0.3, mean * 2, 0.6, 0.1)},
            law{"exponential", duration_law::exponential(mean)}};
}

struct options {
    int jobs = 20000;
    std::uint64_t seed = 20261122;
    bool development = false;
};

/// One job, and how its progress goes.
class run {
public:
    run(const law& l, bool may_fail, random_source& random) : power_(std::exp2(random.uniform(-0.5, 0.5))) {
        full_ = l.durations.draw(random).count();
        end_ = may_fail && random.chance(0.1) ? full_ * random.uniform() : full_;
        // A bridge: the sum of a few sines is as smooth as a walk that is seen from afar.
        for (std::size_t i = 0; i < wobble_.size(); ++i)
            wobble_[i] = 0.05 * random.normal() / static_cast<double>(i + 1);
    }

    double end() const { return end_; }

    /// The share that is done, 0 to 1, in whole percents.
    double share(double t) const {
        const double x = std::clamp(t / full_, 0.0, 1.0);
        double y = x;
        for (std::size_t i = 0; i < wobble_.size(); ++i)
            y += wobble_[i] * std::sin(3.141592653589793 * x * static_cast<double>(i + 1)) * x;
        return std::floor(100 * std::clamp(std::pow(std::clamp(y, 0.0, 1.0), power_), 0.0, 1.0)) / 100;
    }

private:
    double full_ = 0;
    double end_ = 0;
    double power_;
    std::array<double, 6> wobble_{};
};

struct cost {
    std::uint64_t requests = 0;
    double delay = 0; // sum
    std::vector<double> delays{};
    std::uint64_t jobs = 0;

    double mean_delay() const { return delay / static_cast<double>(jobs); }
    double per_job() const { return static_cast<double>(requests) / static_cast<double>(jobs); }
    double worst(double share) {
        const auto at = delays.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(delays.size() - 1));
        std::nth_element(delays.begin(), at, delays.end());
        return *at;
    }
    void add(const cost& other) {
        requests += other.requests;
        delay += other.delay;
        jobs += other.jobs;
    }
};

void watch(const run& job, const schedule_options& how, std::uint64_t n, bool progress_told, duration_history* learned,
           random_source& random, cost& c) {
    const time_point start{};
    poll_schedule plan(how, start, random.bits(), {}, poll_schedule::spread_phase(n));
    telltale::progress p{.total = 100.0};
    while (true) {
        const time_point asked = *plan.next();
        const time_point now = asked + std::chrono::milliseconds{50 + static_cast<int>(450 * random.uniform())};
        const double t = seconds(now - start).count();
        ++c.requests;
        if (t >= job.end()) {
            c.delay += t - job.end();
            c.delays.push_back(t - job.end());
            ++c.jobs;
            if (learned != nullptr) learned->add(*plan.ran(now));
            return;
        }
        poll_observation seen;
        if (progress_told) {
            p.done = 100 * job.share(t);
            seen.progress = &p;
        }
        seen.learned = learned;
        plan.answered(now, seen);
    }
}

struct row {
    const char* name = "";
    cost fixed{};
    cost adaptive{};

    double requests() const { return adaptive.per_job() / fixed.per_job(); }
    double delay() const { return adaptive.mean_delay() / fixed.mean_delay(); }
};

struct table {
    const char* name = "";
    std::vector<row> rows{};
    row all{};
};

struct scene {
    const char* name;
    bool progress_told;
    bool may_fail = false;
    double mean = 600; // seconds
};

table measure(const scene& s, const options& o) {
    const bool progress_told = s.progress_told;
    const bool may_fail = s.may_fail;
    table result;
    result.name = s.name;
    const schedule_options fixed{};
    const schedule_options adaptive{.pace = poll_pace::adaptive};
    std::uint64_t number = 0;
    result.all.name = "all five";
    for (const auto& l : laws_of(seconds{s.mean})) {
        row r;
        r.name = l.name;
        random_source random((o.development ? ~o.seed : o.seed) * 1000 + number++ * 10 + (progress_told ? 1 : 0) +
                             (may_fail ? 2 : 0));
        std::optional<duration_history> learned;
        for (int i = 0; i < o.jobs; ++i) {
            if (!progress_told && i % std::max(o.jobs / 10, 1) == 0) learned.emplace();
            const run job(l, may_fail, random);
            const auto n = static_cast<std::uint64_t>(i);
            watch(job, fixed, n, progress_told, nullptr, random, r.fixed);
            watch(job, adaptive, n, progress_told, learned ? &*learned : nullptr, random, r.adaptive);
        }
        result.all.fixed.add(r.fixed);
        result.all.adaptive.add(r.adaptive);
        result.rows.push_back(std::move(r));
    }
    return result;
}

void print(table& t) {
    std::printf("%s\n%-12s %10s %8s %10s %8s %9s %8s %8s\n", t.name, "", "requests", "fixed", "delay s", "fixed",
                "requests", "delay", "99 %");
    const auto line = [](row& r, double worst) {
        std::printf("%-12s %10.2f %8.2f %10.2f %8.2f %9.3f %8.3f %8.1f\n", r.name, r.adaptive.per_job(),
                    r.fixed.per_job(), r.adaptive.mean_delay(), r.fixed.mean_delay(), r.requests(), r.delay(), worst);
    };
    for (auto& r : t.rows) line(r, r.adaptive.worst(0.99));
    line(t.all, 0);
}

void print_json(table& t) {
    const auto one = [](const row& r) {
        std::printf("{\"law\":\"%s\",\"requests\":%.3f,\"fixed_requests\":%.3f,\"delay\":%.3f,\"fixed_delay\":%.3f",
                    r.name, r.adaptive.per_job(), r.fixed.per_job(), r.adaptive.mean_delay(), r.fixed.mean_delay());
    };
    std::printf("{\"name\":\"%s\",\"laws\":[", t.name);
    for (auto& r : t.rows) {
        if (&r != t.rows.data()) std::printf(",");
        one(r);
        std::printf(",\"delay_99\":%.2f,\"fixed_delay_99\":%.2f}", r.adaptive.worst(0.99), r.fixed.worst(0.99));
    }
    std::printf("],\"all\":");
    one(t.all);
    std::printf("}}");
}

} // namespace

int main(int argc, char** argv) {
    options o;
    bool json = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view a = argv[i];
        if (a == "--json") {
            json = true;
        } else if (a == "--development") {
            o.development = true;
        } else if (a == "--jobs" && i + 1 < argc) {
            o.jobs = std::max(std::atoi(argv[++i]), 10);
        } else if (a == "--seed" && i + 1 < argc) {
            o.seed = std::strtoull(argv[++i], nullptr, 10);
        } else {
            std::fprintf(stderr, "usage: adaptive_schedule [--json] [--jobs N] [--seed S] [--development]\n");
            return 2;
        }
    }
    std::vector<table> tables;
    for (const auto& s :
         {scene{"progress", true}, scene{"no progress", false}, scene{"failing, progress", true, true},
          scene{"failing, no progress", false, true}, scene{"two minutes, progress", true, false, 120},
          scene{"two minutes, no progress", false, false, 120}, scene{"an hour, progress", true, false, 3600},
          scene{"an hour, no progress", false, false, 3600}})
        tables.push_back(measure(s, o));
    if (json) std::printf("{\"seed\":%llu,\"jobs\":%d,\"tables\":[", static_cast<unsigned long long>(o.seed), o.jobs);
    for (auto& t : tables) {
        if (json && &t != tables.data()) std::printf(",");
        if (json)
            print_json(t);
        else
            print(t);
    }
    if (json) std::printf("]}\n");
}
