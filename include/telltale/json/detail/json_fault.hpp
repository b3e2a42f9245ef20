// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_JSON_FAULT_HPP
#define TELLTALE_JSON_DETAIL_JSON_FAULT_HPP

#include <telltale/version.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI::detail {

/// Where and how a text is not JSON.
struct json_fault {
    enum class kind : std::uint8_t { none, malformed, truncated };
    kind what = kind::none;
    std::size_t offset = 0;
};

/// Finds out what is wrong with a text, once a fast parser has refused it: strict by RFC 8259, but for UTF-8. A text
/// that could be continued to a good one is truncated.
class json_checker {
public:
    explicit json_checker(std::string_view text) noexcept : text_(text) {}

    json_fault check() {
        for (;;) {
            while (more() && (c() == ' ' || c() == '\t' || c() == '\n' || c() == '\r')) ++i_;
            if (!more()) {
                const bool whole = expect_ == expect::after && open_.empty();
                return {whole ? kind::none : kind::truncated, i_};
            }
            if (const kind bad = step(); bad != kind::none) return {bad, i_};
        }
    }

private:
    using kind = json_fault::kind;
    enum class expect : std::uint8_t { value, value_or_end, key, key_or_end, colon, after };

    bool more() const noexcept { return i_ < text_.size(); }
    char c() const noexcept { return text_[i_]; }
    bool digit() const noexcept { return more() && c() >= '0' && c() <= '9'; }

    kind step() {
        switch (expect_) {
        case expect::value_or_end:
            if (c() == ']') return close();
            return value();
        case expect::value: return value();
        case expect::key_or_end:
            if (c() == '}') return close();
            return key();
        case expect::key: return key();
        case expect::colon:
            if (c() != ':') return kind::malformed;
            ++i_;
            expect_ = expect::value;
            return kind::none;
        case expect::after: break;
        }
        if (open_.empty()) return kind::malformed;
        if (c() == (open_.back() == '{' ? '}' : ']')) return close();
        if (c() != ',') return kind::malformed;
        ++i_;
        expect_ = open_.back() == '{' ? expect::key : expect::value;
        return kind::none;
    }

    kind close() {
        ++i_;
        open_.pop_back();
        expect_ = expect::after;
        return kind::none;
    }

    kind key() {
        if (c() != '"') return kind::malformed;
        expect_ = expect::colon;
        return string();
    }

    kind value() {
        switch (c()) {
        case '{':
        case '[':
            expect_ = c() == '{' ? expect::key_or_end : expect::value_or_end;
            open_ += c();
            ++i_;
            return kind::none;
        case '"': expect_ = expect::after; return string();
        case 't': return literal("true");
        case 'f': return literal("false");
        case 'n': return literal("null");
        default: return number();
        }
    }

    kind literal(std::string_view word) {
        expect_ = expect::after;
        for (const char wanted : word) {
            if (!more()) return kind::truncated;
            if (c() != wanted) return kind::malformed;
            ++i_;
        }
        return kind::none;
    }

    kind string() {
        ++i_;
        while (more()) {
            if (static_cast<unsigned char>(c()) < 0x20) return kind::malformed;
            if (c() == '"') {
                ++i_;
                return kind::none;
            }
            if (c() == '\\') {
                ++i_;
                if (!more()) return kind::truncated;
                if (c() == 'u') {
                    for (int n = 0; n < 4; ++n) {
                        ++i_;
                        if (!more()) return kind::truncated;
                        if (std::string_view("0123456789abcdefABCDEF").find(c()) == std::string_view::npos)
                            return kind::malformed;
                    }
                } else if (std::string_view("\"\\/bfnrt").find(c()) == std::string_view::npos) {
                    return kind::malformed;
                }
            }
            ++i_;
        }
        return kind::truncated;
    }

    kind digits() {
        if (!more()) return kind::truncated;
        if (!digit()) return kind::malformed;
        while (digit()) ++i_;
        return kind::none;
    }

    kind number() {
        expect_ = expect::after;
        if (c() == '-') ++i_;
        if (more() && c() == '0')
            ++i_;
        else if (const kind bad = digits(); bad != kind::none)
            return bad;
        if (more() && c() == '.') {
            ++i_;
            if (const kind bad = digits(); bad != kind::none) return bad;
        }
        if (more() && (c() == 'e' || c() == 'E')) {
            ++i_;
            if (more() && (c() == '+' || c() == '-')) ++i_;
            return digits();
        }
        return kind::none;
    }

    std::string_view text_;
    std::size_t i_ = 0;
    std::string open_; // the brackets that are open
    expect expect_ = expect::value;
};

inline json_fault find_fault(std::string_view text) { return json_checker(text).check(); }

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_JSON_FAULT_HPP
