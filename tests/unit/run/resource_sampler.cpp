// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/resource_sampler.hpp>

#include "catch.hpp"
#include "support.hpp"

#include <telltale/sync/with_timeout.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using telltale::resource_reading;
using telltale::resource_sampler;
using telltale::resource_usage;
using telltale_test::virtual_world;
namespace net = telltale::net;

/// A process that uses half a core and, every second, 100 bytes more.
struct fake_process {
    resource_reading operator()() const {
        const auto age = world->clock.now() - begin;
        const auto seconds = static_cast<std::uint64_t>(age / 1s);
        return {.cpu_user = age / 2,
                .cpu_system = 0ns,
                .cpu_limit_cores = 2,
                .memory_bytes = 1000 + 100 * seconds,
                .memory_limit_bytes = 10'000};
    }

    virtual_world* world;
    std::chrono::steady_clock::time_point begin = world->clock.now();
};

net::awaitable<void> run_for(resource_sampler& sampler, std::chrono::nanoseconds time) {
    telltale::error_code error;
    try {
        co_await telltale::with_timeout(sampler.run(), time);
    } catch (const telltale::system_error& e) {
        error = e.code();
    }
    CHECK(error == telltale::errc::deadline_exceeded);
}

net::awaitable<void> expect_aborted(net::awaitable<void> run, bool& ended) {
    telltale::error_code error;
    try {
        co_await std::move(run);
    } catch (const telltale::system_error& e) {
        error = e.code();
    }
    CHECK(error == net::error::operation_aborted);
    ended = true;
}

void tell_nobody(const resource_usage&) { throw std::runtime_error("nobody listens"); }

} // namespace

TEST_CASE("run() samples at once and then once in a period") {
    virtual_world world;
    std::vector<resource_usage> told;
    telltale::resource_sampler_options options{.period = 2s, .read = fake_process{&world}};
    options.sampled = [&told](const resource_usage& u) { told.push_back(u); };
    resource_sampler sampler(world.executor(), std::move(options));
    CHECK(sampler.usage().samples == 0);
    world.run(run_for(sampler, 7s));
    REQUIRE(told.size() == 4); // at 0, 2, 4 and 6 seconds
    CHECK(told[0].memory_bytes == 1000U);
    CHECK_FALSE(told[0].cpu_percent);
    CHECK(told[3].elapsed == 6s);
    CHECK(told[3].memory_bytes == 1600U);
    CHECK(told[3].cpu_percent.value() == Approx(50));
    CHECK(told[3].cpu_percent_of_limit().value() == Approx(25));
    CHECK(sampler.usage() == told[3]);

    const auto last = sampler.sample(); // to the very end
    CHECK(last.elapsed == 7s);
    CHECK(last.samples == 5);
    CHECK(last.cpu_mean_percent.value() == Approx(50));
    CHECK(last.memory_mean_bytes.value() == Approx(1350)); // six seconds of 1300, and one of 1650
    CHECK(last.memory_peak_bytes == 1700U);
    CHECK(sampler.usage() == last);
}

TEST_CASE("it can be run again, and goes on counting") {
    virtual_world world;
    resource_sampler sampler(world.executor(), {.read = fake_process{&world}});
    world.run(run_for(sampler, 1500ms));
    CHECK(sampler.usage().samples == 2);
    world.run(run_for(sampler, 500ms));
    CHECK(sampler.usage().samples == 3);
    CHECK(sampler.usage().elapsed == 1500ms);
}

TEST_CASE("what was missed is not made up for") {
    virtual_world world;
    int samples = 0;
    telltale::resource_sampler_options options{.period = 1s, .read = fake_process{&world}};
    options.sampled = [&](const resource_usage&) {
        if (++samples != 2) return;
        auto& time = net::use_service<telltale::detail::time_source>(world.context);
        time.advance_to(time.now() + 3500ms); // the context was busy until 4.5 s
    };
    resource_sampler sampler(world.executor(), std::move(options));
    world.run(run_for(sampler, 6s));
    CHECK(samples == 3); // at 0, 1 and 5.5 s
    CHECK(sampler.usage().elapsed == 5500ms);
}

TEST_CASE("a period of nothing is a millisecond") {
    virtual_world world;
    resource_sampler sampler(world.executor(), {.period = -1s, .read = fake_process{&world}});
    world.run(run_for(sampler, 10'500us));
    CHECK(sampler.usage().samples == 11);
}

TEST_CASE("destroying the sampler ends run()") {
    virtual_world world;
    std::optional<resource_sampler> sampler(std::in_place, world.executor(),
                                            telltale::resource_sampler_options{.read = fake_process{&world}});
    bool ended = false;
    world.spawn(expect_aborted(sampler->run(), ended));
    world.context.poll();
    CHECK(sampler->usage().samples == 1);
    sampler.reset();
    CHECK_FALSE(ended);
    world.context.restart();
    world.context.poll();
    CHECK(ended);
}

TEST_CASE("samples may be taken and looked at from any thread") {
    net::io_context context;
    std::uint64_t reads = 0; // the sampler's lock is the only one
    telltale::resource_sampler_options options;
    options.read = [&reads] { return resource_reading{.memory_bytes = ++reads}; };
    resource_sampler sampler(context.get_executor(), std::move(options));
    std::atomic<bool> ordered{true};
    const auto work = [&] {
        std::uint64_t last = 0;
        for (int i = 0; i < 500; ++i) {
            sampler.sample();
            const auto now = sampler.usage().samples;
            ordered = ordered && now > last;
            last = now;
        }
    };
    std::thread other(work);
    work();
    other.join();
    CHECK(ordered);
    CHECK(sampler.usage().samples == 1000);
    CHECK(sampler.usage().memory_bytes == 1000U);
}

TEST_CASE("run() ends with what the user's function throws") {
    virtual_world world;
    resource_sampler sampler(world.executor(), {.read = fake_process{&world}, .sampled = tell_nobody});
    std::exception_ptr thrown;
    net::co_spawn(world.context, sampler.run(), [&thrown](std::exception_ptr e) { thrown = std::move(e); });
    world.clock.run();
    CHECK_THROWS_AS(std::rethrow_exception(thrown), std::runtime_error);
    CHECK(sampler.usage().samples == 1);
}

TEST_CASE("a context that is destroyed with a sampler running leaks nothing") {
    struct scene {
        static net::awaitable<void> run(std::shared_ptr<int> witness, net::any_io_executor executor) {
            telltale::resource_sampler_options options;
            options.read = [witness] { return resource_reading{}; };
            resource_sampler sampler(executor, std::move(options));
            co_await sampler.run();
        }
    };
    telltale_test::tear_down_at_every_step(
        [](net::io_context& context, const std::shared_ptr<int>& witness) {
            net::co_spawn(context, scene::run(witness, context.get_executor()), net::detached);
        },
        20);
}

#if defined(__linux__)
TEST_CASE("by default it is this process that is sampled") {
    net::io_context context;
    telltale::basic_resource_sampler<net::io_context::executor_type> sampler(context.get_executor());
    const auto used = sampler.sample();
    CHECK(used.samples == 1);
    CHECK(used.memory_bytes.value() > 100'000);
    CHECK(used.cpu_time());
}
#endif
