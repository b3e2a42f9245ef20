// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/ndjson_parser.hpp>

#include <telltale/error.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace telltale;

namespace {

struct lines_outcome {
    std::vector<std::string> rows{};
    std::vector<std::uint64_t> offsets{};
    error_code error{};
    std::string what{};

    friend bool operator==(const lines_outcome&, const lines_outcome&) = default;
};

lines_outcome parse_lines(const std::vector<std::string_view>& pieces, json_row_options options = {}) {
    lines_outcome o;
    ndjson_parser parser(
        [&o](const json_row& row) {
            o.rows.emplace_back(row.text);
            o.offsets.push_back(row.offset);
            CHECK(row.number == o.rows.size());
            CHECK(simdjson::minify(row.value).size() <= row.text.size());
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

} // namespace

TEST_CASE("ndjson: each line is a row; blanks, empty lines and a byte order mark are not") {
    const auto o = parse_lines({"\xEF\xBB\xBF{\"a\":1}\r\n\r\n  \n [1, 2] \n\"x\"\n3"});
    CHECK(o.rows == std::vector<std::string>{"{\"a\":1}", "[1, 2]", "\"x\"", "3"});
    CHECK(o.offsets == std::vector<std::uint64_t>{3, 18, 26, 30});
    CHECK_FALSE(o.error);
    CHECK(parse_lines({""}).rows.empty());
    CHECK(parse_lines({"\n\n"}).rows.empty());
}

TEST_CASE("ndjson: a row can be read") {
    std::uint64_t sum = 0;
    ndjson_parser parser([&sum](const json_row& row) {
        sum += row.value["n"].get_uint64().value();
        return true;
    });
    CHECK(parser.push("{\"n\":1}\n{\"n\""));
    CHECK(parser.push(":20}\n"));
    CHECK(parser.finish());
    CHECK(sum == 21);
}

TEST_CASE("ndjson: a row can be parsed where it stands, for there is room behind it") {
    std::size_t rows = 0;
    ndjson_parser parser([&rows](const json_row& row) {
        const std::string all(row.text.data(), row.text.size() + simdjson::SIMDJSON_PADDING); // AddressSanitizer looks
        CHECK(all.starts_with(row.text));
        return ++rows != 0;
    });
    for (std::size_t size = 1; size <= 200; ++size) parser.push('"' + std::string(size, 'x') + "\"\n");
    CHECK(parser.finish());
    CHECK(rows == 200);
}

TEST_CASE("ndjson: faults name line and column") {
    const auto malformed = parse_lines({"{}\n  {\"a\":x}\n{}"});
    CHECK(malformed.rows.size() == 1);
    CHECK(malformed.error == errc::malformed_json);
    CHECK(malformed.what.starts_with("line 2, column 8: "));
    const auto truncated = parse_lines({"{}\n  {\"a\":"});
    CHECK(truncated.error == errc::truncated_json);
    CHECK(truncated.what.starts_with("line 2, column 8: "));
    CHECK(parse_lines({"{} {}\n"}).error == errc::malformed_json);
    CHECK(parse_lines({"\xEF\xBB{}"}).error == errc::malformed_json);
    CHECK(parse_lines({"\n\xEF\xBB\xBF{}"}).error == errc::malformed_json); // a mark is at the beginning only
    CHECK(parse_lines({"\"\xFF\"\n"}).error == errc::malformed_json);       // not UTF-8: only the row's place is known
}

TEST_CASE("ndjson: a line over the limit is refused before it is whole") {
    const json_row_options limit{.max_row = 8};
    CHECK(parse_lines({"12345678\n\"123456\"  "}, {.max_row = 10}).rows.size() == 2);
    CHECK_FALSE(parse_lines({"12345678\n"}, limit).error);
    const auto o = parse_lines({"1\n", "123456789"}, limit);
    CHECK(o.error == errc::body_too_large);
    CHECK(o.what.starts_with("line 2, column 1: "));
    const std::string longest = '"' + std::string((16U << 20U) - 2, 'x') + '"'; // by default 16 MiB
    CHECK(parse_lines({longest}).rows.size() == 1);
    CHECK(parse_lines({longest, " \n", longest, "x"}).error == errc::body_too_large);
}

TEST_CASE("ndjson: whoever reads the rows can stop, or throw") {
    int rows = 0;
    ndjson_parser two([&](const json_row&) { return ++rows < 2; });
    CHECK_FALSE(two.push("1\n2\n3\n"));
    CHECK_FALSE(two.push("4\n"));
    CHECK_FALSE(two.finish());
    CHECK(rows == 2);
    ndjson_parser thrown([](const json_row&) -> bool { throw std::runtime_error("no"); });
    CHECK_THROWS_AS(thrown.push("1\n"), std::runtime_error);
}

TEST_CASE("ndjson: any split into pieces gives the same") {
    for (const std::string_view text : {"\xEF\xBB\xBF {\"a\":\"x\\n\"}\r\n\r\n [1, 2] \n\"\xC3\xA9\"\n3",
                                        "{}\n {\"a\":x}\n{}", "[1]\n[", "1\n\"12345678901\"\n"}) {
        const json_row_options limit{.max_row = 12};
        const auto whole = parse_lines({text}, limit);
        for (std::size_t i = 0; i <= text.size(); ++i)
            for (std::size_t j = i; j <= text.size(); ++j) {
                CAPTURE(text, i, j);
                REQUIRE(parse_lines({text.substr(0, i), text.substr(i, j - i), text.substr(j)}, limit) == whole);
            }
    }
}
