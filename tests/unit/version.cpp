// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/version.hpp>

#include "catch.hpp"

#include <string>

TEST_CASE("the version says the same as text and as numbers") {
    CHECK(std::to_string(TELLTALE_VERSION_MAJOR) + "." + std::to_string(TELLTALE_VERSION_MINOR) + "." +
              std::to_string(TELLTALE_VERSION_PATCH) ==
          TELLTALE_VERSION_STRING);
}
