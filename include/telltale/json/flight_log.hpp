// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_FLIGHT_LOG_HPP
#define TELLTALE_JSON_FLIGHT_LOG_HPP

#include <telltale/error.hpp>
#include <telltale/json/detail/flight_line.hpp>
#include <telltale/json/detail/line_reader.hpp>
#include <telltale/poll/flight_entry.hpp>

#include <cstddef>
#include <istream>
#include <optional>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct flight_log_reader_options {
    std::size_t max_line = std::size_t{16} << 20U; ///< in bytes
};

/// Reads what a flight_recorder wrote, one entry after the other.
///
///     std::ifstream file("flight.jsonl", std::ios::binary);
///     telltale::flight_log_reader log(file);
///     while (const auto e = log.next()) show(*e);
///     if (log.torn()) std::clog << "the last line ends too early\n";
///
/// Empty lines, and members that are not known, are skipped. An option that is not there has its default. An error code of
/// a category that is neither telltale's, nor Asio's, nor the system's becomes errc::recorded_error.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class flight_log_reader {
public:
    /// `in` must outlive this.
    explicit flight_log_reader(std::istream& in, flight_log_reader_options options = {}) noexcept
        : lines_(in, options.max_line) {}

    /// The next entry; nothing at the end.
    ///
    /// Throws system_error for a line that is none, whose what() names the number of the line and what is wrong with it;
    /// the next call goes on with the line after it. `errc::malformed_json`, `errc::truncated_json`, `errc::missing_field`,
    /// `errc::wrong_type` (also a word that is not known), `errc::body_too_large`: longer than max_line.
    std::optional<flight_entry> next() {
        if (!lines_.next()) return std::nullopt;
        try {
            return parser_.parse(lines_.text());
        } catch (const detail::log_line_fault& fault) {
            // Only a whole line has an end: this one was being written when the writer died.
            torn_ = !lines_.whole() && fault.why == errc::truncated_json;
            if (!torn_) lines_.fail(fault.why, ", " + fault.where);
        }
        return std::nullopt;
    }

    /// All that are left. Throws as next().
    std::vector<flight_entry> all() {
        std::vector<flight_entry> entries;
        while (auto e = next()) entries.push_back(*std::move(e));
        return entries;
    }

    /// The number of the line that was read last, from 1; 0 before the first.
    std::size_t line() const noexcept { return lines_.number(); }

    /// Whether the last line ended in the middle of an entry, which was not given. Told at the end.
    bool torn() const noexcept { return torn_; }

private:
    detail::line_reader lines_;
    detail::flight_line_parser parser_;
    bool torn_ = false;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_FLIGHT_LOG_HPP
