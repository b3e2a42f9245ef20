// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/error.hpp>

#include "catch.hpp"

#include <string>

using namespace telltale;

TEST_CASE("every error has a message of its own, in the category telltale") {
    for (int i = 1; i <= static_cast<int>(errc::slow_client); ++i) {
        const error_code ec = static_cast<errc>(i);
        CHECK(ec.category() == telltale_category());
        CHECK(std::string(ec.category().name()) == "telltale");
        CHECK(ec.message() != "unknown telltale error");
    }
    CHECK(error_code(0, telltale_category()).message() == "unknown telltale error");
    CHECK(error_code(errc::closed) != error_code(errc::fell_behind));
}

TEST_CASE("conditions group errors of the library and of Asio") {
    CHECK(error_code(net::error::operation_aborted) == condition::cancelled);
    CHECK(error_code(errc::deadline_exceeded) == condition::timeout);
    CHECK(error_code(net::error::timed_out) == condition::timeout);
    CHECK(error_code(errc::deadline_exceeded) == condition::transient);
    CHECK(error_code(net::error::connection_refused) == condition::transient);
    CHECK(error_code(net::error::eof) == condition::transient);
    CHECK_FALSE(error_code(errc::malformed_json) == condition::transient);
    CHECK_FALSE(error_code(errc::deadline_exceeded) == condition::cancelled);
    CHECK_FALSE(error_code() == condition::transient);
}
