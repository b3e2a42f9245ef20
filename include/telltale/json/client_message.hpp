// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_CLIENT_MESSAGE_HPP
#define TELLTALE_JSON_CLIENT_MESSAGE_HPP

#include <telltale/version.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What a client of a broadcaster can say (docs/reference/json.md): which events it wants and from where, or a command.
struct client_message {
    bool has_filter = false;
    std::vector<std::string> jobs{};
    std::vector<std::string> kinds{};
    std::optional<std::string> cursor{};
    std::optional<std::string> command{};
    std::string job{};
};

/// Reads what clients say.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class client_message_parser {
public:
    /// Nothing for what is not such a message: not JSON, nested deeper than 32, or with a member of a wrong type. Members
    /// that are not known are skipped.
    std::optional<client_message> parse(std::string_view text) {
        client_message m;
        simdjson::dom::object message;
        if (parser_.allocate(std::max<std::size_t>(text.size(), 1), max_depth) != simdjson::SUCCESS ||
            parser_.parse(text.data(), text.size()).get(message) != simdjson::SUCCESS)
            return std::nullopt;
        for (const auto& [key, value] : message) {
            bool good = true;
            if (key == "filter") {
                m.has_filter = true;
                good = read_filter(value, m);
            } else if (key == "cursor") {
                good = read(value, m.cursor.emplace());
            } else if (key == "command") {
                good = read(value, m.command.emplace());
            } else if (key == "job") {
                good = read(value, m.job);
            }
            if (!good) return std::nullopt;
        }
        return m;
    }

private:
    static constexpr std::size_t max_depth = 32;

    static bool read(simdjson::dom::element value, std::string& out) {
        std::string_view text;
        if (value.get(text) != simdjson::SUCCESS) return false;
        out = text;
        return true;
    }

    static bool read(simdjson::dom::element value, std::vector<std::string>& out) {
        simdjson::dom::array array;
        if (value.get(array) != simdjson::SUCCESS) return false;
        out.clear();
        for (const auto element : array)
            if (!read(element, out.emplace_back())) return false;
        return true;
    }

    static bool read_filter(simdjson::dom::element value, client_message& m) {
        simdjson::dom::object filter;
        if (value.get(filter) != simdjson::SUCCESS) return false;
        for (const auto& [key, member] : filter) {
            if (key == "jobs" && !read(member, m.jobs)) return false;
            if (key == "kinds" && !read(member, m.kinds)) return false;
        }
        return true;
    }

    simdjson::dom::parser parser_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_CLIENT_MESSAGE_HPP
