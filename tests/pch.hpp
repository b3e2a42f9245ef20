// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Precompiled for the unit tests: only what is slow to read. That each header includes what it needs is checked by
// tests/headers, which does not use this.
#include <telltale/asio.hpp>

#include "catch.hpp"

#include <simdjson.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>
