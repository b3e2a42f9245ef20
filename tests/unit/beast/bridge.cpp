// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/bridge.hpp>

#include "catch.hpp"

#include <boost/beast/http/error.hpp>

using namespace telltale;
namespace http = boost::beast::http;

// Streams on the bridge, their cancellation and tear-down: websocket.cpp.
TEST_CASE("Error codes keep their meaning on both sides of the bridge", "[bridge]") {
    for (const error_code ec :
         {make_error_code(net::error::operation_aborted), make_error_code(net::error::eof),
          make_error_code(net::error::connection_reset), make_error_code(net::error::host_not_found)}) {
        CAPTURE(ec.message());
        CHECK(bridge::to_net(bridge::to_boost(ec)) == ec);
    }
    CHECK(bridge::to_boost(make_error_code(net::error::operation_aborted)) == boost::asio::error::operation_aborted);
    CHECK(bridge::to_boost(make_error_code(net::error::eof)) == boost::asio::error::eof);
    CHECK(bridge::to_net(boost::asio::error::operation_aborted) == net::error::operation_aborted);
    CHECK(bridge::to_net(make_error_code(http::error::bad_method)).message() ==
          make_error_code(http::error::bad_method).message());
    CHECK(!bridge::to_net(boost::system::error_code{}));
}
