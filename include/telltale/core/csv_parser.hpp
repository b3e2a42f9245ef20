// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_CSV_PARSER_HPP
#define TELLTALE_CORE_CSV_PARSER_HPP

#include <telltale/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What can be wrong with a table.
enum class csv_fault : std::uint8_t {
    none,
    stray_quote,        ///< a quote within a field that does not begin with one
    text_after_quote,   ///< after the quote that closes a field
    unterminated_quote, ///< the text ends in a quoted field; the place is where it begins
    ragged_row,         ///< only with refuse_ragged; the place is its end
    field_too_large,
    row_too_large, ///< in bytes, or in fields
    not_utf8,      ///< it begins with the mark of UTF-16
    stopped        ///< the function that is given the rows wanted no more, or threw
};

inline std::string_view to_string(csv_fault f) noexcept;

/// What is wrong, and where: line and column count from 1, the column in bytes. A line break within quotes begins a line.
struct csv_error {
    csv_fault fault = csv_fault::none;
    std::uint64_t line = 0;
    std::uint64_t column = 0;

    explicit operator bool() const noexcept { return fault != csv_fault::none; }
    friend bool operator==(const csv_error&, const csv_error&) = default;
};

/// "line 3, column 7: text after the quote that closes a field"
inline std::string to_string(const csv_error& e);

/// Sizes are in bytes, of text without its quotes, and at least 1.
struct csv_options {
    char delimiter = ',';
    char quote = '"';
    bool header = true;           ///< the first row names the columns: it is given as such, and does not count
    bool skip_empty_lines = true; ///< false: an empty line is a row of one empty field
    bool lenient_quotes = false;  ///< a quote that RFC 4180 does not allow is taken as it stands
    bool refuse_ragged = false;   ///< a row that is longer or shorter than the first is an error
    std::size_t max_field = 1U << 20U;
    std::size_t max_row = 16U << 20U;
    std::size_t max_fields = 1U << 16U; ///< of a row
};

/// A row. The fields refer to memory of the parser: only during the call.
struct csv_row {
    std::span<const std::string_view> fields{};
    std::uint64_t number = 0; ///< counts from 1; 0: the header
    std::uint64_t line = 0;   ///< where it begins; counts from 1
    bool ragged = false;      ///< not as many fields as the first row
};

/// Reads a table as RFC 4180 has it, from pieces of any size, in bounded memory: rows are given as they end.
///
///     telltale::csv_parser table([](const telltale::csv_row& row) { return use(row.fields); });
///     while (const auto piece = read_some()) if (!table.push(*piece)) break;
///     if (!table.finish()) throw std::runtime_error(to_string(table.error()));
///
/// Quoted fields may hold delimiters, line breaks and doubled quotes. A row ends with CRLF, LF or CR; the last one need
/// not. A byte order mark of UTF-8 is skipped. A row that has not as many fields as the first one is given, marked and
/// counted. Bytes are not looked at otherwise: whether they are UTF-8 is the caller's to know.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class csv_parser {
public:
    /// False: no more rows are wanted.
    using on_row = std::function<bool(const csv_row&)>;

    explicit csv_parser(on_row told, csv_options options = {});

    /// Takes the next piece. False: the table is broken, or no more is wanted: see error(). The rows before the fault
    /// have been given. An exception of the function passes through.
    bool push(std::string_view piece);

    /// The text is over: gives the last row, if it has no line break. False: as push.
    bool finish();

    /// What was wrong; once there is something, nothing more is taken.
    const csv_error& error() const noexcept { return error_; }

    /// Rows so far, without the header.
    std::uint64_t rows() const noexcept { return rows_; }
    std::uint64_t ragged_rows() const noexcept { return ragged_; }
    /// How many fields the first row has; 0: there is none yet.
    std::size_t columns() const noexcept { return columns_; }

private:
    enum class state : std::uint8_t { row_start, field_start, plain, quoted, quote_seen };
    enum stops_at : std::uint8_t { stops_plain = 1, stops_quoted = 2 };

    bool begin();
    bool take(std::string_view text);
    bool step(char c);
    bool append(std::string_view text);
    bool end_field();
    bool end_row();
    void end_line(char c) noexcept;
    bool fail(csv_fault fault, std::uint64_t line, std::uint64_t column) noexcept;
    bool fail_here(csv_fault fault) noexcept { return fail(fault, line_, column()); }
    std::uint64_t column() const noexcept { return offset_ - line_start_ + 1; }

    on_row told_;
    csv_options options_;
    std::array<std::uint8_t, 256> stops_{};
    state state_ = state::row_start;
    bool begun_ = false;    // past the byte order mark
    bool after_cr_ = false; // a line feed now would belong to it
    std::string head_;      // what may become a byte order mark
    std::string text_;      // of the row, without quotes and delimiters
    std::vector<std::size_t> ends_;
    std::vector<std::string_view> fields_;
    std::uint64_t offset_ = 0;
    std::uint64_t line_ = 1;
    std::uint64_t line_start_ = 0;
    std::uint64_t row_line_ = 1;
    std::uint64_t quote_line_ = 0;
    std::uint64_t quote_column_ = 0;
    std::uint64_t rows_ = 0;
    std::uint64_t ragged_ = 0;
    std::size_t columns_ = 0;
    csv_error error_;
};

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/core/detail/csv_parser.hpp>

#endif // TELLTALE_CORE_CSV_PARSER_HPP
