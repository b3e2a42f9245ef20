// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/json_writer.hpp>

#include "catch.hpp"

#include <simdjson.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

using telltale::json_writer;

namespace {

// What the writer promises of a string: the same text, each ill-formed part replaced. Written for the test in another
// way than in the library: by decoding to code points.
std::string repaired(std::string_view text) {
    std::string out;
    std::size_t i = 0;
    while (i < text.size()) {
        const auto lead = static_cast<unsigned char>(text[i]);
        std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
        std::uint32_t point = length == 1 ? lead : length == 0 ? 0 : lead & (0xFFU >> (length + 1));
        std::size_t taken = 1;
        bool good = length != 0;
        static constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        for (; good && taken < length; ++taken) {
            if (i + taken == text.size()) {
                good = false;
                break;
            }
            const auto next = static_cast<unsigned char>(text[i + taken]);
            if (next >> 6 != 2) {
                good = false;
                break;
            }
            point = point << 6 | (next & 0x3FU);
            // Would any end make this legal?
            const std::size_t left = length - taken - 1;
            const std::uint32_t low = point << (6 * left);
            const std::uint32_t high = low | ((1U << (6 * left)) - 1);
            if (high < least[length] || low > 0x10FFFF || (low >= 0xD800 && high <= 0xDFFF)) {
                good = false;
                break;
            }
        }
        if (good)
            out.append(text.substr(i, length));
        else
            out += "\xEF\xBF\xBD";
        i += good ? length : taken;
    }
    return out;
}

// Bytes that mean something to UTF-8 or JSON are more likely than others.
std::string random_text(std::mt19937& random) {
    static constexpr std::string_view special =
        "\"\\/\b\f\n\r\t\x01\x1f\x7f\x80\xbf\xc0\xc2\xdf\xe0\xed\xef\xf0\xf4\xf5\xff";
    std::string text;
    for (auto n = random() % 24; n > 0; --n) {
        switch (random() % 4) {
        case 0: text += static_cast<char>(random() % 256); break;
        case 1: text += special[random() % special.size()]; break;
        case 2: text += static_cast<char>('a' + random() % 26); break;
        default: text += static_cast<char>(0x80 + random() % 64); break;
        }
    }
    return text;
}

} // namespace

TEST_CASE("whatever the bytes, simdjson reads back what was written") {
    std::mt19937 random(20261121);
    simdjson::dom::parser parser;
    for (int round = 0; round < 50'000; ++round) {
        const std::string text = random_text(random);
        std::string json;
        json_writer(json).begin_object().member(text, text).end_object();
        simdjson::dom::element document;
        CAPTURE(round, json);
        REQUIRE(parser.parse(json).get(document) == simdjson::SUCCESS);
        const auto object = document.get_object();
        const auto field = *object.begin();
        REQUIRE(field.key == repaired(text));
        REQUIRE(std::string_view(field.value) == repaired(text));
    }
}

TEST_CASE("every byte and every pair of bytes is a string that simdjson reads back") {
    simdjson::dom::parser parser;
    std::string json;
    json_writer out(json);
    out.begin_array();
    for (int a = 0; a < 256; ++a) out.value(std::string(1, static_cast<char>(a)));
    for (int a = 0; a < 256; ++a)
        for (int b = 0; b < 256; ++b) out.value(std::string{static_cast<char>(a), static_cast<char>(b)});
    out.end_array();
    simdjson::dom::array array;
    REQUIRE(parser.parse(json).get(array) == simdjson::SUCCESS);
    int i = 0;
    bool same = true;
    for (const auto element : array) {
        const std::string text =
            i < 256 ? std::string(1, static_cast<char>(i))
                    : std::string{static_cast<char>((i - 256) / 256), static_cast<char>((i - 256) % 256)};
        same = same && std::string_view(element) == repaired(text);
        ++i;
    }
    CHECK(i == 256 + 256 * 256);
    CHECK(same);
}

TEST_CASE("numbers read back as the same numbers") {
    std::mt19937_64 random(7);
    simdjson::dom::parser parser;
    for (int round = 0; round < 20'000; ++round) {
        const std::uint64_t bits = random();
        double number = 0;
        static_assert(sizeof number == sizeof bits);
        std::memcpy(&number, &bits, sizeof bits);
        std::string json;
        json_writer(json).begin_array().value(number).value(static_cast<std::int64_t>(bits)).end_array();
        simdjson::dom::array array;
        REQUIRE(parser.parse(json).get(array) == simdjson::SUCCESS);
        if (std::isfinite(number))
            CHECK(double(array.at(0)) == number);
        else
            CHECK(array.at(0).is_null());
        CHECK(std::int64_t(array.at(1)) == static_cast<std::int64_t>(bits));
    }
}
