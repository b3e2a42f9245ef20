// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/cpu_meter.hpp>

#include "catch.hpp"

#include <chrono>
#include <latch>
#include <optional>
#include <thread>

namespace {

using namespace std::chrono_literals;
using telltale::cpu_meter;
using telltale::thread_cpu_time;

/// Computes until this thread has used so much.
void burn(std::chrono::nanoseconds amount) {
    const auto end = thread_cpu_time().value() + amount;
    while (thread_cpu_time().value() < end) continue;
}

} // namespace

TEST_CASE("a meter adds up what its pieces have used, and nothing between them") {
    cpu_meter meter;
    CHECK_FALSE(meter.total());
    const auto before = thread_cpu_time().value();
    {
        const auto measured = meter.measure();
        burn(2ms);
        CHECK_FALSE(meter.total()); // not before the piece has ended
    }
    burn(5ms);
    {
        const auto measured = meter.measure();
        burn(3ms);
    }
    const auto used = thread_cpu_time().value() - before;
    CHECK(meter.total().value() >= 5ms);
    CHECK(meter.total().value() <= used - 5ms);
}

TEST_CASE("a meter adds up threads, and a thread that waits uses nothing") {
    cpu_meter busy;
    cpu_meter waiting;
    std::latch done(2);
    const auto work = [&] {
        const auto measured = busy.measure();
        burn(20ms);
        done.count_down();
    };
    std::thread first(work);
    std::thread second(work);
    {
        const auto measured = waiting.measure();
        done.wait();
    }
    first.join();
    second.join();
    CHECK(busy.total().value() >= 40ms);
    CHECK(waiting.total().value() < 20ms);
}

TEST_CASE("what was measured elsewhere counts, too") {
    cpu_meter meter;
    meter.add(0ns);
    CHECK(meter.total() == std::optional(0ns));
    meter.add(7ms);
    meter.add(5ns);
    CHECK(meter.total().value() == 7'000'005ns);
}
