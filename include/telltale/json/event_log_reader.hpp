// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_EVENT_LOG_READER_HPP
#define TELLTALE_JSON_EVENT_LOG_READER_HPP

#include <telltale/core/event.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/json/detail/line_reader.hpp>
#include <telltale/json/detail/logged_event.hpp>

#include <cstddef>
#include <istream>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

struct event_log_reader_options {
    std::size_t max_line = std::size_t{16} << 20U; ///< in bytes
};

/// Reads what event_log_writer wrote: events and gaps with their places, one after the other.
///
///     std::ifstream file("events.jsonl", std::ios::binary);
///     telltale::event_log_reader log(file);
///     while (const auto d = log.next()) show(*d); // or emitter.emit(**d), or board.report(*report_of(**d))
///     if (log.torn()) std::clog << "the last line ends too early\n";
///
/// Empty lines, and members that are not known, are skipped.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class event_log_reader {
public:
    /// `in` must outlive this.
    explicit event_log_reader(std::istream& in, event_log_reader_options options = {}) noexcept
        : lines_(in, options.max_line) {}

    /// The next event or gap; nothing at the end.
    ///
    /// Throws system_error for a line that is none, whose what() names the number of the line and what is wrong with it;
    /// the next call goes on with the line after it. `errc::malformed_json`, `errc::truncated_json`, `errc::missing_field`,
    /// `errc::wrong_type` (also a word that is not known), `errc::body_too_large`: longer than max_line.
    std::optional<delivery<event>> next() {
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

    /// The number of the line that was read last, from 1; 0 before the first.
    std::size_t line() const noexcept { return lines_.number(); }

    /// Whether the last line ended in the middle of an event, which was not given. Told at the end.
    bool torn() const noexcept { return torn_; }

private:
    detail::line_reader lines_;
    detail::logged_event_parser parser_;
    bool torn_ = false;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_EVENT_LOG_READER_HPP
