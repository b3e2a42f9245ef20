// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/gzip.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace telltale;

namespace {

std::string gzip(std::string_view text) {
    ::z_stream z{};
    REQUIRE(::deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string packed(::deflateBound(&z, static_cast<uLong>(text.size())), '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(packed.data());
    z.avail_out = static_cast<uInt>(packed.size());
    REQUIRE(::deflate(&z, Z_FINISH) == Z_STREAM_END);
    packed.resize(packed.size() - z.avail_out);
    ::deflateEnd(&z);
    return packed;
}

struct unpacked {
    std::string text{};
    error_code error{};
    std::string what{};

    friend bool operator==(const unpacked&, const unpacked&) = default;
};

unpacked gunzip(const std::vector<std::string_view>& pieces, gzip_options options = {}) {
    unpacked u;
    gzip_inflater inflater(
        [&u](std::string_view piece) {
            u.text += piece;
            return true;
        },
        options);
    std::uint64_t size = 0;
    try {
        bool good = true;
        for (const auto piece : pieces) {
            good = inflater.push(piece) && good;
            size += piece.size();
        }
        good = inflater.finish() && good;
        CHECK(good);
        CHECK(inflater.bytes_in() == size);
    } catch (const system_error& e) {
        u.error = e.code();
        u.what = e.what();
    }
    CHECK(inflater.bytes_out() == u.text.size());
    return u;
}

std::string some_text(std::size_t size) {
    std::mt19937 random(5);
    std::string text(size, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 9);
    return text;
}

} // namespace

TEST_CASE("gzip: what was packed comes out") {
    for (const std::size_t size : {0U, 1U, 100U, 32768U, 300'000U}) {
        const auto text = some_text(size);
        const auto u = gunzip({gzip(text)});
        CHECK(u.text == text);
        CHECK_FALSE(u.error);
    }
    const std::string much(5'000'000, 'x'); // out of little: much is still to come when all has gone in
    CHECK(gunzip({gzip(much)}).text == much);
}

TEST_CASE("gzip: members one after the other, and zeros at the end") {
    const auto two = gzip("one,") + gzip("") + gzip("two");
    CHECK(gunzip({two}).text == "one,two");
    CHECK(gunzip({two, std::string_view("\0\0\0", 3)}) == unpacked{"one,two", {}, {}});
    const auto after = gunzip({gzip("x"), std::string_view("\0y", 2)});
    CHECK(after.error == errc::malformed_gzip);
    CHECK(gunzip({gzip("x"), "y"}).error == errc::malformed_gzip);
}

TEST_CASE("gzip: cut short anywhere, it is told") {
    const auto packed = gzip(some_text(500)) + gzip("more");
    const auto first = gzip(some_text(500)).size();
    for (std::size_t n = 0; n < packed.size(); ++n) {
        CAPTURE(n);
        const auto u = gunzip({std::string_view(packed).substr(0, n)});
        if (n == first)
            REQUIRE_FALSE(u.error); // a whole member
        else
            REQUIRE(u.error == errc::truncated_gzip);
    }
    CHECK(gunzip({std::string_view(packed).substr(0, 20)}).what.starts_with("at byte 21: "));
}

TEST_CASE("gzip: damaged anywhere in what counts, it is told") {
    const auto packed = gzip(some_text(200));
    for (std::size_t n = 10; n < packed.size(); ++n) { // past the header
        auto damaged = packed;
        damaged[n] = static_cast<char>(damaged[n] ^ 0x55);
        CAPTURE(n);
        REQUIRE(gunzip({damaged}).error);
    }
    const auto u = gunzip({"this is not gzip"});
    CHECK(u.error == errc::malformed_gzip);
    CHECK(u.what.starts_with("at byte "));
}

TEST_CASE("gzip: a bomb is bounded by the limit, not by what it would become") {
    const auto bomb = gzip(std::string(20'000'000, '\0'));
    CHECK(bomb.size() < 50'000);
    const auto u = gunzip({bomb}, {.max_output = 100'000});
    CHECK(u.error == errc::body_too_large);
    CHECK(u.text.size() <= 100'000);
    CHECK_FALSE(gunzip({gzip(some_text(1000))}, {.max_output = 1000}).error);
    CHECK(gunzip({gzip(some_text(1001))}, {.max_output = 1000}).error == errc::body_too_large);
}

TEST_CASE("gzip: whoever takes what comes out can stop") {
    int calls = 0;
    gzip_inflater inflater([&](std::string_view) { return ++calls < 2; });
    const auto packed = gzip(some_text(1'000'000));
    CHECK_FALSE(inflater.push(packed));
    CHECK_FALSE(inflater.push(packed));
    CHECK_FALSE(inflater.finish());
    CHECK(calls == 2);
}

TEST_CASE("gzip: any split into pieces gives the same") {
    const auto text = some_text(90);
    const auto packed = gzip(text) + gzip("x") + std::string(2, '\0');
    const auto whole = gunzip({packed});
    CHECK(whole.text == text + "x");
    for (std::size_t i = 0; i <= packed.size(); ++i)
        for (std::size_t j = i; j <= packed.size(); ++j) {
            const std::string_view all = packed;
            REQUIRE(gunzip({all.substr(0, i), all.substr(i, j - i), all.substr(j)}) == whole);
        }
}
