// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_UNIT_SYNC_EVERY_STEP_HPP
#define TELLTALE_TESTS_UNIT_SYNC_EVERY_STEP_HPP

#include "support.hpp"

#include <cstddef>

namespace telltale_test {

/// Runs n handlers of a fresh scene (time passes as it is needed), lets it interfere, and runs it to its end: for every
/// n until the scene ends by itself. Scene: constructed from a virtual_world&; interfere(); check(), after the end.
template <class Scene, class... Args>
void interfere_at_every_step(const Args&... args) {
    std::size_t step = 0;
    for (bool ended = false; !ended; ++step) {
        REQUIRE(step < 10'000);
        virtual_world world;
        auto& time = net::use_service<telltale::detail::time_source>(world.context);
        Scene scene(world, args...);
        for (std::size_t ran = 0; ran < step && !ended;) {
            world.context.restart();
            if (world.context.poll_one() != 0)
                ++ran;
            else if (const auto next = time.next_expiry())
                time.advance_to(*next);
            else
                ended = true;
        }
        scene.interfere();
        world.clock.run();
        CAPTURE(step);
        scene.check();
    }
    CHECK(step > 2); // the scene did something
}

} // namespace telltale_test

#endif // TELLTALE_TESTS_UNIT_SYNC_EVERY_STEP_HPP
