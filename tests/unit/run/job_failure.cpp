// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/job_failure.hpp>

#include "catch.hpp"

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

using namespace telltale;

namespace {
template <class Exception>
job_error described(Exception e) {
    return describe_error(std::make_exception_ptr(e));
}
} // namespace

TEST_CASE("an exception says why a job failed") {
    CHECK(described(job_failure(error_class::query, "no such column")) ==
          job_error{error_class::query, "no such column"});
    CHECK(described(std::runtime_error("boom")) == job_error{error_class::unknown, "boom"});
    CHECK(described(std::bad_alloc()).kind == error_class::resource);
    CHECK(described(42).kind == error_class::unknown);
    CHECK_FALSE(described(42).message.empty());
    CHECK(described(system_error(net::error::connection_refused)).kind == error_class::network);
    CHECK(described(std::system_error(std::make_error_code(std::errc::permission_denied))).kind ==
          error_class::permission);
}

TEST_CASE("error codes have a class") {
    CHECK(classify(errc::deadline_exceeded) == error_class::timeout);
    CHECK(classify(net::error::timed_out) == error_class::timeout);
    CHECK(classify(net::error::host_not_found) == error_class::network);
    CHECK(classify(net::error::access_denied) == error_class::permission);
    CHECK(classify(net::error::no_memory) == error_class::resource);
    CHECK(classify(errc::malformed_json) == error_class::api);
    CHECK(classify(errc::too_many_connections) == error_class::resource);
    CHECK(classify(error_code()) == error_class::unknown);
}
