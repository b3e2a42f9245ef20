// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_JSON_WRITER_HPP
#define TELLTALE_CORE_JSON_WRITER_HPP

#include <telltale/version.hpp>

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// Writes JSON (RFC 8259) to the end of a string, without white space.
///
/// The output is always valid UTF-8 and valid JSON: each ill-formed sequence of bytes in a string becomes U+FFFD, control
/// characters are escaped, and a number that JSON cannot say (NaN, infinity) becomes null. Nesting is the caller's to
/// get right.
class json_writer {
public:
    /// Appends to `out`, which must outlive the writer.
    explicit json_writer(std::string& out) noexcept : out_(out), start_(out.size()) {}

    json_writer& begin_object() { return open('{'); }
    json_writer& end_object() { return close('}'); }
    json_writer& begin_array() { return open('['); }
    json_writer& end_array() { return close(']'); }

    json_writer& key(std::string_view name) {
        value(name);
        out_ += ':';
        return *this;
    }

    json_writer& value(std::string_view text) {
        separate();
        out_ += '"';
        append_escaped(text);
        out_ += '"';
        return *this;
    }
    json_writer& value(const char* text) { return value(std::string_view{text}); }

    template <std::same_as<bool> Bool>
    json_writer& value(Bool b) {
        return raw(b ? "true" : "false");
    }

    template <std::integral Int>
        requires(!std::same_as<Int, bool> && !std::same_as<Int, char>)
    json_writer& value(Int number) {
        char text[24];
        return raw({text, std::to_chars(text, text + sizeof text, number).ptr});
    }

    /// The shortest text that reads back as the same number; with an exponent where a reader that takes whole numbers for
    /// 64-bit integers (simdjson is one) would refuse it.
    json_writer& value(double number) {
        if (!std::isfinite(number)) return null();
        char text[32];
        const bool large = std::fabs(number) >= 9.2e18;
        const auto end = large ? std::to_chars(text, text + sizeof text, number, std::chars_format::scientific)
                               : std::to_chars(text, text + sizeof text, number);
        return raw({text, end.ptr});
    }

    json_writer& null() { return raw("null"); }

    /// A value that is JSON already.
    json_writer& raw(std::string_view json) {
        separate();
        out_ += json;
        return *this;
    }

    /// One member of an object: key and value.
    template <class T>
    json_writer& member(std::string_view name, const T& v) {
        key(name);
        return value(v);
    }

private:
    json_writer& open(char bracket) {
        separate();
        out_ += bracket;
        return *this;
    }

    json_writer& close(char bracket) {
        out_ += bracket;
        return *this;
    }

    // Strings end in a quote, so the last character says whether a value stands before this one.
    void separate() {
        if (out_.size() == start_) return;
        const char last = out_.back();
        if (last != '{' && last != '[' && last != ':') out_ += ',';
    }

    void append_escaped(std::string_view text);

    std::string& out_;
    std::size_t start_;
};

namespace detail {

/// The length of the well-formed UTF-8 sequence at the beginning of `text` (table 3-7 of the Unicode Standard), or 0;
/// then `bad` is the length of the maximal ill-formed part, which one U+FFFD replaces (section 3.9, "U+FFFD Substitution of Maximal Subparts").
constexpr std::size_t utf8_sequence(std::string_view text, std::size_t& bad) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    bad = 1;
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if (i >= text.size() || byte(i) < low || byte(i) > high) return 0;
        bad = i + 1;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

} // namespace detail

inline void json_writer::append_escaped(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::size_t clean = 0; // start of the part that is copied as it is
    std::size_t i = 0;
    const auto flush = [&] { out_.append(text.substr(clean, i - clean)); };
    while (i < text.size()) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            ++i;
            continue;
        }
        if (c >= 0x80) {
            std::size_t bad = 0;
            if (const std::size_t length = detail::utf8_sequence(text.substr(i), bad)) {
                i += length;
                continue;
            }
            flush();
            out_ += "\xEF\xBF\xBD";
            i += bad;
            clean = i;
            continue;
        }
        flush();
        switch (c) {
        case '"': out_ += "\\\""; break;
        case '\\': out_ += "\\\\"; break;
        case '\b': out_ += "\\b"; break;
        case '\f': out_ += "\\f"; break;
        case '\n': out_ += "\\n"; break;
        case '\r': out_ += "\\r"; break;
        case '\t': out_ += "\\t"; break;
        default:
            out_ += "\\u00";
            out_ += hex[c >> 4U];
            out_ += hex[c & 15U];
        }
        clean = ++i;
    }
    flush();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JSON_WRITER_HPP
