// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/json_array_parser.hpp>

#include <telltale/error.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

using namespace telltale;

namespace {

struct array_outcome {
    std::vector<std::string> rows{};
    std::vector<std::uint64_t> offsets{};
    error_code error{};
    std::string what{};

    friend bool operator==(const array_outcome&, const array_outcome&) = default;
};

array_outcome parse_array(const std::string& pointer, const std::vector<std::string_view>& pieces,
                          json_row_options options = {}) {
    array_outcome o;
    json_array_parser parser(
        pointer,
        [&o](const json_row& row) {
            o.rows.emplace_back(row.text);
            o.offsets.push_back(row.offset);
            CHECK(row.number == o.rows.size());
            return true;
        },
        options);
    try {
        bool good = true;
        for (const auto piece : pieces) good = parser.push(piece) && good;
        good = parser.finish() && good;
        CHECK(good);
    } catch (const system_error& e) {
        o.error = e.code();
        o.what = e.what();
    }
    CHECK(parser.rows() == o.rows.size());
    return o;
}

using rows = std::vector<std::string>;

} // namespace

TEST_CASE("JSON array: elements at a pointer") {
    const std::vector<std::tuple<std::string, std::string_view, rows>> cases{
        {"", "[]", {}},
        {"",
         " [ 1 , \"a,]\\\"\" ,{\"x\":[1,{}]}, [ ] ,null\n] ",
         {"1", "\"a,]\\\"\"", "{\"x\":[1,{}]}", "[ ]", "null"}},
        {"", "\xEF\xBB\xBF[1]", {"1"}},
        {"", "{\"a\":[1,2]}", {"{\"a\":[1,2]}"}}, // no array: the one row
        {"", "-12", {"-12"}},
        {"", "\"x\"", {"\"x\""}},
        {"/rows", "{\"n\":2,\"rows\":[1,2],\"more\":{\"rows\":[3]}}", {"1", "2"}},
        {"/a/rows", "{\"rows\":[0],\"a\":{\"b\":[9],\"rows\":[1],\"c\":true}}", {"1"}},
        {"/1/0", "[[7],[[1,2],8],9]", {"1", "2"}},
        {"/a~1b~0/", "{\"a/b~\":{\"\":[5]}}", {"5"}},
        {"/\xC3\xA9", "{\"\\u00e9\":[1]}", {"1"}}, // an escape in a name
    };
    for (const auto& [pointer, text, expected] : cases) {
        CAPTURE(pointer, text);
        const auto o = parse_array(pointer, {text});
        CHECK(o.what.empty());
        CHECK(o.rows == expected);
        for (std::size_t i = 0; i < o.rows.size(); ++i) CHECK(text.substr(o.offsets[i]).starts_with(o.rows[i]));
    }
}

TEST_CASE("JSON array: faults name the byte") {
    const std::vector<std::tuple<std::string, std::string_view, errc, std::string>> cases{
        {"", "", errc::truncated_json, "at byte 1: "},
        {"", "[1,2", errc::truncated_json, "at byte 5: "},
        {"", "[1,", errc::truncated_json, "at byte 4: "},
        {"", "[{\"a\":1", errc::truncated_json, "at byte 8: "},
        {"", "[1 2]", errc::malformed_json, "at byte 4: "},
        {"", "[1,]", errc::malformed_json, "at byte 4: "},
        {"", "[1]]", errc::malformed_json, "at byte 4: "},
        {"", "[1] [2]", errc::malformed_json, "at byte 5: "},
        {"", "[1,{\"a\":x}]", errc::malformed_json, "row 2, at byte 9: "},
        {"", "[1,tru]", errc::malformed_json, "row 2, at byte "},
        {"", "[{]]", errc::malformed_json, "row 1, at byte 2: "},
        {"", "x", errc::malformed_json, "at byte 1: "},
        {"", "\xEF\xBB[]", errc::malformed_json, "at byte 3: "},
        {"/rows", "{\"a\":[}]", errc::malformed_json, "at byte 6: "},
        {"/rows", "{\"rows\":[1]", errc::truncated_json, "at byte 12: "},
        {"/rows", "{\"rows\" [1]}", errc::malformed_json, "at byte 9: "},
        {"/rows", "{rows:[1]}", errc::malformed_json, "at byte 2: "},
        {"/rows", "{\"rows\":[1],}", errc::malformed_json, "at byte 13: "},
        {"/rows", "{\"rows\":[1],\"rows\":[2]}", errc::malformed_json, "at byte 20: a second /rows"},
        {"/rows", "{\"a\":1}", errc::missing_field, "at /rows: "},
        {"/rows", "[1]", errc::missing_field, "at /rows: "},
        {"/rows", "{\"rows\":{}}", errc::wrong_type, "at byte 9, /rows: "},
        {"/rows", "7", errc::wrong_type, "at byte 1, /rows: "},
        {"/a/b", "{\"a\":null}", errc::wrong_type, "at byte 6, /a/b: "},
    };
    for (const auto& [pointer, text, why, where] : cases) {
        CAPTURE(pointer, text);
        const auto o = parse_array(pointer, {text});
        CHECK(o.error == why);
        CAPTURE(o.what);
        CHECK(o.what.starts_with(where));
    }
    CHECK_THROWS_AS(parse_array("rows", {}), system_error);
    CHECK(parse_array("", {std::string(2000, '[')}).error == errc::malformed_json); // and no stack is used up
}

TEST_CASE("JSON array: the limit is that of an element, not of the whole") {
    std::string text = "{\"skipped\":\"" + std::string(1000, 'x') + "\",\"rows\":[";
    for (int i = 0; i < 1000; ++i) text += "12345678,";
    text += "1]}";
    CHECK(parse_array("/rows", {text}, {.max_row = 8}).rows.size() == 1001);
    const auto o = parse_array("/rows", {text}, {.max_row = 7});
    CHECK(o.error == errc::body_too_large);
    CHECK(o.what.starts_with("row 1, at byte "));
}

TEST_CASE("JSON array: whoever reads the rows can stop, or throw") {
    int seen = 0;
    json_array_parser two("", [&](const json_row&) { return ++seen < 2; });
    CHECK_FALSE(two.push("[1,2,3"));
    CHECK_FALSE(two.push(",4]"));
    CHECK_FALSE(two.finish());
    CHECK(seen == 2);
    json_array_parser thrown("", [](const json_row&) -> bool { throw std::runtime_error("no"); });
    CHECK_THROWS_AS(thrown.push("[1,"), std::runtime_error);
}

TEST_CASE("JSON array: any split into pieces gives the same") {
    const std::string_view texts[] = {
        "\xEF\xBB\xBF {\"x\":[\"]\\\"\",{}],\"rows\" : [ 1,\"a\\\\\" , {\"b\":[1, 2]},true ] , \"y\":-1.5e3}",
        "{\"x\":1,\"rows\":[1,{\"a\":x}]}",
        "{\"rows\":[1,\"0123456789\"]}",
        "{\"rows\":[1,2}",
    };
    for (const auto text : texts) {
        const json_row_options limit{.max_row = 12};
        const auto whole = parse_array("/rows", {text}, limit);
        for (std::size_t i = 0; i <= text.size(); ++i)
            for (std::size_t j = i; j <= text.size(); ++j) {
                CAPTURE(text, i, j);
                REQUIRE(parse_array("/rows", {text.substr(0, i), text.substr(i, j - i), text.substr(j)}, limit) ==
                        whole);
            }
    }
}

TEST_CASE("JSON array: any array that is written comes back") {
    std::mt19937 random(3);
    const std::string_view values[] = {"1",  "-0.5e-7", "\"\"",         "\"\\\"],\"", "{\"a\":[{}]}",
                                       "[]", "null",    "[\"[\",\"}\"]"};
    const std::string_view blanks[] = {"", " ", "\r\n\t"};
    for (int round = 0; round < 1000; ++round) {
        rows expected(random() % 6);
        std::string text = "[";
        for (std::size_t i = 0; i < expected.size(); ++i) {
            expected[i] = values[random() % std::size(values)];
            text.append(i == 0 ? "" : ",")
                .append(blanks[random() % 3])
                .append(expected[i])
                .append(blanks[random() % 3]);
        }
        text += "]";
        const auto cut = random() % (text.size() + 1);
        const auto o = parse_array("", {std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)});
        CAPTURE(text, o.what);
        REQUIRE(o.rows == expected);
    }
}
