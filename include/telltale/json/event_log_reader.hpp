// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_EVENT_LOG_READER_HPP
#define TELLTALE_JSON_EVENT_LOG_READER_HPP

#include <telltale/core/event.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/json/detail/logged_event.hpp>

#include <cstddef>
#include <istream>
#include <optional>
#include <string>

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
        : in_(in), options_(options) {}

    /// The next event or gap; nothing at the end.
    ///
    /// Throws system_error for a line that is none, whose what() names the number of the line and what is wrong with it;
    /// the next call goes on with the line after it. `errc::malformed_json`, `errc::truncated_json`, `errc::missing_field`,
    /// `errc::wrong_type` (also a word that is not known), `errc::body_too_large`: longer than max_line.
    std::optional<delivery<event>> next() {
        while (read_line()) {
            if (line_.find_first_not_of(" \t\r") == std::string::npos) continue;
            try {
                return parser_.parse(line_);
            } catch (const detail::logged_event_fault& fault) {
                // Only a whole line has an end: this one was being written when the writer died.
                if (!ended_ && fault.why == errc::truncated_json) {
                    torn_ = true;
                    return std::nullopt;
                }
                fail(fault.why, ", " + fault.where);
            }
        }
        return std::nullopt;
    }

    /// The number of the line that was read last, from 1; 0 before the first.
    std::size_t line() const noexcept { return number_; }

    /// Whether the last line ended in the middle of an event, which was not given. Told at the end.
    bool torn() const noexcept { return torn_; }

private:
    [[noreturn]] void fail(errc why, const std::string& where) const {
        throw system_error(make_error_code(why), "line " + std::to_string(number_) + where);
    }

    bool read_line() {
        using traits = std::istream::traits_type;
        line_.clear();
        ended_ = false;
        bool too_long = false;
        auto* const from = in_.rdbuf();
        auto c = traits::eof();
        bool any = false;
        while (!ended_ && !traits::eq_int_type(c = from->sbumpc(), traits::eof())) {
            any = true;
            ended_ = traits::to_char_type(c) == '\n';
            if (ended_) break;
            too_long = too_long || line_.size() == options_.max_line;
            if (!too_long) line_ += traits::to_char_type(c);
        }
        if (!any) return false;
        ++number_;
        if (too_long) fail(errc::body_too_large, {});
        return true;
    }

    std::istream& in_;
    event_log_reader_options options_;
    detail::logged_event_parser parser_;
    std::string line_;
    std::size_t number_ = 0;
    bool ended_ = false; // by a line break
    bool torn_ = false;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_EVENT_LOG_READER_HPP
