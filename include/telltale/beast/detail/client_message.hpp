// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_CLIENT_MESSAGE_HPP
#define TELLTALE_BEAST_DETAIL_CLIENT_MESSAGE_HPP

#include <telltale/version.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What a WebSocket client can say. Members that it does not know are skipped.
struct client_message {
    bool has_filter = false;
    std::vector<std::string> jobs;
    std::vector<std::string> kinds;
    std::optional<std::string> cursor;
    std::optional<std::string> command;
    std::string job;
};

/// Reads the JSON of a client message. A few hundred bytes a minute come this way, so this is small rather than fast, and
/// beast/ needs no JSON library.
class client_message_reader {
public:
    /// Nothing for what is not such a message.
    static std::optional<client_message> read(std::string_view text) {
        client_message out;
        client_message_reader r(text);
        const bool ok = r.object([&](const std::string& key) {
            if (key == "filter") return out.has_filter = true, r.filter(out);
            if (key == "cursor") return r.string(out.cursor.emplace());
            if (key == "command") return r.string(out.command.emplace());
            if (key == "job") return r.string(out.job);
            return r.skip(0);
        });
        r.blanks();
        if (!ok || !r.rest_.empty()) return std::nullopt;
        return out;
    }

private:
    static constexpr int max_depth = 32;

    explicit client_message_reader(std::string_view text) : rest_(text) {}

    bool filter(client_message& out) {
        return object([&](const std::string& key) {
            if (key == "jobs") return strings(out.jobs);
            if (key == "kinds") return strings(out.kinds);
            return skip(0);
        });
    }

    void blanks() {
        const auto n = rest_.find_first_not_of(" \t\r\n");
        rest_.remove_prefix(n == std::string_view::npos ? rest_.size() : n);
    }

    bool take(char c) {
        blanks();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    template <class Member>
    bool object(Member member) {
        if (!take('{')) return false;
        if (take('}')) return true;
        do {
            std::string key;
            if (!string(key) || !take(':') || !member(key)) return false;
        } while (take(','));
        return take('}');
    }

    template <class Element>
    bool array(Element element) {
        if (!take('[')) return false;
        if (take(']')) return true;
        do {
            if (!element()) return false;
        } while (take(','));
        return take(']');
    }

    bool strings(std::vector<std::string>& out) {
        return array([&] { return string(out.emplace_back()); });
    }

    bool string(std::string& out) {
        if (!take('"')) return false;
        out.clear();
        while (!rest_.empty()) {
            const char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') return true;
            if (static_cast<unsigned char>(c) < 0x20) return false;
            if (c != '\\')
                out += c;
            else if (!escape(out))
                return false;
        }
        return false;
    }

    bool escape(std::string& out) {
        if (rest_.empty()) return false;
        const char c = rest_.front();
        rest_.remove_prefix(1);
        constexpr std::string_view from = "\"\\/bfnrt";
        constexpr std::string_view to = "\"\\/\b\f\n\r\t";
        if (const auto i = from.find(c); i != std::string_view::npos) return out += to[i], true;
        std::uint32_t code = 0;
        if (c != 'u' || !hex4(code)) return false;
        if (code >= 0xD800 && code < 0xDC00) {
            std::uint32_t low = 0;
            if (rest_.substr(0, 2) != "\\u") return false;
            rest_.remove_prefix(2);
            if (!hex4(low) || low < 0xDC00 || low > 0xDFFF) return false;
            code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
        } else if (code >= 0xDC00 && code <= 0xDFFF) {
            return false;
        }
        const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
        if (code < 0x80) return put(code), true;
        if (code < 0x800) {
            put(0xC0U | code >> 6U);
        } else {
            if (code < 0x10000) {
                put(0xE0U | code >> 12U);
            } else {
                put(0xF0U | code >> 18U);
                put(0x80U | (code >> 12U & 0x3FU));
            }
            put(0x80U | (code >> 6U & 0x3FU));
        }
        put(0x80U | (code & 0x3FU));
        return true;
    }

    bool hex4(std::uint32_t& code) {
        if (rest_.size() < 4) return false;
        for (std::size_t i = 0; i < 4; ++i) {
            const char c = rest_[i];
            const bool digit = c >= '0' && c <= '9';
            const char letter = static_cast<char>(c | 0x20);
            if (!digit && (letter < 'a' || letter > 'f')) return false;
            code = code * 16 + static_cast<std::uint32_t>(digit ? c - '0' : letter - 'a' + 10);
        }
        rest_.remove_prefix(4);
        return true;
    }

    bool skip(int depth) {
        blanks();
        if (rest_.empty() || depth > max_depth) return false;
        std::string ignored;
        switch (rest_.front()) {
        case '"': return string(ignored);
        case '{': return object([&](const std::string&) { return skip(depth + 1); });
        case '[': return array([&] { return skip(depth + 1); });
        default: break;
        }
        const auto n = rest_.find_first_not_of("+-.0123456789abcdefghijklmnopqrstuvwxyzE");
        if (n == 0) return false;
        rest_.remove_prefix(n == std::string_view::npos ? rest_.size() : n);
        return true;
    }

    std::string_view rest_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_CLIENT_MESSAGE_HPP
