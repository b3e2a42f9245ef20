// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/fwd.hpp>
#include <telltale/telltale.hpp>

#include "catch.hpp"

#include <type_traits>

// That the declarations in fwd.hpp agree with the definitions is seen by the compiler.
TEST_CASE("what fwd.hpp declares is what telltale.hpp defines") {
    STATIC_REQUIRE(std::is_class_v<telltale::board>);
    STATIC_REQUIRE(std::is_move_constructible_v<telltale::subscription<telltale::event>>);
    STATIC_REQUIRE(std::is_same_v<telltale::semaphore, telltale::basic_semaphore<telltale::net::any_io_executor>>);
}
