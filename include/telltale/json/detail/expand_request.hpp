// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_EXPAND_REQUEST_HPP
#define TELLTALE_JSON_DETAIL_EXPAND_REQUEST_HPP

// Included by profile.hpp, after the profile.

#include <telltale/core/json_writer.hpp>
#include <telltale/error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline void append_percent_encoded(std::string& out, std::string_view id) {
    static constexpr char hex[] = "0123456789ABCDEF";
    // An id of dots alone would be another path.
    const bool dots = id == "." || id == "..";
    const auto plain = [dots](char c) {
        return !dots && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                         c == '.' || c == '_' || c == '~');
    };
    for (auto from = id.begin(); from != id.end();) {
        const auto end = std::find_if_not(from, id.end(), plain);
        out.append(from, end);
        from = end;
        if (from == id.end()) break;
        const auto u = static_cast<unsigned char>(*from++);
        out.append({'%', hex[u >> 4U], hex[u & 15U]});
    }
}

/// `before`, and then the text with each `mark` replaced by what append(out) appends.
template <class Append>
std::string replace_marks(std::string_view text, std::string_view mark, Append append, std::string_view before = {}) {
    std::string out;
    out.reserve(before.size() + text.size() + 16);
    out += before;
    for (std::size_t from = 0;;) {
        const auto at = text.find(mark, from);
        out += text.substr(from, at - from);
        if (at == std::string_view::npos) return out;
        append(out);
        from = at + mark.size();
    }
}

inline void append_json_string(std::string& out, std::string_view id) { json_writer(out).value(id); }

/// As an integer of JSON.
inline void append_json_integer(std::string& out, std::string_view id) {
    auto digits = id;
    if (digits.starts_with('-')) digits.remove_prefix(1);
    const bool good = !digits.empty() && digits.size() < 20 && (digits.size() == 1 || digits.front() != '0') &&
                      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!good)
        throw system_error(make_error_code(errc::invalid_argument), "the id \"" + std::string(id) + "\" is no number");
    out += id;
}

/// The ids as a JSON array.
template <class Append>
void append_json_array(std::string& out, std::span<const job_id> ids, Append append) {
    out += '[';
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (i > 0) out += ',';
        append(out, ids[i]);
    }
    out += ']';
}

inline std::string expand_body(std::string_view body, std::string_view id) {
    if (body.empty()) return {};
    auto text = replace_marks(body, "\"{#id}\"", [&](std::string& out) { append_json_integer(out, id); });
    return replace_marks(text, "{id}", [&](std::string& out) {
        std::string quoted;
        append_json_string(quoted, id);
        out.append(quoted, 1, quoted.size() - 2);
    });
}

inline std::string expand_body(std::string_view body, std::span<const job_id> ids) {
    auto text =
        replace_marks(body, "\"{#ids}\"", [&](std::string& out) { append_json_array(out, ids, append_json_integer); });
    return replace_marks(text, "\"{ids}\"", [&](std::string& out) { append_json_array(out, ids, append_json_string); });
}

template <class Request>
expanded_request expand_request(const profile& p, const Request& r, std::string url, std::string body,
                                std::string_view method = {}) {
    if (!r.method.empty()) method = r.method;
    if (method.empty()) method = body.empty() ? "GET" : "POST";
    expanded_request e{.method = std::string(method), .url = std::move(url), .body = std::move(body)};
    if (!e.body.empty()) e.headers.emplace_back("Content-Type", "application/json");
    e.headers.insert(e.headers.end(), p.headers.begin(), p.headers.end());
    e.headers.insert(e.headers.end(), r.headers.begin(), r.headers.end());
    return e;
}

inline expanded_request expand_request(const profile& p, const profile_request& r, std::string_view id,
                                       std::string_view base_url, std::string_view method = {}) {
    return expand_request(p, r, expand_url(r.url, id, base_url), expand_body(r.body, id), method);
}

template <class Request>
const Request& required_request(const std::optional<Request>& r, const char* what) {
    if (!r) throw system_error(make_error_code(errc::invalid_argument), std::string("the profile has no ") + what);
    return *r;
}

} // namespace detail

inline std::string expand_url(std::string_view url, std::string_view id, std::string_view base_url) {
    return detail::replace_marks(
        url, "{id}", [&](std::string& out) { detail::append_percent_encoded(out, id); }, base_url);
}

inline expanded_request job_request(const profile& p, std::string_view id, std::string_view base_url) {
    return detail::expand_request(p, p.job, id, base_url);
}

inline expanded_request many_request(const profile& p, std::span<const job_id> ids, std::string_view base_url) {
    const auto& many = detail::required_request(p.many, "request for many jobs");
    if (ids.size() > many.limit)
        throw system_error(make_error_code(errc::invalid_argument), std::to_string(ids.size()) +
                                                                        " ids in one request, which takes " +
                                                                        std::to_string(many.limit));
    const auto append_ids = [&](std::string& out) {
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (i > 0) out += many.separator;
            detail::append_percent_encoded(out, ids[i]);
        }
    };
    auto url = detail::replace_marks(many.url, "{ids}", append_ids, base_url);
    return detail::expand_request(p, many, std::move(url), detail::expand_body(many.body, ids));
}

inline expanded_request list_request(const profile& p, std::string_view base_url) {
    const auto& list = detail::required_request(p.list, "list");
    return detail::expand_request(p, list, std::string(base_url).append(list.url), list.body);
}

inline expanded_request cancel_request(const profile& p, std::string_view id, std::string_view base_url) {
    return detail::expand_request(p, detail::required_request(p.cancel, "cancel"), id, base_url, "POST");
}

inline expanded_request retry_request(const profile& p, std::string_view id, std::string_view base_url) {
    return detail::expand_request(p, detail::required_request(p.retry, "retry"), id, base_url, "POST");
}

inline expanded_request result_request(const profile& p, std::string_view id, std::string_view base_url) {
    return detail::expand_request(p, detail::required_request(p.result, "result"), id, base_url);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_DETAIL_EXPAND_REQUEST_HPP
