// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_ANSWER_HPP
#define TELLTALE_JSON_DETAIL_ANSWER_HPP

#include <telltale/core/acceptors.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/json/detail/rfc3339.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/poll/status_source.hpp>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI::detail {

/// A string, number, boolean or null out of an answer. The text lives as long as the answer.
struct scalar {
    enum class kind : std::uint8_t { null, text, number, boolean };
    kind what = kind::null;
    std::string_view text{};
    double number = 0;
    bool negative = false;
    std::optional<std::uint64_t> integer{}; ///< of a number that is a whole one, not negative, of 64 bits
    bool yes = false;

    /// As text, whatever it is.
    std::string word() const {
        switch (what) {
        case kind::text: return std::string(text);
        case kind::boolean: return yes ? "true" : "false";
        case kind::null: return {};
        case kind::number: break;
        }
        if (integer) return std::to_string(*integer);
        char digits[32];
        return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
    }
};

/// What of a profile is needed to understand a value.
struct answer_format {
    explicit answer_format(const profile& p)
        : words(p.words),
          times(p.fields.times.format),
          unit(parse_progress_unit(p.fields.progress.unit).value_or(progress_unit::items)),
          state(p.fields.state),
          id(p.list ? p.list->id : "") {}

    std::string_view state_pointer() const noexcept { return state; }
    std::string_view id_pointer() const noexcept { return id; }

    acceptors words;
    profile::time_format times;
    progress_unit unit;
    std::string state;
    std::string id;
};

/// What was read of one job.
struct answer {
    status now{};
    job_id id{};
    bool has_state = false;

    /// Takes a value in. Returns what is wrong with it, or null.
    const char* set(field f, const scalar& s, const answer_format& format) {
        switch (f) {
        case field::state: return set_state(s, format);
        case field::id: return set_id(s);
        case field::fraction: return set_number(s, fraction_);
        case field::percent: return set_number(s, percent_);
        case field::done: return set_number(s, done_);
        case field::total: return set_number(s, total_);
        case field::rate: return set_number(s, rate_);
        case field::remaining: return set_number(s, remaining_);
        case field::unit:
            if (s.what != scalar::kind::text) return "not a string";
            unit_ = parse_progress_unit(s.text);
            return nullptr;
        case field::queue_position: return set_integer(s, now.queue_position);
        case field::attempt: return set_integer(s, now.attempt);
        case field::message: return set_text(s, now.message);
        case field::name: return set_text(s, now.name);
        case field::kind: return set_text(s, now.kind);
        case field::error_class:
            if (s.what != scalar::kind::text) return "not a string";
            error().kind = parse_error_class(s.text).value_or(error_class::unknown);
            return nullptr;
        case field::error_message:
            if (s.what != scalar::kind::text) return "not a string";
            error().message = s.text;
            return nullptr;
        case field::created: return set_time(s, now.created, format.times);
        case field::queued: return set_time(s, now.queued, format.times);
        case field::started: return set_time(s, now.started, format.times);
        case field::finished: return set_time(s, now.finished, format.times);
        case field::labels: return "not an object";
        case field::list: return "not an array";
        }
        return nullptr;
    }

    /// Puts together what came in pieces.
    void complete(const answer_format& format) {
        if (now.attempt == 0U) now.attempt.reset();
        progress p;
        if (fraction_) {
            p = {.done = *fraction_ * 100, .total = 100, .unit = progress_unit::percent};
        } else if (percent_) {
            p = {.done = *percent_, .total = 100, .unit = progress_unit::percent};
        } else if (done_) {
            p.done = *done_;
            p.total = total_;
            p.unit = unit_.value_or(format.unit);
        } else {
            return;
        }
        p.rate = rate_;
        if (remaining_) p.remaining = std::chrono::duration<double>(*remaining_);
        now.progress = p;
    }

private:
    job_error& error() {
        if (!now.error) now.error.emplace();
        return *now.error;
    }

    const char* set_state(const scalar& s, const answer_format& format) {
        now.word = s.word();
        now.state = format.words.find(now.word);
        has_state = true;
        return nullptr;
    }

    const char* set_id(const scalar& s) {
        if (s.what != scalar::kind::text && !s.integer) return "neither a string nor an integer";
        id = s.word();
        return nullptr;
    }

    static const char* set_number(const scalar& s, std::optional<double>& to) {
        if (s.what != scalar::kind::number) return "not a number";
        to = s.number;
        return nullptr;
    }

    static const char* set_integer(const scalar& s, std::optional<std::uint32_t>& to) {
        if (s.what != scalar::kind::number) return "not an integer";
        if (s.negative) return "negative";
        if (!s.integer) return "not an integer of 64 bits";
        if (*s.integer > std::numeric_limits<std::uint32_t>::max()) return "more than 4294967295";
        to = static_cast<std::uint32_t>(*s.integer);
        return nullptr;
    }

    static const char* set_text(const scalar& s, std::optional<std::string>& to) {
        if (s.what != scalar::kind::text) return "not a string";
        to = std::string(s.text);
        return nullptr;
    }

    static const char* set_time(const scalar& s, std::optional<timestamp>& to, profile::time_format format) {
        if (format == profile::time_format::rfc3339) {
            if (s.what != scalar::kind::text) return "not a string";
            if (s.text.empty()) return nullptr;
            to = parse_rfc3339(s.text);
            return to ? nullptr : "not a time of RFC 3339";
        }
        if (s.what != scalar::kind::number) return "not a number";
        if (!(s.number > 0)) return nullptr;
        const double seconds = format == profile::time_format::epoch_ms ? s.number / 1000 : s.number;
        if (seconds > 9'000'000'000.0) return "out of range"; // a time has 64 bits of nanoseconds
        using whole = std::chrono::duration<std::int64_t, std::micro>;
        to = timestamp(std::chrono::duration_cast<timestamp::duration>(
            whole(static_cast<std::int64_t>(std::llround(seconds * 1e6)))));
        return nullptr;
    }

    std::optional<double> fraction_{};
    std::optional<double> percent_{};
    std::optional<double> done_{};
    std::optional<double> total_{};
    std::optional<double> rate_{};
    std::optional<double> remaining_{};
    std::optional<progress_unit> unit_{};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_ANSWER_HPP
