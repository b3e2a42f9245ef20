// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef CONTROL_ROOM_RESULTS_HPP
#define CONTROL_ROOM_RESULTS_HPP

#include "hashing.hpp"

#include <telltale/beast/http_server.hpp>
#include <telltale/board/board.hpp>
#include <telltale/dashboard/board_api.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace control_room {

namespace net = telltale::net;

/// A field of CSV (RFC 4180): in quotes where it has to be.
inline std::string csv_field(std::string_view text) {
    if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted += '"';
}

inline std::string to_csv(const std::vector<file_hash>& files) {
    std::string text = "path,bytes,sha256\r\n";
    for (const auto& f : files) {
        text += csv_field(f.path);
        text += ',' + std::to_string(f.bytes) + ',' + f.sha256 + "\r\n";
    }
    return text;
}

/// What the jobs that succeeded have found, as CSV. One thread.
class results {
public:
    void put(std::string id, const std::vector<file_hash>& files) { csv_[std::move(id)] = to_csv(files); }

    const std::string* find(std::string_view id) const {
        const auto found = csv_.find(id);
        return found == csv_.end() ? nullptr : &found->second;
    }

private:
    std::map<std::string, std::string, std::less<>> csv_;
};

/// Answers GET /jobs/{id}/result.
inline net::awaitable<telltale::http_response> serve_result(const telltale::board& board, const results& found,
                                                            telltale::http_request request) {
    const std::string_view id = request.param("id");
    if (const auto* csv = found.find(id)) co_return telltale::make_response(200, "text/csv; charset=utf-8", *csv);
    const auto job = board.find(id);
    if (!job) co_return telltale::api_error(404, "unknown_job", "no job has this id");
    if (!is_terminal(job->state)) co_return telltale::api_error(409, "not_finished", "the job has not ended");
    co_return telltale::api_error(409, "no_result", "the job did not succeed");
}

} // namespace control_room

#endif // CONTROL_ROOM_RESULTS_HPP
