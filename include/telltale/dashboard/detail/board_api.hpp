// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DASHBOARD_DETAIL_BOARD_API_HPP
#define TELLTALE_DASHBOARD_DETAIL_BOARD_API_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/http_message.hpp>
#include <telltale/board/board.hpp>
#include <telltale/core/json.hpp>
#include <telltale/dashboard/access.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// What every answer about jobs has: it is old at once, and it is what it says it is.
inline http_response api_response(unsigned status, std::string json) {
    http_response r = json_response(status, std::move(json));
    r.headers.emplace_back("Cache-Control", "no-store");
    r.headers.emplace_back("X-Content-Type-Options", "nosniff");
    return r;
}

inline void write_error(json_writer& out, std::string_view kind, std::string_view message) {
    out.key("error").begin_object().member("class", kind).member("message", message).end_object();
}

} // namespace telltale::inline TELLTALE_ABI::detail

namespace telltale::inline TELLTALE_ABI {

/// {"error":{"class":"unknown_job","message":"..."}}, as the routes of add_board_api answer: for routes of one's own.
inline http_response api_error(unsigned status, std::string_view kind, std::string_view message) {
    std::string text;
    json_writer out(text);
    out.begin_object();
    detail::write_error(out, kind, message);
    out.end_object();
    return detail::api_response(status, std::move(text));
}

} // namespace telltale::inline TELLTALE_ABI

namespace telltale::inline TELLTALE_ABI::detail {

inline http_response forbidden() {
    return api_error(403, "permission", "this server does not answer to that host name, or to pages of that site");
}

/// An answer that is ready, as a handler of http_server gives it.
inline net::awaitable<http_response> ready(http_response r) { co_return r; }

/// Asks the rules, then the function.
template <class Function, class Subject>
net::awaitable<http_response> answer_if_allowed(const access_rules& access, const http_request& request,
                                                Function function, Subject& subject) {
    return ready(access.allows(request) ? function(subject, request) : forbidden());
}

/// The states in "running,queued" as bits; nothing when one of them is none, and then `unknown` is that one.
inline std::optional<unsigned> parse_states(std::string_view list, std::string_view& unknown) {
    unsigned states = 0;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const auto state = parse_job_state(list.substr(0, comma));
        if (!state) {
            unknown = list.substr(0, comma);
            return std::nullopt;
        }
        states |= 1U << static_cast<unsigned>(*state);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return states;
}

inline http_response board_jobs(board& b, const http_request& request) {
    unsigned states = ~0U;
    if (const auto wanted = request.query("state")) {
        std::string_view unknown;
        const auto parsed = parse_states(*wanted, unknown);
        if (!parsed) return api_error(400, "invalid_argument", "no such state: " + std::string(unknown));
        if (!wanted->empty()) states = *parsed;
    }
    const auto now = b.watch(); // jobs and cursor of the same moment
    std::string text;
    json_writer out(text);
    out.begin_object().member("cursor", to_string(now.at)).key("jobs").begin_array();
    for (const auto& j : now.jobs)
        if ((states >> static_cast<unsigned>(j->state) & 1U) != 0) write_json(out, *j);
    out.end_array().end_object();
    return api_response(200, std::move(text));
}

inline http_response unknown_job(std::string_view id) {
    return api_error(404, "unknown_job", "no job has the id " + std::string(id));
}

inline http_response board_job(board& b, const http_request& request) {
    const auto j = b.find(request.param("id"));
    return j ? api_response(200, to_json(*j)) : unknown_job(request.param("id"));
}

struct command_answer {
    unsigned status;
    std::string_view message;
};

constexpr command_answer answer_to(command_result result) noexcept {
    constexpr std::array<command_answer, 4> answers{{{202, ""},
                                                     {409, "this job does not take this command"},
                                                     {409, "not now: the job is over, or not in the state for it"},
                                                     {404, "no job has this id"}}};
    return answers[static_cast<std::size_t>(result)];
}

inline http_response command_board_job(board& b, const http_request& request) {
    const auto command = parse_job_command(request.param("command"));
    if (!command) return api_error(404, "unknown_command", "no such command: " + std::string(request.param("command")));
    const command_result result = b.request(request.param("id"), *command);
    const auto [status, message] = answer_to(result);
    std::string text;
    json_writer out(text);
    out.begin_object().member("command", to_string(*command)).member("job", request.param("id"));
    out.member("result", to_string(result));
    if (result != command_result::accepted) write_error(out, to_string(result), message);
    out.end_object();
    return api_response(status, std::move(text));
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DASHBOARD_DETAIL_BOARD_API_HPP
