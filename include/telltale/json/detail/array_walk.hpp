// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_ARRAY_WALK_HPP
#define TELLTALE_JSON_DETAIL_ARRAY_WALK_HPP

#include <telltale/error.hpp>
#include <telltale/json/detail/json_row_reader.hpp>
#include <telltale/json/json_row.hpp>

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Walks along a pointer into a JSON text that comes in pieces, and gives the elements of the array that it leads to.
class array_walk {
public:
    array_walk(std::string pointer, on_json_row told, json_row_options options)
        : reader_(std::move(told), options), pointer_(std::move(pointer)) {
        if (!split()) throw system_error(make_error_code(errc::invalid_argument), pointer_ + ": not a JSON Pointer");
    }

    std::uint64_t rows() const noexcept { return reader_.rows(); }

    bool push(std::string_view piece) {
        while (!piece.empty() && !stopped_) {
            const std::size_t n = reading_ == reading::structure ? structure(piece.front()) : value(piece);
            offset_ += n;
            piece.remove_prefix(n);
        }
        return !stopped_;
    }

    bool finish() {
        if (stopped_) return false;
        // Only a scalar that is the whole text ends with it.
        if (reading_ == reading::row && open_.empty() && rest_.ends_with_text()) end_value(true);
        if (expect_ != expect::end || reading_ != reading::structure) fail(errc::truncated_json);
        if (!found_) throw system_error(make_error_code(errc::missing_field), "at " + pointer_);
        return !stopped_;
    }

private:
    enum class reading : std::uint8_t { structure, key, row, skipped };
    enum class expect : std::uint8_t { value, value_or_end, key, key_or_end, colon, comma, end };

    /// A container that is open: the array, or what leads to it.
    struct level {
        bool object = false;
        bool leads = false;      // its next value does, too
        std::uint64_t index = 0; // of the next value
    };

    bool split() {
        for (std::size_t i = 0; i < pointer_.size(); ++i) {
            const char c = pointer_[i];
            if (c == '/') {
                path_.emplace_back();
            } else if (path_.empty()) {
                return false;
            } else if (c == '~') {
                const char escaped = i + 1 < pointer_.size() ? pointer_[++i] : '\0';
                if (escaped != '0' && escaped != '1') return false;
                path_.back() += escaped == '0' ? '~' : '/';
            } else {
                path_.back() += c;
            }
        }
        return true;
    }

    [[noreturn]] void fail(errc why, const std::string& more = {}) const {
        throw system_error(make_error_code(why), "at byte " + std::to_string(offset_ + 1) + more);
    }

    /// One byte between values; how many were taken.
    std::size_t structure(char c) {
        if (mark_ < mark.size()) {
            if (c == mark[mark_]) {
                ++mark_;
                return 1;
            }
            if (mark_ != 0) fail(errc::malformed_json);
            mark_ = mark.size();
        }
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') return 1;
        switch (expect_) {
        case expect::value_or_end:
            if (c == ']') return close();
            [[fallthrough]];
        case expect::value: return begin_value(c);
        case expect::key_or_end:
            if (c == '}') return close();
            [[fallthrough]];
        case expect::key:
            if (c != '"') fail(errc::malformed_json);
            begin(reading::key, c);
            return 0;
        case expect::colon:
            if (c != ':') fail(errc::malformed_json);
            expect_ = expect::value;
            return 1;
        case expect::comma:
            if (c == (open_.back().object ? '}' : ']')) return close();
            if (c != ',') fail(errc::malformed_json);
            expect_ = open_.back().object ? expect::key : expect::value;
            return 1;
        case expect::end: break;
        }
        fail(errc::malformed_json);
    }

    void begin(reading what, char first) {
        if (!rest_.begin(first)) fail(errc::malformed_json);
        reading_ = what;
        begin_ = offset_;
        key_.clear();
    }

    std::size_t begin_value(char c) {
        if (in_array_) {
            begin(reading::row, c);
            return 0;
        }
        if (!leads()) {
            begin(reading::skipped, c);
            return 0;
        }
        const bool arrived = open_.size() == path_.size();
        if (arrived && found_) fail(errc::malformed_json, ": a second " + pointer_);
        found_ = found_ || arrived;
        if (c == '[' || (c == '{' && !arrived)) {
            in_array_ = arrived;
            open_.push_back({c == '{', false, 0});
            expect_ = c == '{' ? expect::key_or_end : expect::value_or_end;
            return 1;
        }
        if (!path_.empty()) fail(errc::wrong_type, ", " + pointer_);
        begin(reading::row, c);
        return 0;
    }

    /// Whether the value that comes now is on the way to the array.
    bool leads() const {
        if (open_.empty()) return true;
        const level& last = open_.back();
        return last.object ? last.leads : path_[open_.size() - 1] == std::to_string(last.index);
    }

    std::size_t close() {
        if (in_array_) in_array_ = false;
        open_.pop_back();
        after_value();
        return 1;
    }

    void after_value() {
        expect_ = open_.empty() ? expect::end : expect::comma;
        if (!open_.empty()) ++open_.back().index;
    }

    /// As much of the piece as belongs to a value, or a key.
    std::size_t value(std::string_view piece) {
        std::size_t n = 0;
        try {
            n = rest_.take(piece);
        } catch (const system_error& e) {
            throw system_error(e.code(), place(0));
        }
        const auto where = [this](std::size_t at) { return place(at); };
        if (reading_ == reading::row) reader_.append(piece.substr(0, n), where);
        if (reading_ == reading::key) {
            if (n > max_key - key_.size()) fail(errc::body_too_large, ": a key over the limit");
            key_ += piece.substr(0, n);
        }
        if (rest_.over()) end_value(false);
        return n;
    }

    void end_value(bool cut) {
        const auto was = std::exchange(reading_, reading::structure);
        if (was == reading::key) {
            open_.back().leads = path_[open_.size() - 1] == key_text();
            expect_ = expect::colon;
            return;
        }
        if (was == reading::row && !reader_.end(
                                       begin_, [this](std::size_t at) { return place(at); }, cut))
            stopped_ = true;
        after_value();
    }

    std::string key_text() {
        simdjson::dom::element text;
        std::string_view decoded;
        if (keys_.parse(key_).get(text) != simdjson::SUCCESS || text.get(decoded) != simdjson::SUCCESS)
            throw system_error(make_error_code(errc::malformed_json), place(0));
        return std::string(decoded);
    }

    std::string place(std::size_t at) const {
        const auto row = "row " + std::to_string(reader_.rows() + 1) + ", ";
        return (in_array_ ? row : std::string{}) + "at byte " + std::to_string(begin_ + at + 1);
    }

    static constexpr std::string_view mark = "\xEF\xBB\xBF";
    static constexpr std::size_t max_key = 1U << 16U;

    json_row_reader reader_;
    std::string pointer_;
    std::vector<std::string> path_;
    std::vector<level> open_;
    json_value_end rest_;
    std::string key_;
    simdjson::dom::parser keys_;
    std::uint64_t offset_ = 0;
    std::uint64_t begin_ = 0; // of the value or key
    std::size_t mark_ = 0;    // bytes of the byte order mark so far
    expect expect_ = expect::value;
    reading reading_ = reading::structure;
    bool in_array_ = false;
    bool found_ = false;
    bool stopped_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_ARRAY_WALK_HPP
