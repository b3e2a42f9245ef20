// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/csv_parser.hpp>

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

using table = std::vector<std::vector<std::string>>;

/// What a parser made of a text.
struct outcome {
    table rows{}; // with the header
    std::vector<std::uint64_t> numbers{};
    std::vector<std::uint64_t> lines{};
    std::vector<bool> ragged{};
    csv_error error{};
    std::uint64_t counted = 0;
    std::uint64_t counted_ragged = 0;
    std::size_t columns = 0;

    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome parse_pieces(const std::vector<std::string_view>& pieces, csv_options options = {}) {
    outcome o;
    csv_parser parser(
        [&o](const csv_row& row) {
            o.rows.emplace_back(row.fields.begin(), row.fields.end());
            o.numbers.push_back(row.number);
            o.lines.push_back(row.line);
            o.ragged.push_back(row.ragged);
            return true;
        },
        options);
    bool good = true;
    for (const auto piece : pieces) good = good && parser.push(piece);
    good = good && parser.finish();
    CHECK(good == !parser.error());
    o.error = parser.error();
    o.counted = parser.rows();
    o.counted_ragged = parser.ragged_rows();
    o.columns = parser.columns();
    return o;
}

outcome parse(std::string_view text, csv_options options = {}) { return parse_pieces({text}, options); }

std::string text_of(const table& rows, bool quote_all, std::string_view line_break) {
    std::string text;
    for (const auto& row : rows) {
        std::string_view separator;
        for (const auto& field : row) {
            text += separator;
            separator = ",";
            if (quote_all || field.empty() || field.find_first_of(",\"\r\n") != std::string::npos) {
                text += '"';
                for (const char c : field) text.append(c == '"' ? 2 : 1, c);
                text += '"';
            } else {
                text += field;
            }
        }
        text += line_break;
    }
    return text;
}

table random_table(std::mt19937& random) {
    constexpr std::string_view parts[] = {"a", ",", "\"", "\r\n", "\n", "\r", " ", "\xC3\xA9", "1.5", "", "\"\""};
    table rows(1 + random() % 5, std::vector<std::string>(1 + random() % 4));
    for (auto& row : rows)
        for (auto& field : row)
            for (auto n = random() % 4; n > 0; --n) field += parts[random() % std::size(parts)];
    return rows;
}

} // namespace

TEST_CASE("csv: RFC 4180") {
    const std::vector<std::pair<std::string_view, table>> cases{
        {"", {}},
        {"a", {{"a"}}},
        {"a,b\r\n1,2\r\n", {{"a", "b"}, {"1", "2"}}},
        {"a,b\n1,2", {{"a", "b"}, {"1", "2"}}},
        {"a,b\r1,2\r", {{"a", "b"}, {"1", "2"}}},
        {",\n,", {{"", ""}, {"", ""}}},
        {" a , b \n", {{" a ", " b "}}},
        {"\"a\",\"\"\n", {{"a", ""}}},
        {"\"\"", {{""}}},
        {"\"say \"\"hi\"\"\",x", {{"say \"hi\"", "x"}}},
        {"\"one\r\ntwo\nthree\rfour\",x\r\ny,z", {{"one\r\ntwo\nthree\rfour", "x"}, {"y", "z"}}},
        {"\"a,b\",c", {{"a,b", "c"}}},
        {"\xEF\xBB\xBF"
         "a,b\n1,2",
         {{"a", "b"}, {"1", "2"}}},
        {"\xEF\xBB\xBF"
         "\"a\",b",
         {{"a", "b"}}},
        {"\xEF\xBB\xBF", {}},
        {"\xEF\xBBz", {{"\xEF\xBBz"}}}, // the beginning of a mark, and no mark
        {"a\n\n\r\nb", {{"a"}, {"b"}}},
    };
    for (const auto& [text, rows] : cases) {
        CAPTURE(text);
        const auto o = parse(text);
        CHECK(o.rows == rows);
        CHECK_FALSE(o.error);
    }
}

TEST_CASE("csv: the first row is the header, unless there is none") {
    const auto with = parse("a,b\n1,2\n3,4\n");
    CHECK(with.numbers == std::vector<std::uint64_t>{0, 1, 2});
    CHECK(with.counted == 2);
    CHECK(with.columns == 2);
    const auto without = parse("1,2\n3,4\n", {.header = false});
    CHECK(without.numbers == std::vector<std::uint64_t>{1, 2});
    CHECK(without.counted == 2);
}

TEST_CASE("csv: ragged rows are given, and told") {
    const auto o = parse("a,b\n1\n1,2\n1,2,3\n");
    CHECK(o.ragged == std::vector<bool>{false, true, false, true});
    CHECK(o.counted_ragged == 2);
    CHECK(o.counted == 3);
    const auto refused = parse("a,b\n1,2\n1,2,3\n4,5", {.refuse_ragged = true});
    CHECK(refused.error == csv_error{csv_fault::ragged_row, 3, 6});
    CHECK(refused.counted == 1);
    CHECK(parse("a\n\nb", {.skip_empty_lines = false}).rows == table{{"a"}, {""}, {"b"}});
}

TEST_CASE("csv: lines are those of the text, also within quotes") {
    CHECK(parse("a\r\n\"x\r\ny\nz\"\n\n\nb\n").lines == std::vector<std::uint64_t>{1, 2, 7});
    CHECK(parse("\"x\ry\nz\"\rb").lines == std::vector<std::uint64_t>{1, 4});
}

TEST_CASE("csv: faults name their place") {
    const std::vector<std::tuple<std::string_view, csv_fault, std::uint64_t, std::uint64_t>> cases{
        {"a,b\r\nx\"y,2\r\n", csv_fault::stray_quote, 2, 2},
        {"a,b\n\"x\"y,2\n", csv_fault::text_after_quote, 2, 4},
        {"a\n\"x\r\ny\"z\n", csv_fault::text_after_quote, 3, 3},
        {"a\nb,\"x\n\n\n", csv_fault::unterminated_quote, 2, 3},
        {"\xEF\xBB\xBFx\"", csv_fault::stray_quote, 1, 2},
        {"\xFF\xFE"
         "a",
         csv_fault::not_utf8, 1, 1},
        {"\xFE\xFF", csv_fault::not_utf8, 1, 1},
    };
    for (const auto& [text, fault, line, column] : cases) {
        CAPTURE(text);
        CHECK(parse(text).error == csv_error{fault, line, column});
    }
    CHECK(to_string(csv_error{csv_fault::text_after_quote, 3, 7}) ==
          "line 3, column 7: text after the quote that closes a field");
    for (unsigned f = 0; f <= static_cast<unsigned>(csv_fault::stopped); ++f)
        CHECK(to_string(static_cast<csv_fault>(f)) != "unknown");
}

TEST_CASE("csv: quotes that are not allowed, taken as they stand") {
    const csv_options lenient{.lenient_quotes = true};
    CHECK(parse("5\" disk,\"x\"y\"z,\"a\"\"b\"", lenient).rows == table{{"5\" disk", "x\"y\"z", "a\"b"}});
    CHECK(parse("\"open", lenient).error.fault == csv_fault::unterminated_quote);
}

TEST_CASE("csv: other delimiters and quotes") {
    CHECK(parse("a;b,c\n'x;''y';2", {.delimiter = ';', .quote = '\''}).rows == table{{"a", "b,c"}, {"x;'y", "2"}});
    CHECK(parse("a\tb", {.delimiter = '\t'}).rows == table{{"a", "b"}});
}

TEST_CASE("csv: limits, exact") {
    const csv_options limits{.max_field = 4, .max_row = 6, .max_fields = 3};
    CHECK_FALSE(parse("1234,12\n,,\n\"1\"\"34\",1", limits).error);
    CHECK(parse("a\nx,12345", limits).error == csv_error{csv_fault::field_too_large, 2, 7});
    CHECK(parse("a\n1234,123", limits).error == csv_error{csv_fault::row_too_large, 2, 8});
    CHECK(parse("a,b,c,d", limits).error == csv_error{csv_fault::row_too_large, 1, 8});
    CHECK(parse("\"\n\n\n\n\n\"", limits).error.fault == csv_fault::field_too_large);
}

TEST_CASE("csv: whoever reads the rows can stop, or throw; then nothing more comes") {
    int rows = 0;
    csv_parser two([&](const csv_row&) { return ++rows < 2; });
    CHECK_FALSE(two.push("a\nb\nc\n"));
    CHECK(two.error() == csv_error{csv_fault::stopped, 2, 1});
    CHECK_FALSE(two.push("d\n"));
    CHECK_FALSE(two.finish());
    CHECK(rows == 2);

    int calls = 0;
    csv_parser thrown([&](const csv_row&) -> bool {
        ++calls;
        throw std::runtime_error("no");
    });
    CHECK_THROWS_AS(thrown.push("a\nb\n"), std::runtime_error);
    CHECK_FALSE(thrown.push("c\n"));
    CHECK(calls == 1);
}

TEST_CASE("csv: any split into pieces gives the same") {
    const std::string_view texts[] = {
        "\xEF\xBB\xBF"
        "a,b\r\n\"x\r\n,\"\"y\",2\r\n\r\n3\r\n,,\n",
        "a,b\n\"x\"y\n",
        "a\r\"open\r\n",
        "\xFF\xFE"
        "a",
        "a,b\n12345678901,x\n",
    };
    for (const auto text : texts) {
        const csv_options options{.max_field = 10};
        const auto whole = parse(text, options);
        for (std::size_t i = 0; i <= text.size(); ++i)
            for (std::size_t j = i; j <= text.size(); ++j) {
                CAPTURE(text, i, j);
                REQUIRE(parse_pieces({text.substr(0, i), text.substr(i, j - i), text.substr(j)}, options) == whole);
            }
        std::vector<std::string_view> bytes;
        for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
        CHECK(parse_pieces(bytes, options) == whole);
    }
}

TEST_CASE("csv: any table that is written comes back") {
    std::mt19937 random(7);
    for (int round = 0; round < 2000; ++round) {
        const auto rows = random_table(random);
        const std::string_view breaks[] = {"\r\n", "\n", "\r"};
        const auto text = text_of(rows, round % 2 == 0, breaks[random() % 3]);
        CAPTURE(text);
        const auto cut = random() % (text.size() + 1);
        const auto o = parse_pieces({std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)});
        REQUIRE(o.rows == rows);
        REQUIRE_FALSE(o.error);
    }
}
