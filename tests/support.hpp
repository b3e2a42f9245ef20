// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_SUPPORT_HPP
#define TELLTALE_TESTS_SUPPORT_HPP

#include "catch.hpp"

#include <telltale/asio.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace telltale_test {

namespace net = telltale::net;

/// Where a coroutine's exception goes: into the test.
struct rethrow {
    void operator()(std::exception_ptr e) const {
        if (e) std::rethrow_exception(e);
    }
};

/// A context in virtual time, in which coroutines run to their end.
struct virtual_world {
    net::io_context context{1};
    telltale::testing::virtual_clock clock{context};

    net::any_io_executor executor() { return context.get_executor(); }

    /// Runs the coroutine, and all that waits for a time, to the end. Fails the test if it does not end.
    void run(net::awaitable<void> coroutine) {
        bool ended = false;
        net::co_spawn(context, std::move(coroutine), [&ended](std::exception_ptr e) {
            ended = true;
            rethrow{}(e);
        });
        clock.run();
        REQUIRE(ended);
    }

    void spawn(net::awaitable<void> coroutine) { net::co_spawn(context, std::move(coroutine), rethrow{}); }
};

/// Builds a scene in a fresh context, runs n handlers of it, and stops and destroys the context with all that is in it: for
/// every n until the scene ends by itself, or `limit` for one that goes on for ever. `scene(context, witness)` starts its
/// work and keeps copies of the witness in whatever must not be leaked. Fails the test if a copy is left. Under
/// AddressSanitizer also every use after destruction shows.
template <class Scene>
void tear_down_at_every_step(Scene scene, std::optional<std::size_t> limit = {}) {
    std::size_t steps = 0;
    for (bool ended = false; !ended && steps != limit; ++steps) {
        REQUIRE(steps < 10'000);
        const auto witness = std::make_shared<int>(0);
        {
            net::io_context context{1};
            const telltale::testing::virtual_clock clock(context);
            auto& time = net::use_service<telltale::detail::time_source>(context);
            scene(context, witness);
            std::size_t ran = 0;
            while (ran < steps) {
                context.restart();
                if (context.poll_one() != 0) {
                    ++ran;
                } else if (const auto next = time.next_expiry()) {
                    time.advance_to(*next);
                } else {
                    ended = true;
                    break;
                }
            }
            context.stop();
        }
        CAPTURE(steps);
        REQUIRE(witness.use_count() == 1);
    }
    CHECK(steps > 1); // the scene did something
}

} // namespace telltale_test

#endif // TELLTALE_TESTS_SUPPORT_HPP
