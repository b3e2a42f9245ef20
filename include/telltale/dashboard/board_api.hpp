// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DASHBOARD_BOARD_API_HPP
#define TELLTALE_DASHBOARD_BOARD_API_HPP

#include <telltale/beast/http_server.hpp>
#include <telltale/board/board.hpp>
#include <telltale/dashboard/access.hpp>
#include <telltale/dashboard/detail/board_api.hpp>

#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct board_api_options {
    std::string prefix{};  ///< before every path: empty, or as "/api"
    access_rules access{}; ///< what does not pass them gets 403
};

/// Adds the REST API over a board to a server. The board must outlive the server.
///
///     GET  {prefix}/jobs[?state=running,queued]  200 {"cursor":"1f:17","jobs":[...]}; 400: no such state
///     GET  {prefix}/jobs/{id}                    200 the job; 404
///     POST {prefix}/jobs/{id}/{command}          202 {"command":"cancel","job":"42","result":"accepted"}; 409 with the
///                                                result "refused" or "unsupported"; 404: no such job or command
///
/// Commands are those of job_command, and go to the job's own job_control. "accepted" says that the command is on its way:
/// what came of it is seen in the job. Every error has {"error":{"class":"unknown_job","message":"..."}}. A cursor is where a
/// WebSocket client of a broadcaster over the same board can go on. docs/reference/json.md describes jobs in JSON.
inline void add_board_api(http_server& server, board& b, board_api_options options = {}) {
    using detail::answer_if_allowed;
    const auto access = std::make_shared<const access_rules>(std::move(options.access));
    const std::string jobs = options.prefix + "/jobs";
    server.route("GET", jobs,
                 [&b, access](http_request r) { return answer_if_allowed(*access, r, detail::board_jobs, b); });
    server.route("GET", jobs + "/{id}",
                 [&b, access](http_request r) { return answer_if_allowed(*access, r, detail::board_job, b); });
    server.route("POST", jobs + "/{id}/{command}",
                 [&b, access](http_request r) { return answer_if_allowed(*access, r, detail::command_board_job, b); });
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_DASHBOARD_BOARD_API_HPP
