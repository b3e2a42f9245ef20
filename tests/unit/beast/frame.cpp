// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/frame.hpp>

#include "catch.hpp"

#include <cstddef>
#include <string>

using namespace telltale;

TEST_CASE("a frame has the header of RFC 6455 for its length") {
    const auto header = [](std::size_t size) {
        const auto f = make_frame(frame_kind::text, std::string(size, 'x'));
        CHECK(f->bytes.substr(f->bytes.size() - size) == std::string(size, 'x'));
        return f->bytes.substr(0, f->bytes.size() - size);
    };
    CHECK(header(0) == std::string("\x81\x00", 2));
    CHECK(header(125) == "\x81\x7d");
    CHECK(header(126) == std::string("\x81\x7e\x00\x7e", 4));
    CHECK(header(65535) == "\x81\x7e\xff\xff");
    CHECK(header(65536) == std::string("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
    CHECK(make_frame(frame_kind::ping, "p")->bytes == "\x89\x01p");
    CHECK(make_frame(frame_kind::binary, "", "job 7")->key == "job 7");
}
